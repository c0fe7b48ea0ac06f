/** Marks over a chart or a picture, which follow the pointer or a medium. */
import { Part, SOUND, tellSound } from "./base.js";

export { FaceMarks as facemarks } from "./film.js";
export { Layers as layers } from "./layers.js";
export { Moments as moments } from "./moments.js";

const LOOK_MS = 40;
const within = (value, low, high) => Math.min(Math.max(value, low), high);

/** A mark over the chart `data.chart`, which may be redrawn. `place` is in units of its axes; null hides the mark. */
class Overlay extends Part {
  constructor(element) {
    super(element);
    this.mark = this.find("button, b, i, nav");
    this.every(LOOK_MS, () => this.look());
  }

  update() {
    this.look();
  }

  look() {
    const axes = this.axes, place = axes && this.place;
    this.mark.hidden = !place;
    if (!place) return;
    const here = this.mark.offsetParent?.getBoundingClientRect();
    if (!here) return; // in a hidden tab, or no longer on the page
    this.mark.style.left = `${axes.left - here.left + axes.x.l2p(place[0])}px`;
    this.mark.style.top = `${axes.top - here.top + axes.y.l2p(place[1])}px`;
  }

  /** The origin of the axes in the window, and their scale in pixels; null before there is a chart. */
  get axes() {
    const plot = document.querySelector(this.data.chart), { xaxis: x, yaxis: y } = plot?._fullLayout ?? {};
    if (!x) return null;
    if (plot !== this.plot) plot.on("plotly_click", (event) => this.isShown && this.onClick(event));
    this.plot = plot;
    const { left, top } = plot.getBoundingClientRect();
    return { left: left + x._offset, top: top + y._offset, x, y };
  }

  onClick() {}
}

