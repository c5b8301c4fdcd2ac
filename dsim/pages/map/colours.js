// The colours and shapes of dsim's pictures: Okabe and Ito's, safe for the colour-blind, without their yellow, and then
// darker ones, which lightness tells from the first. Colour and shape change together; no two of 56 are equal.
const COLOURS = [
  "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#8256F0",
  "#000000", "#1A12A0", "#7A3C00", "#8A0045", "#4F5570", "#00483A", "#560070",
];
const FILLED = ["o", "s", "^", "D", "v", "p", "<", "h"];
const NOTHING = "#B4B4B4";
// viridis from its green to its dark end: large numbers are dark. Its yellow is lost on white.
const SEQUENCE = ["#7AD151", "#44BF70", "#22A884", "#21918C", "#2A788E", "#355F8D", "#414487", "#482475", "#440154"];

const channels = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

// A look for each category, in order; none at all is gray.
function looksOf(names) {
  return names.map((name, place) => name === "" ? { colour: NOTHING, shape: "o" } : { colour: COLOURS[place % 14], shape: FILLED[place % 8] });
}

// The scale as 256 colours, red, green, blue.
function scaleColours() {
  const stops = SEQUENCE.map(channels), table = new Uint8Array(3 * 256);
  for (let level = 0; level < 256; level++) {
    const place = (level / 255) * (stops.length - 1), at = Math.min(stops.length - 2, Math.floor(place));
    for (let k = 0; k < 3; k++) table[3 * level + k] = Math.round(stops[at][k] + (stops[at + 1][k] - stops[at][k]) * (place - at));
  }
  return table;
}

// Where a number lies on the scale, from 0 to 255; numbers beyond its ends are at its ends.
function levelOf(column, value) {
  const share = column.high > column.low ? (value - column.low) / (column.high - column.low) : 0.5;
  return Math.max(0, Math.min(255, Math.round(share * 255)));
}

// Colour and number of the shape of every image, as one number of 4 bytes: red, green, blue, shape. Images without a
// number are gray.
function paintPoints(column, count) {
  const looks = new Uint32Array(count), packed = ([red, green, blue], shape) => red | (green << 8) | (blue << 16) | (shape << 24);
  if (column.kind === "category") {
    const table = column.looks.map(({ colour, shape }) => packed(channels(colour), SHAPES.indexOf(shape)));
    for (let image = 0; image < count; image++) looks[image] = table[column.codes[image]];
    return looks;
  }
  const scale = scaleColours(), gray = packed(channels(NOTHING), 0);
  const table = Uint32Array.from({ length: 256 }, (_, level) => packed(scale.subarray(3 * level, 3 * level + 3), 0));
  for (let image = 0; image < count; image++) {
    const value = column.numbers[image];
    looks[image] = Number.isNaN(value) ? gray : table[levelOf(column, value)];
  }
  return looks;
}

function colourOf(column, image) {
  if (column.kind === "category") return column.looks[column.codes[image]].colour;
  if (Number.isNaN(column.numbers[image])) return NOTHING;
  const level = 3 * levelOf(column, column.numbers[image]);
  return `rgb(${scaleColours().subarray(level, level + 3).join(",")})`;
}

// The order in which points are drawn: datasets and classes mixed, so that none covers all others, and every part of
// the order is a sample of all; images without a value first, below the others.
function drawingOrder(column, count) {
  let stride = Math.max(1, Math.round(count * 0.6180339887));
  while (commonDivisor(stride, count) > 1) stride++;
  const order = new Uint32Array(count), none = column.kind === "category" ? column.names.indexOf("") : -1;
  const lacks = (image) => (column.kind === "category" ? column.codes[image] === none : Number.isNaN(column.numbers[image]));
  let at = 0;
  for (const first of [true, false]) {
    for (let step = 0, image = 0; step < count; step++, image = (image + stride) % count) if (lacks(image) === first) order[at++] = image;
  }
  return order;
}

function commonDivisor(one, other) {
  return other ? commonDivisor(other, one % other) : one;
}

// Where the name of each category stands: the middle of the images in the fullest of its squares, and of those around
// it. Datasets are named at their mean. [x, y] each, null for categories that nobody shows.
function middlesOf(column, points, mask, atMean) {
  const side = atMean ? 1 : 24, step = 65536 / side, kinds = column.names.length;
  const sums = new Float64Array(3 * kinds * side * side);
  for (let image = 0; image < mask.length; image++) {
    if (!mask[image]) continue;
    const cell = Math.floor(points[2 * image + 1] / step) * side + Math.floor(points[2 * image] / step);
    const at = 3 * (column.codes[image] * side * side + cell);
    sums[at]++; sums[at + 1] += points[2 * image]; sums[at + 2] += points[2 * image + 1];
  }
  return column.names.map((_, code) => fullest(sums.subarray(3 * code * side * side, 3 * (code + 1) * side * side), side));
}

function fullest(sums, side) {
  let best = null;
  for (let row = 0; row < side; row++) for (let column = 0; column < side; column++) {
    if (!sums[3 * (row * side + column)]) continue;
    const total = [0, 0, 0];
    for (let r = Math.max(0, row - 1); r <= Math.min(side - 1, row + 1); r++) for (let c = Math.max(0, column - 1); c <= Math.min(side - 1, column + 1); c++)
      for (let k = 0; k < 3; k++) total[k] += sums[3 * (r * side + c) + k];
    if (!best || total[0] > best[0]) best = total;
  }
  return best && [best[1] / best[0], best[2] / best[0]];
}
