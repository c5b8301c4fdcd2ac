"""The figures of the study, with intervals over targets, from its cells."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.adapt import TRAINED, choose_way
from dsim.adapt.choice import untested_way
from dsim.truth import open_truth
from dsim.zoo import models

Cell = Mapping[str, Any]
Values = dict[str, float]
WAYS = ("apply", "vote", "finetune", "scratch")
RESAMPLES = 4000
#: Leads of so few targets cannot be known better than this, in Dice.
LEAST_SPREAD = 0.01
ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).with_name("biomed16.json")


def usual_leads(cells: Iterable[Cell], count: int, without: str = "") -> dict[str, tuple[float, float]]:
    """Return mean and spread over targets of the lead of each way over ``apply`` on the scored images, in Dice."""
    table = [values for target, values in ways_by_target(cells, count).items() if target != without]
    leads = {way: np.array([values[way] - values["apply"] for values in table]) / 100 for way in WAYS[1:]}
    return {way: (float(values.mean()), max(LEAST_SPREAD, float(values.std(ddof=1)))) for way, values in leads.items()}


def chosen_way(cell: Cell, cells: Sequence[Cell]) -> str:
    """Return the way that adapt takes in a cell, when what is usual was learnt from the other targets' cells."""
    if not cell["count"]:
        return "apply"  # dsim prelabel --best
    leads = usual_leads(cells, cell["count"], without=cell["target"])
    if not cell["tested"]:
        return untested_way([way for way in WAYS if way not in TRAINED], leads)
    # The images are independent in the design: their groups were spread.
    return choose_way(cell["tested"], [str(each) for each in range(cell["count"])], leads=leads).way


def is_covered(cell: Cell, cells: Sequence[Cell]) -> bool:
    """Return whether the bounds of the expected Dice that adapt gives hold what its model scores."""
    way = chosen_way(cell, cells)
    images = [str(each) for each in range(cell["count"])]
    expected = choose_way(cell["tested"], images, rest=len(cell["test"][way])).estimates[way]
    return bool(expected.low <= np.mean(cell["test"][way]) <= expected.high)


def ways_of(cell: Cell) -> Values:
    """Return the mean Dice, percent, on the scored images of a cell, of each way."""
    return {way: 100 * float(np.mean(scores)) for way, scores in cell["test"].items()}


def curve_of(cell: Cell, cells: Sequence[Cell]) -> Values:
    """Return the mean Dice, percent, on the scored images of a cell: of each way, of adapt, of the best afterwards."""
    found = ways_of(cell)
    found["adapt"] = found[chosen_way(cell, cells)]
    found["best way"] = max(found[way] for way in WAYS if way in found)
    found["best model"] = 100 * max(cell["candidates"])
    return found


def ways_by_target(cells: Iterable[Cell], count: int) -> dict[str, Values]:
    """Return of each target the Dice of every way with that many annotated images, a mean over draws."""
    return _averaged((cell["target"], ways_of(cell)) for cell in cells if cell["count"] == count)


def by_target(cells: Sequence[Cell], count: int) -> dict[str, Values]:
    """Return the same with adapt, the best way and the best model in hindsight."""
    return _averaged((cell["target"], curve_of(cell, cells)) for cell in cells if cell["count"] == count)


def _averaged(pairs: Iterable[tuple[str, Values]]) -> dict[str, Values]:
    groups: dict[str, list[Values]] = {}
    for target, values in pairs:
        groups.setdefault(target, []).append(values)
    return {
        target: {name: float(np.mean([each[name] for each in found])) for name in found[0]}
        for target, found in sorted(groups.items())
    }


