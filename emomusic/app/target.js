/** The target of a journey: the pointer or the arrow keys move it over the plane, and a click on the plane takes it there. */
const STEPS = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] };

export default function ({ data, parentElement, setTriggerValue }) {
  const mark = parentElement.querySelector("button");
  let { place } = data;
  const move = (x, y) => (place = [x, y].map((part) => Math.min(Math.max(part, -1), 1)));
  const tell = () => {
    if (place === data.place) return; // a press without a move
    place = place.map((part) => Number(part.toFixed(1)));
    setTriggerValue("place", place.join());
  };
  const take = ({ points, xvals, yvals }) => {
    if (points.length || !xvals) return; // a song or a face
    move(xvals[0], yvals[0]);
    tell();
  };
  mark.onpointerdown = (event) => mark.setPointerCapture(event.pointerId);
  mark.onpointermove = ({ pointerId, clientX, clientY }) => {
    if (!mark.hasPointerCapture(pointerId)) return;
    const plot = document.querySelector(data.chart), { left, top } = plot.getBoundingClientRect();
    const { xaxis, yaxis } = plot._fullLayout;
    move(xaxis.p2l(clientX - left - xaxis._offset), yaxis.p2l(clientY - top - yaxis._offset));
  };
  mark.onpointerup = tell;
  mark.onkeydown = (event) => {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation(); // the player seeks with the arrow keys
    move(place[0] + step[0], place[1] + step[1]);
  };
  mark.onkeyup = tell;
  return keepOver(mark, data.chart, () => place, take);
}
