// Radius of marks in pixels: smaller where there are many, or where the map is small; larger as one zooms in.
function radiusOf(app) {
  const closer = (app.view.scale / whole(app).scale) ** 0.35;
  const small = Math.max(0.6, Math.min(1, app.width / 800)), base = Math.max(1.1, Math.min(5, 160 / Math.sqrt(app.data.count + 1)) * small);
  return Math.max(1, Math.min(7, base * closer));
}

// Milliseconds that a frame may take while one moves; where frames take longer, fewer points are drawn until one rests.
const SLOW_FRAME = 40;

function drawDots(app, now) {
  const { moving } = app, radius = radiusOf(app);
  if (moving && app.lastFrame) app.share = now - app.lastFrame > SLOW_FRAME ? Math.max(0.05, app.share / 2) : Math.min(1, app.share * 1.1);
  app.lastFrame = moving ? now : 0;
  const passes = [{ chosen: false, opacity: app.chosenCount ? 0.3 : 0.65, larger: 1 }];
  if (app.chosenCount) passes.push({ chosen: true, opacity: 0.95, larger: 1.15 });
  const share = moving && app.data.count > 2e4 ? app.share : 1;
  app.renderer.draw({ view: app.view, width: app.width, height: app.height, ratio: app.ratio, radius, passes, share });
  app.moving = false;
  window.clearTimeout(app.rest);
  if (share < 1) app.rest = window.setTimeout(() => app.redraw("dots"), 120);
}

function frame(app, now) {
  const { dots, over } = app.dirty;
  app.dirty = { dots: false, over: false };
  app.queued = false;
  if (!app.width) return;
  if (dots) drawDots(app, now);
  if (over) drawOverlay(app);
}

// The renderer of points: WebGL2 by a graphics card, or where there is none, or it is lost, a flat one on a new canvas.
function rendererOf(app) {
  const canvas = app.byId("dots"), found = webglPoints(app.document, canvas, app.data);
  canvas.addEventListener("webglcontextlost", () => { app.renderer = flatPoints(app.document, freshCanvas(app), app.data); resize(app); repaint(app); });
  return found || flatPoints(app.document, freshCanvas(app), app.data);
}

function freshCanvas(app) {
  const old = app.byId("dots"), fresh = old.cloneNode();
  old.replaceWith(fresh);
  return fresh;
}

function resize(app) {
  const { canvas } = app, dots = app.byId("dots");
  app.ratio = window.devicePixelRatio || 1;
  app.width = canvas.clientWidth; app.height = canvas.clientHeight;
  for (const each of [canvas, dots]) { each.width = Math.round(app.width * app.ratio); each.height = Math.round(app.height * app.ratio); }
  if (!app.width) return;
  if (app.whole) app.view = whole(app);
  app.dirty = { dots: true, over: true };
  frame(app, performance.now());
  placeTip(app);
}

function createApp(document, data) {
  const byId = (name) => document.getElementById(name), canvas = byId("map"), count = data.count;
  const app = {
    document, byId, data, canvas, pen: canvas.getContext("2d"), grid: buildGrid(data.points, count),
    column: data.columns.find((column) => column.name === data.colour) || data.columns[0],
    visible: new Uint8Array(count).fill(1), visibleCount: count, chosen: new Uint8Array(count), chosenCount: 0, states: new Uint8Array(count),
    sheets: [], waiting: [], edited: new Map(), undo: [], saved: true,
    view: null, whole: true, width: 0, height: 0, ratio: 1, current: -1, pinned: -1, dim: -1, middles: null, shownOfSelection: 0,
    mode: "move", how: "new", path: null, lastPolygon: null, withPictures: false, withNames: true,
    dirty: {}, queued: false, moving: false, lastFrame: 0, share: 1, rest: 0,
  };
  app.redraw = (what) => {
    app.dirty[what] = true;
    if (!app.queued) { app.queued = true; window.requestAnimationFrame((now) => frame(app, now)); }
  };
  return app;
}

function openMap(document) {
  const app = createApp(document, readData(JSON.parse(document.getElementById("data").textContent))), { byId } = app;
  byId("stage").hidden = false;
  byId("silent").hidden = true;
  app.renderer = rendererOf(app);
  listColumns(app);
  colourBy(app, app.column.name);
  showSelection(app);
  listenToPointers(app);
  listenToKeys(app);
  listenToSearch(app);
  for (const [id, action] of [["in", () => zoom(app, 1.3)], ["out", () => zoom(app, 1 / 1.3)], ["all", () => showAll(app)], ["help", () => showKeys(app, byId("keys").hidden)]]) byId(id).addEventListener("click", action);
  byId("pictures").hidden = !app.data.pictures;
  byId("pictures").addEventListener("click", () => turn(app, "withPictures", "pictures"));
  byId("names").addEventListener("click", () => turn(app, "withNames", "names"));
  byId("colour").addEventListener("change", () => colourBy(app, byId("colour").value));
  for (const button of document.querySelectorAll("[data-mode]")) button.addEventListener("click", () => setMode(app, button.dataset.mode));
  for (const button of document.querySelectorAll("[data-how]")) button.addEventListener("click", () => setHow(app, button.dataset.how));
  window.addEventListener("beforeunload", (event) => { if (!app.saved) event.preventDefault(); });
  new ResizeObserver(() => resize(app)).observe(app.canvas);
  return app;
}

// In a browser the page opens; elsewhere, as in tests, the functions are there.
const map = typeof document === "undefined" ? null : openMap(document);
