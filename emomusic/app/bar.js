/**
 * The player of the app. It belongs to the window, so that a change of the page does not interrupt it.
 *
 * Whatever starts to sound tells the window with the event `emomusic:sound`, and every other source pauses:
 *
 *   window.dispatchEvent(new CustomEvent("emomusic:sound", { detail: { source: "band" } }));
 *
 * `detail.with` names the sources that go on, such as ["player"] for a film whose songs play with it. The source "tab" is
 * another tab of this browser. The source "silence" begins nothing: all pause, in this tab only.
 */
const SOUND = "emomusic:sound";
const SPOTIFY = "https://open.spotify.com";
const FADE_STEP_MS = 40;
const SEEK_S = 5;
const PREPARED_S = 15; // before the end of a song, the next one is loaded
const TROUBLE_MS = 8000; // for which a sentence is shown

const tellSound = (source, more) => window.dispatchEvent(new CustomEvent(SOUND, { detail: { source, ...more } }));

export class SongPlayer extends EventTarget {
  #decks = [new Audio(), new Audio()]; // the second one only for the song that ends, or the one that is to follow
  #levels = [1, 0]; // of the decks in a crossfade, from 0 to 1
  #fading = 0;
  #ending = 0;
  #prepared = null; // the song in the second deck that is to follow
  loudness = {
    ...{ volume: 1, isMuted: false, joins: true },
    ...JSON.parse(storageOf("localStorage").emomusicLoudness ?? "{}"),
  };
  song = null;
  follow = null; // the song after this one
  isGapless = false; // between both
  trouble = null; // a sentence that stays for a while
  broken = null; // id of the last song that the server knows to have failed
  isRefused = false; // the browser wants a click first
  isFailed = false;
  playsSpotify = false; // in Spotify's frame

