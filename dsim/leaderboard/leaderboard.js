"use strict";

// Positions of the keys in order. Numbers by size, other texts by alphabet; empty keys come last in both directions,
// for what is not known is neither small nor large; equal keys stay as they were.
function order(keys, descending) {
  const known = [], unknown = [];
  keys.forEach((key, place) => (key === "" ? unknown : known).push(place));
  const numeric = known.every((place) => Number.isFinite(Number(keys[place])));
  const compare = numeric
    ? (one, other) => Number(keys[one]) - Number(keys[other])
    : (one, other) => keys[one].localeCompare(keys[other]);
  known.sort((one, other) => (descending ? compare(other, one) : compare(one, other)) || one - other);
  return known.concat(unknown);
}

// A row and its details share a tbody, so that they stay together.
function sort(table, column, descending) {
  const bodies = Array.from(table.tBodies);
  const keys = bodies.map((body) => {
    const cell = body.rows[0].cells[column];
    return (cell && cell.dataset.sort) || "";
  });
  for (const place of order(keys, descending)) table.appendChild(bodies[place]);
}

// The first press puts the best first, the next one turns the order round.
function pressed(table, heads, head) {
  const before = head.getAttribute("aria-sort");
  const descending = before ? before === "ascending" : head.dataset.first === "descending";
  for (const other of heads) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", descending ? "descending" : "ascending");
  sort(table, head.cellIndex, descending);
}

function wire(document) {
  for (const table of document.querySelectorAll("table.board")) {
    const heads = Array.from(table.tHead.rows[0].cells);
    for (const head of heads) {
      const button = head.querySelector("button");
      if (!button) continue;
      button.disabled = false;
      button.addEventListener("click", () => pressed(table, heads, head));
    }
  }
}

if (typeof module !== "undefined") module.exports = { order, sort, pressed, wire };
else wire(document);
