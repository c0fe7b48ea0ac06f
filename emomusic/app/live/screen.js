// The parts of the Live page in the browser: the question for the camera, the band with its layers, and the camera with
// its marks.

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

/** The band and its layers. `data` has the style. */
export const showBand = (component) => update(Band, component);

let [band, camera] = [null, null]; // those on the page

class Band {
  mixer = null;
  #style = "";
  #playing = "";
  #clip = null;
  #silencedBy = ""; // the visitor or another source of sound

  constructor(element, { folder }) {
    band = this;
    const find = (selector) => element.querySelector(selector);
    [this.mute, this.volume, this.record, this.note] = [".mute", "input", ".record", "output"].map(find);
    this.layers = element.querySelectorAll(".layer");
    this.mute.onclick = () => this.#silence(this.#silencedBy ? "" : "visitor");
    this.volume.oninput = () => this.mixer?.setVolume(this.volume.value / 100);
    this.record.onclick = () => (this.#clip ? this.#clip.abort() : this.#record());
    [this.saved, this.player] = [".saved", "video"].map(find);
    find(".delete").onclick = () => this.#deleteClip();
    this.player.onplay = () => window.dispatchEvent(new CustomEvent(SOUND, { detail: { source: "clip" } }));
    this.timer = setInterval(() => (element.isConnected ? this.#draw() : this.#end()), DRAW_MS);
    window.addEventListener(SOUND, this.#hear);
    document.addEventListener("pointerdown", this.#wake, true);
    const ask = (name) => fetch(`${folder}/${name}`);
    const fetchLoop = async (style, loop) => (await ask(`${style}-${loop}.opus`)).arrayBuffer();
    this.task = ask("band.json").then(async (answer) => (this.mixer = new BandMixer(await answer.json(), fetchLoop)));
  }

  #hear = ({ detail }) => {
    if (detail.source !== "clip") this.player.pause();
    if (detail.source !== "band") this.#silence(this.#silencedBy || "another");
  };

  // A browser may wait for a click before it plays sound
  #wake = () => this.#playing && this.mixer.output?.context.resume().then(() => this.#say(""));

  #say(text) {
    if (!this.#clip) this.note.textContent = text;
  }

  #silence(by) {
    if (!by) window.dispatchEvent(new CustomEvent(SOUND, { detail: { source: "band" } }));
    this.#silencedBy = by;
    this.mute.ariaPressed = String(Boolean(by));
    this.mixer?.setMuted(Boolean(by));
  }

  update({ data }) {
    this.#style = data.style;
    this.task = this.task.then(() => this.#follow()).catch(() => this.#say("The band cannot play."));
  }

  /** Play what the last call asks for. */
  async #follow() {
    const style = this.#style;
    if (style === this.#playing) return;
    const before = this.#playing;
    this.#playing = style;
    if (before) return this.mixer.setStyle(style);
    if (this.#silencedBy !== "visitor") this.#silence("");
    await this.mixer.start(style);
    window.emomusicBand = this.mixer; // for tests
    if (this.mixer.output?.context.state === "suspended") this.#say("Click anywhere to hear the band.");
  }

  #draw() {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const seats = this.#playing && this.mixer.isPlaying ? this.mixer.seats : [];
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
    const { video } = camera ?? {};
    if (!video?.videoWidth) return;
    const state = () => ({ marks: camera?.marks ?? [], points: camera?.faces ?? [] });
    const [label, began_ms] = [this.record.textContent, performance.now()];
    let result = "";
    this.#deleteClip();
    this.#say("Recording. The clip stays in this browser.");
    this.#clip = new AbortController();
    this.record.textContent = "Save it now";
    try {
      const { signal } = this.#clip;
      const clip = await recordClip({ video, sound: this.mixer.output, state, seconds: CLIP_S, signal });
      if (!clip.size) return; // a clip that ends at once has no frame
      this.player.src = saveClip(clip, "emomusic-live");
      this.saved.hidden = false;
      result = `Saved, ${Math.round((performance.now() - began_ms) / 1000)} s.`;
    } finally {
      this.#clip = null;
      this.record.textContent = label;
      this.#say(result);
    }
  }

  #deleteClip() {
    if (!this.saved.hidden) URL.revokeObjectURL(this.player.src);
    this.player.removeAttribute("src");
    this.player.load();
    this.saved.hidden = true;
    this.#say("");
  }

  #end() {
    clearInterval(this.timer);
    if (band === this) band = null;
    window.removeEventListener(SOUND, this.#hear);
    document.removeEventListener("pointerdown", this.#wake, true);
    this.#clip?.abort();
    this.#deleteClip();
    this.task.then(() => this.mixer.stop()).catch(() => {});
  }
}

const DRAWN_MS = 20; // between two drawings of the marks
const FRAME_MS = 30; // least time between two frames to the server
const [FEW_FACES, CROWD_MS] = [3, 72]; // the mean time with more faces, each of which the server reads in every frame
const STILL_MS = 1000; // longest time between two frames, also without a new one
const AHEAD_MS = 500; // longest time for which a mark goes on without an answer
const LARGEST_SIDE = 640; // of a frame

/**
 * The camera with its marks. Its frames go to the `address` of the session one at a time, and each answer has the faces.
 * With the settings `ice`, WebRTC carries the frames, and the address sends the faces as events. `data.phase` is that of
 * the page, which must know when that of the answers differs.
 */
export const showCamera = (component) => update(Camera, component);

class Camera {
  #stream = null;
  #numShown = 0; // frames of the camera, when one was sent
  #sent_ms = -Infinity;
  #due_ms = -Infinity; // when the next frame may be sent
  #sender = null;
  #taken_ms = 0; // when the frame of the last answer was taken
  #isMarked = true;
  #told = ""; // the phase that the page was told of

  faces = []; // of the last answer, with the speed of each in shares of the picture per millisecond

  constructor(element) {
    this.video = element.querySelector("video");
    this.canvas = element.querySelector("canvas");
    camera = this;
    this.timer = setInterval(() => (element.isConnected ? this.#tick() : this.#end()), DRAWN_MS);
  }

  async update({ data, setTriggerValue }) {
    [this.data, this.tell] = [data, (what) => setTriggerValue(what, true)];
    if (this.#stream) return;
    this.#stream = navigator.mediaDevices.getUserMedia({ video: data.video, audio: false });
    try {
      const stream = (this.video.srcObject = await this.#stream);
      stream.getTracks().forEach((track) => (track.onended = () => this.tell("lost")));
      await this.video.play();
      if (data.ice) return void (await this.#connect(stream));
      this.#sender = new Worker(new URL("./sender.js", import.meta.url));
      this.#sender.onmessage = ({ data: { answer, taken_ms } }) =>
        answer ? this.#follow(answer, taken_ms) : this.tell("changed");
    } catch {
      this.tell("lost");
    }
  }

  /** Take the faces of the frame that was taken then, and their speeds since the last answer. */
  #follow({ phase, isMarked, faces }, taken_ms) {
    const passed_ms = taken_ms - this.#taken_ms;
    const before = new Map(this.faces.map((face) => [face.number, face]));
    const speedOf = ({ number, box }) => {
      const { box: old = box, speed = [0, 0] } = before.get(number) ?? {};
      return passed_ms > 0 ? speed.map((value, axis) => (value + (box[axis] - old[axis]) / passed_ms) / 2) : speed;
    };
    this.faces = faces.map((face) => ({ ...face, speed: speedOf(face) }));
    [this.#taken_ms, this.#isMarked] = [taken_ms, isMarked];
    band?.mixer?.setPlace(this.faces);
    if (phase !== this.data.phase && phase !== this.#told) this.tell("changed");
    this.#told = phase;
  }

  /** The marks at their places now: faces go on as they moved between the last two answers. */
  get marks() {
    const ahead_ms = Math.min(performance.now() - this.#taken_ms, AHEAD_MS);
    return (this.#isMarked ? this.faces : []).map(({ box: [x, y, ...size], speed: [right, down], ...face }) => {
      return { ...face, box: [x + right * ahead_ms, y + down * ahead_ms, ...size] };
    });
  }

  #tick() {
    const { videoWidth: width, videoHeight: height } = this.video;
    if (!width) return;
    if (this.canvas.width !== width) Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    drawMarks(context, this.marks, this.canvas);
    if (this.#sender) this.#send();
  }

  /** Give a new frame to the worker. */
  #send() {
    const now = performance.now();
    if (now < this.#due_ms) return;
    const numShown = this.video.getVideoPlaybackQuality().totalVideoFrames; // 0 if the browser does not count
    if (numShown && numShown === this.#numShown && now - this.#sent_ms < STILL_MS) return;
    [this.#sent_ms, this.#numShown] = [now, numShown];
    const rest_ms = this.faces.length > FEW_FACES ? CROWD_MS : FRAME_MS;
    this.#due_ms = Math.max(this.#due_ms, now - rest_ms) + rest_ms;
    const { videoWidth, videoHeight } = this.video;
    const scale = Math.min(1, LARGEST_SIDE / Math.max(videoWidth, videoHeight));
    const shot = new OffscreenCanvas(Math.round(scale * videoWidth), Math.round(scale * videoHeight));
    shot.getContext("2d").drawImage(this.video, 0, 0, shot.width, shot.height);
    const picture = shot.transferToImageBitmap();
    const address = new URL(this.data.address, location.href).href;
    this.#sender.postMessage({ address, picture, taken_ms: now }, [picture]);
  }

  async #connect(stream) {
    const { address, ice } = this.data;
    this.peer = new RTCPeerConnection(ice);
    this.peer.onconnectionstatechange = () => this.peer.connectionState === "failed" && this.tell("lost");
    stream.getTracks().forEach((track) => this.peer.addTrack(track, stream));
    await this.peer.setLocalDescription();
    while (this.peer.iceGatheringState !== "complete") {
      await new Promise((resume) => (this.peer.onicegatheringstatechange = resume));
    }
    const answer = await fetch(address, { method: "PUT", body: JSON.stringify(this.peer.localDescription) });
    await this.peer.setRemoteDescription(await answer.json());
    this.events = new EventSource(address);
    let ahead_ms = Infinity; // of this clock before the server's, with the shortest delay of an event
    this.events.onmessage = ({ data }) => {
      const answer = JSON.parse(data);
      ahead_ms = Math.min(ahead_ms, performance.now() - answer.at_ms);
      this.#follow(answer, answer.at_ms + ahead_ms);
    };
    this.events.onerror = () => this.events.readyState === EventSource.CLOSED && this.tell("changed");
  }

  async #end() {
    clearInterval(this.timer);
    if (camera === this) camera = null;
    this.#sender?.terminate();
    this.events?.close();
    this.peer?.close();
    const stream = await this.#stream?.catch(() => null);
    stream?.getTracks().forEach((track) => track.stop());
  }
}
