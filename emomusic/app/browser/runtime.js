/** The script that every page needs in the browser, mounted once by `app.py`; and the bar of the player. */
import { Bar } from "./bar.js";
import { Part, storageOf } from "./base.js";
import { offerTables } from "./charts.js";

const ANSWERS = "h1, .st-key-models-answer h2, .st-key-music-sentence h2, [class*='st-key-title-'] p";
const REST_MS = 300; // after the last change of the page
const SAID_MS = 12000;
const HIDDEN = "position: fixed; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%)";
const SAYS = `position: fixed; inset: auto 0 7rem; margin: auto; width: fit-content; max-width: min(36rem, 90vw);
  padding: 0.75rem 1rem; border-radius: 8px; border: 2px solid; z-index: 1000000; cursor: pointer;
  color: var(--st-text-color, CanvasText); background: var(--st-background-color, Canvas);
  font: 1rem var(--st-font, sans-serif)`;

/** Show a sentence above the page for some seconds. */
function say(text) {
  const note = (window.emomusicNote ??= document.createElement("div"));
  note.role = "alert";
  note.style.cssText = SAYS;
  note.onclick = () => note.remove();
  note.textContent = text;
  (document.querySelector(".stApp") ?? document.body).append(note);
  clearTimeout(note.timer);
  note.timer = setTimeout(() => note.remove(), SAID_MS);
}

let openTab = null;

/** Scroll a row of tabs, which is wider than a phone, to one that has opened outside of the window. */
function showOpenTab() {
  const tab = document.querySelector("[role=tablist] [aria-selected=true]");
  if (tab && tab !== openTab) {
    const row = tab.parentElement, [{ left, right }, edge] = [tab, row].map((part) => part.getBoundingClientRect());
    row.scrollLeft += Math.max(right - edge.right, 0) + Math.min(left - edge.left, 0);
  }
  openTab = tab;
}

/** Read a new answer and a new song to screen readers, and keep the focus when Enter removes the focused element. */
function announce() {
  const status = document.createElement("div");
  status.role = "status";
  status.style.cssText = HIDDEN;
  document.body.append(status);
  let [pressed, timer] = [null, 0];
  const update = () => {
    const answers = [...document.querySelectorAll(ANSWERS)];
    const text = answers.map((answer) => answer.innerText).join(". ");
    if (text !== status.textContent) status.textContent = text;
    if (!pressed || pressed.isConnected || !answers.length) return;
    pressed = document.activeElement === document.body ? answers[0] : null; // which may be replaced too
    if (!pressed) return;
    pressed.tabIndex = -1;
    pressed.focus();
  };
  document.addEventListener("keydown", ({ key, target }) => (pressed = ["Enter", " "].includes(key) ? target : null), true);
  document.addEventListener("pointerdown", () => (pressed = null), true);
  const changes = { childList: true, subtree: true, characterData: true };
  const rest = () => {
    clearTimeout(timer);
    timer = setTimeout(() => (update(), explainRefusals(), showOpenTab()), REST_MS);
  };
  rest(); // for content that is older than this script
  new MutationObserver((records) => {
    records.forEach(followTranslation);
    rest();
  }).observe(document.body, changes);
  return status;
}

const translated = new WeakMap(); // the element that shows the translation of a text, by the text that React knows

/** A translation replaces texts by elements. React still changes and removes the texts, so the elements follow. */
function followTranslation({ addedNodes, removedNodes, previousSibling, nextSibling }) {
  const beside = [...addedNodes, previousSibling, nextSibling];
  const shown = beside.find((node) => node?.nodeName === "FONT" && node.isConnected);
  for (const text of shown ? removedNodes : []) {
    if (text.nodeType !== Node.TEXT_NODE || text.isConnected || translated.has(text)) continue;
    translated.set(text, shown);
    const own = Object.getOwnPropertyDescriptor(Node.prototype, "nodeValue");
    const set = (value) => (own.set.call(text, value), text.isConnected || (shown.textContent = value));
    for (const name of ["nodeValue", "data", "textContent"]) {
      Object.defineProperty(text, name, { get: () => own.get.call(text), set, configurable: true });
    }
  }
}

