/** A note that travels along the path of a song while it plays. A click on a part of the path plays from there. */
export default function ({ data, parentElement }) {
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

  const place = () => {
    const audio = sound();
    return audio && !(audio.paused && !audio.currentTime) ? placeAt(audio.currentTime) : null;
  };
  return keepOver(parentElement.querySelector("b"), data.chart, place, seek);
}
