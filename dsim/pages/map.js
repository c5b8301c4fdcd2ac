"use strict";

// A view shows the point (x, y) of the plane in the middle of the canvas, at so many pixels per unit.
function fitted(bounds, width, height) {
  const [left, low, right, high] = bounds;
  const scale = Math.min(width / (right - left || 1), height / (high - low || 1)) * 0.92;
  return { x: (left + right) / 2, y: (low + high) / 2, scale };
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

// The nearest of the points that are wanted, -1 where none is within reach.
function nearest(points, x, y, reach, wanted = () => true) {
  let best = -1, least = reach * reach;
  points.forEach((point, number) => {
    const far = (point.x - x) ** 2 + (point.y - y) ** 2;
    if (far <= least && wanted(point)) { best = number; least = far; }
  });
  return best;
}

// The next point in a direction: near, and rather ahead than aside. Points that coincide are all passed through, in
// their order forwards (right, up) and against it backwards.
function ahead(points, from, dx, dy, wanted = () => true) {
  const here = points[from];
  let best = -1, least = Infinity;
  points.forEach((point, number) => {
    if (number === from || !wanted(point)) return;
    const along = (point.x - here.x) * dx + (point.y - here.y) * dy;
    const aside = Math.abs((point.x - here.x) * dy - (point.y - here.y) * dx);
    const twin = along === 0 && aside === 0 && (dx + dy > 0 ? number > from : number < from);
    if (!twin && along <= 0) return;
    const cost = twin ? Math.abs(number - from) * 1e-12 : along + 3 * aside;
    if (cost < least) { best = number; least = cost; }
  });
  return best;
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

const POLYGONS = { s: [4, 45], "<": [3, 180], "^": [3, 90], D: [4, 90], v: [3, 270], P: [6, 0], p: [5, 90], h: [6, 90] };
const STROKES = { x: [45, 135, 225, 315], "+": [0, 90, 180, 270], 1: [30, 150, 270], 2: [90, 210, 330], 3: [0, 120, 240], 4: [60, 180, 300] };

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

function flat(data) {
  return data.datasets.flatMap((dataset, owner) =>
    dataset.points.map(([x, y], index) => ({ x, y, owner, index, rank: dataset.rank[index] })));
}

// The image next to this one in its dataset, by distance to the centre.
function neighbour(points, from, step) {
  const here = points[from];
  return points.findIndex((point) => point.owner === here.owner && point.rank === here.rank + step);
}

// The next image after this one, in the order of the data and round again, whose name, or that of its dataset, holds
// the text; -1 without one.
function matching(data, points, text, from, wanted = () => true) {
  const sought = text.trim().toLowerCase();
  if (!sought) return -1;
  for (let step = 1; step <= points.length; step++) {
    const number = (from + step + points.length) % points.length, point = points[number];
    const dataset = data.datasets[point.owner];
    const named = dataset.ids[point.index].toLowerCase().includes(sought) || dataset.name.toLowerCase().includes(sought);
    if (named && wanted(point)) return number;
  }
  return -1;
}

// The lines about an image that stand beside its picture.
function caption(dataset, index) {
  const far = dataset.distance[index].toPrecision(3), count = dataset.points.length;
  const lines = [dataset.ids[index], dataset.name + (dataset.kind ? ", " + dataset.kind : "")];
  lines.push(`distance to the centre ${far}, ${dataset.rank[index] + 1} of ${count} from it`);
  if (dataset.cells[index] < 0) lines.push("its picture is not in this page");
  return lines.join("\n");
}

function start(document) {
  const byId = (name) => document.getElementById(name);
  const data = JSON.parse(byId("data").textContent), points = flat(data);
  const canvas = byId("map"), pen = canvas.getContext("2d"), tip = byId("tip");
  const shown = data.datasets.map(() => true), sprites = data.datasets.map(() => null);
  let view = null, width = 0, height = 0, current = -1, named = -1, queued = false;
  const wanted = (point) => shown[point.owner];
  const place = (x, y) => toPixels(view, width, height, x, y);

  function sprite(owner) {
    if (!sprites[owner]) {
      sprites[owner] = new Image();
      sprites[owner].onload = () => { redraw(); if (current >= 0 && points[current].owner === owner) picture(); };
      sprites[owner].src = data.datasets[owner].sprite;
    }
    return sprites[owner].complete && sprites[owner].naturalWidth ? sprites[owner] : null;
  }

  function paste(target, point, x, y, side) {
    const dataset = data.datasets[point.owner], cell = dataset.cells[point.index];
    const image = cell < 0 ? null : sprite(point.owner);
    if (!image) return false;
    const column = cell % dataset.columns, row = Math.floor(cell / dataset.columns), size = data.cell;
    target.drawImage(image, column * size, row * size, size, size, x, y, side, side);
    return true;
  }

  function picture() {
    const small = byId("picture"), point = points[current];
    small.hidden = data.datasets[point.owner].cells[point.index] < 0;
    small.getContext("2d").clearRect(0, 0, data.cell, data.cell);
    paste(small.getContext("2d"), point, 0, 0, data.cell);
  }

  function ellipses() {
    pen.lineWidth = 1;
    for (const region of data.regions) {
      pen.beginPath();
      for (const [x, y] of region.outline) pen.lineTo(...place(x, y));
      pen.closePath();
      pen.fillStyle = "rgba(138,138,138,0.08)"; pen.strokeStyle = "#9a9a9a";
      pen.fill(); pen.stroke();
    }
  }

  // Marks are smaller where the map is.
  const small = () => Math.max(0.6, Math.min(1, width / 800));

  function dots() {
    const radius = Math.max(1.5, Math.min(5, 160 / Math.sqrt(points.length + 1)) * small());
    for (const point of points) {
      if (!wanted(point)) continue;
      const dataset = data.datasets[point.owner];
      pen.globalAlpha = named >= 0 && named !== point.owner ? 0.12 : 0.55;
      mark(pen, dataset.shape, ...place(point.x, point.y), radius);
      if (dataset.shape in STROKES) { pen.strokeStyle = dataset.colour; pen.lineWidth = 1.2; pen.stroke(); }
      else { pen.fillStyle = dataset.colour; pen.fill(); }
    }
    pen.globalAlpha = 1;
  }

  // Pictures instead of marks, the typical ones first, as many as have room.
  function gallery() {
    const side = 52, seen = points.filter((p) => wanted(p) && data.datasets[p.owner].cells[p.index] >= 0);
    const order = seen.sort((one, other) => one.rank - other.rank).map((p) => [p, ...place(p.x, p.y)])
      .filter(([, x, y]) => x > -side && y > -side && x < width + side && y < height + side);
    const fits = free(order.map(([, x, y]) => [x - side / 2 - 2, y - side / 2 - 2, x + side / 2 + 2, y + side / 2 + 2]));
    order.forEach(([point, x, y], number) => {
      if (!fits[number] || !paste(pen, point, x - side / 2, y - side / 2, side)) return;
      pen.strokeStyle = data.datasets[point.owner].colour; pen.lineWidth = 2;
      pen.strokeRect(x - side / 2, y - side / 2, side, side);
    });
  }

  function centres() {
    data.datasets.forEach((dataset, owner) => {
      if (!shown[owner] || byId("pictures").checked) return;
      mark(pen, dataset.shape, ...place(...dataset.centre), 8 * small());
      pen.strokeStyle = "#ffffff"; pen.lineWidth = dataset.shape in STROKES ? 6 : 3; pen.stroke();
      if (dataset.shape in STROKES) { pen.strokeStyle = dataset.colour; pen.lineWidth = 3; pen.stroke(); }
      else { pen.fillStyle = dataset.colour; pen.fill(); }
    });
    names();
  }

  // Four places for each name; the first that covers no other name, nor a centre. A name without room is left out, but
  // for that of the dataset pointed at.
  function names() {
    pen.font = "12px system-ui, sans-serif"; pen.textBaseline = "middle"; pen.lineJoin = "round";
    const taken = data.datasets.flatMap((d, o) => (shown[o] ? [place(...d.centre)] : [])).map(([x, y]) => [x - 9, y - 9, x + 9, y + 9]);
    data.datasets.forEach((dataset, owner) => {
      if (!shown[owner]) return;
      const name = shortened(dataset.name, (text) => pen.measureText(text).width < 0.45 * width);
      const [x, y] = place(...dataset.centre), half = pen.measureText(name).width / 2 + 2, away = byId("pictures").checked ? 36 : 19;
      const seen = x > 0 && x < width;
      const boxes = [[0, -away], [0, away], [half + away - 5, 0], [5 - half - away, 0]]
        .map(([dx, dy]) => [x + dx - half, y + dy - 8, x + dx + half, y + dy + 8])
        .map((box) => (seen ? within(box, width) : box));
      const box = boxes.find((one) => free([...taken, one]).at(-1)) || (named === owner ? boxes[0] : null);
      if (!box) return;
      taken.push(box);
      pen.strokeStyle = "rgba(255,255,255,0.85)"; pen.lineWidth = 4; pen.fillStyle = "#222222";
      pen.strokeText(name, box[0] + 2, (box[1] + box[3]) / 2);
      pen.fillText(name, box[0] + 2, (box[1] + box[3]) / 2);
    });
  }

  function draw() {
    queued = false;
    const ratio = window.devicePixelRatio || 1;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    ellipses();
    dots();
    if (byId("pictures").checked) gallery();
    centres();
    if (current >= 0) {
      const [x, y] = place(points[current].x, points[current].y);
      pen.beginPath(); pen.arc(x, y, 9, 0, 2 * Math.PI);
      pen.strokeStyle = "#222222"; pen.lineWidth = 2; pen.stroke();
      tip.style.transform = `translate(${Math.max(0, x > width / 2 ? x - tip.offsetWidth - 16 : x + 16)}px, ${Math.max(0, Math.min(y - 40, height - tip.offsetHeight))}px)`;
    }
  }

  function redraw() {
    if (!queued) { queued = true; window.requestAnimationFrame(draw); }
  }

  function choose(number, aloud) {
    if (number !== current) {
      current = number;
      named = number < 0 ? -1 : points[number].owner;
      tip.hidden = number < 0;
      if (number >= 0) {
        const text = caption(data.datasets[named], points[number].index);
        byId("text").textContent = text;
        if (aloud) byId("said").textContent = text.replaceAll("\n", "; ");
        picture();
      }
    }
    redraw();
  }

  // An image reached by keys is brought into sight.
  function go(number) {
    if (number < 0) return;
    const [x, y] = place(points[number].x, points[number].y);
    if (x < 20 || y < 20 || x > width - 20 || y > height - 20) view = { ...view, x: points[number].x, y: points[number].y };
    choose(number, true);
  }

  const all = () => { view = fitted(data.bounds, width, height); redraw(); };
  const zoom = (factor, x = width / 2, y = height / 2) => { view = zoomed(view, factor, width, height, x, y); redraw(); };
  const KEYS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const first = () => nearest(points, view.x, view.y, Infinity, wanted);
    if (event.key in KEYS) go(current < 0 ? first() : ahead(points, current, ...KEYS[event.key], wanted));
    else if (event.key === "." || event.key === ",") go(current < 0 ? first() : neighbour(points, current, event.key === "." ? 1 : -1));
    else if (event.key === "+" || event.key === "=") zoom(1.3);
    else if (event.key === "-") zoom(1 / 1.3);
    else if (event.key === "0") all();
    else if (event.key === "Escape") choose(-1);
    else return;
    event.preventDefault();
  });
  canvas.addEventListener("focus", () => { if (current < 0 && canvas.matches(":focus-visible")) go(nearest(points, view.x, view.y, Infinity, wanted)); });

  const hands = new Map();
  canvas.addEventListener("pointerdown", (event) => {
    hands.set(event.pointerId, [event.offsetX, event.offsetY]);
    canvas.setPointerCapture(event.pointerId);
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => {
    hands.delete(event.pointerId);
    canvas.classList.remove("moving");
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = [event.offsetX, event.offsetY], before = hands.get(event.pointerId);
    if (before) {
      const others = [...hands].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      if (others.length) {
        const far = (at) => Math.hypot(at[0] - others[0][0], at[1] - others[0][1]) || 1;
        view = zoomed(view, far(now) / far(before), width, height, ...others[0]);
      } else view = { ...view, x: view.x - (now[0] - before[0]) / view.scale, y: view.y + (now[1] - before[1]) / view.scale };
      hands.set(event.pointerId, now);
      canvas.classList.add("moving");
      return redraw();
    }
    choose(nearest(points, ...toPlane(view, width, height, ...now), 14 / view.scale, wanted), false);
  });
  canvas.addEventListener("pointerleave", () => { if (document.activeElement !== canvas) choose(-1); });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event.offsetX, event.offsetY);
  }, { passive: false });
  byId("in").addEventListener("click", () => zoom(1.3));
  byId("out").addEventListener("click", () => zoom(1 / 1.3));
  byId("all").addEventListener("click", all);
  byId("pictures").addEventListener("change", redraw);

  // While one types, the image shown stays where it still fits; Enter goes to the next one.
  const find = byId("find");
  function search(from) {
    const number = matching(data, points, find.value, from, wanted), none = number < 0 && find.value.trim() !== "";
    find.setAttribute("aria-invalid", String(none));
    if (number < 0) choose(-1); else go(number);
    if (none) byId("said").textContent = "no image of that name";
  }
  find.addEventListener("input", () => search(Math.max(current, 0) - 1));
  find.addEventListener("keydown", (event) => { if (event.key === "Enter") search(current); });

  data.datasets.forEach((dataset, owner) => {
    const label = document.createElement("label"), box = document.createElement("input");
    const swatch = document.createElement("canvas"), name = document.createElement("span"), count = document.createElement("span");
    box.type = "checkbox"; box.checked = true; swatch.width = swatch.height = 28;
    name.textContent = dataset.name; count.textContent = dataset.points.length; count.className = "count";
    const brush = swatch.getContext("2d");
    mark(brush, dataset.shape, 14, 14, 11);
    brush.fillStyle = brush.strokeStyle = dataset.colour; brush.lineWidth = 4;
    if (dataset.shape in STROKES) brush.stroke(); else brush.fill();
    label.append(box, swatch, name, count);
    box.addEventListener("change", () => { shown[owner] = box.checked; if (current >= 0 && !wanted(points[current])) choose(-1); redraw(); });
    for (const [event, who] of [["mouseenter", owner], ["mouseleave", -1], ["focusin", owner], ["focusout", -1]])
      label.addEventListener(event, () => { named = who; redraw(); });
    byId("list").append(label);
  });

  byId("stage").hidden = false;
  byId("silent").hidden = true;
  new ResizeObserver(() => {
    const ratio = window.devicePixelRatio || 1, first = view === null;
    width = canvas.clientWidth; height = canvas.clientHeight;
    canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio);
    if (first && width) view = fitted(data.bounds, width, height);
    if (width) draw();
  }).observe(canvas);
}

if (typeof module !== "undefined") module.exports = { fitted, toPixels, toPlane, zoomed, nearest, ahead, neighbour, free, within, shortened, matching, caption, flat };
else start(document);
