"""Draws of images: replicates for intervals, halves for noise floors, permutations for p-values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from dsim.comparison.cells import Cell, Pair, SingleWork, compute_singly, within_bounds
from dsim.measures import SimilarityMatrix, Verdict, with_floor
from dsim.random import stream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.comparison.plan import Plan
    from dsim.comparison.summaries import Summaries
    from dsim.data import Dataset
    from dsim.measures import Draws, SimilarityMeasure

    #: Positions of the images of each unit; one array (n, 1) where every image is a unit.
    Units = Sequence[NDArray[np.intp]] | NDArray[np.intp]
    #: Positions of the images of either part.
    Split = tuple[NDArray[np.intp], NDArray[np.intp]]


def _groups_of(dataset: Dataset) -> list[NDArray[np.intp]] | None:
    """Return the positions (b,) of each group's images, groups in alphabetical order; None with fewer than two."""
    import numpy as np

    if dataset.groups is None or len(set(dataset.groups)) < 2:
        return None
    groups = np.array(dataset.groups)
    return [np.flatnonzero(groups == group) for group in sorted(set(dataset.groups))]


def units_of(dataset: Dataset) -> Units:
    """Return the groups (patients, videos, slides) where they are known: their images are not independent evidence.

    Single images otherwise.
    """
    import numpy as np

    found = _groups_of(dataset)
    return np.arange(len(dataset), dtype=np.intp)[:, None] if found is None else found


def joined(first: Units, second: Units, images: int) -> Units:
    """Return the units, indices (b,) each, of two merged datasets; the first dataset has so many ``images``."""
    import numpy as np

    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        return np.concatenate([first, second + images])
    return [*first, *(unit + images for unit in second)]


def random_split(units: Units, share: int, rng: np.random.Generator) -> Split:
    """Divide whole units at random: the first part has as near to ``share`` images as they allow, and neither is empty.

    Units are index arrays (b,), or one array (n, 1) of single images; the parts are index arrays (n,), (m,).

    >>> import numpy as np
    >>> units = [np.array([0, 1]), np.array([2, 3]), np.array([4, 5])]
    >>> sorted(len(part) for part in random_split(units, 2, np.random.default_rng(0)))
    [2, 4]
    """
    import numpy as np

    order = rng.permutation(len(units))
    if isinstance(units, np.ndarray):
        cut = min(max(1, share), len(units) - 1)
        return units[order[:cut], 0], units[order[cut:], 0]
    shuffled = [units[index] for index in order]
    taken = np.cumsum([len(unit) for unit in shuffled[:-1]])
    cut = int(np.abs(taken - share).argmin()) + 1
    return np.concatenate(shuffled[:cut]), np.concatenate(shuffled[cut:])


def draws(dataset: Dataset, fingerprint: str, count: int, seed: int) -> list[NDArray[np.intp]]:
    """Return ``count`` resamples of a dataset of n images, each an intp array of image indices, (n,) without groups.

    Whole groups (patients, videos, slides) are drawn where they are known, since images of one group are not
    independent evidence; single images otherwise. A dataset has the same draws in every pair: differences are paired.
    """
    import numpy as np

    rng = stream(seed, fingerprint, "bootstrap")
    members = _groups_of(dataset)
    if members is None:
        return list(rng.integers(len(dataset), size=(count, len(dataset)), dtype=np.intp))
    chosen = rng.integers(len(members), size=(count, len(members)))
    return [np.concatenate([members[group] for group in row]) for row in chosen]


