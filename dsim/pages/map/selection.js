// The selection is one byte for each image, in their order, which no filter changes.
function select(app, images, how = "new") {
  if (how === "new") { app.chosen.fill(0); app.chosenCount = 0; }
  const value = how === "remove" ? 0 : 1;
  for (const image of images) {
    if (!app.visible[image] && value) continue;
    if (app.chosen[image] !== value) { app.chosen[image] = value; app.chosenCount += value ? 1 : -1; }
  }
  selectionChanged(app);
}

function selectionChanged(app) {
  app.shownOfSelection = FIRST_SHOWN;
  updateStates(app);
  showSelection(app);
  showPinned(app);
  say(app, `${shownCount(app.chosenCount, "image")} selected`);
}

// What is shown and lies inside a polygon of places [x, y].
function selectInside(app, corners, how) {
  const inside = [];
  insidePolygon(app.grid, corners, (image) => { if (app.visible[image]) inside.push(image); });
  app.lastPolygon = corners;
  select(app, inside, how);
}

function selectWhere(app, test, how) {
  const images = [];
  for (let image = 0; image < app.data.count; image++) if (app.visible[image] && test(image)) images.push(image);
  select(app, images, how);
}

function invertSelection(app) {
  selectWhere(app, ((before) => (image) => !before[image])(app.chosen.slice()), "new");
}

// The numbers of the selected images, in the order of the data, or by the number that colours the map.
function selectedImages(app) {
  const images = new Uint32Array(app.chosenCount);
  for (let image = 0, at = 0; image < app.data.count; image++) if (app.chosen[image]) images[at++] = image;
  return images;
}

function sortedForList(app, images) {
  if (app.column.kind !== "number" || images.length > 1e5) return images;
  const { numbers } = app.column, last = (image) => (Number.isNaN(numbers[image]) ? Infinity : numbers[image]);
  return images.slice().sort((one, other) => last(one) - last(other) || one - other);
}

// What the renderer is told of each image.
function updateStates(app) {
  const { visible, chosen, states, dim, column } = app;
  for (let image = 0; image < states.length; image++) {
    states[image] = visible[image] | (chosen[image] << 1) | (dim >= 0 && column.codes[image] !== dim ? PALE : 0);
  }
  app.renderer.mark(states);
  app.redraw("dots");
}

function filtersChanged(app) {
  app.visible = passing(app.data.columns, app.data.count);
  app.visibleCount = app.visible.reduce((sum, one) => sum + one, 0);
  app.middles = null;
  if (app.current >= 0 && !app.visible[app.current]) pointAt(app, -1);
  updateStates(app);
  app.redraw("over");
  showFilters(app);
  showSelection(app);
}

// Which column colours the map.
function colourBy(app, name) {
  app.column = app.data.columns.find((column) => column.name === name) || app.data.columns[0];
  app.dim = -1;
  repaint(app);
  showLegend(app);
  showFilters(app);
  if (app.chosenCount) showSelection(app);
}

function repaint(app) {
  const { column, data } = app;
  if (column.kind === "category" && (!column.looks || column.looks.length < column.names.length)) column.looks = looksOf(column.names);
  app.middles = null;
  app.renderer.paint(paintPoints(column, data.count), drawingOrder(column, data.count));
  updateStates(app);
  app.redraw("over");
}

// The column of labels, which a reader may change; made where the map has none.
function labelColumn(app) {
  const known = app.data.columns.find((column) => column.name === "label" && column.kind === "category");
  if (known) return known;
  const made = ready({ name: "label", kind: "category", help: "", names: [""], codes: new Uint16Array(app.data.count) });
  app.data.columns.push(made);
  listColumns(app);
  return made;
}

// Give the selected images a label; an empty one takes theirs away. Returns how many changed.
function assignLabel(app, text) {
  const column = labelColumn(app), name = text.trim(), before = [];
  let code = column.names.indexOf(name);
  if (code < 0) {
    code = column.names.push(name) - 1;
    column.shown.push(true); column.counts.push(0);
    if (column.names.length > 256 && column.codes.BYTES_PER_ELEMENT < 4) column.codes = Uint32Array.from(column.codes);
  }
  for (const image of selectedImages(app)) {
    if (column.codes[image] === code) continue;
    before.push([image, column.codes[image]]);
    relabel(app, column, image, code);
  }
  if (before.length) { app.undo.push(before); app.saved = false; }
  labelsChanged(app, column, `${shownCount(before.length, "image")} labelled ${name || "with nothing"}`);
  return before.length;
}

function relabel(app, column, image, code) {
  const first = app.edited.has(image) ? app.edited.get(image) : column.codes[image];
  column.counts[column.codes[image]]--; column.counts[code]++;
  column.codes[image] = code;
  if (first === code) app.edited.delete(image); else app.edited.set(image, first);
}

function undoLabel(app) {
  const before = app.undo.pop();
  if (!before) return;
  const column = labelColumn(app);
  for (const [image, code] of before) relabel(app, column, image, code);
  app.saved = app.edited.size === 0;
  labelsChanged(app, column, `${shownCount(before.length, "label")} taken back`);
}

function labelsChanged(app, column, message) {
  if (isFiltered(column)) filtersChanged(app);
  if (app.column === column) { repaint(app); showLegend(app); } else app.redraw("over");
  showPinned(app);
  showSelection(app);
  say(app, message);
}
