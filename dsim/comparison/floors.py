"""The noise floor: how far two halves of one dataset are from each other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from dsim.comparison.cells import Cell
from dsim.comparison.finishing import Work, finish
from dsim.comparison.units import random_split, units_of
from dsim.measures import SimilarityMatrix, Verdict
from dsim.random import stream

if TYPE_CHECKING:
    from dsim.comparison.plan import Plan
    from dsim.comparison.summaries import Summaries
    from dsim.comparison.units import Split
    from dsim.data.dataset import Dataset
    from dsim.measures import SimilarityMeasure

#: How often a dataset is halved; the floor is the mean.
HALVINGS = 5
#: Two halves of two images each.
FEWEST = 4


def floors(plan: Plan, summaries: Summaries, jobs: int) -> dict[str, Cell]:
    """The floor of every dataset of a plan, or NaN and the reason; nothing where the measure is not of two samples."""
    if not plan.measure.spec.two_sample:
        return {}
    splits = {name: halves(dataset, plan.fingerprints[name], plan.seed) for name, dataset in plan.datasets.items()}
    refused = {name: reason for name in splits if (reason := _too_small(plan.datasets[name], splits[name], plan))}
    work = {
        name: Work([summaries.key(name), "halves", HALVINGS], (name,), partial(_floor, plan.measure, splits[name]))
        for name in splits
        if name not in refused
    }
    found = finish(plan, summaries, jobs, work, "noise floors", "datasets")
    return {name: Cell(math.nan, refused[name]) if name in refused else found[name] for name in splits}


def halves(dataset: Dataset, fingerprint: str, seed: int) -> list[Split]:
    """``HALVINGS`` random divisions of a dataset into two halves, of whole groups where they are known."""
    if len(dataset) < FEWEST:
        return []
    rng, units = stream(seed, fingerprint, "halves"), units_of(dataset)
    return [random_split(units, len(dataset) // 2, rng) for _ in range(HALVINGS)]


def _too_small(dataset: Dataset, splits: list[Split], plan: Plan) -> str:
    if not splits:
        return f"{len(dataset)} images make no two halves of two"
    spec = plan.measure.spec
    least = min(len(part) for split in splits for part in split)
    if least < spec.min_samples:
        return f"a half of {dataset.name!r} has {least} images, and {spec.name} needs {spec.min_samples}"
    return ""


def _floor(measure: SimilarityMeasure[Any], splits: list[Split], summary: Any) -> Cell:
    values = measure.compare_splits(summary, splits)
    undefined = sum(not math.isfinite(value) for value in values)
    if undefined:
        return Cell(math.nan, f"{undefined} of {len(splits)} pairs of halves have no value")
    return Cell(float(values.mean()))


def with_floors(matrix: SimilarityMatrix, found: Mapping[str, Cell]) -> SimilarityMatrix:
    """The matrix with the floor of each dataset, and with it in the verdict of each target."""
    if not found:
        return matrix
    matrix = replace(
        matrix,
        floor={name: cell.value for name, cell in found.items()},
        floor_notes={name: cell.note for name, cell in found.items() if cell.note},
    )
    return replace(matrix, verdicts={target: _judged(matrix, target) for target in matrix.targets})


def _judged(matrix: SimilarityMatrix, target: str) -> Verdict:
    """The verdict, which says so where the best source is no farther from the target than its own halves are."""
    verdict, floor = matrix.verdicts[target], (matrix.floor or {})[target]
    if verdict.best is None or math.isnan(floor):
        return verdict
    sign = matrix.direction.sign
    within = sign * matrix.value(verdict.best, target) <= sign * floor
    told = f"{verdict.reason}; no farther than two halves of the target" if within else verdict.reason
    return replace(verdict, within_floor=within, reason=told)
