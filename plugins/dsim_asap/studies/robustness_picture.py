"""The picture of a robustness study: what is left at each share of wrong images, a curve for each measure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dsim.plots.frames import bare, head, key
from dsim.plots.pairs import point_looks
from dsim.plots.style import PALE_INK, check_suffix, pictures, save

_LABELS = {
    "spearman": "rank correlation with the clean distances",
    "same_nearest": "targets whose nearest source stays, %",
    "regret": "regret",
    "top1": "targets whose best source is nearest, %",
}


def draw_robustness(document: Mapping[str, Any], path: Path) -> None:
    """Draw the curves of a document of ``robustness``; bars are the standard deviation over seeds.

    ``path`` ends in .png or .svg; written atomically. Raises UsageError for another suffix.
    """
    from matplotlib.figure import Figure

    check_suffix(path)
    quantities = list(document["quantities"])
    measures = list(dict.fromkeys(curve["measure"] for curve in document["curves"]))
    with pictures():
        figure = Figure(figsize=(3.6 * len(quantities) + 2.4, 3.9), layout="constrained")
        looks = point_looks(len(measures))
        for axes, quantity in zip(np.atleast_1d(figure.subplots(1, len(quantities))), quantities, strict=True):
            bare(axes)
            for measure, look in zip(measures, looks, strict=True):
                shares, means, deviations = _curve(document, measure, quantity)
                style: dict[str, Any] = {"color": look.colour, "marker": look.shape, "markersize": 5, "linewidth": 1.4}
                axes.errorbar(shares, means, deviations, capsize=2, elinewidth=1, **style)
            axes.set_xlabel("images of the sources with wrong membership, %")
            axes.set_ylabel(_LABELS[quantity])
        marks = [(m, {"color": k.colour, "marker": k.shape}) for m, k in zip(measures, looks, strict=True)]
        key(figure, "measure", marks or [("none", {"color": PALE_INK})], 34)
        seeds = len(document["seeds"])
        below = (
            f"{len(document['sources'])} sources, {len(document['targets'])} targets, {seeds} seed{'s' * (seeds > 1)}"
        )
        head(figure, "Wrong membership of images", below)
        save(figure, path, "Wrong membership of images")


def _curve(document: Mapping[str, Any], measure: str, quantity: str) -> tuple[list[float], list[float], list[float]]:
    """Shares in percent, means and deviations; shares without a value are left out, a deviation of one seed is 0."""
    scale = 100 if quantity in ("same_nearest", "top1") else 1
    points = [
        (100 * curve["share"], scale * curve[quantity]["mean"], scale * (curve[quantity]["sd"] or 0))
        for curve in document["curves"]
        if curve["measure"] == measure and curve[quantity]["mean"] is not None
    ]
    shares, means, deviations = ([point[at] for point in points] for at in range(3))
    return shares, means, deviations
