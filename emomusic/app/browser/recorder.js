// A clip to keep: the mirrored picture with marks and the moving point, and the music. It stays in the browser.

const FRAMES_PER_S = 25;
const TYPES = [
  "video/mp4;codecs=avc1.42E01F,mp4a.40.2", // plays on every phone
  "video/webm;codecs=vp8,opus",
  "video/mp4",
  "video/webm",
];

const between = (value) => Math.min(Math.max(value, -1), 1);

/** Draw frames and names of faces. A box is x, y, width and height, as shares of the mirrored picture. */
export function drawMarks(context, marks, { width, height }) {
  context.lineWidth = Math.max(2, width / 240);
  context.font = `600 ${Math.max(14, width / 32)}px sans-serif`;
  context.textBaseline = "bottom";
  for (const { box: [x, y, w, h], label, colour, ink, isHollow } of marks) {
    const [plate, letters] = isHollow ? [ink, colour] : [colour, ink];
    const left = x * width;
    [context.strokeStyle, context.fillStyle] = [colour, plate];
    context.strokeRect(left, y * height, w * width, h * height);
    const { width: length, fontBoundingBoxAscent: ascent } = context.measureText(label);
    context.fillRect(left - context.lineWidth / 2, y * height - ascent, length + 8, ascent);
    context.fillStyle = letters;
    context.fillText(label, left + 4, y * height);
  }
}

function drawPlane(context, points, { width, height }) {
  const side = Math.min(width, height) / 4;
  const [left, top, half] = [width - side * 1.1, height - side * 1.1, side / 2];
  context.fillStyle = "rgba(255, 255, 255, 0.8)";
  context.fillRect(left, top, side, side);
  context.fillStyle = "rgba(0, 0, 0, 0.3)";
  context.fillRect(left, top + half, side, 1);
  context.fillRect(left + half, top, 1, side);
  for (const { valence, arousal, colour } of points) {
    context.fillStyle = colour;
    context.beginPath();
    context.arc(left + half * (1 + between(valence)), top + half * (1 - between(arousal)), side / 20, 0, 2 * Math.PI);
    context.fill();
  }
}

function drawFrame(canvas, video, { marks, points }) {
  const context = canvas.getContext("2d");
  context.setTransform(-1, 0, 0, 1, canvas.width, 0);
  context.drawImage(video, 0, 0, canvas.width, canvas.height);
  context.resetTransform();
  drawMarks(context, marks, canvas);
  drawPlane(context, points, canvas);
}

/**
 * Record a clip.
 *
 * @param video the playing picture.
 * @param sound an AudioNode, such as the output of the mixer; null for a silent clip.
 * @param state gives the {marks, points} of a frame.
 * @param signal an AbortSignal, which ends the clip early.
 * @returns a Blob; its type tells the format.
 */
export async function recordClip({ video, sound, state, seconds = 15, signal }) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const draw = () => drawFrame(canvas, video, state());
  draw();
  const stream = canvas.captureStream(FRAMES_PER_S);
  const tap = sound && new MediaStreamAudioDestinationNode(sound.context);
  if (tap) sound.connect(tap);
  tap?.stream.getTracks().forEach((track) => stream.addTrack(track));
  const recorder = new MediaRecorder(stream, { mimeType: TYPES.find((type) => MediaRecorder.isTypeSupported(type)) });
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const timer = setInterval(draw, 1000 / FRAMES_PER_S);
  try {
    await new Promise((resolve, reject) => {
      const stop = () => recorder.state !== "inactive" && recorder.stop();
      recorder.onstop = resolve;
      recorder.onerror = ({ error }) => reject(error);
      signal?.addEventListener("abort", stop);
      recorder.start();
      setTimeout(stop, seconds * 1000);
    });
  } finally {
    clearInterval(timer);
    if (tap) sound.disconnect(tap);
    stream.getTracks().forEach((track) => track.stop());
  }
  return new Blob(parts, { type: recorder.mimeType });
}

/** Let the browser save a clip; returns its address, which holds its bytes until it is revoked. */
export function saveClip(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${name}.${blob.type.startsWith("video/mp4") ? "mp4" : "webm"}`;
  link.click();
  return link.href;
}
