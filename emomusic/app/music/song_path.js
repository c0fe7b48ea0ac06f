/** A note that travels along the path of a song while it plays. A click on a part of the path plays from there. */
const STEP_MS = 40;

export default function ({ data, parentElement }) {
  const note = parentElement.querySelector("b");
  let plot = null;
  const sound = () => document.querySelector(data.sound);

  const seek = ({ points }) => {
    const part = points.find((point) => point.data.name === "trail");
    const audio = sound();
    if (!part || !audio) return;
    audio.currentTime = data.path[part.pointNumber][0];
    audio.play().catch(() => {});
  };

  /** The place on the plane at a time, between two parts. */
  const placeAt = (time) => {
    const next = data.path.findIndex(([start]) => start > time);
    const [before, after] = [data.path.at(next < 0 ? -1 : Math.max(next - 1, 0)), data.path.at(next)];
    const share = next <= 0 ? 0 : (time - before[0]) / (after[0] - before[0]);
    return [1, 2].map((axis) => before[axis] + share * (after[axis] - before[axis]));
  };

  const look = () => {
    const [audio, found] = [sound(), document.querySelector(data.chart)];
    if (found !== plot && found?.on) {
      plot = found;
      plot.on("plotly_click", seek);
    }
    const { xaxis, yaxis } = plot?._fullLayout ?? {};
    note.hidden = !xaxis || !audio || (audio.paused && !audio.currentTime);
    if (note.hidden) return;
    const [here, there] = [note.offsetParent, plot].map((part) => part.getBoundingClientRect());
    const [valence, arousal] = placeAt(audio.currentTime);
    note.style.left = `${there.left - here.left + xaxis._offset + xaxis.l2p(valence)}px`;
    note.style.top = `${there.top - here.top + yaxis._offset + yaxis.l2p(arousal)}px`;
  };

  const timer = setInterval(look, STEP_MS);
  look();
  return () => {
    clearInterval(timer);
    plot?.removeListener?.("plotly_click", seek);
  };
}
