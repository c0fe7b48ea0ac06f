/** The question for the camera, and on the Live page the camera with its marks. */
import { meanOf } from "./band.js";
import { Part } from "./base.js";
import { drawMarks, drawPlane } from "./recorder.js";

const PROBLEMS = {
  NotAllowedError: "refused", SecurityError: "refused", NotFoundError: "absent",
  OverconstrainedError: "absent", NotReadableError: "busy", AbortError: "busy",
};
// Enough for faces at a desk; two cores can decode and encode it
const VIDEO = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 24 }, facingMode: "user" };
// Of the tab: the last question and its answer, and which component reports it
const asked = (window.emomusicCamera ??= { attempt: "", problem: null, element: null });

function missing(sends) {
  if (!window.isSecureContext) return "insecure";
  const policy = document.permissionsPolicy ?? document.featurePolicy;
  if (window !== window.top && policy && !policy.allowsFeature("camera")) return "framed";
  if (sends && typeof OffscreenCanvas === "undefined") return "unsupported";
  return navigator.mediaDevices?.getUserMedia ? "" : "unsupported";
}

/** Let all parts of the page use this camera, Streamlit's own part too; "" leaves the choice to the browser. */
function use(device) {
  const { mediaDevices } = navigator;
  asked.ask ??= mediaDevices.getUserMedia.bind(mediaDevices);
  const withDevice = ({ facingMode, ...video }) => ({ ...video, deviceId: { exact: device } });
  mediaDevices.getUserMedia = (wanted) =>
    asked.ask(wanted.video && device ? { ...wanted, video: withDevice(Object(wanted.video)) } : wanted);
}

/** Id and name of the cameras besides one, and whether there is any; a browser names none before it may use one. */
async function findCameras(device) {
  const devices = (await navigator.mediaDevices?.enumerateDevices?.().catch(() => [])) ?? [];
  const cameras = devices.filter(({ kind }) => kind === "videoinput");
  const named = cameras.filter(({ deviceId }) => deviceId);
  const used = device || named[0]?.deviceId; // the first one is the browser's choice
  const others = named
    .filter(({ deviceId }) => deviceId !== used)
    .map(({ deviceId, label }, number) => [deviceId, label || `Camera ${number + 2}`]);
  return { others, has_any: cameras.length > 0 };
}

/** The problem of the camera; "" if it works. */
async function tryCamera({ device, sends }) {
  if (missing(sends)) return missing(sends);
  if (device) use(device);
  asked.used = device;
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: VIDEO, audio: false });
    asked.used = stream.getVideoTracks()[0]?.getSettings().deviceId ?? device;
    stream.getTracks().forEach((track) => track.stop());
    return "";
  } catch ({ name }) {
    return PROBLEMS[name] ?? "unsupported";
  }
}

/** Ask for the camera once for each `data.attempt`, and answer with the problem, if any, also after another page. */
class Question extends Part {
  update({ attempt, sends }) {
    // A camera that is plugged in or out
    if (navigator.mediaDevices) navigator.mediaDevices.ondevicechange = () => this.#answer();
    const isNew = attempt !== asked.attempt;
    const isFirst = !asked.problem && missing(sends);
    if (!isFirst && (!attempt || !(isNew || asked.element !== this.element))) return;
    if (isFirst || isNew) asked.problem = tryCamera(this.data);
    Object.assign(asked, { attempt, element: this.element });
    // An answer from a page that was left would bring that page back while another one opens. A return asks again
    this.#answer();
  }

  /** Send the answer with the present list of cameras: an earlier list would lack newly connected cameras. */
  async #answer() {
    const { attempt } = asked, problem = asked.element === this.element ? await asked.problem : null;
    this.tell("answer", { attempt, problem, ...(await findCameras(asked.used)) });
  }
}

/** Ask for the whole picture of the camera: in the shape of 4:3, a wide one cuts away people at its sides. */
async function inOwnShape(stream) {
  const [track] = stream.getVideoTracks();
  const { width, height } = track?.getCapabilities?.() ?? {};
  if (!width?.max || !height?.max) return;
  const wanted = { ...VIDEO, height: { ideal: Math.round((VIDEO.width.ideal * height.max) / width.max) } };
  await track.applyConstraints(wanted).catch(() => {}); // its own shape is good enough
}

export const live = { camera: null, layers: null }; // the parts of the Live page that are shown

const DRAWN_MS = 20; // between two drawings of the marks
const FRAME_MS = 30; // least time between two frames to the server
const [FEW_FACES, CROWD_MS] = [3, 72]; // the mean time with more faces, each of which the server reads in every frame
const STILL_MS = 1000; // longest time between two frames, also without a new one
const AHEAD_MS = 500; // longest time for which a mark moves without an answer
const LARGEST_SIDE = 640; // of a frame
const TRAIL = 100; // answers in the trail on the plane

/**
 * The camera with its marks. Its frames go to the `address` of the session one at a time, and each answer has the faces.
 * With the settings `ice`, WebRTC carries the frames, and the address sends the faces as events. `data.phase` is that of
 * the page, which must know when that of the answers differs. With `data.hasPlane`, the affect plane is in a corner.
 */
class Camera extends Part {
  #stream = null;
  #numShown = 0; // frames of the camera, when one was sent
  #sent_ms = -Infinity;
  #due_ms = -Infinity; // when the next frame may be sent
  #sender = null;
  #taken_ms = 0; // when the frame of the last answer was taken
  #isMarked = true;
  #told = ""; // the last phase that was sent to the page
  #drawn = ""; // an answer, with the places of its marks in pixels

  faces = []; // of the last answer, with the speed of each in shares of the picture per millisecond
  trail = []; // the means of the faces before, the oldest first

  constructor(element) {
    super(element);
    [this.video, this.canvas] = ["video", "canvas"].map((name) => this.find(name));
    live.camera = this;
    this.every(DRAWN_MS, () => this.#tick());
  }

  async update(data) {
    if (this.#stream) return;
    this.#stream = navigator.mediaDevices.getUserMedia({ video: VIDEO, audio: false });
    try {
      const stream = (this.video.srcObject = await this.#stream);
      stream.getTracks().forEach((track) => (track.onended = () => this.tell("lost")));
      await inOwnShape(stream);
      await this.video.play();
      if (!this.isShown) return; // STOP was pressed meanwhile
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
    live.layers?.mixer?.setPlace(this.faces);
    if (faces.length) this.trail = [...this.trail, meanOf(faces)].slice(-TRAIL);
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
    if (this.canvas.width !== width || this.canvas.height !== height) {
      Object.assign(this.canvas, { width, height });
      this.canvas.parentElement.style.setProperty("--ratio", width / height);
    }
    const marks = this.marks, places = marks.flatMap(({ box }) => box.map((share) => Math.round(share * width)));
    const drawn = [width, height, this.data.hasPlane, this.#taken_ms, ...places].join();
    if (drawn !== this.#drawn) {
      const context = this.canvas.getContext("2d");
      context.clearRect(0, 0, width, height);
      if (this.data.hasPlane) drawPlane(context, this.faces, this.trail, this.canvas);
      drawMarks(context, marks, this.canvas);
      this.#drawn = drawn;
    }
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

  async unmount() {
    if (live.camera === this) live.camera = null;
    this.#sender?.terminate();
    this.events?.close();
    this.peer?.close();
    const stream = await this.#stream?.catch(() => null);
    stream?.getTracks().forEach((track) => track.stop());
  }
}

export { Question as question, Camera as camera };
