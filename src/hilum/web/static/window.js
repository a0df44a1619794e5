// What a value of an image is shown as: windows and VOI LUTs (PS3.3 C.11.2.1).

export const LEVELS = 65536;

/** Return the brightness of a value, 0 to 1, in a window. */
export function brightness(value, { center, width, function: kind }) {
  if (kind === "SIGMOID") return 1 / (1 + Math.exp((-4 * (value - center)) / width));
  const span = kind === "LINEAR" ? width - 1 : width;
  const black = (kind === "LINEAR" ? center - 0.5 : center) - span / 2;
  if (span <= 0) return value > black ? 1 : 0;
  return Math.min(1, Math.max(0, (value - black) / span));
}

/** Return the shade, 0 to 255, of each code of an image; `inverted` shows large values dark. */
export function shades({ slope, intercept, hidden }, window, inverted) {
  const table = window.table && tableOf(window);
  const out = new Uint8Array(LEVELS);
  for (let code = 0; code < LEVELS; code++) {
    const shade = table
      ? table[Math.min(code, table.length - 1)]
      : Math.round(255 * brightness(slope * code + intercept, window));
    out[code] = inverted ? 255 - shade : shade;
  }
  if (hidden) out[0] = 0;
  return out;
}

/** Return a window to start from: that itself, or one that is near to a VOI LUT. */
export function asWindow({ slope, intercept }, window) {
  if (!window.table) return window;
  const table = tableOf(window);
  const between = [...table.keys()].filter((code) => table[code] > 4 && table[code] < 251);
  const ends = [between[0] ?? 0, between.at(-1) ?? table.length - 1].map((code) => slope * code + intercept);
  const width = Math.max(Math.abs(ends[1] - ends[0]), Math.abs(slope));
  return { center: (ends[0] + ends[1]) / 2, width, function: "LINEAR_EXACT" };
}

function tableOf(window) {
  window.bytes ??= Uint8Array.from(atob(window.table), (each) => each.charCodeAt(0));
  return window.bytes;
}

/** Undo hilum/web/displayed.py `packed`: what is told of an image, and the code of each pixel. */
export function unpack(bytes) {
  const told = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const facts = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + told)));
  const { rows, columns } = facts;
  const count = rows * columns;
  const low = bytes.subarray(4 + told, 4 + told + count);
  const high = bytes.subarray(4 + told + count);
  const pixels = new Uint16Array(count);
  for (let row = 0, at = 0; row < rows; row++) {
    let code = 0;
    for (let column = 0; column < columns; column++, at++) {
      const folded = low[at] | (high[at] << 8);
      code += (folded >>> 1) ^ -(folded & 1);
      pixels[at] = code; // modulo 65536, as the differences are
    }
  }
  return { facts, pixels };
}
