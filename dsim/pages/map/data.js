const ARRAYS = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, f4: Float32Array };

// A typed array of [kind, base64].
function unpacked([kind, text]) {
  const letters = atob(text), bytes = new Uint8Array(letters.length);
  for (let at = 0; at < letters.length; at++) bytes[at] = letters.charCodeAt(at);
  return new ARRAYS[kind](bytes.buffer);
}

// The data of the page with arrays in place of texts. Every array is in the order of the images, which never changes.
function readData(raw) {
  const owners = unpacked(raw.owners);
  const dataset = { name: "dataset", kind: "category", help: "", names: raw.datasets.map((each) => each.name), codes: owners };
  dataset.looks = raw.datasets.map(({ colour, shape }) => ({ colour, shape }));
  const columns = raw.columns.map((column) => ({
    ...column,
    codes: column.codes && unpacked(column.codes),
    numbers: column.numbers && unpacked(column.numbers),
  }));
  const near = raw.neighbours && { each: raw.neighbours.each, numbers: unpacked(raw.neighbours.numbers) };
  return {
    ...raw,
    points: unpacked(raw.points),
    ids: raw.count ? raw.ids.split(raw.separator) : [],
    owners,
    distances: raw.distances && unpacked(raw.distances),
    columns: [dataset, ...columns].map(ready),
    neighbours: near,
    pictures: raw.pictures && readPictures(raw.pictures, raw.count),
  };
}

// What the page itself keeps of a column: which of its categories are shown, or between which numbers.
function ready(column) {
  if (column.kind === "number") return { ...column, ...limitsOf(column.numbers), from: NaN, to: NaN, missing: true };
  return { ...column, counts: countsOf(column), shown: column.names.map(() => true) };
}

function countsOf(column) {
  const counts = new Array(column.names.length).fill(0);
  for (const code of column.codes) counts[code]++;
  return counts;
}

// From where to where numbers are coloured: all but one in a hundred at either end, of up to 100,000 of them.
function limitsOf(numbers) {
  const step = Math.max(1, Math.floor(numbers.length / 1e5)), some = [];
  let least = Infinity, most = -Infinity, without = 0;
  for (let image = 0; image < numbers.length; image++) {
    const value = numbers[image];
    if (Number.isNaN(value)) { without++; continue; }
    if (value < least) least = value;
    if (value > most) most = value;
    if (image % step === 0) some.push(value);
  }
  const sorted = Float64Array.from(some).sort(), at = (share) => sorted[Math.round(share * (sorted.length - 1))];
  const low = sorted.length ? at(0.01) : NaN, high = sorted.length ? at(0.99) : NaN;
  return low < high ? { low, high, least, most, without } : { low: least, high: most, least, most, without };
}

function readPictures(raw, count) {
  const images = unpacked(raw.images), slots = new Int32Array(count).fill(-1);
  images.forEach((image, slot) => { slots[image] = slot; });
  return { ...raw, images, of: unpacked(raw.of), cells: unpacked(raw.cells), slots };
}

// Which images pass all filters: 1 or 0 each, in the order of the images.
function passing(columns, count) {
  const mask = new Uint8Array(count).fill(1);
  for (const column of columns) {
    if (!isFiltered(column)) continue;
    if (column.kind === "category") {
      const shown = Uint8Array.from(column.shown);
      for (let image = 0; image < count; image++) if (!shown[column.codes[image]]) mask[image] = 0;
    } else {
      const { numbers, missing } = column, from = Number.isNaN(column.from) ? -Infinity : column.from;
      const to = Number.isNaN(column.to) ? Infinity : column.to;
      for (let image = 0; image < count; image++) {
        const value = numbers[image];
        if (Number.isNaN(value) ? !missing : value < from || value > to) mask[image] = 0;
      }
    }
  }
  return mask;
}

function isFiltered(column) {
  if (column.kind === "category") return column.shown.includes(false);
  return !column.missing || !Number.isNaN(column.from) || !Number.isNaN(column.to);
}

function clearFilter(column) {
  if (column.kind === "category") column.shown.fill(true);
  else Object.assign(column, { from: NaN, to: NaN, missing: true });
}

// The text of an image's value, as it stands in files; empty for none.
function valueOf(column, image) {
  if (column.kind === "category") return column.names[column.codes[image]];
  const value = column.numbers[image];
  return Number.isNaN(value) ? "" : String(Number(value.toPrecision(7)));
}

// The place of each image by its distance to the centre of its dataset, from 0; made when first needed.
function ranksOf(data) {
  if (!data.ranks) {
    const order = Uint32Array.from({ length: data.count }, (_, image) => image);
    order.sort((one, other) => data.distances[one] - data.distances[other] || one - other);
    const next = data.datasets.map(() => 0);
    data.ranks = new Uint32Array(data.count);
    for (const image of order) data.ranks[image] = next[data.owners[image]]++;
  }
  return data.ranks;
}

// The image next to this one in its dataset, by distance to the centre; -1 without one.
function besideInRank(data, from, step) {
  const ranks = ranksOf(data), wanted = ranks[from] + step;
  return ranks.findIndex((rank, image) => rank === wanted && data.owners[image] === data.owners[from]);
}

// The images most alike, the nearest first: those that the page was given, or else those in the plane.
function neighboursOf(data, grid, image, most) {
  if (!data.neighbours) return nearestMany(grid, image, most);
  const { each, numbers } = data.neighbours;
  return Array.from(numbers.subarray(image * each, image * each + Math.min(each, most))).filter((other) => other < data.count);
}

// Which images match a text: their name, or a category of theirs, holds it, whatever the case. One pass over one text.
function matching(data, text) {
  const sought = text.trim().toLowerCase(), mask = new Uint8Array(data.count);
  if (!sought) return mask;
  if (!data.lowered) data.lowered = data.ids.map((id) => id.toLowerCase());
  data.lowered.forEach((id, image) => { if (id.includes(sought)) mask[image] = 1; });
  for (const { kind, names, codes } of data.columns) {
    if (kind !== "category") continue;
    const hit = Uint8Array.from(names, (name) => name.toLowerCase().includes(sought));
    if (hit.includes(1)) for (let image = 0; image < data.count; image++) if (hit[codes[image]]) mask[image] = 1;
  }
  return mask;
}

// The next image of the mask after this one, round again; -1 without one.
function nextOf(mask, from, wanted = () => true) {
  for (let step = 1; step <= mask.length; step++) {
    const image = (from + step + mask.length) % mask.length;
    if (mask[image] && wanted(image)) return image;
  }
  return -1;
}
