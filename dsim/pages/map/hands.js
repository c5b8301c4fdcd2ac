// What is asked of the selection: by the keys held down, or else by the buttons.
function howOf(app, event) {
  return event.altKey ? "remove" : event.shiftKey ? "add" : app.how;
}

function setMode(app, mode) {
  app.mode = mode;
  app.path = null;
  for (const button of app.document.querySelectorAll("[data-mode]")) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
  app.byId("hows").hidden = mode === "move";
  app.canvas.classList.toggle("drawing", mode !== "move");
  app.redraw("over");
}

function setHow(app, how) {
  app.how = how;
  for (const button of app.document.querySelectorAll("[data-how]")) button.setAttribute("aria-pressed", String(button.dataset.how === how));
}

function zoom(app, factor, x = app.width / 2, y = app.height / 2) {
  const least = whole(app).scale * 0.5, scale = Math.max(least, Math.min(12, app.view.scale * factor));
  app.view = zoomed(app.view, scale / app.view.scale, app.width, app.height, x, y);
  moved(app);
}

function showAll(app) {
  app.view = whole(app);
  moved(app);
  app.whole = true;
}

// The view of all, below the buttons.
function whole(app) {
  const tools = app.byId("tools");
  return fitted(app.data.bounds, app.width, app.height, tools.offsetTop + tools.offsetHeight);
}

function moved(app) {
  app.moving = true;
  app.whole = false;
  app.redraw("dots"); app.redraw("over");
  placeTip(app);
}

function turn(app, name, element) {
  app[name] = !app[name];
  app.byId(element).setAttribute("aria-pressed", String(app[name]));
  app.redraw("over");
}

const inPlane = (app, event) => toPlane(app.view, app.width, app.height, event.offsetX, event.offsetY);

// The image at a place of the screen, -1 without one.
function imageAt(app, event) {
  return nearest(app.grid, ...inPlane(app, event), (event.pointerType === "touch" ? 22 : 14) / app.view.scale, (image) => app.visible[image] === 1);
}

// Pointers: one moves the map or draws, two zoom; what hardly moves is a click, which pins.
function listenToPointers(app) {
  const { canvas } = app, hands = new Map();
  let began = null;
  canvas.addEventListener("pointerdown", (event) => {
    hands.set(event.pointerId, [event.offsetX, event.offsetY]);
    canvas.setPointerCapture(event.pointerId);
    const draws = app.mode !== "move" || event.shiftKey || event.altKey;
    began = hands.size === 1 ? { at: [event.offsetX, event.offsetY], draws, far: false, how: howOf(app, event) } : null;
    app.path = null;
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = [event.offsetX, event.offsetY], before = hands.get(event.pointerId);
    if (!before) return event.pointerType !== "touch" && pointAt(app, imageAt(app, event));
    if (hands.size > 1) pinch(app, hands, event.pointerId, now, before);
    else if (began) {
      began.far ||= Math.hypot(now[0] - began.at[0], now[1] - began.at[1]) > 4;
      if (began.far && began.draws) extendPath(app, began.at, event);
      else if (began.far) pan(app, now, before);
    }
    hands.set(event.pointerId, now);
  });
  canvas.addEventListener("pointerup", (event) => {
    const held = hands.delete(event.pointerId);
    canvas.classList.remove("moving");
    if (!held || !began || hands.size) return;
    if (app.path) finishPath(app, began.how);
    else if (!began.far) click(app, event);
    began = null;
  });
  canvas.addEventListener("pointercancel", (event) => { hands.delete(event.pointerId); began = app.path = null; app.redraw("over"); });
  canvas.addEventListener("pointerleave", () => { if (app.document.activeElement !== canvas || !canvas.matches(":focus-visible")) pointAt(app, -1); });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(app, Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event.offsetX, event.offsetY);
  }, { passive: false });
}

function pinch(app, hands, id, now, before) {
  const [other] = [...hands].filter(([each]) => each !== id).map(([, at]) => at);
  const far = (at) => Math.hypot(at[0] - other[0], at[1] - other[1]) || 1;
  zoom(app, far(now) / far(before), ...other);
}

function pan(app, now, before) {
  app.canvas.classList.add("moving");
  app.view = { ...app.view, x: app.view.x - (now[0] - before[0]) / app.view.scale, y: app.view.y + (now[1] - before[1]) / app.view.scale };
  moved(app);
}

function extendPath(app, start, event) {
  if (!app.path) { app.path = [toPlane(app.view, app.width, app.height, ...start)]; pointAt(app, -1); }
  const last = toPixels(app.view, app.width, app.height, ...app.path.at(-1));
  if (Math.hypot(event.offsetX - last[0], event.offsetY - last[1]) < 2) return;
  app.path.push(inPlane(app, event));
  app.redraw("over");
}

function finishPath(app, how) {
  const corners = app.mode === "rectangle" ? rectangleOf(app.path[0], app.path.at(-1)) : app.path;
  app.path = null;
  selectInside(app, corners, how);
  app.redraw("over");
}

function click(app, event) {
  const image = imageAt(app, event);
  if (image >= 0 && (event.shiftKey || event.altKey || event.ctrlKey || event.metaKey)) return select(app, [image], app.chosen[image] ? "remove" : "add");
  pin(app, image);
  if (event.pointerType === "touch") pointAt(app, image);
  if (image >= 0) say(app, caption(app, image).replaceAll("\n", "; "));
}
