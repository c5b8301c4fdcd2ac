"""The picture of a study: violins of average precision and of its spread over trainings, as Figs. 8 and 9."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.plots import ViolinPanel, draw_violins

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Document = Mapping[str, Any]
#: The method that is drawn as a line across.
BASELINE = "supervised"


def draw_study(document: Document, path: Path | None = None) -> Figure:
    """Draw two panels for each class: mean average precision of every experiment, and its deviation over trainings.

    Groups are numbers of prototypes P and negatives N; methods that do not depend on N stand under each. The fully
    supervised network is a line across. Raises UsageError for another suffix than .png and .svg, or without scores.
    """
    panels = []
    for described in document["classes"]:
        rows = [row for row in document["scores"] if row["class"] == described["name"]]
        panels.append(ViolinPanel(described["name"], "average precision", _values(rows, "values"), _baseline(rows)))
        spreads = _values(rows, "sd_trainings")
        if any(values for group in spreads.values() for values in group.values()):
            panels.append(ViolinPanel(described["name"], "deviation over trainings", spreads))
    note = f"{document['set']}: {document['test_images']} test images; P prototypes, N negatives"
    paired = len(panels) > len(document["classes"])
    columns = 2 if paired or len(panels) == 4 else min(len(panels), 3)
    title = f"study of {', '.join(described['name'] for described in document['classes'])}"
    return draw_violins(panels, path, title=title, note=note, baseline="fully supervised", columns=columns)


def _values(rows: list[Mapping[str, Any]], quantity: str) -> dict[str, dict[str, list[float]]]:
    """By group, then by method, the values of the experiments."""
    counts = sorted({(row["prototypes"], row["negatives"]) for row in rows if row["prototypes"]})
    groups = {f"P {prototypes}, N {negatives}": (prototypes, negatives) for prototypes, negatives in counts}
    return {
        title: {
            row["method"]: row[quantity]
            for row in rows
            if row["method"] != BASELINE and (row["prototypes"], row["negatives"]) == counts
        }
        for title, counts in groups.items()
    }


def _baseline(rows: list[Mapping[str, Any]]) -> tuple[float, float] | None:
    """Mean and deviation of the supervised method over all that were trained; None where none was."""
    import numpy as np

    for row in rows:
        if row["method"] == BASELINE:
            spread = float(np.std(row["values"], ddof=1)) if len(row["values"]) > 1 else 0.0
            return float(np.mean(row["values"])), spread
    return None
