// The question for the camera: whether it works, why not, and which other cameras there are.

const PROBLEMS = {
  NotAllowedError: "refused", SecurityError: "refused", NotFoundError: "absent",
  OverconstrainedError: "absent", NotReadableError: "busy", AbortError: "busy",
};
// Of the tab: the last question and its answer, and which component reports it
const asked = (window.emomusicCamera ??= { attempt: "", answer: null, element: null });

function missing() {
  if (!window.isSecureContext) return "insecure";
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

async function tryCamera(video, device) {
  if (missing()) return { problem: missing(), others: [] };
  if (device) use(device);
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
    stream.getTracks().forEach((track) => track.stop());
    return { problem: "", others: [] };
  } catch ({ name }) {
    const devices = (await navigator.mediaDevices.enumerateDevices?.().catch(() => [])) ?? [];
    const cameras = devices.filter(({ kind, deviceId }) => kind === "videoinput" && deviceId);
    const failed = device || cameras[0]?.deviceId; // the first one is the browser's choice
    const others = cameras.filter(({ deviceId }) => deviceId !== failed);
    const named = others.map(({ deviceId, label }, number) => [deviceId, label || `Camera ${number + 2}`]);
    return { problem: PROBLEMS[name] ?? "unsupported", others: named };
  }
}

/** Ask for the camera once for each `data.attempt`, and answer with the problem, if any, also after another page. */
export default function ({ data, parentElement, setTriggerValue }) {
  const answer = (attempt, found) => setTriggerValue("answer", { attempt, ...found });
  if (!asked.wasChecked && missing()) answer("", { problem: missing(), others: [] });
  asked.wasChecked = true;
  const { attempt, video, device } = data;
  const isNew = attempt !== asked.attempt;
  if (attempt && (isNew || asked.element !== parentElement)) {
    if (isNew) asked.answer = tryCamera(video, device);
    Object.assign(asked, { attempt, element: parentElement });
    // From a page that was left, it would call the present page back while another one opens. A return asks again
    asked.answer.then((found) => parentElement.isConnected && answer(attempt, found));
  }
}
