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

let corner = 0; // of the plane, which it keeps until a face moves there

/** Draw the affect plane in a corner without a face: the trail of the faces, oldest first, and each face with its number. */
export function drawPlane(context, points, trail, { width, height }) {
  const half = Math.min(width, height) / 6, letter = Math.max(half / 6, 9);
  // Words stand in the upper left corner, and the band at the lower edge
  const [near, right, low] = [half * 1.15, width - half * 1.15, height - half * 1.9], places = [[right, near], [right, low], [near, low]];
  const isFree = ([left, top]) => points.every(({ box: [x, y, w, h] }) =>
    Math.max(x * width - left, left - (x + w) * width, y * height - 2 * letter - top, top - (y + h) * height) > near);
  if (!isFree(places[corner])) corner = Math.max(places.findIndex(isFree), 0);
  const [left, top] = places[corner];
  const at = ({ valence, arousal }) => [left + half * between(valence), top - half * between(arousal)];
  const disc = (place, radius, colour) => {
    context.fillStyle = colour;
    context.beginPath();
    context.arc(...place, radius, 0, 2 * Math.PI);
    context.fill();
  };
  disc([left, top], half * 1.1, "rgba(255, 255, 255, 0.85)");
  context.fillStyle = "rgba(0, 0, 0, 0.3)";
  context.fillRect(left - half, top, 2 * half, 1);
  context.fillRect(left, top - half, 1, 2 * half);
  [context.fillStyle, context.textBaseline, context.textAlign] = ["#222", "middle", "center"];
  context.font = `${letter}px sans-serif`;
  context.fillText("awake", left, top - half + letter / 2);
  context.fillText("drowsy", left, top + half - letter / 2);
  context.fillText("unpleasant", left - half / 2, top - letter / 1.5);
  context.fillText("pleasant", left + half / 2, top - letter / 1.5);
  trail.forEach((place, number) => disc(at(place), half / 24, `rgba(90, 90, 100, ${(number + 1) / trail.length})`));
  context.font = `600 ${letter}px sans-serif`;
  for (const { number, colour, ink, isHollow, ...place } of points) {
    disc(at(place), letter * 0.75, colour);
    if (isHollow) disc(at(place), letter * 0.6, "white");
    context.fillStyle = isHollow ? "#222" : ink;
    context.fillText(number, ...at(place));
  }
  context.textAlign = "start";
}

function drawFrame(canvas, video, { marks, points, trail = [] }) {
  const context = canvas.getContext("2d");
  context.setTransform(-1, 0, 0, 1, canvas.width, 0);
  context.drawImage(video, 0, 0, canvas.width, canvas.height);
  context.resetTransform();
  drawPlane(context, points, trail, canvas);
  drawMarks(context, marks, canvas);
}

/**
 * Record a clip.
 *
 * @param video the playing picture.
 * @param sound an AudioNode, such as the output of the mixer; null for a silent clip.
 * @param state gives the {marks, points, trail} of a frame.
 * @param signal an AbortSignal, which ends the clip early.
 * @returns a File.
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
  const [type] = recorder.mimeType.split(";"); // with codecs, no app takes it
  return new File(parts, `emomusic-live.${type === "video/mp4" ? "mp4" : "webm"}`, { type });
}

/** Let the browser save a clip; returns its address, which holds its bytes until it is revoked. */
export function saveClip(clip) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(clip);
  link.download = clip.name;
  link.click();
  return link.href;
}
