// What is drawn over the points: regions, pictures, middles and names of categories, and the lasso.
function drawOverlay(app) {
  const { pen, ratio, width, height } = app;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  drawRegions(app);
  if (app.withPictures) drawGallery(app);
  drawEdited(app);
  drawMiddles(app);
  drawPath(app);
  if (app.pinned >= 0) circle(app, app.pinned, 9, "#222222", 2.5);
}

const placeOf = (app, image) => toPixels(app.view, app.width, app.height, app.data.points[2 * image], app.data.points[2 * image + 1]);

function circle(app, image, radius, colour, line) {
  app.pen.beginPath();
  app.pen.arc(...placeOf(app, image), radius, 0, 2 * Math.PI);
  app.pen.strokeStyle = colour; app.pen.lineWidth = line; app.pen.stroke();
}

function drawRegions({ pen, data, view, width, height }) {
  pen.lineWidth = 1; pen.fillStyle = "rgba(138,138,138,0.08)"; pen.strokeStyle = "#9a9a9a";
  for (const region of data.regions) {
    pen.beginPath();
    for (const [x, y] of region.outline) pen.lineTo(...toPixels(view, width, height, x, y));
    pen.closePath(); pen.fill(); pen.stroke();
  }
}

// Pictures instead of marks, the most telling ones first, as many as have room; smaller on a small screen.
function drawGallery(app) {
  const { pen, data, width, height, column } = app, side = width < 500 ? 40 : 56, room = spaceFor(side + 4);
  if (!data.pictures) return;
  for (const image of data.pictures.images) {
    if (!app.visible[image]) continue;
    const [x, y] = placeOf(app, image);
    if (x < -side || y < -side || x > width + side || y > height + side || !room(x, y)) continue;
    if (!pastePicture(app, pen, image, x - side / 2, y - side / 2, side)) continue;
    pen.strokeStyle = colourOf(column, image); pen.lineWidth = app.chosen[image] ? 5 : 2;
    pen.strokeRect(x - side / 2, y - side / 2, side, side);
  }
}

// Images whose label was changed here have a small cross beside them, as far as they are few enough to be seen.
function drawEdited(app) {
  if (!app.edited.size || app.edited.size > 3000) return;
  const { pen } = app;
  pen.strokeStyle = "#222222"; pen.lineWidth = 1.4;
  pen.beginPath();
  for (const image of app.edited.keys()) {
    if (!app.visible[image]) continue;
    const [x, y] = placeOf(app, image);
    pen.moveTo(x + 5, y - 8); pen.lineTo(x + 5, y - 2); pen.moveTo(x + 2, y - 5); pen.lineTo(x + 8, y - 5);
  }
  pen.stroke();
}

// Up to so many categories have their names on the map.
const MOST_NAMES = 60;

function drawMiddles(app) {
  const { column, pen, width, height } = app;
  if (column.kind !== "category" || column.names.length > MOST_NAMES) return;
  if (!app.middles) app.middles = middlesOf(column, app.data.points, app.visible, column.name === "dataset");
  const small = Math.max(0.6, Math.min(1, width / 800)), places = app.middles.map((at) => at && toPixels(app.view, width, height, ...at));
  const marked = column.name === "dataset" && !app.withPictures;
  if (marked) places.forEach((at, code) => { if (at) drawMiddle(pen, column.looks[code], at, 8 * small); });
  if (app.withNames) drawNames(app, places, marked);
}

function drawMiddle(pen, { colour, shape }, [x, y], radius) {
  mark(pen, shape, x, y, radius);
  pen.strokeStyle = "#ffffff"; pen.lineWidth = shape in STROKES ? 6 : 3; pen.stroke();
  if (shape in STROKES) { pen.strokeStyle = colour; pen.lineWidth = 3; pen.stroke(); }
  else { pen.fillStyle = colour; pen.fill(); }
}

