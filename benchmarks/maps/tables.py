"""The tables of docs/maps-results.md, made from the stored results."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.maps.design import ADVISED, CELLS, DIGITS, SIX
from benchmarks.maps.results import (
    ANY,
    IMAGENET,
    NONE,
    PIXELS,
    QUARTER,
    SHIPPED_ANY,
    SHIPPED_NONE,
    TWICE_ANY,
    TWICE_NONE,
    read_results,
)
from benchmarks.maps.speed import markdown, network_table, place_table, quality_table, rate_table, read_speed
from dsim.files import write_text

PAGE = Path(__file__).parents[2] / "docs" / "maps-results.md"
Document = Mapping[str, Any]

#: Published figures that survive in text: Nwabufo et al. 2024, arXiv:2402.14566, Leukemia; kNN and silhouette.
PAPER = {
    "pixels + t-SNE": ("67.4", "", "pixels+tsne"),
    "ImageNet ResNet + t-SNE": ("82.2", "", "imagenet+tsne"),
    "t-SimCNE, no rotations": ("86.7", "", NONE),
    "t-SimCNE, 90 degrees": ("94.0", "", QUARTER),
    "t-SimCNE, any angle": ("95.2", "0.24", ANY),
}

#: Maps of the aim, and what each must clearly lead.
AIMS = {
    TWICE_ANY: (TWICE_NONE, PIXELS, IMAGENET),
    SHIPPED_ANY: (SHIPPED_NONE, PIXELS, IMAGENET),
    ANY: (NONE, PIXELS, IMAGENET),
}
#: Maps of features that were not trained on the set.
UNTRAINED = (PIXELS, IMAGENET)


def verdict(cells: Document) -> str:
    """Return in words which map of the red cells is best, and whether the aim of the study is reached.

    The aim: t-SimCNE with every angle is clearly above no rotations, above pixels and above ImageNet's features.
    """
    rows = {row["row"]: row["knn"] for row in cells["rows"] if row["knn"]["value"] is not None}
    if not rows:
        return "No map of the red cells is stored yet."
    best = max(rows, key=lambda name: float(rows[name]["value"]))
    wins = " A cheap baseline wins: nothing was trained on these images." if best in UNTRAINED else ""
    lines = [
        f"Of {len(rows)} maps of the red cells the best by nearest neighbours of other smears is **{best}**,"
        f" {_interval(rows[best])} %.{wins}"
    ]
    for own, names in AIMS.items():
        found = {each["second"]: each for each in cells["contrasts"] if each["first"] == own}
        parts = [f"{_signed(found[name])} points against {name}" for name in names if name in found]
        if own in rows and parts:
            reached = all(name in found and found[name]["clear"] and found[name]["difference"] > 0 for name in names)
            missing = [name for name in names if name not in found]
            state = "is reached" if reached else "is **not reached**"
            state = f"is open until there is {', '.join(missing)}" if missing else state
            lines.append(
                f"- {own} has {_interval(rows[own])} %: {'; '.join(parts)}. The aim, clearly above all, {state}."
            )
    return "\n".join([lines[0], "", *lines[1:]] if lines[1:] else lines)


def _signed(found: Document) -> str:
    text = f"{100 * found['difference']:+.1f}"
    return text if found["low"] is None else f"{text} ({100 * found['low']:+.1f} to {100 * found['high']:+.1f})"


def row_table(rows: Sequence[Document]) -> str:
    """Return the scores of all maps of a set: seeds taken together, with intervals and deviations."""
    heads = [
        "map",
        "seeds",
        "kNN, whole groups",
        "balanced",
        "kNN, paper's split",
        "silhouette",
        "trust",
        "overlap",
        "CPU s",
    ]
    lines = [
        [
            row["row"],
            str(len(row["seeds"])),
            _interval(row["knn"]),
            _interval(row["balanced"]),
            _percent(row["paper_knn"]),
            _mean(row["silhouette"]),
            _mean(row["trust"]),
            "" if row["overlap"] is None else f"{row['overlap']:.2f}",
            f"{sum(row['seconds']) / len(row['seconds']):.0f}" if row["seconds"] else "",
        ]
        for row in rows
    ]
    return markdown(heads, lines)


def contrast_table(contrasts: Sequence[Document]) -> str:
    """Return differences of accuracies, in points, with 95 % intervals; bold where 0 is outside."""
    lines = []
    for each in contrasts:
        text = _signed(each)
        lines.append([each["first"], each["second"], f"**{text}**" if each["clear"] else text, str(each["seeds"])])
    return markdown(["map", "less", "points", "seeds"], lines)


def neighbour_table(rows: Sequence[Document]) -> str:
    """Return whose neighbours are of the same smear or class, in percent, beside chance."""
    keys = ("same_group", "group_in_class", "same_class")
    lines = [
        [row["row"], *(_beside(row, key) for key in keys)] for row in rows if row["same_group"]["mean"] is not None
    ]
    heads = ["map", "same smear (by chance)", "same smear, within a class (by chance)", "same class (by chance)"]
    return markdown(heads, lines)


def paper_table(rows: Sequence[Document]) -> str:
    """Return the paper's Tables 2 and 3, as far as they survive in text, beside the red cells."""
    by = {row["row"]: row for row in rows}
    lines = []
    for method, (accuracy, silhouette, name) in PAPER.items():
        ours = by.get(name)
        cells = ["", ""] if ours is None else [_percent(ours["paper_knn"]), _mean(ours["silhouette"])]
        lines.append([method, accuracy, cells[0], silhouette, cells[1]])
    return markdown(
        ["map", "kNN: paper, Leukemia", "kNN: red cells", "silhouette: paper", "silhouette: red cells"], lines
    )


