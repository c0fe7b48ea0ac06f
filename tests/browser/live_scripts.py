"""Scripts that the tests of the Live page run in the browser."""

# Keeps the streams of the camera
KEEP_CAMERAS = """
let cameras = [];
try { cameras = top.cameras ??= cameras; } catch {}  // Spotify's frame has another origin
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => {
  const stream = await ask(wanted);
  cameras.push(stream);
  return stream;
};
"""
IS_CAMERA_FREE = "top.cameras.every((stream) => stream.getTracks().every((track) => track.readyState === 'ended'))"
IS_MARKED = """() => {
  const marks = document.querySelector(".st-key-live-frames [data-testid='stBidiComponentIsolated']")
    ?.shadowRoot.querySelector("canvas");
  if (!marks?.width) return false;
  return marks.getContext("2d").getImageData(0, 0, marks.width, marks.height).data.some((value) => value > 0);
}"""

# Waits until the band has the gains of the place of a face
FOLLOW = """async ([valence, arousal]) => {
  const loaded = performance.getEntriesByType("resource").map(({ name }) => name);
  const { placeGains } = await import(loaded.find((name) => name.endsWith("/band.js")));
  const band = window.emomusicBand, { setPlace } = band;
  let [place, isNear] = [null, false];
  band.setPlace = (places) => {
    setPlace.call(band, places);
    [place] = places;
    isNear ||= place && Math.hypot(place.valence - valence, place.arousal - arousal) < 0.3;
  };
  delete window.followed;
  const timer = setInterval(() => {
    if (!isNear || !place) return;
    const { gains } = placeGains(place.valence, place.arousal);
    const now = band.seats[0].gains;
    if (!Object.keys(gains).every((loop) => Math.abs(gains[loop] - now[loop]) < 0.15)) return;
    clearInterval(timer);
    delete band.setPlace;
    window.followed = true;
  }, 20);
}"""
LAYERS = "[...document.querySelector('.st-key-live-band [data-testid=stBidiComponentIsolated]').shadowRoot"
LAYERS += ".querySelectorAll('.layer b')].map((block) => block.style.cssText).join()"

# The level of the last moments in dB, where 0 is the loudest; -120 for silence. Its argument is a mixer
LEVEL_DB = """((mixer) => {
  const output = mixer?.output;
  if (!output) return -120;
  const meter = (output.meter ??= output.connect(new AnalyserNode(output.context, { fftSize: 4096 })));
  const samples = new Float32Array(meter.fftSize);
  meter.getFloatTimeDomainData(samples);
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  return Math.max(10 * Math.log10(power), -120);
})"""

# The first camera is in use by another program; the second one shows a moving surface
TWO_CAMERAS = """navigator.mediaDevices.enumerateDevices = async () => ["built-in", "usb"].map((deviceId) => ({
  kind: "videoinput", deviceId, label: `The ${deviceId} camera`,
}));
navigator.mediaDevices.getUserMedia = async ({ video }) => {
  if (video.deviceId?.exact !== "usb") throw new DOMException("", "NotReadableError");
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
  const context = canvas.getContext("2d");
  setInterval(() => context.fillRect(Date.now() % 300, 9, 9, 9), 100);
  return canvas.captureStream(10);
};"""

# The number of a later round and its task, once both are shown with the player's bar; 8 after the game
LATER_ROUND = """number => {
  if (document.querySelector(".st-key-live-game-again")) return [8, ""];
  const text = document.body.innerText, [shown, task] = [text.match(/Round ([1-7]) of 7/), text.match(/^Look .*/m)];
  return shown?.[1] > number && task && document.querySelector('[role="meter"]') && [Number(shown[1]), task[0]];
}"""

TIMELINE = """() => {
  const chart = document.querySelector(".st-key-live-timeline .js-plotly-plot");
  return chart && chart.data ? chart.data[0].x.length : 0;
}"""

# Rows of the group and four faces, in the order of the plane. Two planes may exist for a moment, the new one first
FOUR_ROWS_AND_POINTS = """() => {
  const rows = document.querySelector(".st-key-live-rows .js-plotly-plot")?.data?.[0].y ?? [];
  const plane = document.querySelector(".st-key-live-plane .js-plotly-plot")?.data ?? [];
  const texts = plane.find(trace => trace.name === "faces")?.text ?? [];
  const numbers = texts.map(text => text.replace(/<[/]?b>/g, "")).filter(text => /^[0-9]+$/.test(text));
  return rows.length === 5 && rows.join() === ["Everyone", ...numbers.map(number => `Face ${number}`)].join();
}"""
