// A text as a cell of a CSV file. One that a spreadsheet would take for a formula begins with an apostrophe.
function csvCell(text) {
  const guarded = /^[=+\-@\t\r]/.test(text) ? "'" + text : text;
  return /[",\r\n]/.test(guarded) ? '"' + guarded.replaceAll('"', '""') + '"' : guarded;
}

const csvOf = (rows) => rows.map((row) => row.join(",") + "\n").join("");

// The images as a table: name, dataset, all columns, and the place in the plane.
function imagesCsv(data, images) {
  const [dataset, ...columns] = data.columns, { points, low, step } = data;
  const cellOf = (column, image) => (column.kind === "category" ? csvCell(valueOf(column, image)) : valueOf(column, image));
  const place = (image) => [0, 1].map((axis) => String(Number((low[axis] + step * points[2 * image + axis]).toPrecision(7))));
  const rows = [["file", "dataset", ...columns.map((column) => csvCell(column.name)), "x", "y"]];
  for (const image of images) rows.push([csvCell(data.ids[image]), cellOf(dataset, image), ...columns.map((column) => cellOf(column, image)), ...place(image)]);
  return csvOf(rows);
}

// The labels of all images, as dsim reads them from labels.csv: those that were changed here and all others.
function labelsCsv(data) {
  const written = ["dataset", "label", "group", "split"].map((name) => data.columns.find((column) => column.name === name && column.kind === "category")).filter(Boolean);
  const rows = [["file", ...written.map((column) => column.name)]];
  for (let image = 0; image < data.count; image++) rows.push([csvCell(data.ids[image]), ...written.map((column) => csvCell(valueOf(column, image)))]);
  return csvOf(rows);
}

function download(document, name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

// Copy a text: by the clipboard of the browser, or where it is refused, by a selected text field.
async function copyText(document, text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}
