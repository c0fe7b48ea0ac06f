const KEYS = ["PageDown", "PageUp", "Home", "End", "ArrowDown", "ArrowUp", " "];
function focusMain(event) {
  if (!KEYS.includes(event.key)) return;
  if (!document.activeElement?.matches('body, [data-testid="stHeader"] a')) return;
  document.querySelector('[data-testid="stMain"]')?.focus({ preventScroll: true });
}
function toggle() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen?.().catch(() => {});
}
function press(event) {
  const isTyped = event.target.closest?.("input, textarea, [contenteditable]");
  if (event.key.toLowerCase() === "f" && !event.ctrlKey && !event.metaKey && !event.altKey && !isTyped) toggle();
}
function click(event) {
  if (event.isTrusted && event.target.closest?.(".st-key-how-full button")) toggle();
}
const LISTENERS = [["keydown", focusMain], ["keydown", press], ["click", click]];
export default function () {
  for (const [name, listener] of LISTENERS) document.addEventListener(name, listener, true);
  return () => { for (const [name, listener] of LISTENERS) document.removeEventListener(name, listener, true); };
}
