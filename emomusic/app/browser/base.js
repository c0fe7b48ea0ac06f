/** A source that starts to sound sends this event to the window, and every other source pauses: see `player.js`. */
export const SOUND = "emomusic:sound";
export const tellSound = (source, more) => window.dispatchEvent(new CustomEvent(SOUND, { detail: { source, ...more } }));

/** The storage of this browser or of this tab; nothing is kept where the browser blocks it. */
export function storageOf(name) {
  try {
    return window[name];
  } catch {
    return {};
  }
}

/**
 * The base of the parts: the constructor mounts, `update` follows each call of Streamlit, `unmount` is the end.
 *
 * Streamlit ends some calls late, and others while their element is shown. So a part stops once its element is gone.
 */
export class Part {
  static #parts = new WeakMap();
  #end = new AbortController();

  /** Give a call of Streamlit to the part of its element. */
  static show(component) {
    const { parentElement: element, data } = component, before = Part.#parts.get(element);
    if (before && !element.isConnected) return; // a late call for an element that has left the page
    const template = element.querySelector(`template[data-part="${data.part}"]`); // Streamlit may redraw the element
    if (template || !before?.isShown) {
      before?.end();
      template?.replaceWith(template.content);
      Part.#parts.set(element, new this(element));
    }
    const part = Part.#parts.get(element);
    Object.assign(part, { component, data });
    part.update(data);
  }

  constructor(element) {
    this.element = element;
    this.every(500, () => {});
  }

  find(selector) {
    return this.element.querySelector(selector);
  }

  /** Call an act with the events of a target. */
  listen(target, names, act, options = {}) {
    const whileShown = (event) => (this.isShown ? act(event) : this.end());
    for (const name of names.split(" ")) target.addEventListener(name, whileShown, { ...options, signal: this.#end.signal });
  }

  /** Call an act again and again. */
  every(ms, act) {
    const timer = setInterval(() => (this.isShown ? act() : this.end()), ms);
    this.#end.signal.addEventListener("abort", () => clearInterval(timer));
  }

  get isShown() {
    return this.element.isConnected && !this.#end.signal.aborted;
  }

  /** Send a value to the server. A part outside the page sends nothing, as its page would return. */
  tell(name, value = true) {
    if (this.isShown) this.component.setTriggerValue(name, value);
  }

  end() {
    if (this.#end.signal.aborted) return;
    this.#end.abort();
    this.unmount();
  }

  update() {}

  unmount() {}
}
