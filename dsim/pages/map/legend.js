// Entries that a legend lists at most.
const MOST_ENTRIES = 300;

function listColumns(app) {
  const options = app.data.columns.map((column) => make(app, "option", { value: column.name }, shownName(column.name)));
  app.byId("colour").replaceChildren(...options);
  app.byId("colour").value = app.column.name;
}

// The legend of the column that colours the map; it filters, and selects.
function showLegend(app) {
  const { column, byId } = app;
  byId("colour").value = column.name;
  byId("meaning").textContent = column.help || "";
  byId("meaning").hidden = !column.help;
  refill(app, byId("list"), ...(column.kind === "category" ? categoryLegend(app, column) : numberLegend(app, column)));
}

function categoryLegend(app, column) {
  const order = column.names.map((_, code) => code).filter((code) => column.counts[code] || column.name === "dataset");
  const entries = order.slice(0, MOST_ENTRIES).map((code) => entry(app, column, code));
  const rest = order.length - entries.length;
  if (order.length > 2) {
    const every = (value) => () => { column.shown.fill(value); showLegend(app); filtersChanged(app); };
    entries.unshift(make(app, "div", { class: "row" }, make(app, "button", { type: "button", onclick: every(true) }, "all"), make(app, "button", { type: "button", onclick: every(false) }, "none")));
  }
  if (rest > 0) entries.push(make(app, "p", { class: "small" }, `${shownCount(rest, "more entry", "more entries")} not listed; the search reaches their images.`));
  return entries;
}

function entry(app, column, code) {
  const name = column.names[code], words = name || "none";
  const box = make(app, "input", { type: "checkbox" });
  box.checked = column.shown[code];
  box.addEventListener("change", () => { column.shown[code] = box.checked; filtersChanged(app); });
  const only = () => { column.shown.fill(false); column.shown[code] = true; showLegend(app); filtersChanged(app); };
  const { colour, shape } = column.looks[code];
  const element = make(app, "div", { class: "entry" },
    make(app, "label", {}, box, swatch(app, colour, shape), make(app, "span", { class: "name" }, nameOf(app, words)), make(app, "span", { class: "count" }, column.counts[code].toLocaleString("en-US"))),
    make(app, "button", { type: "button", "aria-label": `Show only ${shownName(words)}`, onclick: only }, "only"),
    make(app, "button", { type: "button", "aria-label": `Select ${shownName(words)}`, onclick: (event) => selectWhere(app, (image) => column.codes[image] === code, howOf(app, event)) }, "select"));
  for (const [event, which] of [["mouseenter", code], ["mouseleave", -1], ["focusin", code], ["focusout", -1]]) {
    element.addEventListener(event, () => { if (app.dim !== which) { app.dim = which; updateStates(app); app.redraw("over"); } });
  }
  return element;
}

const BINS = 40;

// How many of the shown images have a number in each of so many equal parts of the scale.
function histogram(column, mask) {
  const bins = new Array(BINS).fill(0);
  for (let image = 0; image < mask.length; image++) {
    const value = column.numbers[image];
    if (mask[image] && !Number.isNaN(value)) bins[Math.min(BINS - 1, Math.floor((levelOf(column, value) / 256) * BINS))]++;
  }
  return bins;
}

function numberLegend(app, column) {
  if (Number.isNaN(column.low)) return [make(app, "p", { class: "small" }, "No image has a value.")];
  const scale = make(app, "canvas", { class: "scale", width: 480, height: 88, role: "img", "aria-label": `Scale from ${shownNumber(column.low)} to ${shownNumber(column.high)}, and how many images have each value` });
  drawScale(scale.getContext("2d"), histogram(column, new Uint8Array(app.data.count).fill(1)), scale.width, scale.height);
  const end = (value, beyond, sign) => (beyond ? sign + " " : "") + shownNumber(value);
  const ends = make(app, "div", { class: "ends" }, make(app, "span", {}, end(column.low, column.least < column.low, "≤")), make(app, "span", {}, end(column.high, column.most > column.high, "≥")));
  const limit = (side, words, shown) => {
    const input = make(app, "input", { type: "number", step: "any", "aria-label": words, placeholder: shownNumber(shown) });
    if (!Number.isNaN(column[side])) input.value = column[side];
    input.addEventListener("change", () => { column[side] = input.value === "" ? NaN : Number(input.value); filtersChanged(app); });
    return input;
  };
  const limits = make(app, "div", { class: "row" }, "from", limit("from", `Show only ${column.name} from`, column.least), "to", limit("to", `Show only ${column.name} up to`, column.most));
  const here = (image) => !Number.isNaN(column.numbers[image]);
  const row = make(app, "div", { class: "row" }, make(app, "button", { type: "button", onclick: (event) => selectWhere(app, here, howOf(app, event)) }, "select these"));
  return [scale, ends, limits, row, ...(column.without ? [missingEntry(app, column)] : [])];
}

function missingEntry(app, column) {
  const box = make(app, "input", { type: "checkbox" });
  box.checked = column.missing;
  box.addEventListener("change", () => { column.missing = box.checked; filtersChanged(app); });
  return make(app, "div", { class: "entry" }, make(app, "label", {}, box, swatch(app, NOTHING, "o"), make(app, "span", { class: "name" }, "no value"), make(app, "span", { class: "count" }, column.without.toLocaleString("en-US"))));
}

function drawScale(pen, bins, width, height) {
  const most = Math.max(...bins, 1), colours = scaleColours(), bar = 20, part = width / BINS;
  for (let at = 0; at < BINS; at++) {
    const level = 3 * Math.round((at / (BINS - 1)) * 255);
    pen.fillStyle = `rgb(${colours.subarray(level, level + 3).join(",")})`;
    pen.fillRect(at * part, height - bar, part + 1, bar);
    const high = bins[at] && Math.max(3, ((height - bar - 6) * bins[at]) / most);
    pen.fillRect(at * part + 1, height - bar - 4 - high, part - 2, high);
  }
}

// The filters that hold, each with a button that lifts it.
function showFilters(app) {
  const line = app.byId("filters"), held = app.data.columns.filter(isFiltered);
  line.hidden = !held.length;
  const lift = (column) => { clearFilter(column); showLegend(app); filtersChanged(app); };
  refill(app, line,
    `${app.visibleCount.toLocaleString("en-US")} of ${shownCount(app.data.count, "image")} shown. Filters: `,
    ...held.map((column) => make(app, "button", { type: "button", "aria-label": `Lift the filter by ${column.name}`, onclick: () => lift(column) }, nameOf(app, column.name), " ×")));
}