def six_table(sets: Document) -> str:
    """Return the accuracy with and without rotations on the six sets, and what is advised."""
    lines = []
    for name in (name for name in SIX if name in sets):
        by = {row["row"]: row for row in sets[name]["rows"]}
        cells = [_cell(by.get(label)) for label in (NONE, ANY, PIXELS, IMAGENET)]
        lines.append([name, ADVISED[name], *cells])
    return markdown(["set", "advised", "rotations none", "rotations any", PIXELS, IMAGENET], lines)


def blocks(document: Document) -> dict[str, str]:
    """Return all tables by the name of their place on the page."""
    sets = document["sets"]
    none: Document = {"rows": (), "contrasts": ()}
    cells, digits = sets.get(CELLS, none), sets.get(DIGITS, none)
    return {
        "runs": f"{document['runs'][0]} of {document['runs'][1]} runs of the queue are in these tables.",
        "verdict": verdict(cells),
        "rates": rate_table(read_speed()),
        "networks": network_table(read_speed()),
        "placing": place_table(read_speed()),
        "quality": quality_table(read_speed()),
        "cells": row_table(cells["rows"]),
        "cells differences": contrast_table(cells["contrasts"]),
        "cells neighbours": neighbour_table(cells["rows"]),
        "paper": paper_table(cells["rows"]),
        "digits": row_table(digits["rows"]),
        "digits differences": contrast_table(digits["contrasts"]),
        "six": six_table(sets),
        "six differences": contrast_table([each for name in SIX if name in sets for each in _named(name, sets[name])]),
    }


def _named(name: str, found: Document) -> list[dict[str, Any]]:
    return [{**each, "first": f"{name}: {each['first']}"} for each in found["contrasts"]]


def filled(page: str, tables: Mapping[str, str]) -> str:
    """Return the page with each table between ``<!-- table: NAME -->`` and ``<!-- end -->``.

    Raises LookupError where the page asks for a table that there is not.
    """

    def table(match: re.Match[str]) -> str:
        if match[1] not in tables:
            raise LookupError(f"there is no table {match[1]!r}; there are {', '.join(tables)}")
        return f"<!-- table: {match[1]} -->\n{tables[match[1]]}\n<!-- end -->"

    return re.sub(r"<!-- table: (.+?) -->\n.*?<!-- end -->", table, page, flags=re.DOTALL)


def fill_page() -> None:
    """Fill the page's tables from the stored results."""
    write_text(PAGE, filled(PAGE.read_text("utf-8"), blocks(read_results())))
    print(PAGE)


def _interval(found: Document) -> str:
    if found["value"] is None:
        return ""
    text = f"{100 * found['value']:.1f}"
    return text if found["low"] is None else f"{text} ({100 * found['low']:.1f} to {100 * found['high']:.1f})"


def _percent(found: Document) -> str:
    if found["mean"] is None:
        return ""
    return f"{100 * found['mean']:.1f}" + ("" if found["sd"] is None else f" (sd {100 * found['sd']:.1f})")


def _mean(found: Document) -> str:
    if found["mean"] is None:
        return ""
    return f"{found['mean']:.2f}" + ("" if found["sd"] is None else f" (sd {found['sd']:.2f})")


def _beside(row: Document, key: str) -> str:
    value, chance = row[key]["mean"], row[f"{key}_chance"]["mean"]
    return "" if value is None else f"{100 * value:.1f} ({100 * chance:.1f})"


def _cell(row: Document | None) -> str:
    return "" if row is None else f"{_interval(row['knn'])}; {_mean(row['silhouette'])}"
