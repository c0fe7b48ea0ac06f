/**
 * The player of the app. It belongs to the window, so that a change of the page does not interrupt it.
 *
 * Whatever starts to sound tells the window with the event `emomusic:sound`, and every other source pauses:
 *
 *   window.dispatchEvent(new CustomEvent("emomusic:sound", { detail: { source: "band" } }));
 *
 * `detail.with` names the sources that go on, such as ["player"] for a film whose songs play with it.
 */
const SOUND = "emomusic:sound";
const SPOTIFY = "https://open.spotify.com";
const FADE_STEP_MS = 40;

export class SongPlayer extends EventTarget {
  #decks = [new Audio(), new Audio()]; // the second one only for a crossfade
  #fading = 0;
  song = null;
  isRefused = false; // the browser wants a click first
  isFailed = false;
  playsSpotify = false; // in Spotify's frame

  constructor() {
    super();
    for (const deck of this.#decks) {
      const unlessOther = (act) => () => deck === this.audio && act();
      deck.preload = "auto";
      for (const name of ["play", "pause", "timeupdate", "durationchange"]) {
        deck.addEventListener(name, unlessOther(() => this.#change()));
      }
      deck.addEventListener("ended", unlessOther(() => this.dispatchEvent(new Event("ended"))));
      deck.addEventListener("error", unlessOther(() => this.#change((this.isFailed = true))));
    }
    window.addEventListener(SOUND, ({ detail }) => {
      if (detail.source !== "player" && !detail.with?.includes("player")) this.pause();
    });
    this.#shareWithMedia();
  }

  /** The songs and films of the page are sources too; `follow.js` speaks for a film that it follows. */
  #shareWithMedia() {
    const isSource = (media) => media.emomusicFollows === undefined && !media.srcObject && !media.muted;
    const tell = ({ target }) =>
      isSource(target) && window.dispatchEvent(new CustomEvent(SOUND, { detail: { source: "media", media: target } }));
    document.addEventListener("play", tell, true);
    window.addEventListener(SOUND, ({ detail }) => {
      for (const media of document.querySelectorAll("audio, video")) {
        if (isSource(media) && media !== detail.media) media.pause();
      }
    });
  }

  /** The element that plays the current song. */
  get audio() {
    return this.#decks[0];
  }

  get isPlaying() {
    return !this.audio.paused && !this.audio.ended;
  }

  /** Play a song from its start, or only load it. With `fade_s`, the song before fades out meanwhile. */
  begin(song, fade_s = 0, isHeld = false) {
    clearInterval(this.#fading);
    const isFading = fade_s > 0 && this.isPlaying;
    if (isFading) this.#decks.reverse();
    else this.#decks[1].pause();
    Object.assign(this, { song, isRefused: false, isFailed: false });
    this.audio.src = song.url;
    this.audio.volume = isFading ? 0 : 1;
    if (isFading) this.#fade(fade_s);
    if (navigator.mediaSession) {
      const artwork = song.cover ? [{ src: song.cover }] : [];
      navigator.mediaSession.metadata = new MediaMetadata({ title: song.title, artist: song.artist, artwork });
    }
    return isHeld ? this.pause() : this.resume();
  }

  #fade(fade_s) {
    const [now, before] = this.#decks, [start, level] = [performance.now(), before.volume];
    this.#fading = setInterval(() => {
      const share = Math.min((performance.now() - start) / (1000 * fade_s), 1);
      now.volume = Math.sin((share * Math.PI) / 2);
      before.volume = level * Math.cos((share * Math.PI) / 2);
      if (share < 1) return;
      clearInterval(this.#fading);
      before.pause();
    }, FADE_STEP_MS);
  }

  /** Go on with the current song. */
  async resume() {
    window.dispatchEvent(new CustomEvent(SOUND, { detail: { source: "player" } }));
    try {
      await this.audio.play();
      this.isRefused = false;
    } catch (error) {
      this.isRefused = error.name === "NotAllowedError"; // another error means another song, or a broken one
    }
    this.#change();
  }

  pause() {
    this.#decks.forEach((deck) => deck.pause());
  }

  /** Let go of the song. */
  stop() {
    this.pause();
    this.song = null;
    this.#change();
  }

  #change() {
    this.dispatchEvent(new Event("change"));
  }
}

const [PLAY, PAUSE] = [["Play", "M8 5v14l11-7z"], ["Pause", "M6 5h4v14H6zM14 5h4v14h-4z"]]; // name and icon
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

/** The window's player, made by the first bar. */
const thePlayer = () => (window.emomusicPlayer ??= new SongPlayer());

/** Spotify's frame: it plays once it is ready, pauses for other sources, and its end leads to the next song. */
function hearSpotify(frame, player, isNewStart, isHeld, onEnd, signal) {
  const tell = (command) => frame.contentWindow?.postMessage({ command }, SPOTIFY);
  const onMessage = ({ origin, source, data }) => {
    if (origin !== SPOTIFY || source !== frame.contentWindow) return;
    if (data?.type === "ready" && frame.src && !isHeld()) tell("play");
    if (data?.type !== "playback_update") return;
    const { isPaused, position, duration } = data.payload ?? {};
    const played = player.playsSpotify;
    player.playsSpotify = !isPaused;
    if (!isPaused && !played) window.dispatchEvent(new CustomEvent(SOUND, { detail: { source: "spotify" } }));
    if (isPaused && played && duration && position >= duration - 500) onEnd();
  };
  const onSound = ({ detail }) => detail.source !== "spotify" && frame.src && tell("pause");
  window.addEventListener("message", onMessage, { signal });
  window.addEventListener(SOUND, onSound, { signal });
  if (!frame.src) player.playsSpotify = false;
  else if (isNewStart && !isHeld()) tell("play");
}

/** The frame with Spotify's player of a song. Another address in the same frame would be a step of the history. */
function showFrame(frame, song) {
  const address = song?.spotify ?? "";
  if ((frame.getAttribute("src") ?? "") === address) return frame;
  const other = frame.cloneNode();
  other.hidden = !address;
  other.title = address && `Spotify player: ${song.title}, ${song.artist}`;
  other.removeAttribute("src");
  if (address) other.src = address;
  frame.replaceWith(other);
  return other;
}

/** Find out whether Spotify answers in this browser: once, and again for each larger `number`. */
function askSpotify({ address, number, timeout_ms }) {
  const ask = () =>
    // The answer to a request without CORS cannot be read, but it tells that there is one
    fetch(address, { mode: "no-cors", method: "HEAD", signal: AbortSignal.timeout(timeout_ms) })
      .then(() => true, () => false);
  if (number > 1 && window.emomusicAsked !== number) window.emomusicSpotify = ask();
  window.emomusicAsked = number;
  return (window.emomusicSpotify ??= ask());
}

export default function ({ data, parentElement, setTriggerValue }) {
  const player = thePlayer();
  const [bar, cover, slider] = [".bar", "img", "input"].map((name) => parentElement.querySelector(name));
  const frame = showFrame(parentElement.querySelector("iframe"), data.song);
  const button = (name) => parentElement.querySelector(`.${name}`);
  const { song, start } = data;

  const draw = () => {
    const { audio } = player;
    const shown = song?.url ? player.song : song; // while the server learns of the next song, it plays
    bar.hidden = !shown;
    if (!shown) return;
    const [label, icon] = player.isPlaying ? PAUSE : PLAY;
    button("play").setAttribute("aria-label", label);
    button("play").querySelector("path").setAttribute("d", icon);
    bar.classList.toggle("refused", player.isRefused);
    bar.classList.toggle("on-spotify", Boolean(song?.spotify));
    button("play").disabled = !song?.url && !song?.spotify;
    button("previous").disabled = !data.has_previous;
    button("next").disabled = !song;
    parentElement.querySelector("b").textContent = shown.title;
    const trouble = player.isFailed ? "This browser cannot play this file." : player.isRefused ? "Press Play." : null;
    parentElement.querySelector("span").textContent = trouble ?? shown.artist;
    cover.hidden = !shown.cover;
    if (shown.cover && cover.src !== shown.cover) cover.src = shown.cover;
    const length = Number.isFinite(audio.duration) ? audio.duration : 0;
    slider.max = length;
    slider.value = audio.currentTime;
    slider.setAttribute("aria-valuetext", `${clock(audio.currentTime)} of ${clock(length)}`);
    parentElement.querySelector("time").textContent = `${clock(audio.currentTime)} / ${clock(length)}`;
  };

  const goOn = () => {
    if (!song) return;
    if (data.next?.url) player.begin(data.next, data.fade_s); // at once; the server follows
    setTriggerValue("next", song.id);
  };
  button("play").onclick = () => (player.isPlaying ? player.pause() : player.resume());
  button("next").onclick = goOn;
  button("previous").onclick = () => setTriggerValue("previous", song?.id);
  slider.oninput = () => (player.audio.currentTime = slider.value);
  const end = new AbortController();
  const { signal } = end;
  player.addEventListener("change", draw, { signal });
  player.addEventListener("ended", goOn, { signal });
  const isNewStart = player.start !== start;
  player.start = start;
  // The song of a film waits with it: the visitor may have paused it before the server's answer
  const isHeld = () => Boolean(data.video && document.querySelector(data.video)?.paused);
  hearSpotify(frame, player, isNewStart, isHeld, goOn, signal);
  const keys = { play: () => player.resume(), pause: () => player.pause(), nexttrack: goOn };
  Object.entries(keys).forEach(([action, act]) => navigator.mediaSession?.setActionHandler(action, act));

  if (song?.url && player.song?.id !== song.id) player.begin(song, data.fade_s, isHeld());
  else if (song?.url && isNewStart && !player.isPlaying && !isHeld()) player.resume();
  else if (!song?.url && player.song) player.stop();
  if (data.ask) askSpotify(data.ask).then((answers) => answers || setTriggerValue("silent", data.ask.number));
  draw();
  return () => end.abort();
}