/** Let React remove a text that a translation has removed, or put something before it. */
function bearTranslation() {
  const { removeChild, insertBefore } = Node.prototype;
  const standIn = (node, parent) => (node && node.parentNode !== parent ? translated.get(node) ?? node : node);
  Node.prototype.removeChild = function (child) {
    const shown = standIn(child, this);
    return shown.parentNode === this ? removeChild.call(this, shown) : child;
  };
  Node.prototype.insertBefore = function (node, before) {
    const shown = standIn(before, this);
    return insertBefore.call(this, node, shown?.parentNode === this ? shown : null);
  };
}

/** Say why a proxy or the server refused an upload. Streamlit shows only the status number, in a hidden menu. */
const MESSAGES = ".stFileUploader *";
const STATUS = /status code (\d{3})/;
const refusal = (status) => {
  if (status === 413) return "The server takes no file of this size now. Its owner can raise the limit of a proxy.";
  if (status === 403) return "The server refused this upload. Open the page again; else its owner has to allow uploads.";
  if (status === 408) return "The file did not arrive in time. Try again with a better connection.";
  if (status === 507) return "The server cannot write this file. Its owner has to make room for temporary files.";
  return status >= 500 ? "The server does not answer. Try again in a minute; else tell its owner." : null;
};

const explained = new Map(); // the note below a drop zone, by the message that is too small to see

function explainRefusals() {
  for (const [shown, note] of explained) if (!shown.isConnected) explained.delete(shown, note.remove());
  for (const shown of document.querySelectorAll(MESSAGES)) {
    const found = shown.childElementCount ? null : STATUS.exec(shown.textContent);
    const text = found && refusal(Number(found[1]));
    if (!text) continue;
    const isSeen = shown.getBoundingClientRect().width >= 24;
    shown.textContent = isSeen ? text : "";
    if (isSeen) continue;
    const note = Object.assign(document.createElement("div"), { role: "alert", textContent: text });
    note.style.cssText = "padding: 0.5rem; border: 2px solid; border-radius: 8px; font-size: 0.875rem; max-width: 20rem";
    shown.closest(".stFileUploader").append(note);
    explained.set(shown, note);
  }
}

const TYPED = "input, textarea, [contenteditable]";
const ADDRESS = "This is an address, not a file. Save the picture first, then drop the file here.";
const DROP_ZONE = '[data-testid="stFileUploaderDropzone"]';
const PATIENCE_MS = 8000;

/** Let Streamlit's drop zone take the files. Before, press what the page names, one after the other, until it is there. */
async function giveFiles(files, drop) {
  const ways = [...drop], end = Date.now() + PATIENCE_MS;
  while (Date.now() < end) {
    const input = document.querySelector(`${DROP_ZONE} input[type=file]:enabled`);
    if (input) {
      const all = new DataTransfer();
      [...files].slice(0, input.multiple ? undefined : 1).forEach((file) => all.items.add(file));
      input.files = all.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
      return;
    }
    const way = ways.findIndex((selector) => document.querySelector(selector));
    if (way >= 0) document.querySelector(ways.splice(0, way + 1).at(-1)).click();
    await new Promise((resume) => setTimeout(resume, 500));
  }
  say("This page takes no file now. Open Photo, Film or Music, and try again.");
}

const SCROLLS = ["PageDown", "PageUp", "Home", "End", "ArrowDown", "ArrowUp", " "];
const toggleFullScreen = () =>
  document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen?.().catch(() => {});