/** A note that travels along the path of a song while it plays. A click on a part of the path plays from there. */
class Note extends Overlay {
  get #sound() {
    return document.querySelector(this.data.sound);
  }

  onClick({ points }) {
    const part = points.find((point) => point.data.name === "trail");
    if (!part || !this.#sound) return;
    this.#sound.currentTime = this.data.path[part.pointNumber][0];
    this.#sound.play().catch(() => {});
  }

  /** A drawn face changes with the part that plays. */
  look() {
    super.look();
    const { face, faces, drawings } = this.data, image = faces && document.querySelector(face);
    const drawing = image && !this.mark.hidden && drawings[faces[this.part]];
    if (drawing && image.src !== drawing) image.src = drawing;
  }

  /** The place at the time of the sound, between two parts. */
  get place() {
    const { path } = this.data, { paused, currentTime } = this.#sound ?? { paused: true };
    if (paused && !currentTime) return null;
    const next = path.findIndex(([start]) => start > currentTime);
    this.part = (next < 0 ? path.length : Math.max(next, 1)) - 1;
    const [before, after] = [path[this.part], path.at(next)];
    const share = next <= 0 ? 0 : (currentTime - before[0]) / (after[0] - before[0]);
    return [1, 2].map((axis) => before[axis] + share * (after[axis] - before[axis]));
  }
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** The target of a journey: the pointer or the arrow keys move it, and a click on the plane takes it there. */
class Target extends Overlay {
  step = [0.1, 0.1]; // of an arrow to the right, and of one upwards
  limits = [[-1, 1], [-1, 1]];

  constructor(element) {
    super(element);
    const { mark } = this;
    mark.onpointerdown = ({ pointerId }) => mark.setPointerCapture(pointerId);
    mark.onpointermove = ({ pointerId, clientX, clientY }) => {
      if (!mark.hasPointerCapture(pointerId)) return;
      const { left, top, x, y } = this.axes;
      this.move([x.p2l(clientX - left), y.p2l(clientY - top)]);
    };
    mark.onkeydown = (event) => {
      const arrow = ARROWS[event.key];
      if (!arrow) return;
      event.preventDefault();
      event.stopPropagation(); // the player seeks with the arrow keys
      this.move(this.place.map((value, axis) => value + this.step[axis] * arrow[axis]));
    };
    mark.onpointerup = mark.onkeyup = () => this.settle();
  }

  update(data) {
    this.place = this.settled = data.place;
    super.update();
  }

  move(place) {
    this.place = place.map((value, axis) => within(value, ...this.limits[axis]));
    this.look();
  }

  settle() {
    if (this.place === this.settled) return; // a press without a move
    this.place = this.settled = this.place.map((value) => Number(value.toFixed(1)));
    this.tell("place", this.place.join());
  }

  onClick({ points, xvals, yvals }) {
    if (points.length || !xvals) return; // a song or a face
    this.move([xvals[0], yvals[0]]);
    this.settle();
  }
}

// Possible offsets of a word from its place, as shares of its size
const SPOTS = [0, 1, -1, 2, -2].flatMap((down) => [0, 0.6, -0.6, 1.2, -1.2].map((across) => [across, down]))
  .sort((one, other) => Math.hypot(...one) - Math.hypot(...other));

/** Words over a chart as buttons: those that fit without overlap, the first ones first. A click sends the word. */
class Words extends Overlay {
  #drawn = "";

  update({ words, chosen }) {
    const button = ([name]) => {
      const made = Object.assign(document.createElement("button"), { type: "button", textContent: name });
      made.onclick = () => this.tell("word", name);
      return made;
    };
    const names = JSON.stringify(words);
    if (names !== this.names) this.mark.replaceChildren(...words.map(button));
    this.names = names;
    for (const word of this.mark.children) word.ariaPressed = String(word.textContent === chosen);
    this.#drawn = "";
    this.look();
  }

  look() {
    const { axes } = this;
    if (!axes) return;
    const here = this.mark.getBoundingClientRect(), left = axes.left - here.left, top = axes.top - here.top;
    const [west, east, north, south] = [axes.x.l2p(-1), axes.x.l2p(1), axes.y.l2p(1), axes.y.l2p(-1)]; // of the plane
    const drawn = [left, top, west, east, north, south].map(Math.round).join();
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const taken = [];
    const isFree = ([x, y, across, down]) => x >= west && y >= north && x + across <= east && y + down <= south
      && taken.every(([x0, y0, w, h]) => x + across < x0 || x > x0 + w || y + down < y0 || y > y0 + h);
    const words = [...this.mark.children];
    for (const word of words) word.hidden = false;
    const sizes = words.map(({ offsetWidth, offsetHeight }) => [offsetWidth + 1, offsetHeight + 1]); // all at once
    words.forEach((word, number) => {
      const [across, down] = sizes[number], [, x, y] = this.data.words[number];
      const at = ([right, below]) =>
        [axes.x.l2p(x) + (right - 0.5) * across, axes.y.l2p(y) + (below - 0.5) * down, across, down];
      const box = SPOTS.map(at).find(isFree);
      word.hidden = !box;
      if (!box) return;
      taken.push(box);
      word.style.translate = `${left + box[0]}px ${top + box[1]}px`; // moves nothing else
    });
  }
}

const TELLS_MS = 250; // between two places that the server learns while the mark moves
const PLAYS_MS = 12000; // after the last move

/** A mark over a picture, in shares of its side. With the `style` of a band, it sounds while the mark moves. */
class Place extends Target {
  step = [1 / 12, -1 / 12];
  #told = 0;
  #rest = 0;
  #stop = null; // ends the band while it sounds
  #mixer = null;

  update({ picture, corners, label, share, place }) {
    const area = (this.area = this.find("div"));
    area.style.backgroundImage = picture;
    area.className = corners.length ? "plane" : "";
    area.querySelectorAll("span").forEach((corner, number) => (corner.textContent = corners[number] ?? ""));
    this.mark.ariaLabel = label;
    this.mark.style.width = this.mark.style.height = `${100 * share}%`;
    this.limits = [[share / 2, 1 - share / 2], [share / 2, 1 - share / 2]];
    if (!this.place) this.place = this.settled = place;
    this.look();
  }

  get axes() {
    const { left, top, width } = this.area.getBoundingClientRect();
    const axis = { l2p: (share) => share * width, p2l: (pixels) => pixels / width };
    return { left, top, x: axis, y: axis };
  }

  move(place) {
    super.move(place);
    const [valence, down] = this.place.map((share) => 2 * share - 1);
    if (this.data.style) this.#conduct({ valence, arousal: -down });
    if (Date.now() - this.#told > TELLS_MS) this.settle();
  }

  settle() {
    if (this.place === this.settled) return;
    [this.#told, this.settled] = [Date.now(), this.place];
    if (this.isShown) this.component.setStateValue("place", this.place);
  }

  /** Let the band of the Live page follow a place, until it rests for a while or anything else sounds. */
  async #conduct(place) {
    this.#mixer ??= import("./band.js").then(({ bandMixer }) => bandMixer());
    const mixer = await this.#mixer;
    mixer.setPlace([place]);
    this.#playOn();
    if (this.#stop) return;
    this.#stop = () => {
      this.#stop = null;
      mixer.stop();
    };
    tellSound("band");
    window.addEventListener(SOUND, ({ detail }) => detail.source !== "band" && this.#stop?.(), { once: true });
    await mixer.start(this.data.style);
    this.#playOn(); // its loops may have taken long to load
  }

  #playOn() {
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.#stop?.(), PLAYS_MS);
  }

  unmount() {
    this.#stop?.();
  }
}

const SMALLEST = 0.02; // side of a frame; a press without a move draws none
const FRAME_STEP = 0.02;
const FRAME = [0.4, 0.25, 0.2, 0.3]; // left, top, width and height

/** A frame around a face, in shares of the picture's sides. The pointer draws it; keys move it, and Enter gives it. */
class Frame extends Part {
  #box = FRAME;
  #start = null;

  constructor(element) {
    super(element);
    const area = this.find("div");
    this.mark = this.find("button");
    area.onpointerdown = (event) => {
      area.setPointerCapture(event.pointerId);
      this.#start = this.#at(event);
      this.#draw([...this.#start, 0, 0]);
    };
    area.onpointermove = (event) => {
      if (!this.#start) return;
      const end = this.#at(event), [x, y] = this.#start;
      this.#draw([Math.min(x, end[0]), Math.min(y, end[1]), Math.abs(x - end[0]), Math.abs(y - end[1])]);
    };
    area.onpointerup = () => {
      this.#start = null;
      if (Math.min(this.#box[2], this.#box[3]) > SMALLEST) this.tell("box", this.#box);
      else this.#draw(FRAME);
    };
    this.mark.onkeydown = (event) => {
      const [right, up] = ARROWS[event.key] ?? [0, 0], more = { "+": FRAME_STEP, "-": -FRAME_STEP }[event.key] ?? 0;
      if (event.key === "Enter") this.tell("box", this.#box);
      if (!right && !up && !more && event.key !== "Enter") return;
      event.preventDefault();
      event.stopPropagation(); // the player seeks with the arrow keys
      const [x, y, width, height] = this.#box, shares = [width, height].map((side) => within(side + more, SMALLEST, 1));
      const corner = [x + right * FRAME_STEP - more / 2, y - up * FRAME_STEP - more / 2];
      this.#draw([...corner.map((at, axis) => within(at, 0, 1 - shares[axis])), ...shares]);
    };
    this.#draw(this.#box);
    this.mark.focus();
  }

  #at({ clientX, clientY }) {
    const { left, top, width, height } = this.find("div").getBoundingClientRect();
    return [within((clientX - left) / width, 0, 1), within((clientY - top) / height, 0, 1)];
  }

  #draw(box) {
    this.#box = box;
    const [left, top, width, height] = box.map((share) => `${100 * share}%`);
    Object.assign(this.mark.style, { left, top, width, height });
  }
}

const LOWERED = 0.25;
const ROUNDING_S = 0.001; // of a time that was sought

/**
 * The playhead of a film. It moves the video after a choice, and reports the scene that plays.
 *
 * The song of the scene plays with the video, whose own sound is lower then. See `player.js` for what else may sound.
 */
class Playhead extends Overlay {
  #video = null;

  constructor(element) {
    super(element);
    this.listen(window, SOUND, ({ detail }) => this.#hear(detail.source));
  }

  update(data) {
    this.shown = data.scene;
    if (this.#video) this.#follow();
    super.update();
  }

  // The bar learns of a song before this part
  get #hasSong() {
    return Boolean(window.emomusicPlayer?.data.song) && window.emomusicPlayer.data.video === this.data.video;
  }

  #hear(source) {
    if (source === "film" || !this.#video) return;
    const isSong = ["player", "spotify"].includes(source) && this.#hasSong;
    if (!this.data.follows || !isSong) this.#video.pause();
    else if (this.#video.paused) this.#video.play().catch(({ name }) => this.#video.classList.toggle("refused", name === "NotAllowedError"));
  }

  #playSong() {
    const { playsSpotify, song } = window.emomusicPlayer ?? {};
    const isFile = song && this.#hasSong, { follows } = this.data;
    tellSound("film", { with: follows && (isFile || playsSpotify) ? ["player", "spotify"] : [] });
    if (follows && isFile) window.emomusicPlayer.resume();
    else if (follows) this.tell("scene", this.shown);
  }

  #follow() {
    const { follows } = this.data;
    if (this.#video.emomusicFollows !== follows && !this.#video.paused) this.#playSong();
    this.#video.emomusicFollows = follows;
  }

  look() {
    const video = document.querySelector(this.data.video);
    if (!video?.readyState) return;
    if (video !== this.#video) {
      this.#video = video;
      this.listen(video, "play", () => this.#playSong());
      this.listen(video, "pause", () => video.isConnected && this.data.follows && tellSound("silence"));
      this.#follow();
    }
    if (!video.paused) video.classList.remove("refused");
    this.#move(video);
    super.look();
    this.mark.style.height = `${this.plot?._fullLayout?._size.h ?? 0}px`;
    const strip = this.plot?.closest(".st-key-film-strip"); // on a phone, it follows the playhead
    const middle = (child) => child.getBoundingClientRect().left + child.clientWidth / 2;
    if (strip && !video.paused) strip.scrollLeft += middle(this.mark) - middle(strip);
  }

  #move(video) {
    const { data } = this;
    if (video.emomusicChoice !== data.choice) {
      const isNew = video.emomusicChoice === undefined;
      video.emomusicChoice = data.choice;
      if (data.at !== null) video.currentTime = data.at;
      if (!isNew) video.play().catch(() => {});
    }
    const { isPlaying, playsSpotify, loudness } = window.emomusicPlayer ?? {};
    const isLowered = data.follows && (isPlaying || playsSpotify);
    const volume = isLowered ? LOWERED * (loudness.isMuted ? 0 : loudness.volume) : 1;
    if (video.emomusicVolume !== volume) video.volume = video.emomusicVolume = volume;
    const scene = Math.max(data.starts.findLastIndex((start) => start <= video.currentTime + ROUNDING_S), 0);
    if (data.follows && scene !== this.shown) this.tell("scene", (this.shown = scene));
  }

  get place() {
    const { x, y } = this.axes;
    return [within(this.#video.currentTime, ...x.range), y.range[1]];
  }
}

export {
  Frame as frame, Note as note, Place as place, Playhead as playhead, Target as target, Words as words,
};