def complete_counts(cells: Sequence[Cell]) -> list[int]:
    """Return the numbers of annotated images that were measured on every target."""
    targets = {cell["target"] for cell in cells}
    counts = sorted({cell["count"] for cell in cells})
    return [count for count in counts if {cell["target"] for cell in cells if cell["count"] == count} == targets]


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean and the 95 % bootstrap interval over targets, of one value each."""
    array: NDArray[np.float64] = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(0)
    means = array[rng.integers(len(array), size=(RESAMPLES, len(array)))].mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(array.mean()), float(low), float(high)


def summary(cells: Sequence[Cell], count: int, today: Mapping[str, float]) -> dict[str, tuple[float, float, float]]:
    """Return the aims' figures for that many annotated images, in points of Dice with bounds over targets.

    ``today`` : Dice in percent of what ``prelabel --best`` wrote for each target without annotations.
    """
    table = by_target(cells, count)
    rows = {
        name: interval([values[name] for values in table.values()])
        for name in ("adapt", *WAYS, "random", "best way", "best model")
        if all(name in values for values in table.values())
    }
    if "random" in rows:
        rows["adapt over random"] = interval([v["adapt"] - v["random"] for v in table.values()])
        rows["adapt over scratch"] = interval([v["adapt"] - v["scratch"] for v in table.values()])
    rows["adapt behind best way"] = interval([v["best way"] - v["adapt"] for v in table.values()])
    if count > 1:
        held = {cell["target"]: 100.0 * is_covered(cell, cells) for cell in cells if cell["count"] == count}
        rows["its interval holds the Dice, of targets"] = interval(list(held.values()))
    if set(table) <= set(today):
        rows["adapt over today"] = interval([v["adapt"] - today[target] for target, v in table.items()])
    return rows


def markdown(cells: Sequence[Cell], counts: Sequence[int], today: Mapping[str, float]) -> str:
    """Return the table of the summary, a column for each number of annotated images."""
    columns = [summary(cells, count, today) for count in counts]
    names = list(dict.fromkeys(name for column in columns for name in column))
    lines = ["| Dice, percent | " + " | ".join(f"{count} images" for count in counts) + " |"]
    lines.append("|---" * (len(counts) + 1) + "|")
    for name in names:
        texts = [f"{c[name][0]:.1f} ({c[name][1]:.1f} to {c[name][2]:.1f})" if name in c else "" for c in columns]
        lines.append(f"| {name} | " + " | ".join(texts) + " |")
    return "\n".join(lines)


def today() -> Values:
    """Return the Dice in percent of what ``prelabel --best`` used to write: the ensemble's choice of unet8.

    Each target is left out of the pool; Dice is that of the stored truth, over all images of the target.
    """
    board = json.loads((ROOT / "docs/leaderboard/biomed16-dsc/results.json").read_text("utf-8"))
    row = next(row for row in board["rows"] if row["measure"].startswith("ensemble@"))
    matrix, truth = row["matrix"], open_truth("biomed16-dsc")
    found = {}
    for column, target in enumerate(matrix["targets"]):
        ranks = {source: matrix["values"][place][column] for place, source in enumerate(matrix["sources"])}
        chosen = min((source for source in ranks if source != target), key=ranks.__getitem__)
        found[target] = float(truth.mean[truth.sources.index(chosen), truth.targets.index(target)])
    return found


def trained_on_all() -> Values:
    """Return the Dice in percent of each target's own model of the zoo, on images of it that it never saw."""
    found: Values = {}
    for model in models():
        if model.segments and len(model.pool) == 1 and model.replaced_by is None:
            found[model.pool[0]["name"]] = float(model.manifest["training"]["dice_held_out"])
    return found


def results(cells: Sequence[Cell]) -> dict[str, Any]:
    """Return the document that is stored: the cells in order, and what they are compared with."""
    ordered = sorted(cells, key=lambda cell: (cell["target"], cell["count"], cell["draw"]))
    return {"today": today(), "all": trained_on_all(), "cells": [_rounded(cell) for cell in ordered]}


def as_text(document: Mapping[str, Any]) -> str:
    """Return the JSON text of the results, a line for each cell: a cell that is added changes one line."""
    cells = ",\n".join(json.dumps(cell) for cell in document["cells"])
    rest = {key: value for key, value in document.items() if key != "cells"}
    return json.dumps(rest, indent=1)[:-2] + f',\n "cells": [\n{cells}\n ]\n}}\n'


def _rounded(cell: Cell) -> Cell:
    """A cell with Dice in whole thousandths."""

    def short(scores: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
        return {way: [round(value, 3) for value in values] for way, values in scores.items()}

    return {**cell, "tested": short(cell["tested"]), "test": short(cell["test"])}