class DrawsOfPairs:
    """The resamples of every dataset of a plan, drawn once."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._known: dict[str, Draws] = {}

    def of(self, source: str, target: str) -> tuple[Draws, Draws] | None:
        """Return the draws of a source and a target; None without a bootstrap, or where the pair is one dataset.

        They are index arrays (n,).
        """
        plan = self._plan
        if not plan.bootstrap or plan.is_same(plan.datasets[source], plan.datasets[target]):
            return None
        return self._get(plan.source_name(source)), self._get(target)

    def _get(self, name: str) -> Draws:
        if name not in self._known:
            plan = self._plan
            self._known[name] = draws(plan.readings[name][0], plan.fingerprints[name], plan.bootstrap, plan.seed)
        return self._known[name]


#: How often a dataset is halved; the floor is the mean.
HALVINGS = 5
#: Two halves of two images each.
FEWEST = 4


def floors(plan: Plan, summaries: Summaries, jobs: int) -> dict[str, Cell]:
    """Return the noise floor of every dataset of a plan: the mean value between random halves of it.

    NaN with the reason where it has none; nothing where the measure is not of two samples. Raises DsimError where a
    dataset cannot be read.
    """
    if not plan.measure.spec.two_sample:
        return {}
    splits = {name: halves(dataset, plan.fingerprints[name], plan.seed) for name, dataset in plan.datasets.items()}
    refused = {name: reason for name in splits if (reason := _too_small(plan.datasets[name], splits[name], plan))}
    work = {
        name: SingleWork(
            [summaries.key(name), "halves", HALVINGS], (name,), partial(_floor, plan.measure, splits[name])
        )
        for name in splits
        if name not in refused
    }
    found = compute_singly(plan, summaries, jobs, work, "noise floors", "datasets")
    known = {name: within_bounds(cell, plan.measure.spec) for name, cell in found.items()}
    return {name: Cell(math.nan, refused[name]) if name in refused else known[name] for name in splits}


def halves(dataset: Dataset, fingerprint: str, seed: int) -> list[Split]:
    """Return ``HALVINGS`` random divisions of n images into halves, indices (n/2,), of whole groups where known."""
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
    """Return the matrix with the floor of each dataset, and with it in the verdict of each target."""
    if not found:
        return matrix
    matrix = replace(
        matrix,
        floor={name: cell.value for name, cell in found.items()},
        floor_notes={name: cell.note for name, cell in found.items() if cell.note},
    )
    return replace(matrix, verdicts={target: _with_floor(matrix, target) for target in matrix.targets})


def _with_floor(matrix: SimilarityMatrix, target: str) -> Verdict:
    verdict, sign = matrix.verdicts[target], matrix.direction.sign
    distance = math.nan if verdict.best is None else matrix.distances(target)[verdict.best]
    return with_floor(verdict, distance, sign * (matrix.floor or {})[target])


#: The reason of a missing p where the measure was fitted on the sources: it knows their images and not the target's, so
#: that not even samples of one population could change places.
_FITTED = "the measure was fitted on the sources, and knows the images of one side only"
#: Relative differences below this are rounding of single precision: such values are tied.
_ROUNDING = 1e-7


def p_values(plan: Plan, summaries: Summaries, jobs: int) -> dict[Pair, Cell]:
    """Return p of every pair of different datasets, or NaN with the reason; nothing where the plan has no test.

    Permutation test of whole units; Phipson and Smyth 2010, doi:10.2202/1544-6115.1585, for why p is never 0. Raises
    DsimError where a dataset cannot be read.
    """
    pairs = [
        (source.name, target.name)
        for source in plan.sources
        for target in plan.targets
        if not plan.is_same(source, target)
    ]
    if not plan.test:
        return {}
    if plan.measure.fits_pool:
        return dict.fromkeys(pairs, Cell(math.nan, _FITTED))
    work = {_tested(plan, pair): _work(plan, summaries, _tested(plan, pair)) for pair in pairs}
    found = compute_singly(plan, summaries, jobs, work, "permuting", "pairs")
    return {pair: found[_tested(plan, pair)] for pair in pairs}


def _tested(plan: Plan, pair: Pair) -> Pair:
    """The pair that is tested for a pair: a symmetric measure has one p for both directions."""
    return _ordered(plan, pair) if plan.measure.spec.symmetric else pair


def _ordered(plan: Plan, pair: Pair) -> Pair:
    """The names in an order that does not depend on who is the source."""
    first, second = sorted(pair, key=lambda name: (plan.fingerprints[name], name))
    return first, second


def _work(plan: Plan, summaries: Summaries, pair: Pair) -> SingleWork:
    ordered = _ordered(plan, pair)
    first, second = (plan.datasets[name] for name in ordered)
    keys = ("permutation", *(plan.fingerprints[name] for name in ordered))
    key = [[summaries.key(name) for name in pair], "permutations", plan.test]
    # The splits are drawn where they are used: those of all pairs at once would fill the memory.
    drawn = partial(permutations, units_of(first), units_of(second), plan.test, plan.seed, keys)
    return SingleWork(key, ordered, partial(_p, plan.measure, drawn, ordered != pair))


def permutations(first: Units, second: Units, count: int, seed: int, keys: Sequence[str]) -> list[Split]:
    """Return the division of n + m merged images into (n,) and (m,) indices, then ``count`` random ones, of ``keys``.

    Whole units (groups where they are known, else images) change sides, as many that each side keeps its number of
    images as nearly as they allow.
    """
    import numpy as np

    rng, images = stream(seed, *keys), sum(len(unit) for unit in first)
    merged = joined(first, second, images)
    everything = np.arange(sum(len(unit) for unit in merged), dtype=np.intp)
    observed = everything[:images], everything[images:]
    return [observed, *(random_split(merged, images, rng) for _ in range(count))]


def _p(
    measure: SimilarityMeasure[Any], drawn: Callable[[], list[Split]], swapped: bool, first: Any, second: Any
) -> Cell:
    splits = [(other, one) for one, other in drawn()] if swapped else drawn()
    # The observed value comes by the same way as the others: equal arithmetic is compared.
    values = measure.compare_splits(measure.merge(first, second), splits)
    observed, *permuted = (measure.spec.direction.sign * values).tolist()
    return p_value(observed, permuted)


def p_value(observed: float, permuted: list[float]) -> Cell:
    """Return the share of divisions, the observed one among them, whose distance is at least the observed; in (0, 1].

    >>> p_value(3.0, [1.0, 2.0, 3.0, 4.0]).value
    0.6
    """
    undefined = sum(not math.isfinite(value) for value in (observed, *permuted))
    if undefined:
        return Cell(math.nan, f"{undefined} of {len(permuted) + 1} divisions of the merged images have no value")
    slack = _ROUNDING * max(abs(observed), *(abs(value) for value in permuted))
    as_far = sum(value >= observed - slack for value in permuted)
    return Cell((1 + as_far) / (len(permuted) + 1))


def with_p_values(matrix: SimilarityMatrix, found: Mapping[Pair, Cell], permutations: int) -> SimilarityMatrix:
    """Return the matrix with the p-values, float64 (sources, targets) in (0, 1], of pairs of different datasets."""
    import numpy as np

    if not permutations:
        return matrix
    nothing = Cell(math.nan)
    grid = [[found.get((source, target), nothing) for target in matrix.targets] for source in matrix.sources]
    return replace(
        matrix,
        permutations=permutations,
        p_values=np.array([[cell.value for cell in row] for row in grid], dtype=np.float64),
        p_notes=tuple(tuple(cell.note for cell in row) for row in grid),
    )
