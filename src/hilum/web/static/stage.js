// A radiograph on a canvas: zoom, move, turn, window, measure, and the heatmap of one finding over it.

import { drawHeat } from "./heat.js";
import { asWindow, shades, unpack } from "./window.js";

const LENS = 2.5; // the magnifier's strength
const LENS_RADIUS = 110; // in CSS pixels
const OPPOSITE = { L: "R", R: "L", H: "F", F: "H", A: "P", P: "A" };

const language = document.documentElement.lang;
const figure = (digits) => new Intl.NumberFormat(language, { maximumSignificantDigits: digits, useGrouping: false });
const level = figure(5);
const exact = figure(9);
const length = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1, useGrouping: false });

const drawn = (name, attributes, text) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [each, value] of Object.entries(attributes)) made.setAttribute(each, value);
  if (text) made.textContent = text;
  return made;
};

export class Stage {
  constructor(frame, words) {
    this.frame = frame;
    this.words = words;
    const find = (name) => frame.querySelector(`[data-${name}]`);
    this.parts = Object.fromEntries(
      ["canvas", "quick", "outlines", "measures", "window", "probe", "place", "error"].map((name) => [name, find(name)]),
    );
    this.grey = document.createElement("canvas");
    this.heatmap = document.createElement("canvas");
    this.options = { heat: false, lines: false, field: false, anatomy: null, opacity: 0.6, threshold: 0.12 };
    this.label = null;
    this.maps = null;
    this.inverted = false;
    this.turn = { a: 1, b: 0, c: 0, d: 1 }; // columns and rows of the image → right and down on the screen
    this.view = { scale: 1, x: 0, y: 0 }; // CSS pixels a column; the image's centre from the frame's
    this.tool = "move";
    this.measured = [];
    this.pointer = null;
    this.linked = null;
    this.wanted = 0;
    this.moved = false;
    this.#listen();
    this.loaded = this.#load();
  }

