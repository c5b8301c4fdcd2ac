"""The picture of the way that data go, as SVG, for docs/architecture.md.

python benchmarks/way_of_data.py [--out FILE]
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from html import escape
from pathlib import Path

from dsim.files import write_text

PLACE = Path(__file__).parents[1] / "docs" / "images" / "way-of-data.svg"
WIDTH, HEIGHT = 960, 330
BOX = (124, 52)
#: Colours that tell apart what is kept in the cache, what is a result, and the rest.
FILLS = {"plain": "#f2f2f2", "kept": "#d8ecf3", "result": "#fdebc8"}


@dataclass(frozen=True)
class Box:
    """A thing on the way: its centre, its name, and the package that is in charge of it."""

    x: int
    y: int
    name: str
    package: str
    kind: str = "plain"


BOXES = {
    "images": Box(80, 90, "images", "files, arrays"),
    "dataset": Box(240, 90, "Dataset", "data"),
    "features": Box(400, 90, "features", "features, zoo", "kept"),
    "summary": Box(560, 90, "summary", "a measure, view", "kept"),
    "matrix": Box(720, 90, "SimilarityMatrix", "comparison", "result"),
    "evaluation": Box(880, 200, "Evaluation", "evaluation", "result"),
    "truth": Box(720, 265, "TransferMatrix", "truth", "result"),
    "trained": Box(400, 265, "networks", "transfer", "kept"),
    "recommended": Box(560, 200, "Recommendation", "recommend", "result"),
}
ARROWS = [
    ("images", "dataset", "read"),
    ("dataset", "features", "extract"),
    ("features", "summary", "summarise"),
    ("summary", "matrix", "compare"),
    ("matrix", "evaluation", ""),
    ("truth", "evaluation", ""),
    ("dataset", "trained", "train, score"),
    ("trained", "truth", ""),
    ("matrix", "recommended", ""),
]


def draw() -> str:
    """The whole picture."""
    parts = [_box(box) for box in BOXES.values()] + [_arrow(*arrow) for arrow in ARROWS]
    notes = [
        _text(560, 40, "once for each dataset", 12, "#555"),
        _text(720, 40, "once for each pair", 12, "#555"),
        _text(80, 310, "blue: kept in the cache; yellow: a document with provenance", 12, "#555", "start", x_shift=-62),
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="sans-serif" text-anchor="middle">\n'
        "<title>The way that data go: images, dataset, features, summary, matrix, evaluation</title>\n"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" fill="#333"/></marker></defs>\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n'
    )
    return head + "\n".join([*parts, *notes]) + "\n</svg>\n"


def _box(box: Box) -> str:
    width, height = BOX
    rect = (
        f'<rect x="{box.x - width // 2}" y="{box.y - height // 2}" width="{width}" height="{height}" rx="6" '
        f'fill="{FILLS[box.kind]}" stroke="#333"/>'
    )
    name, package = _text(box.x, box.y - 3, box.name, 13, "#111"), _text(box.x, box.y + 15, box.package, 11, "#555")
    return f"{rect}\n{name}\n{package}"


def _text(x: int, y: int, text: str, size: int, fill: str, anchor: str = "", x_shift: int = 0) -> str:
    placed = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x + x_shift}" y="{y}" font-size="{size}" fill="{fill}"{placed}>{escape(text)}</text>'


def _arrow(start: str, end: str, verb: str) -> str:
    """From the edge of one box to the edge of another."""
    first, second = BOXES[start], BOXES[end]
    half_width, half_height = BOX[0] // 2, BOX[1] // 2
    if first.y == second.y:
        x1, y1, x2, y2 = first.x + half_width, first.y, second.x - half_width, second.y
    elif first.y < second.y:
        side = (second.x > first.x) - (second.x < first.x)
        x1, y1, x2, y2 = first.x + side * half_width // 2, first.y + half_height, second.x, second.y - half_height
    else:
        x1, y1, x2, y2 = first.x + half_width, first.y, second.x, second.y + half_height
    if start == "dataset" and end == "trained":
        x1, x2, y2 = first.x, second.x - half_width, second.y
    line = f'<path d="M{x1} {y1} L{x2} {y2}" stroke="#333" fill="none" marker-end="url(#tip)"/>'
    label = _text((x1 + x2) // 2, min(y1, y2) - 34, verb, 11, "#333") if verb and y1 == y2 else ""
    return line + (label or (_text((x1 + x2) // 2 - 44, (y1 + y2) // 2, verb, 11, "#333") if verb else ""))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=PLACE, help="file, default: docs/images/way-of-data.svg")
    out = parser.parse_args().out
    write_text(out, draw())
    print(out)


if __name__ == "__main__":
    main()
