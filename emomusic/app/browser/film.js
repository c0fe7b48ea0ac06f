/** The marks of the faces over the visitor's own film, as they were read. */
import { Part } from "./base.js";
import { drawMarks } from "./recorder.js";

const DRAWN_MS = 40;
const ASKED_MS = 2000; // least time between two questions for further faces, while the film is read
const LARGEST_SIDE = 1280; // of the drawing
const NO_SOURCE = 3; // HTMLMediaElement.NETWORK_NO_SOURCE

/**
 * Marks over the video `data.video`. `data.address` has the faces so far, as from `FilmMarks.to_json`; with
 * `data.isOver`, all of them. A video that the browser cannot play gives way to `data.copy`, its marked copy.
 */
export class FaceMarks extends Part {
  #film = { endS: 0, emotions: [], faces: [] };
  #isWhole = false;
  #asked_ms = -Infinity;
  #drawn = "";

  constructor(element) {
    super(element);
    this.canvas = this.find("canvas");
    this.every(DRAWN_MS, () => this.#look());
  }

  update() {
    this.#look();
  }

  async #ask() {
    const { address, isOver } = this.data, now = performance.now();
    if (now - this.#asked_ms < ASKED_MS) return;
    this.#asked_ms = now;
    const answer = await fetch(address).catch(() => null); // the connection is lost: the next look asks again
    if (!answer?.ok) return;
    this.#film = await answer.json();
    this.#isWhole = isOver;
    this.#drawn = "";
  }

  /** The marks at a time: a box moves to that of the next reading where it overlaps it. */
  #marksAt(time) {
    const { emotions, faces } = this.#film;
    return faces.flatMap(({ number, starts, ends, boxes, moves, emotions: found, isSure }) => {
      const place = starts.findLastIndex((start) => start <= time);
      if (place < 0 || time >= ends[place]) return [];
      const box = boxes[place], target = moves[place] ? boxes[place + 1] : box;
      const passed = (time - starts[place]) / (ends[place] - starts[place]);
      const [word, colour, ink] = emotions[found[place]];
      return {
        box: box.map((share, side) => share + passed * (target[side] - share)),
        label: `${number} ${word}${isSure[place] ? "" : "?"}`,
        colour,
        ink,
        isHollow: !isSure[place],
      };
    });
  }

  #look() {
    const video = document.querySelector(this.data.video), { copy } = this.data;
    if (!video) return;
    const isUnplayable = Boolean(video.error) || video.networkState === NO_SOURCE;
    if (isUnplayable && copy && video.getAttribute("src") !== copy) video.src = copy;
    video.classList.toggle("unplayable", isUnplayable);
    this.canvas.hidden = isUnplayable || video.getAttribute("src") === copy;
    const { videoWidth: width, videoHeight: height, currentTime: time } = video;
    if (this.canvas.hidden || !width) return;
    if (!this.#isWhole && (this.data.isOver || time >= this.#film.endS)) this.#ask();
    const scale = Math.min(1, LARGEST_SIDE / Math.max(width, height)), size = [width, height].map((side) => Math.round(scale * side));
    const drawn = [time, ...size].join();
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    [this.canvas.width, this.canvas.height] = size; // clears it
    drawMarks(this.canvas.getContext("2d"), this.#marksAt(time), this.canvas);
  }
}
