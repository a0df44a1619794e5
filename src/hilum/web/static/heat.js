// The heatmap of one finding: colours as hilum/explain/ink.py, sizes as hilum/explain/saliency.py.

const OVERLAY = 384; // points along the longer side of a heatmap: its cells are far larger
const INFERNO =
  "000004 040312 0b0724 150b37 210c4a 2f0a5b 3d0965 4a0c6b 57106e 64156e 71196e " +
  "7d1e6d 8a226a 972766 a32c61 b0315b bc3754 c63d4d d04545 da4e3c e35933 eb6429 " +
  "f1711f f67e14 f98c0a fb9b06 fcaa0f fbba1f f9c932 f5d949 f2e865 f3f586 fcffa4";
const DARKEST = 0.28;
const BRIGHTEST = 0.94;

const anchors = INFERNO.split(" ").map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));

/** Return red, green, blue of a share of the peak. */
function colour(share) {
  const at = (DARKEST + (BRIGHTEST - DARKEST) * share) * (anchors.length - 1);
  const low = Math.min(anchors.length - 2, Math.floor(at));
  return anchors[low].map((value, channel) => Math.round(value + (anchors[low + 1][channel] - value) * (at - low)));
}
const palette = Array.from({ length: 256 }, (_, share) => colour(share / 255));

/** How much each of `cells` adds at a place: two neighbours at most. */
function between(place, cells) {
  const at = Math.min(cells - 1, Math.max(0, place * cells - 0.5));
  const low = Math.min(cells - 1, Math.floor(at));
  return [low, Math.min(cells - 1, low + 1), at - low];
}

/** Draw a map on a canvas of its own, transparent where it is below the threshold. */
export function drawHeat(canvas, { height, width, field }, values, { opacity, threshold }) {
  const peak = Math.max(0, ...values) || 1;
  const across = Math.round(OVERLAY * Math.min(1, field[3] / field[2]));
  const down = Math.round(OVERLAY * Math.min(1, field[2] / field[3]));
  canvas.width = across;
  canvas.height = down;
  const image = new ImageData(across, down);
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
  canvas.getContext("2d").putImageData(image, 0, 0);
}

export function drawLegend(canvas) {
  const context = canvas.getContext("2d");
  for (let x = 0; x < canvas.width; x++) {
    context.fillStyle = `rgb(${palette[Math.round((x / (canvas.width - 1)) * 255)].join(" ")})`;
    context.fillRect(x, 0, 1, canvas.height);
  }
}
