// A radiograph on a canvas: zoom, move, window, and the heatmap of one finding over it.

const GREYS = 4096;
const OVERLAY = 384; // points along the longer side of a heatmap: its cells are far larger
const INFERNO =
  "000004 040312 0b0724 150b37 210c4a 2f0a5b 3d0965 4a0c6b 57106e 64156e 71196e " +
  "7d1e6d 8a226a 972766 a32c61 b0315b bc3754 c63d4d d04545 da4e3c e35933 eb6429 " +
  "f1711f f67e14 f98c0a fb9b06 fcaa0f fbba1f f9c932 f5d949 f2e865 f3f586 fcffa4";
const DARKEST = 0.28;
const BRIGHTEST = 0.94;

const anchors = INFERNO.split(" ").map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));

/** Return red, green, blue of a share of the peak, as hilum/explain/ink.py has them. */
function colour(share) {
  const at = (DARKEST + (BRIGHTEST - DARKEST) * share) * (anchors.length - 1);
  const low = Math.min(anchors.length - 2, Math.floor(at));
  return anchors[low].map((value, channel) => Math.round(value + (anchors[low + 1][channel] - value) * (at - low)));
}
const palette = Array.from({ length: 256 }, (_, share) => colour(share / 255));

/** Undo hilum/web/pictures.py `packed`. */
function unpack(bytes, rows, columns) {
  const count = rows * columns;
  const pixels = new Uint16Array(count);
  for (let row = 0, at = 0; row < rows; row++) {
    let grey = 0;
    for (let column = 0; column < columns; column++, at++) {
      const folded = bytes[at] | (bytes[count + at] << 8);
      grey += (folded >>> 1) ^ -(folded & 1);
      pixels[at] = grey;
    }
  }
  return pixels;
}

/** How much each of `cells` adds at a place, as hilum/explain/saliency.py: two neighbours at most. */
function between(place, cells) {
  const at = Math.min(cells - 1, Math.max(0, place * cells - 0.5));
  const low = Math.min(cells - 1, Math.floor(at));
  return [low, Math.min(cells - 1, low + 1), at - low];
}

export class Stage {
  constructor(frame) {
    this.frame = frame;
    this.canvas = frame.querySelector("[data-canvas]");
    this.quick = frame.querySelector("[data-quick]");
    this.svg = frame.querySelector("[data-outlines]");
    this.note = frame.querySelector("[data-window]");
    this.grey = document.createElement("canvas");
    this.heatmap = document.createElement("canvas");
    this.options = { heat: false, lines: false, opacity: 0.6, threshold: 0.12 };
    this.label = null;
    this.maps = null;
    this.inverted = false;
    this.centre = (GREYS - 1) / 2;
    this.width = GREYS - 1;
    this.wanted = 0;
    this.moved = false;
    this.#listen();
    this.#load();
  }

  async #load() {
    try {
      const maps = this.frame.dataset.maps ? fetch(this.frame.dataset.maps) : null;
      const answer = await fetch(this.frame.dataset.pixels);
      if (!answer.ok) throw new Error((await answer.json()).detail);
      this.rows = Number(answer.headers.get("X-Rows"));
      this.columns = Number(answer.headers.get("X-Columns"));
      this.pixels = unpack(new Uint8Array(await answer.arrayBuffer()), this.rows, this.columns);
      this.grey.width = this.columns;
      this.grey.height = this.rows;
      this.painted = new ImageData(this.columns, this.rows);
      this.#paint();
      this.canvas.hidden = false;
      this.fit();
      this.quick.hidden = true;
      const found = maps && (await maps);
      if (found?.ok) this.maps = await found.json();
      this.#heat();
      this.#outline();
      this.frame.dataset.ready = "yes";
    } catch (error) {
      const notice = this.frame.querySelector("[data-error]");
      notice.textContent = `${this.frame.dataset.failed} ${error.message}`;
      notice.hidden = false;
      this.quick.hidden = !this.quick.naturalWidth; // one that is too large to be sent whole
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

  invert(on) {
    this.inverted = on;
    this.#paint();
  }

  resetWindow() {
    this.centre = (GREYS - 1) / 2;
    this.width = GREYS - 1;
    this.#paint();
  }

  fit() {
    this.moved = false;
    const { clientWidth: width, clientHeight: height } = this.frame;
    this.scale = Math.min(width / this.columns, height / this.rows);
    this.left = (width - this.columns * this.scale) / 2;
    this.top = (height - this.rows * this.scale) / 2;
    this.#draw();
  }

  one() {
    this.zoom(1 / devicePixelRatio / this.scale);
  }

  zoom(by, x = this.frame.clientWidth / 2, y = this.frame.clientHeight / 2) {
    if (!this.pixels) return;
    const scale = Math.min(24, Math.max(0.02, this.scale * by));
    this.left = x - ((x - this.left) * scale) / this.scale;
    this.top = y - ((y - this.top) * scale) / this.scale;
    this.scale = scale;
    this.moved = true;
    this.#draw();
  }

  legend(canvas) {
    if (!canvas) return;
    const context = canvas.getContext("2d");
    for (let x = 0; x < canvas.width; x++) {
      context.fillStyle = `rgb(${palette[Math.round((x / (canvas.width - 1)) * 255)].join(" ")})`;
      context.fillRect(x, 0, 1, canvas.height);
    }
  }

  // drawing
  #paint() {
    if (!this.pixels) return;
    const shades = new Uint32Array(GREYS);
    const low = this.centre - this.width / 2;
    for (let grey = 0; grey < GREYS; grey++) {
      let shade = Math.round(Math.min(1, Math.max(0, (grey - low) / this.width)) * 255);
      if (this.inverted) shade = 255 - shade;
      shades[grey] = 0xff000000 | (shade << 16) | (shade << 8) | shade;
    }
    const out = new Uint32Array(this.painted.data.buffer);
    const { pixels } = this;
    for (let at = 0; at < pixels.length; at++) out[at] = shades[pixels[at]];
    this.grey.getContext("2d").putImageData(this.painted, 0, 0);
    const whole = this.width >= GREYS - 1 && this.centre === (GREYS - 1) / 2;
    this.note.textContent = whole ? "" : `C ${Math.round(this.centre)} · W ${Math.round(this.width)}`;
    this.#draw();
  }

