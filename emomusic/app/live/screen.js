// The parts of the Live page in the browser: the question for the camera, the band with its layers, and the camera
// without WebRTC.

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
export const showBand = (component) => update(Band, component);

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
    const state = () => ({ ...this.#data, marks: camera?.marks, isMirrored: !camera }); // WebRTC returns both
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
const AHEAD_MS = 500; // longest time for which a mark goes on without an answer
const JPEG_QUALITY = 0.75;

/**
 * The camera, whose frames go to the server one at a time. `data` has the marks of the last frame that arrived, with the
 * `number` of each face, and as `answer` the number of the frame.
 */
export const showCamera = (component) => update(Camera, component);

class Camera {
  #stream = null;
  #sent = 0;
  #sent_ms = 0;
  #answer = 0;
  #answered_ms = 0; // when the frame of the answer was taken
  #marks = []; // of this frame, with the speed of each face in shares of the picture per millisecond

  constructor(element) {
    this.video = element.querySelector("video");
    this.canvas = element.querySelector("canvas");
    camera = this;
    this.timer = setInterval(() => (element.isConnected ? this.#tick() : this.#end()), FRAME_MS / 2);
  }

  async update({ data, setTriggerValue }) {
    this.trigger = setTriggerValue;
    this.#follow(data);
    band?.conduct(data.points);
    if (this.#stream) return void this.#tick();
    this.#stream = navigator.mediaDevices.getUserMedia({ video: data.video, audio: false });
    try {
      this.video.srcObject = await this.#stream;
      this.video.srcObject.getTracks().forEach((track) => (track.onended = () => this.trigger("lost", true)));
      await this.video.play();
    } catch {
      this.trigger("lost", true);
    }
  }

  /** Take the marks of an answer, and the speed of each face since the answer before. */
  #follow({ answer, marks }) {
    const isNext = answer === this.#sent && answer !== this.#answer;
    const passed_ms = this.#sent_ms - this.#answered_ms;
    const before = new Map(this.#marks.map((mark) => [mark.number, mark]));
    const speedOf = ({ number, box }) => {
      const { box: old = box, speed = [0, 0] } = before.get(number) ?? {};
      return isNext ? speed.map((value, axis) => (value + (box[axis] - old[axis]) / passed_ms) / 2) : speed;
    };
    this.#marks = marks.map((mark) => ({ ...mark, speed: speedOf(mark) }));
    if (isNext) [this.#answer, this.#answered_ms] = [answer, this.#sent_ms];
  }

  /** The marks at their places now: faces go on as they moved between the last two answers. */
  get marks() {
    const ahead_ms = Math.min(performance.now() - this.#answered_ms, AHEAD_MS);
    return this.#marks.map(({ box: [x, y, ...size], speed: [right, down], ...mark }) => {
      return { ...mark, box: [x + right * ahead_ms, y + down * ahead_ms, ...size] };
    });
  }

  #tick() {
    const { videoWidth: width, videoHeight: height } = this.video;
    if (!width) return;
    if (this.canvas.width !== width) Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    drawMarks(context, this.marks, this.canvas);
    this.#send();
  }

  #send() {
    const now = performance.now();
    const isOpen = this.#answer === this.#sent || now - this.#sent_ms > PATIENCE_MS;
    if (!isOpen || now - this.#sent_ms < FRAME_MS) return;
    const { videoWidth: width, videoHeight: height } = this.video;
    const shot = Object.assign(document.createElement("canvas"), { width, height });
    shot.getContext("2d").drawImage(this.video, 0, 0);
    [this.#sent, this.#sent_ms] = [this.#sent + 1, now];
    const jpeg = shot.toDataURL("image/jpeg", JPEG_QUALITY).split(",")[1];
    this.trigger("frame", { number: this.#sent, jpeg });
  }

  async #end() {
    clearInterval(this.timer);
    if (camera === this) camera = null;
    const stream = await this.#stream?.catch(() => null);
    stream?.getTracks().forEach((track) => track.stop());
  }
}

const PROBLEMS = {
  NotAllowedError: "refused", SecurityError: "refused", NotFoundError: "absent",
  OverconstrainedError: "absent", NotReadableError: "busy", AbortError: "busy",
};
let [lastPress, wasChecked, tookKeys] = ["", false, false]; // one page for each tab
const asked = { attempt: "", problem: null, element: null }; // the last question, and which component reports its answer
let tellReturn = null;

function missing() {
  if (!window.isSecureContext) return "insecure";
  return navigator.mediaDevices?.getUserMedia ? "" : "unsupported";
}

async function tryCamera(video) {
  if (missing()) return missing();
  const stop = (stream) => stream.getTracks().forEach((track) => track.stop());
  const asked = navigator.mediaDevices.getUserMedia({ video, audio: false });
  return asked.then(stop).then(() => "", ({ name }) => PROBLEMS[name] ?? "unsupported");
}

/** Use the page of the stream component as soon as it is there: `use` returns whether it was. */
function inStream(use, triesLeft) {
  const frame = document.querySelector('iframe[title*="webrtc"]');
  if (!use(frame?.contentDocument) && triesLeft) setTimeout(() => inStream(use, triesLeft - 1), 200);
}

// For a visitor who has pressed START and agreed
function pressStart(page) {
  const buttons = [...(page?.querySelectorAll("button:not(:disabled)") ?? [])];
  const start = buttons.find((button) => button.textContent.trim() === "START");
  start?.click();
  return start;
}

// The page lacks the fonts of the app, writes in capitals, and does not name its video
function dress(page) {
  if (!page?.querySelector("button")) return false;
  page.querySelector("video")?.setAttribute("aria-label", "Your webcam");
  const add = (tag, content) => page.head.append(Object.assign(page.createElement(tag), content));
  if (!page.querySelector("style.app")) {
    document.querySelectorAll("link[rel=stylesheet]").forEach(({ href }) => add("link", { rel: "stylesheet", href }));
    add("style", { className: "app", textContent: "button { text-transform: none !important }" });
  }
  return true;
}

// After a lost connection, the server may be another one, and Streamlit does not run an idle page again by itself
function watchConnection(element) {
  const app = document.querySelector("[data-test-connection-state]");
  const watch = new MutationObserver(() => {
    if (!element.isConnected) watch.disconnect();
    else if (app.dataset.testConnectionState === "CONNECTED") tellReturn();
  });
  watch.observe(app, { attributeFilter: ["data-test-connection-state"] });
}

/** Ask for the camera once for each `data.attempt`, and answer with the problem, if any, also after another page. */
export function askForCamera({ data, parentElement, setTriggerValue }) {
  tellReturn = () => setTriggerValue("returned", true);
  if (!parts.has(parentElement)) parts.set(parentElement, watchConnection(parentElement));
  const hasWebrtc = Boolean(window.RTCPeerConnection);
  const answer = (attempt, problem) => setTriggerValue("answer", { attempt, problem, hasWebrtc });
  inStream(dress, 50);
  if (!wasChecked && missing()) answer("", missing());
  wasChecked = true;
  // After a click on START, keys would go to the frame of the video
  if (data.takesKeys && !tookKeys && document.activeElement?.tagName === "IFRAME") {
    document.activeElement.blur();
    window.focus();
  }
  tookKeys = data.takesKeys;
  if (data.press && data.press !== lastPress) {
    lastPress = data.press;
    inStream(pressStart, 300);
  }
  const { attempt } = data;
  const isNew = attempt !== asked.attempt;
  if (attempt && (isNew || asked.element !== parentElement)) {
    if (isNew) asked.problem = tryCamera(data.video);
    Object.assign(asked, { attempt, element: parentElement });
    asked.problem.then((problem) => answer(attempt, problem));
  }
}
