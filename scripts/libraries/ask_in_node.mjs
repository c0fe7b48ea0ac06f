// Write the answers of a JavaScript library for labelled photos, from the folder where it is installed:
//   node ask_in_node.mjs face-api-ssd|face-api-tiny|human DIR > ANSWERS.csv
import { readFile, readdir } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";

const installed = (...parts) => join(process.cwd(), "node_modules", ...parts);
const require = createRequire(import.meta.url);
const sharp = require(installed("sharp"));
const wasmFolder = `${installed("@tensorflow", "tfjs-backend-wasm", "dist")}/`;
const EMOTIONS = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"];

async function faceApi(detector) {
  const faceapi = require(installed("@vladmandic", "face-api", "dist", "face-api.node-wasm.js"));
  require(installed("@tensorflow", "tfjs-backend-wasm")).setWasmPaths(wasmFolder);
  await faceapi.tf.setBackend("wasm");
  await faceapi.tf.ready();
  const models = installed("@vladmandic", "face-api", "model");
  for (const net of [detector, "faceLandmark68Net", "faceExpressionNet"]) await faceapi.nets[net].loadFromDisk(models);
  const names = { angry: "angry", disgust: "disgusted", fear: "fearful", happy: "happy", sad: "sad", surprise: "surprised", neutral: "neutral" };
  const options = detector === "tinyFaceDetector" ? new faceapi.TinyFaceDetectorOptions() : new faceapi.SsdMobilenetv1Options();
  return async (data, shape) => {
    const picture = faceapi.tf.tensor3d(data, shape, "int32");
    const found = await faceapi.detectAllFaces(picture, options).withFaceLandmarks().withFaceExpressions();
    picture.dispose();
    return found.map(({ detection, expressions }) => ({
      area: detection.box.area,
      answer: EMOTIONS.map((emotion) => expressions[names[emotion]]),
    }));
  };
}

async function human() {
  const { Human } = require(installed("@vladmandic", "human", "dist", "human.node-wasm.js"));
  // The library loads its models over HTTP
  const models = installed("@vladmandic", "human-models", "models");
  const server = createServer(async (request, response) => {
    try {
      response.end(await readFile(join(models, new URL(request.url, "http://localhost").pathname)));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  const off = { enabled: false };
  const instance = new Human({
    backend: "wasm",
    wasmPath: wasmFolder,
    modelBasePath: `http://127.0.0.1:${server.address().port}/`,
    cacheSensitivity: 0, // consecutive images are unrelated
    filter: off,
    face: { detector: { maxDetected: 10, rotation: true }, emotion: { enabled: true, minConfidence: 0, skipFrames: 0, skipTime: 0 }, iris: off },
    body: off, hand: off, object: off, gesture: off,
  });
  await instance.init();
  return async (data, shape) => {
    const picture = instance.tf.tensor4d(data, [1, ...shape], "int32");
    const { face, error } = await instance.detect(picture);
    instance.tf.dispose(picture);
    if (error) throw new Error(error);
    return face.map(({ box, emotion = [] }) => ({
      area: box[2] * box[3],
      answer: EMOTIONS.map((name) => emotion.find((one) => one.emotion === name)?.score ?? 0),
    }));
  };
}

const [library, folder] = process.argv.slice(2);
const libraries = {
  "face-api-ssd": () => faceApi("ssdMobilenetv1"),
  "face-api-tiny": () => faceApi("tinyFaceDetector"),
  human,
};
const ask = await libraries[library]();
const pictures = (await readdir(folder, { recursive: true })).filter((name) => /\.(jpe?g|png|webp)$/i.test(name)).sort();
const read = async (name) => {
  const { data, info } = await sharp(join(folder, name)).rotate().removeAlpha().toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
  return [data, [info.height, info.width, info.channels]];
};
console.log(["picture", ...EMOTIONS].join());
for (const name of pictures) {
  const faces = await ask(...(await read(name)));
  const largest = faces.sort((a, b) => b.area - a.area)[0];
  console.log([name, ...(largest?.answer ?? EMOTIONS.map(() => ""))].join());
}
process.exit(0);
