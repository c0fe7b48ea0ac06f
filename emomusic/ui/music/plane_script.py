"""What the plane of songs runs in the browser: style, elements and script of the component in `plane_view`."""

from __future__ import annotations

CSS = """
:host { display: block; color: var(--st-text-color); font: 0.875rem/1.4 var(--st-font); }
* { box-sizing: border-box; }
.row { display: flex; flex-wrap: wrap; gap: 0.25rem 0.5rem; align-items: center; justify-content: space-between; }
.row > div { display: flex; flex-wrap: wrap; gap: 0.25rem; }
button {
  font: inherit; color: inherit; background: none; border: 1px solid transparent; border-radius: 0.5rem;
  padding: 0.3rem 0.6rem; min-height: 2.2rem; cursor: pointer; text-align: left;
}
button:hover { border-color: var(--st-border-color); }
button:focus-visible { outline: 3px solid var(--st-primary-color); outline-offset: 1px; }
.tools button { border-color: var(--st-border-color); }
.tools button[aria-pressed="true"] { border-color: currentColor; background: var(--st-secondary-background-color); }
.moods button[aria-pressed="false"] { opacity: 0.7; text-decoration: line-through; }
.moods svg { width: 0.8rem; height: 0.8rem; vertical-align: -0.06rem; margin-right: 0.3rem; }
.corners button { border-bottom: 1px dashed; border-radius: 0; padding: 0.1rem 0.1rem; min-height: 1.8rem; }
.frame {
  position: relative; height: clamp(300px, 92cqw, 470px); margin: 0.25rem 0; touch-action: none; cursor: crosshair;
  user-select: none; -webkit-user-select: none;
}
.size { container-type: inline-size; }
.frame > * { position: absolute; inset: 0; width: 100%; height: 100%; }
.frame svg { pointer-events: none; overflow: visible; }
.outline { fill: none; stroke: var(--st-text-color); stroke-width: 1.5; stroke-dasharray: 5 4; }
.frame .tip {
  inset: auto; width: max-content; max-width: 18rem; height: auto; padding: 0.3rem 0.6rem; pointer-events: none;
  background: var(--st-background-color); border: 1px solid var(--st-border-color); border-radius: 0.5rem;
  overflow-wrap: anywhere;
}
.axis { text-align: center; }
"""

HTML = """
<div class="size">
  <div class="row"><div class="moods" role="group"></div><div class="tools" role="group"></div></div>
  <div class="row corners" data-side="top"></div>
  <div class="frame">
    <svg class="ground" preserveAspectRatio="none" viewBox="-1.04 -1.04 2.08 2.08"></svg>
    <canvas role="img"></canvas>
    <svg class="drawn"><path class="outline"></path></svg>
    <div class="tip" hidden></div>
  </div>
  <div class="row corners" data-side="bottom"></div>
  <div class="axis"></div>
</div>
"""

