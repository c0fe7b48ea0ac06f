/** The bar of the player. The server sends it the current song and the next one. */
import { Part, SOUND, tellSound } from "./base.js";
import { thePlayer } from "./player.js";

const SPOTIFY = "https://open.spotify.com";
const SEEK_S = 5;
const [PLACED_MS, HEADER_PX, LATE_MS] = [200, 56, 1500]; // the tile comes after the bar

const [PLAY, PAUSE] = [["Play", "M8 5v14l11-7z"], ["Pause", "M6 5h4v14H6zM14 5h4v14h-4z"]]; // name and icon
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

const LOUD = "M4 9v6h4l5 5V4L8 9zm12-1v8a5 5 0 0 0 0-8z";
const MUTED = "M4 9v6h4l5 5V4L8 9zm17 0-2-1-2 3-2-3-1 1 2 3-2 3 1 1 2-3 2 3 2-1-3-3z";

const TYPED = `textarea, select, [contenteditable], [role="listbox"], [role="menu"], canvas,
  input:not([type="range"], [type="radio"], [type="checkbox"])`;
const OWN_KEYS = "a, button, input, summary, video, audio, [role='radio'], [role='tab'], [role='slider']";

/** Run the shortcut of a key, unless the focused element, or a button of the page with this shortcut, takes it. */
function press(event, acts) {
  const [key, target] = [event.key.length === 1 ? event.key.toLowerCase() : event.key, event.composedPath()[0]];
  const isTaken = event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || target.closest?.(TYPED);
  const isOwn = (key === " " || key.startsWith("Arrow")) && target.closest?.(OWN_KEYS);
  if (isTaken || isOwn || !acts[key]) return;
  event.preventDefault();
  acts[key]();
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

export class Bar extends Part {
  #player = thePlayer();
  #lateAt = performance.now() + LATE_MS;

  constructor(element) {
    super(element);
    const parts = [".bar", "img", ".place", ".volume", ".menu", ".joins", ".slot"].map((name) => this.find(name));
    [this.bar, this.cover, this.slider, this.volume, this.list, this.joins, this.slot] = parts;
    const player = this.#player;
    player.bar = this;
    const acts = {
      " ": () => this.#toggle(),
      n: () => this.#goOn(),
      p: () => this.data.has_previous && this.tell("previous", this.data.song?.id),
      m: () => player.setLoudness({ isMuted: !player.loudness.isMuted }),
      b: () => (this.data.song?.spotify ? player.frame : this.find(".play")).focus(),
      "?": () => this.list.togglePopover(),
      ArrowLeft: () => player.seek(-SEEK_S),
      ArrowRight: () => player.seek(SEEK_S),
    };
    const keys = { play: " ", next: "n", previous: "p", mute: "m", keys: "?" };
    Object.entries(keys).forEach(([name, key]) => (this.find(`.${name}`).onclick = acts[key]));
    this.slider.oninput = () => (player.audio.currentTime = this.slider.value);
    this.joins.onchange = () => player.setLoudness({ joins: this.joins.checked });
    this.volume.oninput = () => player.setLoudness({ volume: Number(this.volume.value), isMuted: false });
    this.listen(window, "keydown", (event) => !this.bar.hidden && press(event, acts));
    this.listen(player, "change", () => this.#draw());
    this.listen(player, "ended", ({ detail }) => this.#goOn(detail));
    this.listen(player, "failed", ({ detail }) => this.#fail(detail));
    this.listen(window, "message", (event) => this.#hearSpotify(event));
    this.listen(document, "scroll", () => this.#place(), { capture: true });
    this.every(PLACED_MS, () => this.#place());
    this.listen(window, SOUND, ({ detail }) => detail.source !== "spotify" && player.frame.src && this.#tellSpotify("pause"));
  }

  update(given) {
    const player = this.#player;
    // A newer call may have overtaken this one
    const data = (this.data = given.start < player.start ? player.data : (player.data = given));
    const { song, start } = data, isNewStart = player.start !== start;
    player.start = start;
    player.frame = showFrame(player.frame, song);
    if (!player.frame.src || this.#isHeld) player.playsSpotify = false; // the previous frame sends no more events
    else if (isNewStart) this.#tellSpotify("play");

    if (song?.url && player.song?.id !== song.id) player.begin(song, data.fade_s, this.#isHeld);
    else if (song?.url && isNewStart && !player.isPlaying && !this.#isHeld) player.resume();
    else if (!song?.url && player.song) player.stop();
    Object.assign(player, { follow: data.next, isGapless: data.is_gapless });
    // It may have ended before this bar was there
    const hasEnded = song?.url && player.song?.id === song.id && player.audio.ended && !player.audio.loop;
    if (hasEnded && !isNewStart) this.#goOn(0);
    // It may have failed before the server learned of it
    if (song && player.isFailed && player.song?.id === song.id) this.#fail(song.id);
    this.#draw();
    this.#place();
  }

  /** Put Spotify's frame over the tile of its song, while the page shows one; else over the bar. */
  #place() {
    const { frame } = this.#player, tile = document.querySelector(".st-key-title-photo")?.getBoundingClientRect();
    const isOnTile = frame.src && tile?.width && tile.top > HEADER_PX && tile.bottom < this.bar.getBoundingClientRect().top;
    const isEarly = !isOnTile && performance.now() < this.#lateAt;
    this.bar.classList.toggle("on-tile", isOnTile || isEarly);
    const { left, top, width } = isOnTile ? tile : this.slot.getBoundingClientRect();
    const visibility = isEarly ? "hidden" : "";
    Object.assign(frame.style, { visibility, left: `${left}px`, top: `${top}px`, width: `${width}px` });
  }

  unmount() {
    if (this.#player.bar === this) this.#player.frame.style.visibility = "hidden";
  }

  #draw() {
    const player = this.#player, { audio, loudness } = player, { bar, cover, slider, data } = this, { song } = data;
    // While the server learns of the next song, it plays
    const shown = (song?.url ? player.song : song) ?? (player.trouble && { title: "", artist: "" });
    bar.hidden = !shown;
    if (!shown) return;
    const [label, icon] = player.isPlaying ? PAUSE : PLAY;
    this.find(".play").setAttribute("aria-label", label);
    this.find(".play path").setAttribute("d", icon);
    bar.classList.toggle("refused", player.isRefused);
    bar.classList.toggle("on-spotify", Boolean(song?.spotify));
    this.find(".play").disabled = !song?.url && !song?.spotify;
    this.find(".previous").disabled = !data.has_previous;
    this.find(".next").disabled = !song;
    this.find("b").textContent = shown.title;
    const trouble = player.isFailed ? "This browser cannot play this file." : player.isRefused ? "Press Play." : null;
    this.find("p span").textContent = player.trouble ?? trouble ?? shown.artist;
    cover.hidden = !shown.cover;
    if (shown.cover && cover.src !== shown.cover) cover.src = shown.cover;
    const length = Number.isFinite(audio.duration) ? audio.duration : 0;
    slider.max = length;
    slider.value = audio.currentTime;
    slider.setAttribute("aria-valuetext", `${clock(audio.currentTime)} of ${clock(length)}`);
    this.find("time").textContent = `${clock(audio.currentTime)} / ${clock(length)}`;
    this.volume.value = loudness.isMuted ? 0 : loudness.volume;
    this.find(".mute").ariaPressed = String(loudness.isMuted);
    this.find(".mute path").setAttribute("d", loudness.isMuted ? MUTED : LOUD);
    this.joins.checked = loudness.joins;
  }

  /** Continue with the next song, which begins these seconds before the end of this one; without a number, now. */
  #goOn(join_s = null) {
    const { song, next, fade_s } = this.data, player = this.#player;
    if (!song || (song.url && player.song?.id !== song.id)) return; // another bar has gone on
    const joins = join_s !== null && Boolean(song.url);
    if (next?.url) player.begin(next, (joins && join_s) || fade_s, false, joins); // the server follows
    this.tell("next", song.id);
  }

  /** Report a song that cannot play. If it is the current one, the next one begins. */
  #fail(id) {
    const { song, next, fade_s } = this.data, player = this.#player;
    if (next?.url && song.id === id && player.song?.id === id) player.begin(next, fade_s);
    this.tell("failed", id);
  }

  #toggle() {
    const player = this.#player;
    if (this.data.song?.spotify) this.#tellSpotify(player.playsSpotify ? "pause" : "play");
    else if (player.isPlaying) player.pause();
    else player.resume();
  }

  /** Whether the song waits with the film: the visitor may have paused it before the server's answer. */
  get #isHeld() {
    return this.data.waits && Boolean(document.querySelector(this.data.video)?.paused);
  }

  #tellSpotify(command) {
    this.#player.frame.contentWindow?.postMessage({ command }, SPOTIFY);
  }

  /** Spotify's frame plays once it is ready, and its end leads to the next song. */
  #hearSpotify({ origin, source, data }) {
    const player = this.#player;
    if (origin !== SPOTIFY || source !== player.frame.contentWindow) return;
    if (data?.type === "ready" && player.frame.src && !this.#isHeld) this.#tellSpotify("play");
    if (data?.type !== "playback_update") return;
    const { isPaused, position, duration } = data.payload ?? {};
    const played = player.playsSpotify;
    player.playsSpotify = !isPaused;
    if (!isPaused && !played) tellSound("spotify");
    if (isPaused && played && duration && position >= duration - 500) this.#goOn();
  }
}
