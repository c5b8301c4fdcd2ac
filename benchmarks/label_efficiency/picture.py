"""The curves of all sets as a picture, from the stored results: ``python -m benchmarks.label_efficiency.picture``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.label_efficiency.results import JUDGED
from benchmarks.label_efficiency.tables import Documents, stored
from dsim.plots import LabelCurve, draw_label_curves

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "label-efficiency.png"
ORDER = "none"


def draw(documents: Documents, path: Path) -> None:
    """Draw a panel for each set, a line for each extractor, and write it as PNG."""
    curves = [curve for document in documents.values() for curve in curves_of(document)]
    chance = {name: 1 / len(document["split"]["training"]["classes"]) for name, document in documents.items()}
    draw_label_curves(
        curves,
        path,
        title="Balanced accuracy on images of other groups, by labelled images per class",
        note="Support vectors on standardised features; end to end: the whole network trained.",
        chance=chance,
    )


def curves_of(document: Mapping[str, Any]) -> list[LabelCurve]:
    """Return the lines of a set."""
    shown = ((ORDER, JUDGED), ("", "network"))
    rows = [row for row in document["curves"] if (row["order"], row["classifier"]) in shown]
    return [_line(document["name"], row) for row in rows]


def _line(panel: str, row: Mapping[str, Any]) -> LabelCurve:
    mean, sd = (np.array(row[key], dtype=np.float64) for key in ("mean", "sd"))
    # Draws are not stored: two that have the same mean and the same deviation stand for them.
    apart = np.nan_to_num(sd) / np.sqrt(2)
    low, high = (np.array(row[key], dtype=np.float64) for key in ("low", "high"))
    draws, baseline = np.stack([mean - apart, mean + apart]), not row["extractor"].startswith("DINO")
    return LabelCurve(row["extractor"], panel, row["counts"], draws, low, high, None, baseline)


def main() -> None:
    """Draw the picture of the stored results."""
    draw(stored(), PICTURE)
    print(PICTURE)


if __name__ == "__main__":
    main()