  #draw() {
    if (!this.pixels || this.wanted) return;
    this.wanted = requestAnimationFrame(() => {
      this.wanted = 0;
      const ratio = devicePixelRatio;
      const width = Math.round(this.frame.clientWidth * ratio);
      const height = Math.round(this.frame.clientHeight * ratio);
      if (this.canvas.width !== width || this.canvas.height !== height) {
        this.canvas.width = width;
        this.canvas.height = height;
      }
      const context = this.canvas.getContext("2d");
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, width, height);
      context.setTransform(this.scale * ratio, 0, 0, this.scale * ratio, this.left * ratio, this.top * ratio);
      context.imageSmoothingEnabled = this.scale * ratio < 3;
      context.imageSmoothingQuality = "high";
      context.drawImage(this.grey, 0, 0);
      if (this.options.heat && this.label && this.maps) {
        const [top, left, tall, wide] = this.maps.field;
        context.imageSmoothingEnabled = true;
        context.drawImage(this.heatmap, left, top, wide, tall);
      }
      this.svg.firstElementChild?.setAttribute(
        "transform",
        `translate(${this.left} ${this.top}) scale(${this.scale})`,
      );
    });
  }

  #heat() {
    const values = this.label && this.maps?.maps[this.label];
    if (!values) return this.#draw();
    const { height, width, field } = this.maps;
    const peak = Math.max(0, ...values) || 1;
    const across = Math.round(OVERLAY * Math.min(1, field[3] / field[2]));
    const down = Math.round(OVERLAY * Math.min(1, field[2] / field[3]));
    this.heatmap.width = across;
    this.heatmap.height = down;
    const image = new ImageData(across, down);
    const { opacity, threshold } = this.options;
    const columns = Array.from({ length: across }, (_, x) => between((x + 0.5) / across, width));
    for (let y = 0; y < down; y++) {
      const [above, below, lower] = between((y + 0.5) / down, height);
      for (let x = 0; x < across; x++) {
        const [left, right, more] = columns[x];
        const value = (row) =>
          Math.max(0, values[row * width + left]) * (1 - more) + Math.max(0, values[row * width + right]) * more;
        const share = (value(above) * (1 - lower) + value(below) * lower) / peak;
        const over = Math.max(0, (share - threshold) / (1 - threshold));
        const at = 4 * (y * across + x);
        image.data.set(palette[Math.min(255, Math.round(share * 255))], at);
        image.data[at + 3] = Math.round(255 * opacity * over ** 0.7);
      }
    }
    this.heatmap.getContext("2d").putImageData(image, 0, 0);
    this.#draw();
  }

  #outline() {
    const lines = this.options.lines && this.label && this.maps?.outlines[this.label];
    const group = document.createElementNS("http://www.w3.org/2000/svg", "g");
    for (const kind of ["halo", "line"]) {
      for (const line of lines || []) {
        const drawn = document.createElementNS("http://www.w3.org/2000/svg", "polygon");
        drawn.setAttribute("class", kind);
        drawn.setAttribute("points", line.map((point) => point.join(",")).join(" "));
        group.append(drawn);
      }
    }
    this.svg.replaceChildren(group);
    this.#draw();
  }

  // hands
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
    frame.addEventListener("pointerdown", (event) => {
      frame.setPointerCapture(event.pointerId);
      held.set(event.pointerId, place(event));
    });
    frame.addEventListener("pointermove", (event) => {
      const from = held.get(event.pointerId);
      if (!from || !this.pixels) return;
      const to = place(event);
      if (held.size === 2) {
        const [before] = spread();
        held.set(event.pointerId, to);
        const [after, x, y] = spread();
        if (before) this.zoom(after / before, x, y);
        return;
      }
      held.set(event.pointerId, to);
      if (from.window) {
        this.width = Math.min(4 * GREYS, Math.max(16, this.width + (to.x - from.x) * 6));
        this.centre = Math.min(GREYS, Math.max(0, this.centre + (to.y - from.y) * 6));
        this.#paint();
      } else {
        this.left += to.x - from.x;
        this.top += to.y - from.y;
        this.moved = true;
        this.#draw();
      }
    });
    for (const end of ["pointerup", "pointercancel"]) {
      frame.addEventListener(end, (event) => held.delete(event.pointerId));
    }
    frame.addEventListener("contextmenu", (event) => event.preventDefault());
    frame.addEventListener("dblclick", () => this.pixels && this.fit());
    frame.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const { x, y } = place(event);
        this.zoom(Math.exp(-event.deltaY / 500), x, y);
      },
      { passive: false },
    );
    new ResizeObserver(() => this.pixels && (this.moved ? this.#draw() : this.fit())).observe(frame);
  }
}
