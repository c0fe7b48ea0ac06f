/** The band of the Live page with its layers, and the clip to keep. `data` has the style. */
import { bandMixer } from "./band.js";
import { Part, SOUND, tellSound } from "./base.js";
import { live } from "./camera.js";
import { recordClip, saveClip } from "./recorder.js";

const DRAW_MS = 80;
const CLIP_S = 15;

export class Layers extends Part {
  mixer = null;
  #style = "";
  #playing = "";
  #clip = null;
  #silencedBy = ""; // "visitor", "another" source, or "" for none

  constructor(element) {
    super(element);
    live.layers = this;
    [this.mute, this.volume, this.record, this.note] = [".mute", "input", ".record", "output"].map((name) => this.find(name));
    [this.saved, this.player, this.share] = [".saved", "video", ".share"].map((name) => this.find(name));
    this.mute.onclick = () => this.#silence(this.#silencedBy ? "" : "visitor");
    this.volume.oninput = () => this.mixer?.setVolume(this.volume.value / 100);
    this.record.onclick = () => (this.#clip ? this.#clip.abort() : this.#record());
    this.find(".delete").onclick = () => this.#deleteClip();
    this.share.onclick = () => navigator.share({ files: [this.file] }).catch(() => {}); // the visitor may change their mind
    this.player.onplay = () => tellSound("clip");
    this.every(DRAW_MS, () => this.#draw());
    this.listen(window, SOUND, ({ detail }) => this.#hear(detail.source));
    this.listen(document, "pointerdown", () => this.#wake(), { capture: true });
    this.task = bandMixer().then((mixer) => (this.mixer = mixer));
  }

  #hear(source) {
    if (source !== "clip") this.player.pause();
    if (source !== "band") this.#silence(this.#silencedBy || "another");
  }

  // A browser may wait for a click before it plays sound
  #wake() {
    if (this.#playing) this.mixer.output?.context.resume().then(() => this.#say(""));
  }

  #say(text) {
    if (!this.#clip) this.note.textContent = text;
  }

  #silence(by) {
    if (!by) tellSound("band");
    this.#silencedBy = by;
    this.mute.ariaPressed = String(Boolean(by));
    this.mixer?.setMuted(Boolean(by));
  }

  update({ style }) {
    this.#style = style;
    this.task = this.task.then(() => this.#follow()).catch(() => this.#say("The band cannot play."));
  }

  /** Play the music that the last call requests. */
  async #follow() {
    const style = this.#style;
    if (style === this.#playing) return;
    const before = this.#playing;
    this.#playing = style;
    if (before) return this.mixer.setStyle(style);
    if (this.#silencedBy !== "visitor") this.#silence("");
    await this.mixer.start(style);
    if (this.mixer.output?.context.state === "suspended") this.#say("Click anywhere to hear the band.");
  }

  #draw() {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const seats = this.#playing && this.mixer.isPlaying ? this.mixer.seats : [];
    const faces = live.camera?.faces ?? [], colours = faces.length > 2 ? [] : faces.map(({ colour }) => colour);
    this.element.querySelectorAll(".layer").forEach((layer) =>
      [...layer.children].forEach((block, position) => {
        const { level = 0, gains = {} } = seats[position] ?? {};
        const [minor, major] = ["Minor", "Major"].map((side) => gains[layer.dataset.name + side] ?? 0);
        const width = 100 * Math.min(Math.hypot(minor, major), 1) * level;
        const left = ((2 * Math.atan2(major, minor)) / Math.PI) * (100 - width);
        block.style.cssText = `width: ${width}%; left: ${left}%; background: ${colours[position] ?? "white"}`;
      }),
    );
  }

  async #record() {
    const { video } = live.camera ?? {};
    if (!video?.videoWidth) return;
    const state = () => ({ marks: live.camera?.marks ?? [], points: live.camera?.faces ?? [], trail: live.camera?.trail });
    const [label, began_ms] = [this.record.textContent, performance.now()];
    let result = "";
    this.#deleteClip();
    this.#say("Recording. The clip stays in this browser.");
    this.#clip = new AbortController();
    this.record.textContent = "Save it now";
    this.record.classList.add("on");
    try {
      const { signal } = this.#clip;
      const clip = await recordClip({ video, sound: this.mixer.output, state, seconds: CLIP_S, signal });
      if (!clip.size) return; // a clip that ends at once has no frame
      this.player.src = saveClip((this.file = clip));
      this.share.hidden = !navigator.canShare?.({ files: [clip] });
      this.saved.hidden = false;
      result = `Saved, ${Math.round((performance.now() - began_ms) / 1000)} s.`;
    } finally {
      this.#clip = null;
      this.record.textContent = label;
      this.record.classList.remove("on");
      this.#say(result);
    }
  }

  #deleteClip() {
    if (!this.saved.hidden) URL.revokeObjectURL(this.player.src);
    this.file = null;
    this.player.removeAttribute("src");
    this.player.load();
    this.saved.hidden = true;
    this.#say("");
  }

  unmount() {
    if (live.layers === this) live.layers = null;
    this.#clip?.abort();
    this.#deleteClip();
    this.task.then(() => this.mixer.stop()).catch(() => {});
  }
}
