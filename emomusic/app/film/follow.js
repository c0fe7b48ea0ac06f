/**
 * Follows the film: moves the video after a choice, draws the playhead, and reports the scene that plays.
 *
 * The song of the scene plays with the video, whose own sound is lower then. See `bar.js` for what else may sound.
 */
const SOUND = "emomusic:sound";
const LOWERED = 0.25;
const ROUNDING_S = 0.001; // of a time that was sought

export default function ({ data, parentElement, setTriggerValue }) {
  const line = parentElement.querySelector("i");
  const [first, last] = data.range;
  let shown = data.scene;
  let video = null;
  const end = new AbortController();
  const tell = (source, ...others) =>
    window.dispatchEvent(new CustomEvent(SOUND, { detail: { source, with: others } }));

  // The bar knows of a song before this does
  const hasSong = () => Boolean(window.emomusicPlayer?.data.song) && window.emomusicPlayer.data.video === data.video;
  const isSong = (source) => ["player", "spotify"].includes(source) && hasSong();

  const playSong = () => {
    if (!data.follows) return tell("film");
    const { playsSpotify, song } = window.emomusicPlayer ?? {};
    const isFile = song && hasSong();
    if (isFile || playsSpotify) tell("film", "player", "spotify");
    else tell("film");
    if (isFile) window.emomusicPlayer.resume();
    else setTriggerValue("scene", shown);
  };

  const watch = (found) => {
    video = found;
    const { signal } = end;
    video.addEventListener("play", playSong, { signal });
    video.addEventListener("pause", () => video.isConnected && data.follows && tell("silence"), { signal });
    window.addEventListener(SOUND, ({ detail }) => {
      if (detail.source === "film") return;
      if (!data.follows || !isSong(detail.source)) video.pause();
      else if (video.paused) video.play().catch(() => {});
    }, { signal });
    if (video.emomusicFollows !== data.follows && !video.paused) playSong();
    video.emomusicFollows = data.follows;
  };

  const update = () => {
    const found = document.querySelector(data.video);
    if (!found?.readyState) return;
    if (found !== video) watch(found);
    if (video.emomusicChoice !== data.choice) {
      const isNew = video.emomusicChoice === undefined;
      video.emomusicChoice = data.choice;
      if (data.at !== null) video.currentTime = data.at;
      if (!isNew) video.play().catch(() => {});
    }
    const { isPlaying, playsSpotify, loudness } = window.emomusicPlayer ?? {};
    const isLowered = data.follows && (isPlaying || playsSpotify);
    const volume = isLowered ? LOWERED * (loudness.isMuted ? 0 : loudness.volume) : 1;
    if (video.emomusicVolume !== volume) video.volume = video.emomusicVolume = volume;
    const scene = Math.max(data.starts.findLastIndex((start) => start <= video.currentTime + ROUNDING_S), 0);
    if (data.follows && scene !== shown) setTriggerValue("scene", (shown = scene));
    const plot = document.querySelector(`${data.chart} .nsewdrag`)?.getBoundingClientRect();
    line.hidden = !plot;
    if (!plot) return;
    const here = line.offsetParent.getBoundingClientRect();
    const share = Math.min(Math.max((video.currentTime - first) / (last - first), 0), 1);
    line.style.left = `${plot.left - here.left + share * plot.width - 1}px`;
    line.style.top = `${plot.top - here.top}px`;
    line.style.height = `${plot.height}px`;
  };

  parentElement.emomusicEnd?.();
  const timer = setInterval(update, 200);
  parentElement.emomusicEnd = () => {
    clearInterval(timer);
    end.abort();
  };
  update();
  return parentElement.emomusicEnd;
}
