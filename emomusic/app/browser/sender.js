// A worker that sends the newest picture of the camera, one at a time, because a page that draws charts would hold it up.
// Takes pictures with their address and time, and gives the answers, or null without one, with the time.

const JPEG = { type: "image/jpeg", quality: 0.75 };
const PATIENCE_MS = 5000;
const AGAIN_MS = 2000; // until the next try after a failure

let [newest, isSending] = [null, false];

async function send({ address, picture }) {
  const shot = new OffscreenCanvas(picture.width, picture.height);
  shot.getContext("bitmaprenderer").transferFromImageBitmap(picture);
  const body = await shot.convertToBlob(JPEG);
  const answer = await fetch(address, { method: "POST", body, signal: AbortSignal.timeout(PATIENCE_MS) });
  return answer.json();
}

onmessage = async ({ data }) => {
  newest?.picture.close();
  newest = data;
  if (isSending) return;
  isSending = true;
  while (newest) {
    const sent = newest;
    newest = null;
    const answer = await send(sent).catch(() => null); // the session is over, or the network is gone
    if (!answer) await new Promise((resume) => setTimeout(resume, AGAIN_MS));
    postMessage({ answer, taken_ms: sent.taken_ms });
  }
  isSending = false;
};
