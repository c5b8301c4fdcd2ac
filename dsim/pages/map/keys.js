const isShown = (app) => (image) => app.visible[image] === 1;

// The image that keys begin with: the current one, the pinned one, or that nearest to the middle.
function startOf(app) {
  if (app.current >= 0) return app.current;
  return app.pinned >= 0 && app.visible[app.pinned] ? app.pinned : -1;
}

function step(app, next, how) {
  const from = startOf(app);
  const to = from < 0 ? nearest(app.grid, app.view.x, app.view.y, Infinity, isShown(app)) : next(from);
  goTo(app, to);
  if (how && to >= 0) select(app, from < 0 ? [to] : [from, to], how);
}

const walk = (dx, dy) => (app, event) => step(app, (from) => ahead(app.data.points, app.data.count, from, dx, dy, isShown(app)), event.shiftKey && "add");
const rank = (by) => (app) => { if (app.data.distances) step(app, (from) => besideInRank(app.data, from, by)); };

function selectNeighbours(app) {
  const from = startOf(app);
  if (from >= 0) select(app, [from, ...neighboursOf(app.data, app.grid, from, NEIGHBOURS)], "add");
}

function selectAlike(app) {
  const from = startOf(app), { column } = app;
  if (from >= 0 && column.kind === "category") selectWhere(app, (image) => column.codes[image] === column.codes[from], "add");
}

function nextColour(app, by) {
  const names = app.data.columns.map((column) => column.name), at = names.indexOf(app.column.name);
  colourBy(app, names[(at + by + names.length) % names.length]);
  say(app, `coloured by ${app.column.name}`);
}

function escape(app) {
  if (!app.byId("keys").hidden) return showKeys(app, false);
  if (app.path) { app.path = null; return app.redraw("over"); }
  if (app.current >= 0 && app.current !== app.pinned) return pointAt(app, -1);
  pointAt(app, -1);
  pin(app, -1);
}

// All keys of the map, in the order in which the page lists them: names as browsers give them, words, what they do.
const KEYS = [
  [["ArrowRight"], "", "", walk(1, 0)], [["ArrowLeft"], "", "", walk(-1, 0)], [["ArrowUp"], "", "", walk(0, 1)],
  [["ArrowDown"], "arrows", "the next image in that direction; with shift, select it too", walk(0, -1)],
  [["."], "", "", rank(1)], [[","], ", .", "inwards and outwards in its dataset", rank(-1)],
  [["Enter"], "Enter", "pin the image, with its neighbours", (app) => { if (app.current >= 0) pin(app, app.current); }],
  [[" ", "x"], "space x", "select the image, or not", (app) => { const one = startOf(app); if (one >= 0) select(app, [one], app.chosen[one] ? "remove" : "add"); }],
  [["k"], "k", "select the image with its neighbours", selectNeighbours],
  [["e"], "e", "select everything of its entry in the legend", selectAlike],
  [["a"], "a", "select everything that is shown", (app) => selectWhere(app, () => true, "new")],
  [["i"], "i", "invert the selection", invertSelection],
  [["d"], "d", "select nothing", (app) => select(app, [])],
  [["g"], "g", "give the selected images a label", (app) => app.byId("label")?.focus()],
  [["u"], "u", "take the last label back", undoLabel],
  [["m"], "", "", (app) => setMode(app, "move")], [["l"], "", "", (app) => setMode(app, "lasso")],
  [["r"], "m l r", "dragging moves, draws a lasso, draws a box; shift and dragging adds, alt and dragging removes", (app) => setMode(app, "rectangle")],
  [["c"], "", "", (app) => nextColour(app, 1)], [["C"], "c C", "colour by the next column, the one before", (app) => nextColour(app, -1)],
  [["p"], "p", "pictures where there is room, or marks", (app) => turn(app, "withPictures", "pictures")],
  [["t"], "t", "names on the map, or none", (app) => turn(app, "withNames", "names")],
  [["f", "/"], "f /", "find; then Enter goes to the next one, shift and Enter select all", (app) => app.byId("find").focus()],
  [["+", "="], "", "", (app) => zoom(app, 1.3)], [["-"], "", "", (app) => zoom(app, 1 / 1.3)], [["0"], "+ - 0", "zoom in, out, show all", showAll],
  [["Escape"], "Escape", "end what is begun, unpin", escape],
  [["?"], "?", "these keys", (app) => showKeys(app, app.byId("keys").hidden)],
];

function listenToKeys(app) {
  app.canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const entry = KEYS.find(([names]) => names.includes(event.key));
    if (!entry) return;
    entry[3](app, event);
    event.preventDefault();
  });
  app.canvas.addEventListener("focus", () => { if (app.current < 0 && app.canvas.matches(":focus-visible")) step(app, (from) => from); });
  app.byId("keys").addEventListener("keydown", (event) => { if (event.key === "Escape" || event.key === "?") showKeys(app, false); });
}

function showKeys(app, open) {
  const box = app.byId("keys");
  const rows = KEYS.filter(([names, words]) => words && (app.data.distances || names[0] !== ",")).map(([, words, does]) => make(app, "div", {}, make(app, "dt", {}, ...words.split(" ").map((word) => make(app, "kbd", {}, word))), make(app, "dd", {}, does)));
  box.replaceChildren(
    make(app, "h2", {}, "Keys of the map", make(app, "button", { type: "button", class: "close", "aria-label": "Close", onclick: () => showKeys(app, false) }, "×")),
    make(app, "dl", {}, ...rows),
    make(app, "p", { class: "small" }, "By hand: point to see an image, click to pin it, drag to move, turn the wheel or pinch to zoom."));
  box.hidden = !open;
  app.byId("help").setAttribute("aria-expanded", String(open));
  if (open) box.focus(); else app.canvas.focus();
}

// The search: while one types, the image shown stays where it still fits; Enter goes to the next one.
function listenToSearch(app) {
  const find = app.byId("find");
  function search(from) {
    const mask = matching(app.data, find.value), sought = find.value.trim() !== "";
    let count = 0;
    for (let image = 0; image < mask.length; image++) if (mask[image] && app.visible[image]) count++;
    find.setAttribute("aria-invalid", String(sought && !count));
    app.byId("matches").textContent = sought ? count.toLocaleString("en-US") : "";
    if (!count) { pointAt(app, -1); return say(app, sought ? "no image of that name" : ""); }
    goTo(app, nextOf(mask, from, isShown(app)));
  }
  find.addEventListener("input", () => search(Math.max(app.current, 0) - 1));
  find.addEventListener("keydown", (event) => {
    if (event.key === "Escape") app.canvas.focus();
    if (event.key !== "Enter") return;
    const mask = event.shiftKey && matching(app.data, find.value);
    if (mask) selectWhere(app, (image) => mask[image] === 1, "new"); else search(app.current);
  });
}
