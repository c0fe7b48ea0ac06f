/** A photo at several moments, with a scrubber: its pixels as numbers, the whole, and the boxes that are found in it. */
import { Part } from "./base.js";

const MOMENT_MS = 3500; // while it plays
const MANY = 30, NAMED = 8; // boxes: more have thin lines, or no confidence
const STILL = matchMedia("(prefers-reduced-motion: reduce)");

function made(name, attributes, text = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
}

class Moments extends Part {
  #number = 0;
  #plays = false;
  #told = []; // moments that were sent to the page and are not answered

  constructor(element) {
    super(element);
    [this.scrubber, this.button, this.svg] = ["input", "button", "svg"].map((name) => this.find(name));
    this.scrubber.oninput = () => this.#show(Number(this.scrubber.value));
    this.scrubber.onchange = () => this.#choose(this.#number);
    this.scrubber.onkeydown = (event) => event.stopPropagation(); // the page takes the arrow keys too
    this.button.onclick = () => this.#show(this.#number === this.last ? 0 : this.#number, !this.#plays);
    this.every(MOMENT_MS, () => this.#plays && this.#show(this.#number + 1, true));
  }

  update({ picture, size, moments, numbers, start }) {
    const [width, height] = size, side = Math.max(width, height), ticks = this.find("nav");
    this.find("section").className = width / height < 1.6 ? "beside" : "";
    this.find("figure").style.cssText = `--picture: url("${picture}"); --ratio: ${width / height}`;
    this.scrubber.max = this.last = moments.length - 1;
    const tick = ({ name }, number) => {
      const made = Object.assign(document.createElement("button"), { type: "button", textContent: name });
      made.onclick = () => this.#choose(number);
      return made;
    };
    const names = moments.map(({ name }) => name).join();
    if (names !== this.names) ticks.replaceChildren(...moments.map(tick)); // else a new one would lose a click
    this.names = names;
    const [left, top, whole] = numbers.place, cell = whole / numbers.rows.length;
    const digits = numbers.rows.flatMap((row, y) => row.map((value, x) => made("text", {
      x: left + (x + 0.5) * cell, y: top + (y + 0.5) * cell, fill: value < 128 ? "white" : "black",
      "font-size": 0.52 * cell, "text-anchor": "middle", "dominant-baseline": "central",
    }, value)));
    const box = (kind, [x, y, right, bottom]) => made("rect", { class: kind, x, y, width: right - x, height: bottom - y });
    const named = (share, [x, y]) => made("text", { x, y: Math.max(y - side / 90, side / 30), "font-size": side / 28 },
      share > 0.9995 ? "over 99.9 %" : `${(100 * share).toFixed(1)} %`); // no detection is certain
    this.groups = moments.map(({ found = [], kept = [], sure = [], dots = [] }) => {
      const group = made("g", { class: kept.length > MANY ? "many" : "few" });
      group.append(...found.map((sides) => box("found", sides)), ...kept.map((sides) => box("kept", sides)));
      if (kept.length <= NAMED) group.append(...kept.map((sides, number) => named(sure[number], sides)));
      group.append(...dots.map(([cx, cy]) => made("circle", { cx, cy, r: side / 150 })));
      return group;
    });
    this.groups[0].append(...digits);
    const all = made("g", { class: "all" });
    all.append(made("image", { href: picture, width, height }), ...this.groups);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.replaceChildren(all);
    // The pixels with their numbers replace the whole picture
    const zoom = Math.min(width, height) / whole, shift = size.map((all, axis) => all / 2 - zoom * (numbers.place[axis] + whole / 2));
    this.pixels = `translate(${shift[0]}px, ${shift[1]}px) scale(${zoom})`;
    const answered = this.#told.indexOf(start), asked = picture + start, isNew = asked !== this.asked && answered < 0;
    this.#told.splice(0, answered + 1);
    this.asked = asked;
    if (isNew) this.#show(start, !start && !STILL.matches);
    else this.#show(this.#number, this.#plays);
  }

  /** Show a moment that the visitor chose, and put it into the address. */
  #choose(number) {
    this.#told.push(number);
    this.#show(number);
    this.tell("moment", this.data.keys[number]);
  }

  #show(number, plays = false) {
    const { title, words, fact } = this.data.moments[number];
    this.#number = number;
    this.#plays = plays && number < this.last;
    this.groups.forEach((group, place) => group.classList.toggle("shown", place === number));
    this.svg.firstChild.style.transform = number ? "" : this.pixels;
    this.svg.ariaLabel = `${title}: ${fact}`;
    this.scrubber.value = number;
    this.scrubber.ariaValueText = title;
    this.button.textContent = this.#plays ? "Pause" : "Play";
    [...this.find("nav").children].forEach((tick, place) => (tick.ariaCurrent = place === number ? "step" : null));
    for (const [place, text] of [["h2", title], ["p", words], ["output", fact]]) this.find(place).textContent = text;
  }
}

export { Moments };
