/** A mark that the pointer or the arrow keys move over a picture. With a band, it sounds while the mark moves. */
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const SOUND = "emomusic:sound"; // see bar.js
const PLAYS_MS = 12000; // after the last move

let [band, rest, stop] = [null, 0, null]; // `stop` ends the band while it sounds

/** Let the band of the Live page follow a place, until it rests for a while or anything else sounds. */
async function conduct({ folder, style }, place) {
  const ask = (name) => fetch(`${folder}/${name}`);
  band ??= import(new URL(`${folder}/band.js`, location.href)).then(async ({ BandMixer }) => {
    const load = async (...names) => (await ask(`${names.join("-")}.opus`)).arrayBuffer();
    return (window.emomusicBand = new BandMixer(await (await ask("band.json")).json(), load)); // for tests
  });
  const mixer = await band;
  mixer.setPlace([place]);
  clearTimeout(rest);
  rest = setTimeout(() => stop?.(), PLAYS_MS);
  if (stop) return;
  stop = () => {
    stop = null;
    mixer.stop();
  };
  window.dispatchEvent(new CustomEvent(SOUND, { detail: { source: "band" } }));
  window.addEventListener(SOUND, ({ detail }) => detail.source !== "band" && stop?.(), { once: true });
  await mixer.start(style);
}

export default function ({ data, parentElement, setStateValue }) {
  const area = parentElement.querySelector("div"), mark = area.querySelector("button");
  const half = data.share / 2;
  let [x, y] = mark.emomusicPlace ?? data.place, told = 0;
  const show = () => Object.assign(mark.style, { left: `${100 * x}%`, top: `${100 * y}%` });
  const move = (left, top, isLast) => {
    [x, y] = [left, top].map((part) => Math.min(Math.max(part, 0), 1 - data.share));
    mark.emomusicPlace = [x, y];
    show();
    if (data.band) conduct(data.band, { valence: 2 * (x + half) - 1, arousal: 1 - 2 * (y + half) });
    if (isLast || Date.now() - told > 250) { told = Date.now(); setStateValue("place", [x, y]); }
  };
  area.style.backgroundImage = data.picture;
  area.className = data.corners.length ? "plane" : "";
  area.querySelectorAll("span").forEach((corner, number) => (corner.textContent = data.corners[number] ?? ""));
  mark.ariaLabel = data.label;
  mark.style.width = mark.style.height = `${100 * data.share}%`;
  show();
  const follow = (event, isLast) => {
    if (!mark.hasPointerCapture(event.pointerId)) return;
    const { left, top, width } = area.getBoundingClientRect();
    move((event.clientX - left) / width - half, (event.clientY - top) / width - half, isLast);
  };
  mark.onpointerdown = (event) => mark.setPointerCapture(event.pointerId);
  mark.onpointermove = (event) => follow(event, false);
  mark.onpointerup = (event) => follow(event, true);
  mark.onkeydown = (event) => {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    move(x + step[0] / 12, y + step[1] / 12, true);
  };
  return () => setTimeout(() => area.isConnected || stop?.(), 100);
}
