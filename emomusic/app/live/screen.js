// The parts of the Live page in the browser: the band with its layers, and the camera without WebRTC.

import { BandMixer } from "./band.js";
import { drawMarks, recordClip, saveClip } from "./recorder.js";

const SOUND = "emomusic:sound"; // whatever begins to sound tells it, and all others stop: see bar.js
const DRAW_MS = 80;
const CLIP_S = 15;
const parts = new WeakMap(); // what a component keeps between its calls, by its element

// A part ends itself when its element has left the page: Streamlit also ends calls that another one has overtaken
function update(Part, component) {
  const { parentElement: element } = component;
  if (!parts.has(element)) parts.set(element, new Part(element, component.data));
  parts.get(element).update(component);
}

/** The band and its layers. `data` has the style ("" for silence) and the faces, left to right, as points. */
export function showBand(component) {
  update(Band, component);
}

let [band, camera] = [null, null]; // those on the page

class Band {
  #mixer = null;
  #data = {};
  #playing = "";
  #clip = null;
  #silencedBy = ""; // the visitor or another source of sound

  constructor(element, { folder }) {
    band = this;
    const find = (selector) => element.querySelector(selector);
    [this.mute, this.volume, this.record, this.note] = [".mute", "input", ".record", "output"].map(find);
    this.layers = element.querySelectorAll(".layer");
    this.mute.onclick = () => this.#silence(this.#silencedBy ? "" : "visitor");
    this.volume.oninput = () => this.#mixer?.setVolume(this.volume.value / 100);
    this.record.onclick = () => (this.#clip ? this.#clip.abort() : this.#record());
    this.timer = setInterval(() => (element.isConnected ? this.#draw() : this.#end()), DRAW_MS);
    window.addEventListener(SOUND, this.#hear);
    document.addEventListener("pointerdown", this.#wake, true);
    const ask = (name) => fetch(`${folder}/${name}`);
    const fetchLoop = async (style, loop) => (await ask(`${style}-${loop}.opus`)).arrayBuffer();
    this.task = ask("band.json").then(async (answer) => (this.#mixer = new BandMixer(await answer.json(), fetchLoop)));
  }

  #hear = ({ detail }) => detail.source !== "band" && this.#silence(this.#silencedBy || "another");

  // A browser may wait for a click before it plays sound
  #wake = () => this.#playing && this.#mixer.output?.context.resume().then(() => this.#say(""));

  #say(text) {
    if (!this.#clip) this.note.textContent = text;
  }

  #silence(by) {
    if (!by) window.dispatchEvent(new CustomEvent(SOUND, { detail: { source: "band" } }));
    this.#silencedBy = by;
    this.mute.ariaPressed = String(Boolean(by));
    this.#mixer?.setMuted(Boolean(by));
  }

  update({ data }) {
    this.#data = data;
    this.record.disabled = !data.style;
    this.task = this.task.then(() => this.#follow()).catch(() => this.#say("The band cannot play."));
  }

  /** Follow the faces of the last frame. */
  conduct(points) {
    this.#data.points = points;
    this.#mixer?.setPlace(points);
  }

  /** Play what the last call asks for. */
  async #follow() {
    const { style, points } = this.#data;
    this.#mixer.setPlace(points);
    if (style === this.#playing) return;
    const before = this.#playing;
    this.#playing = style;
    if (!style) return this.#mixer.stop();
    if (before) return this.#mixer.setStyle(style);
    if (this.#silencedBy !== "visitor") this.#silence("");
    await this.#mixer.start(style);
    window.emomusicBand = this.#mixer; // for tests
    if (this.#mixer.output?.context.state === "suspended") this.#say("Click anywhere to hear the band.");
  }

  #draw() {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const seats = this.#playing && this.#mixer.isPlaying ? this.#mixer.seats : [];
    this.layers.forEach((layer) =>
      [...layer.children].forEach((block, position) => {
        const { level = 0, gains = {} } = seats[position] ?? {};
        const [minor, major] = ["Minor", "Major"].map((side) => gains[layer.dataset.name + side] ?? 0);
        const width = 100 * Math.min(Math.hypot(minor, major), 1) * level;
        const left = ((2 * Math.atan2(major, minor)) / Math.PI) * (100 - width);
        block.style.cssText = `width: ${width}%; left: ${left}%`;
      }),
    );
  }

  async #record() {
    const frame = document.querySelector('iframe[title*="webrtc"]')?.contentDocument;
    const video = camera?.video ?? frame?.querySelector("video");
    if (!video?.videoWidth) return;
    const state = () => ({ ...this.#data, marks: camera?.marks, isMirrored: camera?.isMirrored ?? false });
    const label = this.record.textContent;
    this.#say("Recording. The clip stays in this browser.");
    this.#clip = new AbortController();
    this.record.textContent = "Save it now";
    try {
      const { signal } = this.#clip;
      const clip = await recordClip({ video, sound: this.#mixer.output, state, seconds: CLIP_S, signal });
      if (clip.size) saveClip(clip, "emomusic-live"); // a clip that ends at once has no frame
    } finally {
      this.#clip = null;
      this.record.textContent = label;
      this.#say("");
    }
  }

  #end() {
    clearInterval(this.timer);
    if (band === this) band = null;
    window.removeEventListener(SOUND, this.#hear);
    document.removeEventListener("pointerdown", this.#wake, true);
    this.#clip?.abort();
    this.task.then(() => this.#mixer.stop()).catch(() => {});
  }
}

const FRAME_MS = 40; // between two frames, as of the camera
const PATIENCE_MS = 3000; // a run of the page may swallow a frame
const JPEG_QUALITY = 0.75;

/** The camera, whose frames go to the server one at a time: `data.answer` is the number of the last that arrived. */
export function showCamera(component) {
  update(Camera, component);
}

class Camera {
  marks = [];
  isMirrored = true;
  #stream = null;
  #sent = 0;
  #sent_ms = 0;
  #answer = 0;
  #isSending = false;

  constructor(element) {
    this.video = element.querySelector("video");
    this.canvas = element.querySelector("canvas");
    camera = this;
    this.timer = setInterval(() => (element.isConnected ? this.#send() : this.#end()), FRAME_MS / 2);
  }

  async update({ data, setTriggerValue }) {
    this.trigger = setTriggerValue;
    [this.marks, this.isMirrored, this.#answer] = [data.marks, data.isMirrored, data.answer];
    band?.conduct(data.points);
    this.video.style.transform = data.isMirrored ? "scaleX(-1)" : "";
    const [width, height] = [this.video.videoWidth, this.video.videoHeight];
    if (width) {
      Object.assign(this.canvas, { width, height });
      drawMarks(this.canvas.getContext("2d"), data.marks, { width, height }, data.isMirrored);
    }
    if (this.#stream) return void this.#send();
    this.#stream = navigator.mediaDevices.getUserMedia({ video: data.video, audio: false });
    try {
      this.video.srcObject = await this.#stream;
      this.video.srcObject.getTracks().forEach((track) => (track.onended = () => this.trigger("lost", true)));
      await this.video.play();
    } catch {
      this.trigger("lost", true);
    }
  }

  async #send() {
    const now = performance.now();
    const isOpen = this.#answer === this.#sent || now - this.#sent_ms > PATIENCE_MS;
    if (this.#isSending || !isOpen || now - this.#sent_ms < FRAME_MS || !this.video.videoWidth) return;
    this.#isSending = true;
    const canvas = new OffscreenCanvas(this.video.videoWidth, this.video.videoHeight);
    canvas.getContext("2d").drawImage(this.video, 0, 0);
    const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: JPEG_QUALITY });
    const reader = new FileReader();
    reader.onload = () => {
      [this.#isSending, this.#sent, this.#sent_ms] = [false, this.#sent + 1, now];
      this.trigger("frame", { number: this.#sent, jpeg: reader.result.split(",")[1] });
    };
    reader.readAsDataURL(blob);
  }

  async #end() {
    clearInterval(this.timer);
    if (camera === this) camera = null;
    const stream = await this.#stream?.catch(() => null);
    stream?.getTracks().forEach((track) => {
      track.onended = null;
      track.stop();
    });
  }
}
