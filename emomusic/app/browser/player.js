/**
 * The player of the app. It belongs to the window, so that a change of the page does not interrupt it.
 *
 * A source that starts to sound sends the event `emomusic:sound` to the window, and every other source pauses:
 *
 *   tellSound("band");
 *
 * `detail.with` names the sources that go on, such as ["player"] for a film whose songs play with it. The source "tab" is
 * another tab of this browser. The source "silence" begins nothing: all pause, in this tab only.
 */
import { SOUND, storageOf, tellSound } from "./base.js";

const FADE_STEP_MS = 40;
const PREPARED_S = 15; // before the end of a song, the next one is loaded
const TROUBLE_MS = 8000; // for which a sentence is shown

class SongPlayer extends EventTarget {
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
  trouble = null; // a sentence that is shown for a few seconds
  isRefused = false; // the browser wants a click first
  isFailed = false;
  bar = null; // the last one
  frame = document.createElement("iframe"); // of Spotify; a move would end its sound, so `bar` only places it
  playsSpotify = false;

  constructor() {
    super();
    Object.assign(this.frame, { allow: "autoplay; clipboard-write; encrypted-media", hidden: true });
    document.body.append(this.frame);
    for (const deck of this.#decks) {
      const unlessOther = (act) => () => deck === this.audio && act();
      deck.preload = "auto";
      deck.addEventListener("play", unlessOther(() => deck.paused || tellSound("player"))); // it may be paused by now
      for (const name of ["play", "pause", "timeupdate", "durationchange"]) {
        deck.addEventListener(name, unlessOther(() => this.#change()));
        deck.addEventListener(name, unlessOther(() => this.#awaitEnd()));
      }
      deck.addEventListener("ended", unlessOther(() => this.end()));
      deck.addEventListener("error", () => this.#decode(deck));
    }
    window.addEventListener(SOUND, ({ detail }) => {
      if (detail.source !== "player" && !detail.with?.includes("player")) this.pause();
    });
    this.#shareWithMedia();
    const tabs = new BroadcastChannel(SOUND);
    tabs.onmessage = () => tellSound("tab");
    window.addEventListener(SOUND, ({ detail }) => ["tab", "silence"].includes(detail.source) || tabs.postMessage(""));
    this.setLoudness({});
    const keys = { play: () => this.resume(), pause: () => this.pause(), nexttrack: () => this.end() };
    Object.entries(keys).forEach(([action, act]) => navigator.mediaSession?.setActionHandler(action, act));
  }

  /** The songs and films of the page are sources too; the playhead of `overlay.js` speaks for a film that it follows. */
  #shareWithMedia() {
    const isSource = (media) => media.emomusicFollows === undefined && !media.srcObject && !media.muted;
    const tell = ({ target }) => isSource(target) && !target.paused && tellSound("media", { media: target });
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
    clearTimeout(this.#ending);
    const isInstead = this.isFailed && !this.#decks[1].paused; // of a song that failed while the one before fades out
    const isFading = !isInstead && fade_s > 0 && this.isPlaying;
    const isPrepared = this.#prepared?.id === song.id;
    if (!isInstead) clearInterval(this.#fading);
    if (isFading || isPrepared) [this.#decks, this.#levels] = [this.#decks.toReversed(), [0, this.#levels[0]]];
    if (!isFading && !isInstead) this.#decks[1].pause();
    if (isPrepared) song = this.#prepared;
    this.#prepared = this.follow = null;
    Object.assign(this, { song, isRefused: false, isFailed: false });
    if (!isPrepared) this.#load(this.audio, song, joins && this.isGapless);
    if (isFading && !joins) this.#fade(fade_s);
    else if (!isInstead) this.#levels[0] = 1;
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

  /** Load the next song in time, and begin it at the audible end of this one. */
  #awaitEnd() {
    clearTimeout(this.#ending);
    const { audio, follow, song } = this;
    const left_s = audio.duration - audio.currentTime;
    if (!this.isPlaying || !follow?.url || audio.loop || !(left_s < PREPARED_S + (song.tail_s ?? 0))) return;
    if (this.#prepared?.id !== follow.id && this.#decks[1].paused) {
      this.#load(this.#decks[1], follow, this.isGapless);
      this.#prepared = follow;
    }
    if (!this.loudness.joins || this.isGapless || !song.join_s) return;
    const sounds_s = audio.duration - song.lead_s - song.tail_s;
    const join_s = Math.min(song.join_s + (follow.rise_s ?? 0), sounds_s / 2); // a short song is heard too
    const join = () => this.isPlaying && !audio.loop && this.song === song && this.end(join_s);
    this.#ending = setTimeout(join, 1000 * Math.max(left_s - song.tail_s - join_s, 0));
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

  /** Load a WAV of a song that the browser cannot play. If it cannot play the WAV either, request another song. */
  #decode(deck) {
    const isNow = deck === this.audio, song = isNow ? this.song : this.#prepared;
    if (!song) return;
    const wav = song.decoded && { ...song, url: song.decoded, decoded: null };
    if (isNow) this.song = wav ?? song;
    else this.#prepared = wav;
    if (wav) {
      this.#load(deck, { ...wav, lead_s: deck.currentTime || song.lead_s }, !isNow && this.isGapless);
      if (isNow) this.resume();
    } else {
      if (isNow) this.isFailed = true;
      else this.follow = null;
      this.tell(`This browser cannot play ${song.title}.`);
      this.dispatchEvent(new CustomEvent("failed", { detail: song.id }));
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

  /** Continue the current song. */
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

  /** Request the next song after this many seconds of this one. */
  end(join_s = 0) {
    this.dispatchEvent(new CustomEvent("ended", { detail: join_s }));
  }

  /** Release the song. */
  stop() {
    this.pause();
    this.song = null;
    this.#change();
  }

  #change() {
    this.dispatchEvent(new Event("change"));
  }
}

/** The window's player, made by the first bar. */
export const thePlayer = () => (window.emomusicPlayer ??= new SongPlayer());
