"""The files of a comparison of maps: the document, the places of all images, and one picture of all maps."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.maps.comparison_answer import in_words

if TYPE_CHECKING:
    from dsim.maps.comparison import MapComparison
    from dsim.maps.method_scores import MethodScores

DOCUMENT, PLACES, PICTURE = "comparison.json", "places.csv", "maps.png"


def write_comparison(comparison: MapComparison, folder: Path) -> list[Path]:
    """Write ``comparison.json``, ``places.csv`` and ``maps.png``, and return their paths.

    The table has a line for each method, seed and image, with its place in the plane; the picture shows the map of the
    first seed of each method. Raises DsimError where a file cannot be written.
    """
    from dsim.files import write_text

    comparison.save(folder / DOCUMENT)
    write_text(folder / PLACES, format_places(comparison))
    draw_maps(comparison, folder / PICTURE)
    return [folder / name for name in (DOCUMENT, PLACES, PICTURE)]


def format_places(comparison: MapComparison) -> str:
    """Return the places of all images on all maps as CSV: method, seed, id, label, group, x, y."""
    dataset = comparison.dataset
    count = len(dataset)
    labels, groups = dataset.labels or ("",) * count, dataset.groups or ("",) * count
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["method", "seed", "id", "label", "group", "x", "y"])
    for scores in comparison.methods:
        for seed, points in zip(scores.seeds, scores.points, strict=True):
            for row in range(count):
                x, y = points[row].tolist()
                name = [scores.method.text, seed, dataset.ids[row], labels[row], groups[row]]
                writer.writerow([*name, f"{x:.7g}", f"{y:.7g}"])
    return text.getvalue()


def draw_maps(comparison: MapComparison, path: Path) -> None:
    """Draw the map of the first seed of each method, with its scores, as PNG or SVG by the suffix."""
    from dsim.plots import MapPanel, draw_map_grid

    panels = [MapPanel(each.method.text, each.points[0], _caption(each)) for each in comparison.methods]
    seeds = max(len(each.seeds) for each in comparison.methods)
    units = "images" if comparison.judges.groups is None else "groups"
    first = f" Of {seeds} seeds the first is drawn; scores are of all." if seeds > 1 else ""
    draw_map_grid(
        panels,
        comparison.judges.labels,
        path,
        f"Maps of {comparison.dataset.name}",
        below=f"{len(comparison.dataset):,} images; colour and shape: label, which no method has seen",
        note=f"Accuracy of the {comparison.judges.k} nearest neighbours, intervals of 95 % over {units}. Neither turns "
        f"nor sizes of two maps compare, nor do distances between far clusters.{first}",
    )


def _caption(scores: MethodScores) -> str:
    parts = []
    if not math.isnan(scores.accuracy.value):
        parts.append(f"accuracy {in_words(scores.accuracy)}")
    if not math.isnan(scores.silhouette.value):
        parts.append(f"silhouette {scores.silhouette.value:.2f}")
    if not parts and not math.isnan(scores.trustworthiness):
        parts.append(f"trustworthiness {scores.trustworthiness:.3f}")
    return ", ".join(parts)
