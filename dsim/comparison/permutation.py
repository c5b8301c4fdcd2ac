"""The permutation test: could source and target be two samples of one population?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from dsim.comparison.cells import Cell, Pair
from dsim.comparison.finishing import Work, finish
from dsim.comparison.units import joined, random_split, units_of
from dsim.measures import SimilarityMatrix
from dsim.random import stream

if TYPE_CHECKING:
    from dsim.comparison.plan import Plan
    from dsim.comparison.summaries import Summaries
    from dsim.comparison.units import Split, Units
    from dsim.measures import SimilarityMeasure

#: Why there is no p where the measure was fitted on the sources: their images are known to it and the target's are not,
#: so that not even samples of one population could change places.
_FITTED = "the measure was fitted on the sources, and knows the images of one side only"
#: Relative differences below this are rounding of single precision: such values are tied.
_ROUNDING = 1e-7


def p_values(plan: Plan, summaries: Summaries, jobs: int) -> dict[Pair, Cell]:
    """p of every pair of different datasets, or NaN and the reason."""
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
    found = finish(plan, summaries, jobs, work, "permuting", "pairs")
    return {pair: found[_tested(plan, pair)] for pair in pairs}


def _tested(plan: Plan, pair: Pair) -> Pair:
    """The pair that is tested for a pair: a symmetric measure has one p for both directions."""
    return _ordered(plan, pair) if plan.measure.spec.symmetric else pair


def _ordered(plan: Plan, pair: Pair) -> Pair:
    """The names in an order that does not depend on who is the source."""
    first, second = sorted(pair, key=lambda name: (plan.fingerprints[name], name))
    return first, second


def _work(plan: Plan, summaries: Summaries, pair: Pair) -> Work:
    ordered = _ordered(plan, pair)
    first, second = (plan.datasets[name] for name in ordered)
    keys = ("permutation", *(plan.fingerprints[name] for name in ordered))
    key = [[summaries.key(name) for name in pair], "permutations", plan.test]
    # The splits are drawn where they are used: those of all pairs at once would fill the memory.
    drawn = partial(permutations, units_of(first), units_of(second), plan.test, plan.seed, keys)
    return Work(key, ordered, partial(_p, plan.measure, drawn, ordered != pair))


def permutations(first: Units, second: Units, count: int, seed: int, keys: Sequence[str]) -> list[Split]:
    """The division of the merged images as it is, then ``count`` random ones, drawn for ``keys``.

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
    """Share of divisions, the observed one among them, whose distance is at least the observed.

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
    """The matrix with the p-value of each pair of different datasets."""
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
