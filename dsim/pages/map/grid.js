// A grid over the points (x, y, x, y, ...), so that what is near or inside is looked up among few of them.
function buildGrid(points, count) {
  const bits = Math.max(0, Math.min(10, Math.round(Math.log2(Math.max(1, count / 4)) / 2)));
  const side = 1 << bits, shift = 16 - bits;
  const starts = new Uint32Array(side * side + 1), items = new Uint32Array(count);
  const cellOf = (image) => (points[2 * image + 1] >> shift) * side + (points[2 * image] >> shift);
  for (let image = 0; image < count; image++) starts[cellOf(image) + 1]++;
  for (let cell = 0; cell < side * side; cell++) starts[cell + 1] += starts[cell];
  const next = starts.slice();
  for (let image = 0; image < count; image++) items[next[cellOf(image)]++] = image;
  return { points, count, side, step: 65536 / side, starts, items };
}

const cellAt = (grid, place) => Math.max(0, Math.min(grid.side - 1, Math.floor(place / grid.step)));

// Visit the cells around (x, y), ring by ring, until the next ring is further away than `reach()` says is of interest.
function visitRings(grid, x, y, reach, visit) {
  const { side, step, starts, items } = grid, column = cellAt(grid, x), row = cellAt(grid, y);
  for (let ring = 0; ring < 2 * side; ring++) {
    if ((ring - 1) * step > reach()) return;
    for (let r = Math.max(0, row - ring); r <= Math.min(side - 1, row + ring); r++) {
      const edge = Math.abs(r - row) === ring, jump = edge || ring === 0 ? 1 : 2 * ring;
      for (let c = column - ring; c <= column + ring; c += jump) {
        if (c < 0 || c >= side) continue;
        const cell = r * side + c;
        for (let at = starts[cell]; at < starts[cell + 1]; at++) visit(items[at]);
      }
    }
  }
}

// The nearest of the images that are wanted, -1 where none is within reach; of equally near ones the first.
function nearest(grid, x, y, reach, wanted = () => true) {
  let best = -1, least = reach * reach;
  visitRings(grid, x, y, () => Math.sqrt(least), (image) => {
    const far = (grid.points[2 * image] - x) ** 2 + (grid.points[2 * image + 1] - y) ** 2;
    if ((far < least || (far === least && (best < 0 || image < best))) && wanted(image)) { best = image; least = far; }
  });
  return best;
}

// The images nearest to this one in the plane, the nearest first, without itself.
function nearestMany(grid, from, most, wanted = () => true) {
  const x = grid.points[2 * from], y = grid.points[2 * from + 1], found = [];
  visitRings(grid, x, y, () => (found.length < most ? Infinity : Math.sqrt(found.at(-1)[0])), (image) => {
    if (image === from || !wanted(image)) return;
    const far = (grid.points[2 * image] - x) ** 2 + (grid.points[2 * image + 1] - y) ** 2;
    if (found.length === most && far >= found.at(-1)[0]) return;
    let at = found.length;
    while (at > 0 && found[at - 1][0] > far) at--;
    found.splice(at, 0, [far, image]);
    if (found.length > most) found.pop();
  });
  return found.map(([, image]) => image);
}

// Visit the images inside a closed polygon [[x, y], ...] by the even-odd rule. For every row of the grid only those
// edges are looked at that reach into it.
function insidePolygon(grid, corners, visit) {
  const { points, step, side, starts, items } = grid;
  const edges = corners.map((corner, at) => [...corner, ...corners[(at + 1) % corners.length]]);
  const xs = corners.map(([x]) => x), ys = corners.map(([, y]) => y);
  const first = cellAt(grid, Math.min(...xs)), last = cellAt(grid, Math.max(...xs));
  for (let row = cellAt(grid, Math.min(...ys)); row <= cellAt(grid, Math.max(...ys)); row++) {
    const reaching = edges.filter(([, a, , b]) => Math.min(a, b) <= (row + 1) * step && Math.max(a, b) >= row * step);
    for (let at = starts[row * side + first]; at < starts[row * side + last + 1]; at++) {
      const image = items[at];
      if (crossings(reaching, points[2 * image], points[2 * image + 1]) % 2) visit(image);
    }
  }
}

// How many edges [x, y, x, y] a ray from (x, y) to the right crosses.
function crossings(edges, x, y) {
  let count = 0;
  for (const [ax, ay, bx, by] of edges) {
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) count++;
  }
  return count;
}

function rectangleOf([ax, ay], [bx, by]) {
  return [[ax, ay], [bx, ay], [bx, by], [ax, by]];
}

// The next image in a direction: near, and rather ahead than aside. Images that coincide are all passed through, in
// their order forwards (right, up) and against it backwards.
function ahead(points, count, from, dx, dy, wanted = () => true) {
  const x = points[2 * from], y = points[2 * from + 1];
  let best = -1, least = Infinity;
  for (let image = 0; image < count; image++) {
    if (image === from) continue;
    const along = (points[2 * image] - x) * dx + (points[2 * image + 1] - y) * dy;
    if (along < 0 || along > least) continue;
    const aside = Math.abs((points[2 * image] - x) * dy - (points[2 * image + 1] - y) * dx);
    const twin = along === 0 && aside === 0 && (dx + dy > 0 ? image > from : image < from);
    if ((!twin && along === 0) || !wanted(image)) continue;
    const cost = twin ? Math.abs(image - from) * 1e-12 : along + 3 * aside;
    if (cost < least) { best = image; least = cost; }
  }
  return best;
}