JS = """
const REACH = 1.04;
const SHAPES = {
  "circle": "M1 0A1 1 0 1 1 -1 0A1 1 0 1 1 1 0Z", "diamond": "M0 -1L1 0L0 1L-1 0Z",
  "triangle-up": "M0 -1L1 1L-1 1Z", "square": "M-0.85 -0.85H0.85V0.85H-0.85Z",
};
const NAMES = Object.keys(SHAPES);
const VERTEX = `
attribute vec2 place; attribute float mood; attribute float chosen;
uniform float size, reach, opacity, isSelecting; uniform vec4 shown, shapes; uniform vec3 colours[4];
varying vec4 colour; varying float shape;
float pick(vec4 of, float at) { return at < 0.5 ? of.x : at < 1.5 ? of.y : at < 2.5 ? of.z : of.w; }
void main() {
  shape = pick(shapes, mood);
  float strength = isSelecting < 0.5 ? opacity : chosen > 0.5 ? 0.95 : 0.12;
  colour = vec4(mood < 0.5 ? colours[0] : mood < 1.5 ? colours[1] : mood < 2.5 ? colours[2] : colours[3], strength);
  gl_Position = pick(shown, mood) > 0.5 ? vec4(place / reach, 0.0, 1.0) : vec4(2.0, 2.0, 2.0, 1.0);
  gl_PointSize = size;
}`;
const FRAGMENT = `
precision mediump float;
varying vec4 colour; varying float shape;
void main() {
  vec2 at = abs(gl_PointCoord * 2.0 - 1.0);
  float down = gl_PointCoord.y;
  bool inside = shape < 0.5 ? dot(at, at) <= 1.0 : shape < 1.5 ? at.x + at.y <= 1.0
    : shape < 2.5 ? at.x <= down : max(at.x, at.y) <= 0.85;
  if (!inside) discard;
  gl_FragColor = vec4(colour.rgb * colour.a, colour.a);
}`;
const planes = new WeakMap();

const rgb = hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16) / 255);

function decode(text) {
  const letters = atob(text), bytes = new Uint8Array(letters.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = letters.charCodeAt(at);
  return bytes;
}

function contains(corners, x, y) {
  let inside = false;
  for (let a = 0, b = corners.length - 1; a < corners.length; b = a++) {
    const [ax, ay] = corners[a], [bx, by] = corners[b];
    if ((ay > y) !== (by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

class Plane {
  constructor(root, data) {
    Object.assign(this, { root, data, tool: "lasso", corners: null, path: null });
    this.canvas = root.querySelector("canvas");
    this.frame = root.querySelector(".frame");
    this.tip = root.querySelector(".tip");
    this.outline = root.querySelector(".outline");
    this.places = new Int16Array(decode(data.places).buffer);
    this.moods = decode(data.order);
    this.chosen = new Uint8Array(this.moods.length);
    this.shown = data.moods.map(() => true);
    this.build();
    this.start();
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(this.frame);
    this.canvas.addEventListener("webglcontextlost", event => event.preventDefault());
    this.canvas.addEventListener("webglcontextrestored", () => { this.start(); this.draw(); });
  }

  build() {
    const { root, data } = this;
    this.canvas.setAttribute("aria-label", data.alt);
    root.querySelector(".axis").textContent = data.axes;
    root.querySelector(".ground").innerHTML = data.quadrants.map(({ side, level, colour }) =>
      `<rect x="${Math.min(side, 0)}" y="${Math.min(-level, 0)}" width="1" height="1" fill="${colour}"
        fill-opacity="0.07" stroke="#80808A" vector-effect="non-scaling-stroke"></rect>`).join("");
    root.querySelector(".moods").replaceChildren(...data.moods.map((mood, at) => {
      const button = this.button(mood.name, () => {
        this.shown[at] = !this.shown[at];
        button.setAttribute("aria-pressed", this.shown[at]);
        if (this.corners) this.select(this.corners);
        else this.draw();
      });
      button.title = data.hide;
      button.setAttribute("aria-pressed", "true");
      button.insertAdjacentHTML("afterbegin",
        `<svg viewBox="-1.1 -1.1 2.2 2.2"><path d="${SHAPES[mood.symbol]}" fill="${mood.colour}"></path></svg>`);
      return button;
    }));
    const tools = Object.entries(data.tools).map(([tool, label]) => {
      const button = this.button(label, () => {
        if (tool === "clear") { this.select(null); return; }
        this.tool = tool;
        for (const other of tools) if (other.dataset.tool !== "clear") {
          other.setAttribute("aria-pressed", other.dataset.tool === tool);
        }
      });
      button.dataset.tool = tool;
      if (tool !== "clear") button.setAttribute("aria-pressed", tool === this.tool);
      return button;
    });
    this.clear = tools.find(button => button.dataset.tool === "clear");
    this.clear.hidden = true;
    root.querySelector(".tools").replaceChildren(...tools);
    for (const row of root.querySelectorAll(".corners")) {
      const level = row.dataset.side === "top" ? 1 : -1;
      const own = data.quadrants.filter(quadrant => quadrant.level === level).sort((a, b) => a.side - b.side);
      row.replaceChildren(...own.map(({ side, label }) => {
        const button = this.button(label, () =>
          this.select([[0, 0], [side, 0], [side, level], [0, level]].map(([x, y]) => [x * REACH, y * REACH])));
        button.title = data.choose;
        return button;
      }));
    }
  }

  button(label, press) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.onclick = press;
    return button;
  }

  start() {
    const gl = this.gl = this.canvas.getContext("webgl", { antialias: false, depth: false, stencil: false });
    if (!gl) return;
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    gl.useProgram(program);
    const attribute = (name, values, size, kind, isNormalized) => {
      const buffer = gl.createBuffer(), at = gl.getAttribLocation(program, name);
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
      gl.enableVertexAttribArray(at);
      gl.vertexAttribPointer(at, size, kind, isNormalized, 0, 0);
      return buffer;
    };
    attribute("place", this.places, 2, gl.SHORT, true);
    attribute("mood", this.moods, 1, gl.UNSIGNED_BYTE, false);
    this.buffer = attribute("chosen", this.chosen, 1, gl.UNSIGNED_BYTE, false);
    this.at = name => gl.getUniformLocation(program, name);
    gl.uniform1f(this.at("reach"), REACH);
    gl.uniform1f(this.at("opacity"), this.data.opacity);
    gl.uniform4fv(this.at("shapes"), this.data.moods.map(mood => NAMES.indexOf(mood.symbol)));
    gl.uniform3fv(this.at("colours"), this.data.moods.flatMap(mood => rgb(mood.colour)));
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  draw() {
    const { canvas, gl } = this, scale = Math.min(devicePixelRatio || 1, 2);
    const width = Math.round(this.frame.clientWidth * scale), height = Math.round(this.frame.clientHeight * scale);
    if (!width || !height) return;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    if (gl) {
      gl.viewport(0, 0, width, height);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.uniform1f(this.at("size"), this.data.size * scale);
      gl.uniform1f(this.at("isSelecting"), this.corners ? 1 : 0);
      gl.uniform4fv(this.at("shown"), this.shown.map(Number));
      gl.drawArrays(gl.POINTS, 0, this.moods.length);
    } else {
      this.drawWithoutWebgl(width, height, this.data.size * scale);
    }
    canvas.dataset.painted = this.moods.length;
    this.showOutline();
  }

  drawWithoutWebgl(width, height, size) {
    const pen = this.canvas.getContext("2d");
    pen.clearRect(0, 0, width, height);
    for (let at = 0; at < this.moods.length; at++) {
      if (!this.shown[this.moods[at]]) continue;
      pen.globalAlpha = !this.corners ? this.data.opacity : this.chosen[at] ? 0.95 : 0.12;
      pen.fillStyle = this.data.moods[this.moods[at]].colour;
      const [x, y] = this.place(at);
      pen.fillRect((x / REACH + 1) / 2 * width - size / 2, (1 - y / REACH) / 2 * height - size / 2, size, size);
    }
  }

  place(at) { return [this.places[2 * at] / 32767, this.places[2 * at + 1] / 32767]; }

  pointOf(event) {
    const box = this.frame.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width, y = (event.clientY - box.top) / box.height;
    return [(2 * x - 1) * REACH, (1 - 2 * y) * REACH].map(value => Math.round(value * 1e4) / 1e4);
  }

  showOutline() {
    const corners = this.path || (this.corners && this.corners.length > 1 ? this.corners : null);
    const width = this.frame.clientWidth, height = this.frame.clientHeight;
    this.outline.setAttribute("d", !corners ? "" : "M" + corners.map(([x, y]) =>
      `${(x / REACH + 1) / 2 * width} ${(1 - y / REACH) / 2 * height}`).join("L") + (this.path ? "" : "Z"));
  }

  nearest(event, most) {
    const box = this.frame.getBoundingClientRect(), [x, y] = this.pointOf(event);
    const perX = box.width / 2 / REACH, perY = box.height / 2 / REACH;
    let best = -1, least = most * most;
    for (let at = 0; at < this.moods.length; at++) {
      const dx = (this.places[2 * at] / 32767 - x) * perX, dy = (this.places[2 * at + 1] / 32767 - y) * perY;
      const distance = dx * dx + dy * dy;
      if (distance <= least && this.shown[this.moods[at]]) { best = at; least = distance; }
    }
    return best;
  }

  hover(event) {
    const at = event.pointerType === "touch" ? -1 : this.nearest(event, 8);
    this.tip.hidden = at < 0;
    if (at < 0) return;
    const [x, y] = this.place(at), mood = this.data.moods[this.moods[at]].name;
    const name = this.data.names ? `${this.data.names[at]} · ` : "";
    this.tip.textContent = `${name}${mood}, valence ${x.toFixed(2)}, energy ${y.toFixed(2)}`;
    const box = this.frame.getBoundingClientRect(), left = event.clientX - box.left, top = event.clientY - box.top;
    this.tip.style.left = `${Math.max(0, Math.min(left + 12, box.width - this.tip.offsetWidth))}px`;
    this.tip.style.top = `${top > 60 ? top - this.tip.offsetHeight - 10 : top + 14}px`;
  }

  /* Draw the selection at once, then ask the server for its songs. */
  select(corners) {
    this.corners = corners && corners.length ? corners : null;
    this.clear.hidden = !this.corners;
    if (this.corners) {
      const one = corners.length === 1;
      for (let at = 0; at < this.moods.length; at++) {
        const [x, y] = this.place(at);
        this.chosen[at] = one ? Math.abs(x - corners[0][0]) + Math.abs(y - corners[0][1]) < 1e-3
          : contains(corners, x, y);
      }
    }
    if (this.gl) {
      this.gl.bindBuffer(this.gl.ARRAY_BUFFER, this.buffer);
      this.gl.bufferSubData(this.gl.ARRAY_BUFFER, 0, this.chosen);
    }
    this.send(this.corners && { corners: this.corners, moods: this.shown.flatMap((is, at) => is ? [at] : []) });
    requestAnimationFrame(() => this.draw());
  }

  listen(send) {
    this.send = send;
    const { frame } = this;
    let origin = null;
    frame.onpointerdown = event => {
      if (event.button) return;
      frame.setPointerCapture(event.pointerId);
      origin = event;
      this.tip.hidden = true;
      this.path = [this.pointOf(event)];
    };
    frame.onpointermove = event => {
      if (!origin) {
        cancelAnimationFrame(this.hovering);
        this.hovering = requestAnimationFrame(() => this.hover(event));
        return;
      }
      const [first] = this.path, point = this.pointOf(event), last = this.path[this.path.length - 1];
      if (this.tool === "box") {
        this.path = [first, [point[0], first[1]], point, [first[0], point[1]], first];
      } else if (Math.hypot(point[0] - last[0], point[1] - last[1]) > 0.008 && this.path.length < 800) {
        this.path.push(point);
      }
      this.showOutline();
    };
    frame.onpointerup = event => {
      if (!origin) return;
      const moved = Math.hypot(event.clientX - origin.clientX, event.clientY - origin.clientY);
      const path = this.tool === "box" ? this.path.slice(0, 4) : this.path;
      origin = this.path = null;
      if (path.length > 2) this.select(path);
      else if (moved < 5) {
        const at = this.nearest(event, 14);
        this.select(at < 0 ? null : [this.place(at).map(value => Math.round(value * 1e4) / 1e4)]);
      }
      else this.showOutline();
    };
    frame.onpointercancel = () => { origin = this.path = null; this.showOutline(); };
    frame.onpointerleave = () => { cancelAnimationFrame(this.hovering); this.tip.hidden = true; };
  }

  end() {
    this.watch.disconnect();
    this.gl?.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

export default function ({ data, parentElement, setStateValue }) {
  let plane = planes.get(parentElement);
  if (plane && plane.data.digest !== data.digest) {
    plane.end();
    plane = null;
  }
  if (!plane) {
    plane = new Plane(parentElement, data);
    planes.set(parentElement, plane);
    plane.draw();
  }
  plane.listen(value => setStateValue("selection", value));
  return () => {
    plane.end();
    planes.delete(parentElement);
  };
}
"""
