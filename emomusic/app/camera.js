// The question for the camera: whether it works, why not, and which other cameras there are.

const PROBLEMS = {
  NotAllowedError: "refused", SecurityError: "refused", NotFoundError: "absent",
  OverconstrainedError: "absent", NotReadableError: "busy", AbortError: "busy",
};
// Of the tab: the last question and its answer, and which component reports it
const asked = (window.emomusicCamera ??= { attempt: "", answer: null, element: null });

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

/** Id and name of the cameras besides one; a browser names none before it may use one. */
async function othersThan(device) {
  const devices = (await navigator.mediaDevices.enumerateDevices?.().catch(() => [])) ?? [];
  const cameras = devices.filter(({ kind, deviceId }) => kind === "videoinput" && deviceId);
  const used = device || cameras[0]?.deviceId; // the first one is the browser's choice
  const others = cameras.filter(({ deviceId }) => deviceId !== used);
  return others.map(({ deviceId, label }, number) => [deviceId, label || `Camera ${number + 2}`]);
}

async function tryCamera({ video, device, sends }) {
  if (missing(sends)) return { problem: missing(sends), others: [] };
  if (device) use(device);
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
    asked.used = stream.getVideoTracks()[0]?.getSettings().deviceId ?? device;
    stream.getTracks().forEach((track) => track.stop());
    return { problem: "", others: await othersThan(asked.used) };
  } catch ({ name }) {
    asked.used = device;
    return { problem: PROBLEMS[name] ?? "unsupported", others: await othersThan(device) };
  }
}

/** Ask for the camera once for each `data.attempt`, and answer with the problem, if any, also after another page. */
export default function ({ data, parentElement, setTriggerValue }) {
  const answer = (attempt, found) => setTriggerValue("answer", { attempt, ...found });
  if (!asked.wasChecked && missing(data.sends)) answer("", { problem: missing(data.sends), others: [] });
  asked.wasChecked = true;
  const { attempt } = data;
  if (navigator.mediaDevices) {
    // A camera that is plugged in or out
    navigator.mediaDevices.ondevicechange = async () => {
      const [others, devices] = [await othersThan(asked.used), await navigator.mediaDevices.enumerateDevices()];
      const has_any = devices.some(({ kind }) => kind === "videoinput");
      if (parentElement.isConnected) setTriggerValue("devices", { others, has_any });
    };
  }
  const isNew = attempt !== asked.attempt;
  if (attempt && (isNew || asked.element !== parentElement)) {
    if (isNew) asked.answer = tryCamera(data);
    Object.assign(asked, { attempt, element: parentElement });
    // From a page that was left, it would call the present page back while another one opens. A return asks again
    asked.answer.then((found) => parentElement.isConnected && answer(attempt, found));
  }
}