  constructor() {
    super();
    for (const deck of this.#decks) {
      const unlessOther = (act) => () => deck === this.audio && act();
      deck.preload = "auto";
      deck.addEventListener("play", unlessOther(() => tellSound("player")));
      for (const name of ["play", "pause", "timeupdate", "durationchange"]) {
        deck.addEventListener(name, unlessOther(() => this.#change()));
        deck.addEventListener(name, unlessOther(() => this.#awaitEnd()));
      }
      deck.addEventListener("ended", unlessOther(() => this.end()));
      deck.addEventListener("error", unlessOther(() => this.#decode()));
    }
    window.addEventListener(SOUND, ({ detail }) => {
      if (detail.source !== "player" && !detail.with?.includes("player")) this.pause();
    });
    this.#shareWithMedia();
    const tabs = new BroadcastChannel(SOUND);
    tabs.onmessage = () => tellSound("tab");
    window.addEventListener(SOUND, ({ detail }) => ["tab", "silence"].includes(detail.source) || tabs.postMessage(""));
    this.setLoudness({});
  }

  /** The songs and films of the page are sources too; `follow.js` speaks for a film that it follows. */
  #shareWithMedia() {
    const isSource = (media) => media.emomusicFollows === undefined && !media.srcObject && !media.muted;
    const tell = ({ target }) => isSource(target) && tellSound("media", { media: target });
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

  /**
   * Play a song from its start, or only load it. With `fade_s`, the song before fades out meanwhile; if it `joins`, it
   * sounds to its end.
   */
  begin(song, fade_s = 0, isHeld = false, joins = false) {
    clearInterval(this.#fading);
    clearTimeout(this.#ending);
    const isFading = fade_s > 0 && this.isPlaying;
    const isPrepared = this.#prepared === song.url && !this.#decks[1].error;
    if (isFading || isPrepared) [this.#decks, this.#levels] = [this.#decks.toReversed(), [0, this.#levels[0]]];
    if (!isFading) this.#decks[1].pause();
    this.#prepared = this.follow = null;
    Object.assign(this, { song, isRefused: false, isFailed: false });
    if (!isPrepared) this.#load(this.audio, song, joins && this.isGapless);
    if (isFading && !joins) this.#fade(fade_s);
    else this.#levels[0] = 1;
    this.setLoudness({});
    if (navigator.mediaSession) {
      const artwork = song.cover ? [{ src: song.cover }] : [];
      navigator.mediaSession.metadata = new MediaMetadata({ title: song.title, artist: song.artist, artwork });
    }
    return isHeld ? this.pause() : this.resume();
  }

  /** Load a song, from where it begins to sound. */
  #load(deck, { url, lead_s }, isWhole) {
    deck.src = lead_s && this.loudness.joins && !isWhole ? `${url}#t=${lead_s}` : url;
  }

  /** Load what follows in time, and let it begin where this song is over by its loudness. */
  #awaitEnd() {
    clearTimeout(this.#ending);
    const { audio, follow, song } = this;
    const left_s = audio.duration - audio.currentTime;
    if (!this.isPlaying || !follow?.url || audio.loop || !(left_s < PREPARED_S + (song.tail_s ?? 0))) return;
    if (this.#prepared !== follow.url && this.#decks[1].paused) {
      this.#load(this.#decks[1], follow, this.isGapless);
      this.#prepared = follow.url;
    }
    if (!this.loudness.joins || this.isGapless || !song.join_s) return;
    const join = () => this.isPlaying && !audio.loop && this.song === song && this.end(song.join_s);
    this.#ending = setTimeout(join, 1000 * Math.max(left_s - song.tail_s - song.join_s, 0));
  }

  #fade(fade_s) {
    const [start, level] = [performance.now(), this.#levels[1]];
    this.#fading = setInterval(() => {
      const share = Math.min((performance.now() - start) / (1000 * fade_s), 1);
      this.#levels = [Math.sin((share * Math.PI) / 2), level * Math.cos((share * Math.PI) / 2)];
      this.setLoudness({});
      if (share < 1) return;
      clearInterval(this.#fading);
      this.#decks[1].pause();
    }, FADE_STEP_MS);
  }

  /** What the browser cannot play comes as WAV. If it cannot play this either, the next song is to follow. */
  #decode() {
    const { song, audio } = this;
    if (song?.decoded) {
      const place_s = audio.currentTime || song.lead_s;
      this.song = { ...song, url: song.decoded, decoded: null };
      this.#load(audio, { ...this.song, lead_s: place_s });
      this.resume();
    } else if (song) {
      this.isFailed = true;
      this.tell(`This browser cannot play ${song.title}.`);
      this.dispatchEvent(new Event("failed"));
    }
  }

  /** Show a sentence for a while. */
  tell(trouble) {
    this.trouble = trouble;
    setTimeout(() => this.trouble === trouble && this.#change((this.trouble = null)), TROUBLE_MS);
    this.#change();
  }

  /** Change the `volume`, from 0 to 1, or whether it `isMuted`. The browser remembers both. */
  setLoudness(changes) {
    const { volume, isMuted } = Object.assign(this.loudness, changes);
    storageOf("localStorage").emomusicLoudness = JSON.stringify(this.loudness);
    this.#decks.forEach((deck, number) => Object.assign(deck, { volume: volume * this.#levels[number], muted: isMuted }));
    this.#change();
  }

  /** Go on with the current song. */
  async resume() {
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

  /** Move within the song, by seconds. */
  seek(by_s) {
    this.audio.currentTime = Math.max(this.audio.currentTime + by_s, 0);
  }

  /** Tell that the next song is to follow, after this many seconds of this one. */
  end(join_s = 0) {
    this.dispatchEvent(new CustomEvent("ended", { detail: join_s }));
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

const LOUD = "M4 9v6h4l5 5V4L8 9zm12-1v8a5 5 0 0 0 0-8z";
const MUTED = "M4 9v6h4l5 5V4L8 9zm17 0-2-1-2 3-2-3-1 1 2 3-2 3 1 1 2-3 2 3 2-1-3-3z";

const TYPED = `textarea, select, [contenteditable], [role="listbox"], [role="menu"], canvas,
  input:not([type="range"], [type="radio"], [type="checkbox"])`;
const OWN_KEYS = "a, button, input, summary, video, audio, [role='radio'], [role='tab'], [role='slider']";

/** Do what a key stands for, unless the focused element, or a button of the page with this shortcut, takes it. */
function press(event, acts) {
  const [key, target] = [event.key.length === 1 ? event.key.toLowerCase() : event.key, event.composedPath()[0]];
  const isTaken = event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || target.closest?.(TYPED);
  const isOwn = (key === " " || key.startsWith("Arrow")) && target.closest?.(OWN_KEYS);
  if (isTaken || isOwn || !acts[key]) return;
  event.preventDefault();
  acts[key]();
}

/** The window's player, made by the first bar. */
const thePlayer = () => (window.emomusicPlayer ??= new SongPlayer());

/**
 * Spotify's frame: it plays once it is ready, pauses for other sources, and its end leads to the next song.
 * Returns a function that pauses it, or lets it go on.
 */
function hearSpotify(frame, player, isNewStart, isHeld, onEnd, signal) {
  const tell = (command) => frame.contentWindow?.postMessage({ command }, SPOTIFY);
  const onMessage = ({ origin, source, data }) => {
    if (origin !== SPOTIFY || source !== frame.contentWindow) return;
    if (data?.type === "ready" && frame.src && !isHeld()) tell("play");
    if (data?.type !== "playback_update") return;
    const { isPaused, position, duration } = data.payload ?? {};
    const played = player.playsSpotify;
    player.playsSpotify = !isPaused;
    if (!isPaused && !played) tellSound("spotify");
    if (isPaused && played && duration && position >= duration - 500) onEnd();
  };
  const onSound = ({ detail }) => detail.source !== "spotify" && frame.src && tell("pause");
  window.addEventListener("message", onMessage, { signal });
  window.addEventListener(SOUND, onSound, { signal });
  if (!frame.src) player.playsSpotify = false;
  else if (isNewStart && !isHeld()) tell("play");
  return () => tell(player.playsSpotify ? "pause" : "play");
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

export default function ({ data: given, parentElement, setTriggerValue }) {
  const player = thePlayer();
  const data = given.start < player.start ? player.data : (player.data = given); // a newer call may have overtaken this one
  const parts = [".bar", "img", ".place", ".volume", ".menu", ".joins"].map((name) => parentElement.querySelector(name));
  const [bar, cover, slider, volume, list, joins] = parts;
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
    parentElement.querySelector("span").textContent = player.trouble ?? trouble ?? shown.artist;
    cover.hidden = !shown.cover;
    if (shown.cover && cover.src !== shown.cover) cover.src = shown.cover;
    const length = Number.isFinite(audio.duration) ? audio.duration : 0;
    slider.max = length;
    slider.value = audio.currentTime;
    slider.setAttribute("aria-valuetext", `${clock(audio.currentTime)} of ${clock(length)}`);
    parentElement.querySelector("time").textContent = `${clock(audio.currentTime)} / ${clock(length)}`;
    const { isMuted } = player.loudness;
    volume.value = isMuted ? 0 : player.loudness.volume;
    button("mute").ariaPressed = String(isMuted);
    button("mute").querySelector("path").setAttribute("d", isMuted ? MUTED : LOUD);
    joins.checked = player.loudness.joins;
  };

  const goOn = ({ type, detail }) => {
    if (!song || (song.url && player.song?.id !== song.id)) return; // another bar has gone on
    const joins = type === "ended" && Boolean(song.url);
    if (type === "failed") player.broken = song.id;
    if (data.next?.url) player.begin(data.next, (joins && detail) || data.fade_s, false, joins); // the server follows
    setTriggerValue(type === "failed" ? "failed" : "next", song.id);
  };
  const goBack = () => data.has_previous && setTriggerValue("previous", song?.id);
  const toggle = () => (song?.spotify ? toggleSpotify() : player.isPlaying ? player.pause() : player.resume());
  const mute = () => player.setLoudness({ isMuted: !player.loudness.isMuted });
  const showKeys = () => list.togglePopover();
  Object.entries({ play: toggle, next: goOn, previous: goBack, mute, keys: showKeys }).forEach(
    ([name, act]) => (button(name).onclick = act),
  );
  slider.oninput = () => (player.audio.currentTime = slider.value);
  joins.onchange = () => player.setLoudness({ joins: joins.checked });
  volume.oninput = () => player.setLoudness({ volume: Number(volume.value), isMuted: false });
  bar.end?.abort(); // not by a function for Streamlit, which ends some calls late, and others that are still shown
  const end = (bar.end = new AbortController());
  const { signal } = end;
  // Streamlit may call a bar that it removes next after the one that it keeps
  const whileShown = (act) => (event) => (bar.isConnected ? act(event) : end.abort());
  player.addEventListener("change", whileShown(draw), { signal });
  for (const name of ["ended", "failed"]) player.addEventListener(name, whileShown(goOn), { signal });
  const isNewStart = player.start !== start;
  player.start = start;
  // The song of a film waits with it: the visitor may have paused it before the server's answer
  const isHeld = () => data.waits && Boolean(document.querySelector(data.video)?.paused);
  const toggleSpotify = hearSpotify(frame, player, isNewStart, isHeld, () => goOn({}), signal);
  const acts = {
    " ": toggle, ArrowLeft: () => player.seek(-SEEK_S), ArrowRight: () => player.seek(SEEK_S), n: () => goOn({}), p: goBack, m: mute,
    b: () => (song?.spotify ? frame : button("play")).focus(), "?": showKeys,
  };
  window.addEventListener("keydown", whileShown((event) => !bar.hidden && press(event, acts)), { signal });
  const keys = { play: () => player.resume(), pause: () => player.pause(), nexttrack: () => player.end() };
  Object.entries(keys).forEach(([action, act]) => navigator.mediaSession?.setActionHandler(action, act));

  if (song?.url && player.song?.id !== song.id) player.begin(song, data.fade_s, isHeld());
  else if (song?.url && isNewStart && !player.isPlaying && !isHeld()) player.resume();
  else if (!song?.url && player.song) player.stop();
  Object.assign(player, { follow: data.next, isGapless: data.is_gapless });
  // It may have failed before the server learned of it
  if (song && player.isFailed && player.song?.id === song.id && player.broken !== song.id) goOn({ type: "failed" });
  draw();
}
