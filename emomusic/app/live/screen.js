// The parts of the Live page in the browser: the band with its layers, and the camera with its connection.

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

/** The band and its layers. `data` has the style. The faces of the camera conduct. */
export const showBand = (component) => update(Band, component);

let [band, camera] = [null, null]; // those on the page

class Band {
  #mixer = null;
  #style = "";
  #playing = "";
  #faces = []; // from left to right
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
    this.#style = data.style;
    this.task = this.task.then(() => this.#follow()).catch(() => this.#say("The band cannot play."));
  }

  /** Follow the faces of the last frame. */
  conduct(faces) {
    this.#faces = faces;
    this.#mixer?.setPlace(faces);
  }

  /** Play what the last call asks for. */
  async #follow() {
    const style = this.#style;
    this.#mixer.setPlace(this.#faces);
    if (style === this.#playing) return;
    const before = this.#playing;
    this.#playing = style;
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
    const video = camera?.video;
    if (!video?.videoWidth) return;
    const state = () => ({ points: this.#faces, marks: camera?.marks });
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

/**
 * The way of frames to the server: a WebSocket at once, and WebRTC as soon as it connects, unless one way is `fixed`.
 *
 * `take` gets each answer. A connection that ends begins again.
 */
class Connection {
  #socket;
  #peer = null;
  #channel = null;

  constructor({ address, ice, fixed }, take) {
    this.url = new URL(address, location.href);
    this.url.protocol = this.url.protocol.replace("http", "ws");
    Object.assign(this, { address, ice, fixed, take });
    this.#connect();
  }

  #connect() {
    const onmessage = ({ data }) => {
      const answer = JSON.parse(data);
      answer.sdp ? this.#peer.setRemoteDescription(answer).catch(() => {}) : this.take(answer);
    };
    const onopen = () => this.fixed !== "page" && window.RTCPeerConnection && this.#offer(onmessage).catch(() => {});
    const onclose = () => (this.retry = setTimeout(() => this.#connect(), RETRY_MS));
    this.#socket = Object.assign(new WebSocket(this.url), { onmessage, onopen, onclose });
  }

  async #offer(onmessage) {
    this.#peer?.close();
    const peer = (this.#peer = new RTCPeerConnection(this.ice));
    this.#channel = Object.assign(peer.createDataChannel("frames"), { onmessage });
    await peer.setLocalDescription();
    await new Promise((resolve) => {
      peer.onicegatheringstatechange = () => peer.iceGatheringState === "complete" && resolve();
      setTimeout(resolve, GATHER_MS);
    });
    this.#socket.send(JSON.stringify(peer.localDescription));
  }

  /** The open way for the next frame, if there is one. */
  get open() {
    if (this.#channel?.readyState === "open") return this.#channel;
    return this.fixed !== "webrtc" && this.#socket.readyState === WebSocket.OPEN && this.#socket;
  }

  close() {
    clearTimeout(this.retry);
    this.#socket.onclose = null;
    this.#socket.close();
    this.#peer?.close();
  }
}

const RETRY_MS = 1000;
const GATHER_MS = 2000; // a server for addresses may not answer
const FRAME_MS = 40; // between two drawings, and usually two frames, as of the camera
const GAP_MS = 30; // shortest time between two frames
const PATIENCE_MS = 5000; // a connection that ends swallows a frame
const AHEAD_MS = 500; // longest time for which a mark goes on without an answer
const QUALITIES = [0.75, 0.4, 0.1]; // of a frame: the best one that WebRTC can carry
const LARGEST_BYTES = 60_000;

/** The camera, whose frames go to the server one at a time. An answer has the number of the frame, and its faces. */
export const showCamera = (component) => update(Camera, component);

class Camera {
  #connection = null;
  #stream = null;
  #sent = 0;
  #sent_ms = 0;
  #answer = 0;
  #answered_ms = 0; // when the frame of the answer was taken
  #faces = []; // of this frame, with the speed of each face in shares of the picture per millisecond
  #isMarked = false;
  #next_ms = 0; // when the server wants the next frame

  constructor(element) {
    const find = (selector) => element.querySelector(selector);
    [this.video, this.canvas, this.select] = ["video", "canvas", "select"].map(find);
    camera = this;
    this.timer = setInterval(() => (element.isConnected ? this.#tick() : this.#end()), FRAME_MS);
  }

  update({ data, setTriggerValue }) {
    this.trigger = setTriggerValue;
    if (this.#connection?.address === data.address) return;
    this.#connection?.close();
    this.#connection = new Connection(data, (answer) => this.#take(answer));
    this.select.onchange = () => this.#open({ ...data.video, deviceId: { exact: this.select.value } });
    this.#open(data.video);
  }

  async #open(video) {
    this.#close();
    try {
      this.#stream = navigator.mediaDevices.getUserMedia({ video, audio: false });
      this.video.srcObject = await this.#stream;
    } catch ({ name }) {
      return void this.trigger("problem", window.isSecureContext ? (PROBLEMS[name] ?? "unsupported") : "insecure");
    }
    this.video.play().catch(() => {}); // another camera interrupts it
    const [track] = this.video.srcObject.getTracks();
    track.onended = () => this.trigger("problem", "lost");
    const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput");
    const isUsed = ({ deviceId }) => deviceId === track.getSettings().deviceId;
    this.select.replaceChildren(...cameras.map((each) => new Option(each.label, each.deviceId, false, isUsed(each))));
    this.select.hidden = cameras.length < 2;
  }

  /** Take the faces of an answer, and the speed of each since the answer before. */
  #take({ number, faces, isMarked, rest_ms }) {
    if (!this.#answer) this.trigger("began", true);
    const isNext = number === this.#sent && number !== this.#answer;
    const passed_ms = this.#sent_ms - this.#answered_ms;
    const before = new Map(this.#faces.map((face) => [face.number, face]));
    const speedOf = ({ number, box }) => {
      const { box: old = box, speed = [0, 0] } = before.get(number) ?? {};
      return isNext ? speed.map((value, axis) => (value + (box[axis] - old[axis]) / passed_ms) / 2) : speed;
    };
    this.#faces = faces.map((face) => ({ ...face, speed: speedOf(face) }));
    [this.#isMarked, this.#next_ms] = [isMarked, performance.now() + rest_ms];
    if (isNext) [this.#answer, this.#answered_ms] = [number, this.#sent_ms];
    band?.conduct(faces);
    this.#send();
  }

  /** The marks at their places now: faces go on as they moved between the last two answers. */
  get marks() {
    const ahead_ms = Math.min(performance.now() - this.#answered_ms, AHEAD_MS);
    const faces = this.#isMarked ? this.#faces : [];
    return faces.map(({ box: [x, y, ...size], speed: [right, down], ...mark }) => {
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
    const isAnswered = this.#answer === this.#sent || now - this.#sent_ms > PATIENCE_MS;
    if (!isAnswered || now < Math.max(this.#sent_ms + GAP_MS, this.#next_ms) || !this.#connection.open) return;
    const { videoWidth: width, videoHeight: height } = this.video;
    const shot = Object.assign(document.createElement("canvas"), { width, height });
    shot.getContext("2d").drawImage(this.video, 0, 0);
    [this.#sent, this.#sent_ms] = [this.#sent + 1, now];
    this.#connection.open.send(frameOf(this.#sent, shot));
  }

  #close() {
    this.#stream?.then((stream) => stream.getTracks().forEach((track) => track.stop())).catch(() => {});
  }

  #end() {
    clearInterval(this.timer);
    if (camera === this) camera = null;
    this.#connection?.close();
    this.#close();
  }
}

function frameOf(number, canvas) {
  for (const quality of QUALITIES) {
    const jpeg = atob(canvas.toDataURL("image/jpeg", quality).split(",")[1]);
    const frame = new Uint8Array(4 + jpeg.length);
    new DataView(frame.buffer).setUint32(0, number);
    for (let at = 0; at < jpeg.length; at++) frame[4 + at] = jpeg.charCodeAt(at);
    if (frame.length < LARGEST_BYTES || quality === QUALITIES.at(-1)) return frame;
  }
}

const PROBLEMS = {
  NotAllowedError: "refused", SecurityError: "refused", NotFoundError: "absent",
  OverconstrainedError: "absent", NotReadableError: "busy", AbortError: "busy",
};
