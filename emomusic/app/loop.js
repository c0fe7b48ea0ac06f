/** Plays a silent film again and again, unless the visitor prefers less motion or stops it. */
const still = matchMedia("(prefers-reduced-motion: reduce)");

export default function ({ data, parentElement }) {
  const video = parentElement.querySelector("video");
  if (video.src.endsWith(data.address)) return;
  Object.assign(video, { src: data.address, ariaLabel: data.alt });
  const follow = () => (still.matches ? video.pause() : video.play().catch(() => {}));
  still.onchange = follow;
  follow();
}