  async #load() {
    const { maps, pixels, failed } = this.frame.dataset;
    try {
      const found = maps ? fetch(maps) : null;
      const answer = await fetch(pixels);
      if (!answer.ok) throw new Error((await answer.json()).detail);
      Object.assign(this, unpack(new Uint8Array(await answer.arrayBuffer())));
      this.grey.width = this.facts.columns;
      this.grey.height = this.facts.rows;
      this.painted = new ImageData(this.facts.columns, this.facts.rows);
      this.window = this.facts.presets[0];
      this.full = this.facts.presets.find(({ code }) => code === "full");
      this.#paint();
      this.upright();
      this.parts.canvas.hidden = false;
      this.parts.quick.hidden = true;
      if ((await found)?.ok) this.maps = await (await found).json();
      this.#heat();
      this.#outline();
      this.frame.dataset.ready = "yes";
    } catch (error) {
      this.parts.error.textContent = `${failed} ${error.message}`;
      this.parts.error.hidden = false;
      this.parts.quick.hidden = !this.parts.quick.naturalWidth; // one that is too large to be sent whole
      this.frame.dataset.ready = "failed";
    }
  }

  // what is shown
  explain(label) {
    this.label = label;
    this.#heat();
    this.#outline();
  }

  show(options) {
    this.options = options;
    this.#heat();
    this.#outline();
  }

  // window
  invert(on) {
    this.inverted = on;
    this.#paint();
  }

  /** Show with the image's own window of that code, or of that place in the list. */
  preset(which) {
    const found = this.facts?.presets.find(({ code }, place) => code === which || place === which);
    if (!found) return;
    this.window = found;
    this.#paint();
  }

  nameOf(preset) {
    const { name, code, number, table } = preset;
    return name || (code === "other" ? `${table ? "VOI LUT" : this.words.window} ${number}` : this.words[code]);
  }

  #change(wider, higher) {
    const { center, width, function: kind } = asWindow(this.facts, this.window);
    const step = this.full.width / 600;
    const least = kind === "LINEAR" ? 1 : Math.abs(this.facts.slope);
    this.window = {
      center: center + higher * step * (this.inverted !== this.facts.inverted ? -1 : 1),
      width: Math.min(8 * this.full.width, Math.max(least, width + wider * step)),
      function: kind,
    };
    this.#paint();
    this.linked?.#follow(this);
  }

  /** Take the share of its own first window that another image has of its. */
  #follow(other) {
    if (!this.facts || !other.facts) return;
    const [here, there] = [this, other].map(({ facts }) => asWindow(facts, facts.presets[0]));
    const { center, width } = asWindow(other.facts, other.window);
    const shift = ((center - there.center) / there.width) * here.width;
    this.window = {
      function: here.function,
      center: here.center + (this.facts.inverted === other.facts.inverted ? shift : -shift),
      width: (width / there.width) * here.width,
    };
    this.#paint();
  }

  // place
  /** Turn as the header says, and fit. */
  upright() {
    const [transposed, rows, columns] = this.facts.turn;
    const { a, b, c, d } = transposed ? { a: 0, b: 1, c: 1, d: 0 } : { a: 1, b: 0, c: 0, d: 1 };
    const [x, y] = [columns ? -1 : 1, rows ? -1 : 1];
    this.#turned({ a: x * a, b: y * b, c: x * c, d: y * d });
  }

  rotate() {
    const { a, b, c, d } = this.turn;
    this.#turned({ a: -b, b: a, c: -d, d: c });
  }

  flip() {
    const { a, b, c, d } = this.turn;
    this.#turned({ a: -a, b, c: -c, d });
  }

  #turned(turn) {
    if (!this.facts) return;
    this.turn = turn;
    const { orientation, laterality, view } = this.facts;
    const against = (letters) => [...letters].map((each) => OPPOSITE[each]).join("");
    const toward = (along, down) => {
      const [letters, sign] = along ? [orientation[0], along] : [orientation[1], down];
      return sign > 0 ? letters : against(letters);
    };
    const sides = orientation.length ? [toward(turn.a, turn.c), toward(turn.b, turn.d)] : ["", ""];
    const letters = { right: sides[0], left: against(sides[0]), bottom: sides[1], top: against(sides[1]) };
    for (const [side, text] of Object.entries(letters)) this.frame.querySelector(`[data-side="${side}"]`).textContent = text;
    this.parts.place.textContent = [view, this.words.sides[laterality]].filter(Boolean).join(" · ");
    this.fit();
  }

  /** CSS pixels a column at which all of the image is seen. */
  get whole() {
    const { rows, columns, aspect } = this.facts;
    const size = this.turn.a ? [columns, rows * aspect] : [rows * aspect, columns];
    return Math.min(this.frame.clientWidth / size[0], this.frame.clientHeight / size[1]);
  }

  /** The scale at which another image is as large as this one is at `scale`: in mm where both say so. */
  #as(other, scale) {
    const [here, there] = [this, other].map(({ facts }) => facts.spacing?.[1]);
    return here && there ? (scale / here) * there : (scale / this.whole) * other.whole;
  }

  fit() {
    if (!this.facts) return;
    const other = this.linked?.facts ? this.linked : null;
    const scale = other ? Math.min(this.whole, other.#as(this, other.whole)) : this.whole;
    this.#place({ scale, x: 0, y: 0 }, false);
  }

  one() {
    if (this.facts) this.zoom(1 / devicePixelRatio / this.view.scale);
  }

  zoom(by, x = this.frame.clientWidth / 2, y = this.frame.clientHeight / 2) {
    if (!this.facts) return;
    const scale = Math.min(24, Math.max(0.02, this.view.scale * by));
    const share = scale / this.view.scale;
    const from = (at, size, middle) => (at - size / 2) * (1 - share) + middle * share;
    const { clientWidth, clientHeight } = this.frame;
    this.#place({ scale, x: from(x, clientWidth, this.view.x), y: from(y, clientHeight, this.view.y) });
  }

  move(right, down) {
    if (this.facts) this.#place({ ...this.view, x: this.view.x + right, y: this.view.y + down });
  }

  #place(view, moved = true) {
    const other = this.linked?.facts ? this.linked : null;
    for (const each of other ? [this, other] : [this]) {
      each.view = each === this ? view : { ...view, scale: this.#as(other, view.scale) };
      each.moved = moved;
      each.#hold();
      each.#draw();
    }
  }

  use(tool) {
    this.tool = tool;
    this.frame.dataset.tool = tool;
    this.#hold();
    this.#draw();
  }

  /** A finger scrolls the page unless it has something to do on the picture. */
  #hold() {
    this.frame.classList.toggle("held", this.moved || this.tool !== "move");
  }

  forget() {
    this.measured.pop();
    this.#draw();
  }

  // drawing
  #paint() {
    if (!this.facts) return;
    const table = Uint32Array.from(
      shades(this.facts, this.window, this.inverted !== this.facts.inverted),
      (shade) => 0xff000000 | (shade << 16) | (shade << 8) | shade,
    );
    const out = new Uint32Array(this.painted.data.buffer);
    const { pixels } = this;
    for (let at = 0; at < pixels.length; at++) out[at] = table[pixels[at]];
    this.grey.getContext("2d").putImageData(this.painted, 0, 0);
    const { center, width, table: lut, code } = this.window;
    const shown = (value) => level.format(this.full.width < 100 ? value : Math.round(value));
    const values = lut ? "VOI LUT" : `W ${shown(width)} L ${shown(center)} ${this.facts.unit}`.trim();
    this.parts.window.textContent = code ? `${values} · ${this.nameOf(this.window)}` : values;
    this.#draw();
  }

  get matrix() {
    const { rows, columns, aspect } = this.facts;
    const { scale, x, y } = this.view;
    const { a, b, c, d } = this.turn;
    const made = { a: a * scale, b: b * scale, c: c * scale * aspect, d: d * scale * aspect };
    return new DOMMatrix([
      ...Object.values(made),
      this.frame.clientWidth / 2 + x - (made.a * columns + made.c * rows) / 2,
      this.frame.clientHeight / 2 + y - (made.b * columns + made.d * rows) / 2,
    ]);
  }

  #draw() {
    if (!this.facts || this.wanted) return;
    this.wanted = requestAnimationFrame(() => {
      this.wanted = 0;
      const ratio = devicePixelRatio;
      const { canvas, outlines } = this.parts;
      const [width, height] = [this.frame.clientWidth, this.frame.clientHeight].map((each) => Math.round(each * ratio));
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      const context = canvas.getContext("2d");
      const { matrix } = this;
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, width, height);
      this.#layers(context, new DOMMatrix().scaleSelf(ratio).multiplySelf(matrix));
      if (this.tool === "lens" && this.pointer) this.#lens(context, ratio, matrix);
      outlines.firstElementChild?.setAttribute("transform", `matrix(${["a", "b", "c", "d", "e", "f"].map((each) => matrix[each]).join(" ")})`);
      this.#measures(matrix);
    });
  }

  #layers(context, matrix) {
    context.setTransform(matrix);
    context.imageSmoothingEnabled = Math.hypot(matrix.a, matrix.b) < 3;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.grey, 0, 0);
    if (!this.options.heat || !this.label || !this.maps) return;
    const [top, left, tall, wide] = this.maps.field;
    context.imageSmoothingEnabled = true;
    context.drawImage(this.heatmap, left, top, wide, tall);
  }

  #lens(context, ratio, matrix) {
    const { x, y } = this.pointer;
    context.save();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.beginPath();
    context.arc(x, y, LENS_RADIUS, 0, 2 * Math.PI);
    context.fillStyle = "#000";
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = "#888";
    context.stroke();
    context.clip();
    this.#layers(context, new DOMMatrix().scaleSelf(ratio).translateSelf(x, y).scaleSelf(LENS).translateSelf(-x, -y).multiplySelf(matrix));
    context.restore();
  }

  #measures(matrix) {
    const made = this.measured.flatMap(([from, to]) => {
      const [a, b] = [from, to].map((each) => new DOMPoint(each.x, each.y).matrixTransform(matrix));
      const ends = { x1: a.x, y1: a.y, x2: b.x, y2: b.y };
      const right = a.x > b.x ? a : b;
      return [
        drawn("line", { ...ends, class: "halo" }),
        drawn("line", { ...ends, class: "line" }),
        drawn("text", { x: Math.min(right.x + 8, this.frame.clientWidth - 90), y: right.y }, this.lengthOf(from, to)),
      ];
    });
    this.parts.measures.replaceChildren(...made);
  }

  lengthOf(from, to) {
    const { spacing, kind } = this.facts;
    const [down, across] = spacing ?? [1, 1];
    const far = Math.hypot((to.x - from.x) * across, (to.y - from.y) * down);
    return `${length.format(far)} ${spacing ? `mm ${this.words.short[kind]}` : "px"}`.trim();
  }

  /** What a measured length is worth. */
  get caveat() {
    const { kind, how, magnification } = this.facts ?? {};
    const worth = this.words.spacing[how || kind]?.replace("%", magnification && level.format(magnification));
    return `${worth ?? this.words.pixels} ${this.words.unsaved}`;
  }

  #heat() {
    const values = this.label && this.maps?.maps[this.label];
    if (values) drawHeat(this.heatmap, this.maps, values, this.options);
    this.#draw();
  }

  #outline() {
    const group = drawn("g", {});
    const lines = (this.options.lines && this.label && this.maps?.outlines[this.label]) || [];
    for (const kind of ["halo", "line"]) {
      for (const line of lines) {
        group.append(drawn("polygon", { class: kind, points: line.map((point) => point.join(",")).join(" ") }));
      }
    }
    if (this.options.field && this.maps) {
      const [y, x, height, width] = this.maps.field;
      group.append(drawn("rect", { class: "field", x, y, width, height }));
    }
    if (this.options.anatomy) this.#anatomy(group, this.options.anatomy);
    this.parts.outlines.replaceChildren(group);
    this.#draw();
  }

  /** Add lungs, heart and the two widths, in the image's own pixels. */
  #anatomy(group, { outlines, widths }) {
    for (const line of outlines) group.append(drawn("polygon", { class: "anatomy", points: line.map((point) => point.join(",")).join(" ") }));
    for (const [name, [[x1, y1], [x2, y2]]] of widths) {
      for (const kind of ["halo", `width-${name}`]) group.append(drawn("line", { class: kind, x1, y1, x2, y2 }));
    }
  }

  // hands
  #probe() {
    const { facts, parts, pointer } = this;
    const at = facts && pointer && new DOMPoint(pointer.x, pointer.y).matrixTransform(this.matrix.inverse());
    const [column, row] = at ? [Math.floor(at.x), Math.floor(at.y)] : [-1, -1];
    const inside = at && column >= 0 && row >= 0 && column < facts.columns && row < facts.rows;
    const code = inside ? this.pixels[row * facts.columns + column] : 0;
    const value = facts?.hidden && !code ? "–" : `${exact.format(facts?.slope * code + facts?.intercept)} ${facts?.unit}`;
    parts.probe.textContent = inside ? `x ${column} y ${row}: ${facts.step > 1 ? "≈ " : ""}${value}`.trim() : "";
    if (this.tool === "lens") this.#draw();
  }

  #listen() {
    const { frame } = this;
    const held = new Map();
    const spread = () => {
      const [a, b] = [...held.values()];
      return [Math.hypot(a.x - b.x, a.y - b.y), (a.x + b.x) / 2, (a.y + b.y) / 2];
    };
    const place = (event) => {
      const box = frame.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top, window: event.buttons === 2 || event.shiftKey };
    };
    const onImage = ({ x, y }) => new DOMPoint(x, y).matrixTransform(this.matrix.inverse());
    frame.addEventListener("pointerdown", (event) => {
      frame.setPointerCapture(event.pointerId);
      held.set(event.pointerId, place(event));
      this.pointer = place(event);
      this.#probe();
      if (this.tool === "measure" && event.button === 0 && this.facts && held.size === 1) {
        this.measured.push([onImage(this.pointer), onImage(this.pointer)]);
      }
    });
    frame.addEventListener("pointermove", (event) => {
      const from = held.get(event.pointerId);
      const to = place(event);
      this.pointer = to;
      this.#probe();
      if (!from || !this.facts) return;
      if (held.size === 2) {
        const [before] = spread();
        held.set(event.pointerId, to);
        const [after, x, y] = spread();
        if (before) this.zoom(after / before, x, y);
        return;
      }
      held.set(event.pointerId, to);
      if (from.window || this.tool === "window") this.#change(to.x - from.x, to.y - from.y);
      else if (this.tool === "measure") {
        this.measured.at(-1)[1] = onImage(to);
        this.#draw();
      } else if (this.tool === "move" && (event.pointerType !== "touch" || this.moved)) this.move(to.x - from.x, to.y - from.y);
    });
    for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
      frame.addEventListener(end, (event) => {
        if (held.delete(event.pointerId) && this.tool === "measure") this.#settle();
        if (end !== "pointerup" || event.pointerType === "touch") this.pointer = null;
        this.#probe();
      });
    }
    // two fingers are the picture's, whatever one may do
    for (const kind of ["touchstart", "touchmove"]) {
      frame.addEventListener(kind, (event) => event.touches.length > 1 && event.preventDefault(), { passive: false });
    }
    frame.addEventListener("contextmenu", (event) => event.preventDefault());
    frame.addEventListener("dblclick", () => this.tool !== "measure" && this.fit());
    frame.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const { x, y } = place(event);
        this.zoom(Math.exp(-event.deltaY / 500), x, y);
      },
      { passive: false },
    );
    frame.addEventListener("keydown", ({ key }) => {
      const [x, y] = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] }[key] ?? [];
      if (x !== undefined) this.move(x, y);
      if (key === "Delete" || key === "Backspace") this.forget();
    });
    new ResizeObserver(() => this.facts && (this.moved ? this.#draw() : this.fit())).observe(frame);
  }

  /** A measurement that is a mere click takes the last one away. */
  #settle() {
    const [from, to] = this.measured.at(-1) ?? [];
    if (from && Math.hypot(to.x - from.x, to.y - from.y) * this.view.scale < 4) {
      this.measured.splice(-2);
      this.#draw();
    }
  }
}
