const ANSWERS = "h1, .st-key-models-answer h2, .st-key-music-sentence h2, [class*='st-key-title-'] p";
const REST_MS = 300; // after the last change of the page

/** Read a new answer and a new song to screen readers, and keep the focus when Enter removes what had it. */
function announce() {
  const status = document.createElement("div");
  status.role = "status";
  status.style.cssText = "position: fixed; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%)";
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
  document.addEventListener("keydown", ({ key, target }) => (pressed = key === "Enter" ? target : null), true);
  document.addEventListener("pointerdown", () => (pressed = null), true);
  const changes = { childList: true, subtree: true, characterData: true };
  new MutationObserver(() => {
    clearTimeout(timer);
    timer = setTimeout(update, REST_MS);
  }).observe(document.getElementById("root"), changes);
  return status;
}

export default function ({ data }) {
  window.emomusicStatus ??= announce();
  if (window.emomusicVisit === data.visit) return;
  window.emomusicVisit = data.visit;
  if (data.query !== null) history.replaceState(history.state, "", location.pathname + data.query);
}