/** Of Spotify's players. The answer to a request without CORS cannot be read, but it proves that the player answers. */
const SCRIPT = "https://open.spotify.com/embed/iframe-api/v1";
function askSpotify() {
  if (!navigator.onLine) return Promise.resolve(false);
  const options = { mode: "no-cors", method: "HEAD", signal: AbortSignal.timeout(3000) };
  return fetch(SCRIPT, options).then(() => true, () => false);
}

const isAt = (page) => location.pathname.endsWith(`/${page}`);

/** After Back or Forward, a run that began before would add its own page to the history, and cut what follows. */
function keepHistory() {
  const { pushState } = history, rest = ({ isTrusted, altKey }) => isTrusted && !altKey && (window.emomusicSteps = false);
  history.pushState = (...step) => window.emomusicSteps || pushState.apply(history, step);
  window.addEventListener("popstate", () => (window.emomusicSteps ||= !isAt(document.documentElement.dataset.page)));
  for (const name of ["click", "keydown"]) document.addEventListener(name, rest, true);
}

/** Runs add to the history again once the page of the last step has run, and none goes on: of three steps, the first
    and the last may lead to one page. */
function awaitLastStep() {
  clearTimeout(window.emomusicLastStep);
  window.emomusicLastStep = setTimeout(() => {
    const { testScriptState } = document.querySelector("[data-test-script-state]")?.dataset ?? {};
    if (testScriptState === "notRunning" && isAt(document.documentElement.dataset.page)) window.emomusicSteps = false;
    else if (window.emomusicSteps) awaitLastStep();
  }, REST_MS);
}

class Runtime extends Part {
  #isAway = false; // without a connection, or before the first run after one
  #missed = null; // the last press in this time
  #session = "";

