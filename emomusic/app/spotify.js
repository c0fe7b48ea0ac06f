/**
 * Tells the server whether Spotify answers in this browser, if the server believes something else: when a page opens, when
 * the network changes, and again for each larger `number`.
 */
const SCRIPT = "https://open.spotify.com/embed/iframe-api/v1"; // of Spotify's players
const PATIENCE_MS = 3000;

function ask() {
  if (!navigator.onLine) return Promise.resolve(false);
  // The answer to a request without CORS cannot be read, but it tells that there is one
  const options = { mode: "no-cors", method: "HEAD", signal: AbortSignal.timeout(PATIENCE_MS) };
  return fetch(SCRIPT, options).then(() => true, () => false);
}

let end; // of the last call, see `bar.js`

export default function ({ data, setTriggerValue }) {
  end?.abort();
  const { signal } = (end = new AbortController());
  const tell = (answers) => signal.aborted || answers !== data.is_silent || setTriggerValue("answers", { answers });
  const renew = () => (window.emomusicSpotify = ask()).then(tell);
  for (const change of ["online", "offline"]) window.addEventListener(change, renew, { signal });
  const isAskedAgain = data.number > (window.emomusicAsked ?? 1);
  window.emomusicAsked = data.number;
  if (isAskedAgain) renew();
  else (window.emomusicSpotify ??= ask()).then(tell);
}
