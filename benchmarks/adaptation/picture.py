"""The curve of Dice against annotated images, for every target: ``python -m benchmarks.adaptation.picture``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.adaptation.tables import RESULTS, by_target, complete_counts, markdown, usual_leads
from dsim.plots import COLOURS, GRID, INK, PALE_INK, pictures, save, unframed

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "adaptation.png"
#: The lines, each with its colour, style and name.
LINES = (
    ("adapt", COLOURS[0], "-", "dsim adapt (no images: the chosen model as it is)"),
    ("scratch", COLOURS[1], "-", "trained on these images, from ImageNet"),
    ("random", COLOURS[2], "-", "trained on these images, from random weights"),
)
LEVELS = (
    ("best model", INK, "--", "best zoo model, known afterwards"),
    ("all", PALE_INK, ":", "trained on all annotations (60 % of the set)"),
)
_COLUMNS = 4


def draw(document: Mapping[str, Any], path: Path) -> None:
    """Draw a small chart of each target and write it as PNG."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    counts = complete_counts(document["cells"])
    tables = {count: by_target(document["cells"], count) for count in counts}
    names = sorted({cell["target"] for cell in document["cells"]})
    rows = -(-len(names) // _COLUMNS)
    with pictures():
        figure = Figure(figsize=(10, 2.1 * rows + 0.9), layout="constrained")
        grid = figure.subplots(rows, _COLUMNS, sharex=True, sharey=True, squeeze=False)
        for axes, name in zip(grid.flat, names, strict=False):
            _draw_target(axes, name, counts, tables, document["all"].get(name))
        for axes in list(grid.flat)[len(names) :]:
            axes.set_visible(False)
        figure.supxlabel("annotated images")
        figure.supylabel("Dice on other images, percent")
        handles = [Line2D([], [], color=colour, linestyle=style) for _, colour, style, _ in (*LINES, *LEVELS)]
        figure.legend(
            handles, [text for *_, text in (*LINES, *LEVELS)], loc="outside upper center", ncols=2, frameon=False
        )
        save(figure, path, "Dice of pre-labels against annotated images")


def _draw_target(
    axes: Any,
    name: str,
    counts: Sequence[int],
    tables: Mapping[int, Mapping[str, Mapping[str, float]]],
    all_: float | None,
) -> None:
    places = np.arange(len(counts))
    for key, colour, style, _ in LINES:
        values = [tables[count].get(name, {}).get(key, np.nan) for count in counts]
        axes.plot(places, values, color=colour, linestyle=style, marker="o", markersize=3, linewidth=1.5)
    best = next((table[name]["best model"] for table in tables.values() if name in table), np.nan)
    for value, (_, colour, style, _) in zip((best, all_ if all_ is not None else np.nan), LEVELS, strict=True):
        axes.axhline(value, color=colour, linestyle=style, linewidth=1)
    axes.set_title(name, fontsize=9)
    axes.set_xticks(places, [str(count) for count in counts])
    axes.set_ylim(0, 100)
    axes.grid(axis="y", color=GRID)
    unframed(axes)


def main() -> None:
    """Draw the picture and print the table of the stored results."""
    document = json.loads(RESULTS.read_text("utf-8"))
    draw(document, PICTURE)
    counts = complete_counts(document["cells"])
    print(markdown(document["cells"], counts, document["today"]))
    for count in sorted({cell["count"] for cell in document["cells"]} - {0}):
        leads = {
            way: (round(mean, 3), round(spread, 3))
            for way, (mean, spread) in usual_leads(document["cells"], count).items()
        }
        print(f"LEADS of {count}: {leads}")
    print(PICTURE)


if __name__ == "__main__":
    main()
