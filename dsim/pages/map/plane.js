"use strict";

// Places are in units of the page: whole numbers from 0 to 65535. A view shows the place (x, y) in the middle of the
// canvas, at so many pixels per unit.
// `top` pixels of it stay free.
function fitted(bounds, width, height, top = 0) {
  const [left, low, right, high] = bounds;
  const scale = Math.min(width / (right - left || 1), (height - top) / (high - low || 1)) * 0.92;
  return { x: (left + right) / 2, y: (low + high) / 2 + top / 2 / scale, scale };
}

function toPixels(view, width, height, x, y) {
  return [width / 2 + (x - view.x) * view.scale, height / 2 - (y - view.y) * view.scale];
}

function toPlane(view, width, height, px, py) {
  return [view.x + (px - width / 2) / view.scale, view.y - (py - height / 2) / view.scale];
}

// What lies under (px, py) stays there.
function zoomed(view, factor, width, height, px, py) {
  const [x, y] = toPlane(view, width, height, px, py);
  const scale = view.scale * factor;
  return { x: x - (px - width / 2) / scale, y: y + (py - height / 2) / scale, scale };
}

// Which boxes may be drawn, the first first, so that none covers another: [left, top, right, bottom] each.
function free(boxes) {
  const placed = [];
  return boxes.map((box) => {
    const hit = placed.some((other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3]);
    if (!hit) placed.push(box);
    return !hit;
  });
}

// Squares of one side, given by their middles, of which none may cover another: whether (x, y) still has room.
function spaceFor(side) {
  const taken = new Map();
  return (x, y) => {
    const column = Math.floor(x / side), row = Math.floor(y / side);
    for (let dy = -1; dy <= 1; dy++) for (let dx = -1; dx <= 1; dx++) {
      const other = taken.get((row + dy) * 65536 + column + dx);
      if (other && Math.abs(other[0] - x) < side && Math.abs(other[1] - y) < side) return false;
    }
    taken.set(row * 65536 + column, [x, y]);
    return true;
  };
}

// A box [left, top, right, bottom] moved sideways, so that it lies within the width; from the left where it is wider.
function within(box, width) {
  const aside = Math.max(2 - box[0], Math.min(0, width - 2 - box[2]));
  return [box[0] + aside, box[1], box[2] + aside, box[3]];
}

// The text, or as much of both its ends as fits.
function shortened(text, fits) {
  const letters = Array.from(text);
  for (let kept = letters.length; kept > 2; kept--) {
    const tail = Math.floor(kept / 2), whole = kept === letters.length;
    const tried = whole ? text : letters.slice(0, kept - tail).join("") + "…" + letters.slice(-tail).join("");
    if (fits(tried)) return tried;
  }
  return letters.slice(0, 2).join("") + "…";
}

// A name as it is shown: what has no glyph, and could turn or hide what follows, is a box; joiners stay.
function shownName(text) {
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}]/gu, (letter) => ("\u200c\u200d".includes(letter) ? letter : "□"));
}

// A number with few digits; a dash for none.
function shownNumber(value) {
  if (!Number.isFinite(value)) return "–";
  const large = Math.abs(value) >= 1e6 || (value !== 0 && Math.abs(value) < 1e-4);
  return (large ? value.toExponential(2) : String(Number(value.toPrecision(4)))).replaceAll("-", "−");
}

function shownCount(count, word, words = word + "s") {
  return `${count.toLocaleString("en-US")} ${count === 1 ? word : words}`;
}

const POLYGONS = { s: [4, 45], "<": [3, 180], "^": [3, 90], D: [4, 90], v: [3, 270], P: [6, 0], p: [5, 90], h: [6, 90] };
const STROKES = { x: [45, 135, 225, 315], "+": [0, 90, 180, 270], 1: [30, 150, 270], 2: [90, 210, 330], 3: [0, 120, 240], 4: [60, 180, 300] };
const SHAPES = ["o", ...Object.keys(POLYGONS), ...Object.keys(STROKES)];

// The outline of a mark around (x, y), as matplotlib's letters name it; strokes are not filled.
function mark(pen, shape, x, y, radius) {
  pen.beginPath();
  const at = (degrees) => [x + radius * Math.cos((degrees * Math.PI) / 180), y - radius * Math.sin((degrees * Math.PI) / 180)];
  if (shape in STROKES) {
    for (const degrees of STROKES[shape]) { pen.moveTo(x, y); pen.lineTo(...at(degrees)); }
  } else if (shape in POLYGONS) {
    const [corners, first] = POLYGONS[shape];
    for (let corner = 0; corner < corners; corner++) pen.lineTo(...at(first + (corner * 360) / corners));
    pen.closePath();
  } else pen.arc(x, y, radius * 0.85, 0, 2 * Math.PI);
}

// A mark with its colour; strokes as wide as given.
function drawMark(pen, shape, colour, x, y, radius, stroke) {
  mark(pen, shape, x, y, radius);
  if (shape in STROKES) { pen.strokeStyle = colour; pen.lineWidth = stroke; pen.stroke(); }
  else { pen.fillStyle = colour; pen.fill(); }
}