  constructor(element) {
    super(element);
    if (!window.emomusicStatus) {
      bearTranslation();
      keepHistory();
      offerTables();
    }
    window.emomusicStatus ??= announce();
    this.listen(document, "keydown", (event) => this.#press(event), { capture: true });
    this.listen(document, "click", (event) => this.#click(event), { capture: true });
    this.listen(document, "paste", (event) => this.#paste(event));
    this.listen(window, "dragover", (event) => {
      if (!this.#isForeign(event)) return;
      event.preventDefault();
      document.body.classList.toggle("takes-drop", Boolean(this.data.drop));
    });
    const rest = (event) => event.relatedTarget || document.body.classList.remove("takes-drop");
    this.listen(window, "dragleave drop", rest, { capture: true });
    this.listen(window, "drop", (event) => this.#drop(event));
    this.listen(window, "online offline", () => this.#renewSpotify());
    this.#watchConnection();
  }

  update(data) {
    const isOlder = window.emomusicSteps && !isAt(data.page); // than the last step
    if (window.emomusicSteps) awaitLastStep();
    if (!isOlder && window.emomusicVisit !== data.visit) {
      window.emomusicVisit = data.visit;
      if (data.query !== null) history.replaceState(history.state, "", location.pathname + data.query);
    }
    document.documentElement.dataset.page = data.page; // for the styles
    document.documentElement.toggleAttribute("data-large", data.large);
    this.#keep(data);
    const isAskedAgain = data.spotify.number > (window.emomusicAsked ?? 1);
    window.emomusicAsked = data.spotify.number;
    if (isAskedAgain) this.#renewSpotify();
    else this.#tellSpotify((window.emomusicSpotify ??= askSpotify()));
    if (this.#isAway && (data.session !== this.#session || data.returns !== this.returns)) this.#arrive();
    [this.#session, this.returns] = [data.session, data.returns];
  }

  /** Remember the visitor's data of the session in this tab, and report it to a new session. */
  #keep({ session, tokens, held }) {
    const tab = storageOf("sessionStorage");
    const before = tab.emomusicHeld ? JSON.parse(tab.emomusicHeld) : {};
    const isOther = before.session && before.session !== session && window.emomusicTold !== session;
    if (isOther && before.held.length) {
      window.emomusicTold = session;
      this.tell("back", { tokens: before.tokens, held: before.held });
      return; // another reload may come before the server has answered
    }
    tab.emomusicHeld = JSON.stringify({ session, tokens, held });
  }

  // Streamlit never reruns an idle page, and a new session forgets the first press
  #watchConnection() {
    const app = document.querySelector("[data-test-connection-state]");
    if (!app) return;
    const watch = new MutationObserver(() => {
      if (!this.isShown) return watch.disconnect();
      const isConnected = app.dataset.testConnectionState === "CONNECTED";
      if (isConnected && this.#isAway) this.tell("returned", Date.now());
      else if (!isConnected) this.#isAway = true;
    });
    watch.observe(app, { attributeFilter: ["data-test-connection-state"] });
  }

  /** Repeat a press from before the page had run again, or name it. */
  async #arrive() {
    this.#isAway = false;
    const missed = this.#missed;
    this.#missed = null;
    for (let tries = 0; missed && tries < 20; tries++) {
      await new Promise((resume) => setTimeout(resume, 500));
      const found = [...document.querySelectorAll(missed.where)].find((one) => one.textContent === missed.text && !one.disabled);
      if (found) return found.click();
    }
    if (missed) say(`The connection was lost. “${missed.text}” is no longer there, or has to be pressed again.`);
  }

  #click(event) {
    if (event.isTrusted && this.data.page === "how_it_works" && event.target.closest?.(".st-key-how-full button")) toggleFullScreen();
    if (event.isTrusted && event.target.closest?.(".st-key-print button")) window.print();
    const pressed = this.#isAway && event.isTrusted && event.target.closest?.(".stMain button, .stMain [role=radio]");
    if (!pressed) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const key = [...(pressed.closest("[class*='st-key-']")?.classList ?? [])].find((name) => name.startsWith("st-key-"));
    this.#missed = { where: `${key ? `.${CSS.escape(key)} ` : ""}${pressed.localName}`, text: pressed.textContent };
    say("The connection was lost. EmoMusic reconnects, and then does what you pressed.");
  }

  // Browsers send scroll keys to the focused element. After loading or a click in the header, that is not the main part.
  // A browser shows the full screen only in answer to a key or a click, so the server cannot ask for it
  #press(event) {
    if (this.data.page !== "how_it_works") return;
    if (SCROLLS.includes(event.key) && document.activeElement?.matches("body, .stAppHeader a")) {
      document.querySelector(".stMain")?.focus({ preventScroll: true });
    }
    const isTyped = event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(TYPED);
    if (event.key.toLowerCase() === "f" && !isTyped) toggleFullScreen();
  }

  #isForeign({ dataTransfer }) {
    return ["Files", "text/uri-list"].some((type) => dataTransfer?.types.includes(type));
  }

  #paste({ clipboardData, target }) {
    if (!clipboardData || target.closest?.(TYPED)) return;
    const [html, text] = ["text/html", "text/plain"].map((type) => clipboardData.getData(type).trim());
    if (clipboardData.files.length) this.#take(clipboardData.files);
    else if (/<img\s/i.test(html) || /^https?:\S+$/.test(text)) say(ADDRESS);
  }

  #drop(event) {
    if (!this.#isForeign(event)) return;
    const { files } = event.dataTransfer;
    if (event.target.closest?.(files.length ? DROP_ZONE : TYPED)) return;
    event.preventDefault();
    if (files.length) this.#take([...files]);
    else say(ADDRESS);
  }

  #take(files) {
    if (this.data.drop) giveFiles(files, this.data.drop);
    else say("This page takes no files here. Photos are taken on Photo, films on Film, songs and tables on Music.");
  }

  #renewSpotify() {
    this.#tellSpotify((window.emomusicSpotify = askSpotify()));
  }

  async #tellSpotify(asked) {
    const answers = await asked;
    if (asked === window.emomusicSpotify && answers === this.data.spotify.is_silent) this.tell("answers", { answers });
  }
}

export { Bar as bar, Runtime as runtime };
