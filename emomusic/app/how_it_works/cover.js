const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
export default function ({ data, parentElement, setStateValue }) {
  const face = parentElement.querySelector("div"), square = face.querySelector("button");
  let [x, y] = square.emomusicPlace ?? data.place, told = 0;
  const show = () => Object.assign(square.style, { left: `${100 * x}%`, top: `${100 * y}%` });
  const move = (left, top, isLast) => {
    [x, y] = [left, top].map((part) => Math.min(Math.max(part, 0), 1 - data.share));
    square.emomusicPlace = [x, y];
    show();
    if (isLast || Date.now() - told > 250) { told = Date.now(); setStateValue("place", [x, y]); }
  };
  face.style.backgroundImage = `url(${data.face})`;
  square.style.width = square.style.height = `${100 * data.share}%`;
  show();
  const follow = (event, isLast) => {
    if (!square.hasPointerCapture(event.pointerId)) return;
    const { left, top, width } = face.getBoundingClientRect();
    const part = data.share / 2;
    move((event.clientX - left) / width - part, (event.clientY - top) / width - part, isLast);
  };
  square.onpointerdown = (event) => square.setPointerCapture(event.pointerId);
  square.onpointermove = (event) => follow(event, false);
  square.onpointerup = (event) => follow(event, true);
  square.onkeydown = (event) => {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    move(x + step[0] / 12, y + step[1] / 12, true);
  };
}