// Four places around a marked middle for each name, or the middle itself and above and below it; the first that covers
// no other name. A name without room is left out, but for that of the category that is pointed at.
function drawNames(app, places, marked) {
  const { pen, width, column } = app, away = 19;
  pen.font = `${marked ? "" : "600 "}12px system-ui, sans-serif`; pen.textBaseline = "middle"; pen.lineJoin = "round"; pen.direction = "ltr";
  const taken = marked ? places.filter(Boolean).map(([x, y]) => [x - 9, y - 9, x + 9, y + 9]) : [];
  const order = places.map((_, code) => code).sort((one, other) => column.counts[other] - column.counts[one]);
  for (const code of order) {
    if (!places[code] || column.names[code] === "") continue;
    const [x, y] = places[code];
    if (x < 0 || y < 0 || x > width || y > app.height) continue;
    const name = "\u2068" + shortened(shownName(column.names[code]), (text) => pen.measureText(text).width < 0.45 * width) + "\u2069";
    const half = pen.measureText(name).width / 2 + 2;
    const ways = marked ? [[0, -away], [0, away], [half + away - 5, 0], [5 - half - away, 0]] : [[0, 0], [0, -14], [0, 14], [0, -28], [0, 28]];
    const boxes = ways.map(([dx, dy]) => within([x + dx - half, y + dy - 8, x + dx + half, y + dy + 8], width));
    const box = boxes.find((one) => free([...taken, one]).at(-1)) || (app.dim === code ? boxes[0] : null);
    if (!box) continue;
    taken.push(box);
    pen.strokeStyle = "rgba(255,255,255,0.88)"; pen.lineWidth = 4; pen.fillStyle = "#222222";
    if (app.withPictures) { pen.fillStyle = "rgba(255,255,255,0.8)"; pen.fillRect(box[0], box[1], box[2] - box[0], box[3] - box[1]); pen.fillStyle = "#222222"; }
    pen.strokeText(name, box[0] + 2, (box[1] + box[3]) / 2);
    pen.fillText(name, box[0] + 2, (box[1] + box[3]) / 2);
  }
}

function drawPath(app) {
  if (!app.path) return;
  const { pen } = app, corners = app.mode === "rectangle" ? rectangleOf(app.path[0], app.path.at(-1)) : app.path;
  pen.beginPath();
  for (const [x, y] of corners) pen.lineTo(...toPixels(app.view, app.width, app.height, x, y));
  pen.closePath();
  pen.fillStyle = "rgba(0,99,156,0.12)"; pen.strokeStyle = "#00639c"; pen.lineWidth = 1.5;
  pen.fill("evenodd"); pen.stroke();
}

// The sheet of pictures that holds an image's, once it is there; `when` is called when it has come.
function sheetFor(app, image, when) {
  const { pictures } = app.data, slot = pictures ? pictures.slots[image] : -1;
  if (slot < 0) return null;
  const number = pictures.of[slot], sheet = pictures.sheets[number];
  if (!app.sheets[number]) {
    const loaded = (app.sheets[number] = new Image());
    app.waiting[number] = [];
    loaded.onload = () => { for (const call of app.waiting[number].splice(0)) call(); if (app.withPictures) app.redraw("over"); };
    loaded.onerror = () => { app.waiting[number] = []; say(app, "The pictures beside this page cannot be read: keep their folder beside it."); };
    loaded.src = sheet.source;
  }
  if (app.sheets[number].complete && app.sheets[number].naturalWidth) return app.sheets[number];
  if (when && !app.sheets[number].complete) app.waiting[number].push(when);
  return null;
}

// Draw an image's picture; false where the page has none, or it has not come yet: then `when` is called.
function pastePicture(app, pen, image, x, y, side, when) {
  const sheet = sheetFor(app, image, when), { pictures } = app.data;
  if (!sheet) return false;
  const slot = pictures.slots[image], cell = pictures.cells[slot], columns = pictures.sheets[pictures.of[slot]].columns, size = pictures.cell;
  pen.drawImage(sheet, (cell % columns) * size, Math.floor(cell / columns) * size, size, size, x, y, side, side);
  return true;
}

const hasPicture = (app, image) => Boolean(app.data.pictures) && app.data.pictures.slots[image] >= 0;
