// Elements are made, never parsed: whatever is in a name, it is text.
function make(app, tag, attributes = {}, ...children) {
  const element = app.document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

// Put other elements into a box; what had the focus there has it again, or the map.
function refill(app, box, ...children) {
  const held = app.document.activeElement, inside = box.contains(held);
  const words = (element) => element.id || element.getAttribute("aria-label") || element.title || element.textContent;
  const key = inside && words(held);
  box.replaceChildren(...children);
  if (inside) ([...box.querySelectorAll(held.tagName)].find((element) => words(element) === key) || app.canvas).focus();
}

// A name that somebody gave, kept apart from the writing direction around it.
const nameOf = (app, text) => make(app, "bdi", {}, shownName(text));

function say(app, message) {
  app.byId("said").textContent = message;
}

// The lines about an image: [heading, text] each.
function facts(app, image) {
  const { data } = app, dataset = data.datasets[data.owners[image]], lines = [];
  for (const column of data.columns) {
    if (column.kind === "number") lines.push([column.name, shownNumber(column.numbers[image])]);
    else if (column.name === "dataset") lines.push(["dataset", dataset.name + (dataset.kind ? ", " + dataset.kind : "")]);
    else lines.push([column.name, (column.names[column.codes[image]] || "none") + (column.name === "label" && app.edited.has(image) ? ` (changed here; was ${column.names[app.edited.get(image)] || "none"})` : "")]);
  }
  if (data.distances) {
    const count = data.columns[0].counts[data.owners[image]];
    lines.push(["distance to the centre", `${Number(data.distances[image].toPrecision(3))}, ${ranksOf(data)[image] + 1} of ${count} from it`]);
  }
  if (!hasPicture(app, image)) lines.push(["", "its picture is not in this page"]);
  return lines;
}

function caption(app, image) {
  const lines = facts(app, image).map(([heading, text]) => (heading ? `${heading}: ${text}` : text));
  return [app.data.ids[image], ...lines].map(shownName).join("\n");
}

// The image under the pointer, or that the keys have reached; -1 for none. Its tip says what it is.
function pointAt(app, image, aloud) {
  const { byId } = app;
  if (image !== app.current) {
    app.current = image;
    byId("tip").hidden = byId("ring").hidden = image < 0;
    if (image >= 0) {
      byId("text").textContent = caption(app, image);
      if (aloud) say(app, caption(app, image).replaceAll("\n", "; "));
      paintTip(app, image);
    }
  }
  placeTip(app);
}

function paintTip(app, image) {
  const small = app.byId("picture"), pen = small.getContext("2d");
  small.hidden = !hasPicture(app, image);
  pen.clearRect(0, 0, small.width, small.height);
  pastePicture(app, pen, image, 0, 0, small.width, () => { if (app.current === image) paintTip(app, image); });
}

function placeTip(app) {
  if (app.current < 0) return;
  const { byId, width, height } = app, tip = byId("tip"), [x, y] = placeOf(app, app.current);
  byId("ring").style.transform = `translate(${x - 9}px, ${y - 9}px)`;
  const left = x > width / 2 ? x - tip.offsetWidth - 16 : x + 16;
  tip.style.transform = `translate(${Math.max(0, Math.min(left, width - tip.offsetWidth))}px, ${Math.max(0, Math.min(y - 40, height - tip.offsetHeight))}px)`;
}

function pin(app, image) {
  app.pinned = image;
  showPinned(app);
  app.redraw("over");
}

// Bring an image into sight, and point at it.
function goTo(app, image) {
  if (image < 0) return;
  const [x, y] = placeOf(app, image);
  if (x < 20 || y < 20 || x > app.width - 20 || y > app.height - 20) {
    app.view = { ...app.view, x: app.data.points[2 * image], y: app.data.points[2 * image + 1] };
    app.whole = false;
    app.redraw("dots"); app.redraw("over");
  }
  pointAt(app, image, true);
}

// How many neighbours the pinned image has beside it.
const NEIGHBOURS = 10;

function showPinned(app) {
  const box = app.byId("pinned"), image = app.pinned;
  box.hidden = image < 0;
  if (image < 0) return box.replaceChildren();
  const terms = facts(app, image).map(([heading, text]) => make(app, "div", {}, make(app, "dt", {}, shownName(heading)), make(app, "dd", {}, nameOf(app, text))));
  const near = neighboursOf(app.data, app.grid, image, NEIGHBOURS);
  const where = app.data.neighbours ? "Most alike, by the model's features" : "Nearest in the plane";
  refill(app, box,
    make(app, "h2", {}, nameOf(app, app.data.ids[image]), make(app, "button", { type: "button", class: "close", "aria-label": "Unpin", title: "Unpin (Escape)", onclick: () => pin(app, -1) }, "×")),
    ...(hasPicture(app, image) ? [pictureElement(app, image, "large")] : []),
    make(app, "dl", {}, ...terms),
    make(app, "div", { class: "row" },
      make(app, "button", { type: "button", onclick: () => select(app, [image], app.chosen[image] ? "remove" : "add") }, app.chosen[image] ? "deselect" : "select"),
      make(app, "button", { type: "button", onclick: () => select(app, [image, ...near], "add") }, "select with neighbours")),
    make(app, "h3", {}, where),
    ...(app.data.neighbours ? [] : [make(app, "p", { class: "small" }, "This map was made without neighbours by features: what is near here may be unlike.")]),
    make(app, "div", { class: "thumbs" }, ...near.map((other) => thumb(app, other))));
}

function pictureElement(app, image, kind) {
  const side = app.data.pictures.cell, canvas = make(app, "canvas", { class: kind, width: side, height: side, "aria-hidden": "true" });
  const paint = () => pastePicture(app, canvas.getContext("2d"), image, 0, 0, side, paint);
  paint();
  return canvas;
}

// A small picture that pins its image when pressed; without a picture its mark stands there.
function thumb(app, image) {
  const label = app.data.columns.find((column) => column.name === "label") || app.data.columns[0];
  const shown = hasPicture(app, image) ? pictureElement(app, image, "small") : swatch(app, colourOf(app.column, image), app.column.kind === "category" ? app.column.looks[app.column.codes[image]].shape : "o");
  const go = () => { goTo(app, image); pin(app, image); };
  const element = make(app, "button", { type: "button", class: "thumb", title: caption(app, image), onclick: go, onfocus: () => goTo(app, image), onmouseenter: () => pointAt(app, image) },
    shown, make(app, "span", {}, nameOf(app, app.column.kind === "number" ? shownNumber(app.column.numbers[image]) : valueOf(label, image) || "none")));
  element.style.borderColor = colourOf(app.column, image);
  return element;
}

function swatch(app, colour, shape) {
  const canvas = make(app, "canvas", { class: "swatch", width: 28, height: 28, "aria-hidden": "true" });
  drawMark(canvas.getContext("2d"), shape, colour, 14, 14, 11, 4);
  return canvas;
}

// Thumbnails that the list of the selection shows at first, and at most.
const FIRST_SHOWN = 48, MOST_SHOWN = 480;

function showSelection(app) {
  const box = app.byId("selection"), images = selectedImages(app), hidden = images.reduce((sum, image) => sum + (1 - app.visible[image]), 0);
  const button = (text, action, title = "") => make(app, "button", { type: "button", title, onclick: action }, text);
  const count = `${app.chosenCount.toLocaleString("en-US")} selected` + (hidden ? `, ${hidden.toLocaleString("en-US")} of them hidden by filters` : "");
  const heading = make(app, "h2", {}, app.chosenCount ? count : "Nothing selected");
  if (!app.chosenCount) {
    const hint = make(app, "p", { class: "small" }, "Encircle images by lasso or box, or press select in the legend: then list, copy, download or label them.");
    return refill(app, box, heading, hint, ...editsElements(app));
  }
  const copied = async () => say(app, (await copyText(app.document, Array.from(selectedImages(app), (image) => app.data.ids[image]).join("\n") + "\n")) ? "names copied" : "this browser does not let a page copy");
  const shown = Array.from(sortedForList(app, images).slice(0, app.shownOfSelection)), more = Math.min(images.length, MOST_SHOWN) - shown.length;
  refill(app, box,
    heading,
    make(app, "div", { class: "row" },
      button("copy names", copied), button("download CSV", () => download(app.document, "selection.csv", imagesCsv(app.data, selectedImages(app)))),
      button("invert", () => invertSelection(app), "Select what is shown and not selected (i)"), button("clear", () => select(app, []), "Select nothing (d)")),
    labelForm(app),
    ...editsElements(app),
    make(app, "p", { class: "small" }, `${shown.length.toLocaleString("en-US")} of ${images.length.toLocaleString("en-US")} are listed` + (app.column.kind === "number" ? `, by ${app.column.name}` : "") + "."),
    make(app, "div", { class: "thumbs" }, ...shown.map((image) => thumb(app, image))),
    ...(more > 0 ? [button("list more", () => { app.shownOfSelection *= 3; showSelection(app); })] : []));
}

function labelForm(app) {
  const known = app.data.columns.find((column) => column.name === "label" && column.kind === "category");
  const input = make(app, "input", { id: "label", list: "labels", autocomplete: "off", spellcheck: "false", "aria-label": "Label for the selected images; empty takes theirs away", placeholder: "label" });
  const options = (known ? known.names.slice(0, 500) : []).map((name) => make(app, "option", { value: name }));
  const give = (event) => { event.preventDefault(); assignLabel(app, input.value); app.byId("label")?.focus(); };
  return make(app, "form", { class: "row", onsubmit: give }, input, make(app, "datalist", { id: "labels" }, ...options), make(app, "button", { type: "submit" }, "label them"));
}

// What was changed, how to keep it, and how to take it back.
function editsElements(app) {
  if (!app.edited.size) return [];
  const keep = () => { download(app.document, "labels.csv", labelsCsv(app.data)); app.saved = true; showSelection(app); };
  const kept = app.saved ? "in the downloaded file" : "only in this window until downloaded";
  return [
    make(app, "p", { class: "small" }, `${shownCount(app.edited.size, "label")} changed, ${kept}.`),
    make(app, "div", { class: "row" },
      make(app, "button", { type: "button", id: "labels-csv", onclick: keep }, "download labels.csv"),
      make(app, "button", { type: "button", title: "(u)", disabled: !app.undo.length, onclick: () => undoLabel(app) }, "undo"),
      make(app, "button", { type: "button", onclick: () => select(app, app.edited.keys()) }, "select changed")),
  ];
}
