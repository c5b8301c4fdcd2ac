"""The comparison itself: plan, fit, summarise each dataset once, compare all pairs, judge the winners."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from dsim.comparison.cells import (
    Batch,
    Cell,
    Pair,
    SingleWork,
    Work,
    compute_cells,
    compute_column,
    compute_singly,
    within_bounds,
)
from dsim.comparison.draws import DrawsOfPairs, floors, p_values, with_floors, with_p_values
from dsim.comparison.plan import Plan, make_plan
from dsim.comparison.provenance import measure_identity, provenance
from dsim.comparison.resemblance import with_resemblance
from dsim.comparison.summaries import Failed, Summaries
from dsim.data import to_datasets
from dsim.measures import (
    CONFIDENCE,
    SimilarityMatrix,
    SimilarityMeasure,
    build_measure,
    decide,
    first_shares,
    percentile_interval,
)
from dsim.random import stream
from dsim.registry import Need
from dsim.runtime import Runtime
from dsim.stats.embedding import FORMS, eqc

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.data.conversion import Given

#: A measure that reads none of these looks at no image: nor does the verdict on it.
_SEEN = {Need.IMAGES, Need.FEATURES}


def compare(
    sources: Given | Iterable[Given] | Mapping[str, Given],
    targets: Given | Iterable[Given] | Mapping[str, Given] | None = None,
    *,
    measure: str | SimilarityMeasure[Any] = "asap",
    seed: int = 0,
    jobs: int = 1,
    bootstrap: int | None = None,
    test: int = 0,
    floor: bool = True,
    debug: bool = False,
    runtime: Runtime | None = None,
) -> SimilarityMatrix:
    """Measure how similar each source is to each target; the defaults and the numbers are those of ``dsim compare``.

    Parameters
    ----------
    sources : datasets one could pre-train on, or pre-label with; one, a list, or a mapping from names. Each is a path
        or a text such as ``"phantoms:xray"`` and ``"mine=data/mine"``, an array of images (n, H, W[, C]), a torch
        dataset, or a Dataset; ``dsim.data.to_dataset`` says which opener takes it.
    targets : datasets of interest, given alike; by default the sources themselves, each ranked against all others.
    measure : a name with parameters, such as ``"asap"`` or ``"cc:size=128"``, or a measure.
    seed : of every random draw; a dataset's draws do not depend on which others are compared.
    jobs : how many summaries and pairs are computed side by side (joblib; -1 for all cores).
    bootstrap : replicates over images (or known groups) for intervals; 0: none; default: what the measure proposes.
    test : permutations for the p-value of each pair: are both samples of one population? 0 for none.
    floor : compute the noise floor (two halves of each dataset) and whether the nearest source resembles a target.
    debug : raise what a measure does wrong where it happens, for a debugger, instead of a cell that is NaN.
    runtime : device, cache, progress; the defaults suit a script.

    Returns the matrix: values float64 (sources, targets); a pair that could not be computed is NaN with its reason, and
    so is a value outside the bounds that the measure declares.
    Raises UsageError, DataError, NeedError or WeightsError before any work, and UnreadableImageError for an image.

    >>> matrix = compare(["phantoms:xray[count=4,size=32]", "phantoms:fundus[count=4,size=32]"],
    ...                  "mine=phantoms:xray-bedside[count=4,size=32]", measure="cc:size=32")
    >>> matrix.best("mine")
    'xray[count=4,size=32]'
    """
    built = build_measure(measure)
    pool, wanted = to_datasets(sources, "source"), None if targets is None else to_datasets(targets, "target")
    draws = default_replicates(built) if bootstrap is None else bootstrap
    numbers = {"seed": seed, "bootstrap": draws, "test": test, "jobs": jobs}
    plan = make_plan(built, pool, wanted, **numbers, debug=debug, runtime=runtime or Runtime())
    return _carry_out(plan, jobs, floor)


def default_replicates(measure: SimilarityMeasure[Any]) -> int:
    """Return how many bootstrap replicates a measure proposes; 0 where it cannot be resampled."""
    return measure.spec.replicates if measure.spec.resamples else 0


def _carry_out(plan: Plan, jobs: int, floor: bool) -> SimilarityMatrix:
    if plan.measure.fits_pool:
        as_source = plan.measure.two_roles
        plan.measure.fit([plan.view(dataset, as_source=as_source) for dataset in plan.sources], _pool_stream(plan))
    identity = measure_identity(plan)
    summaries = Summaries(plan, identity)
    cells = _pair_cells(plan, summaries, jobs)
    matrix = with_floors(_matrix(plan, cells), floors(plan, summaries, jobs) if floor else {})
    matrix = with_p_values(matrix, p_values(plan, summaries, jobs), plan.test)
    clouds = _clouds(plan, summaries, jobs)
    notes = _remarks(plan, summaries, jobs)
    record = provenance(plan, identity, [cell.conditions for cell in cells.values()], notes)
    if clouds is not None:
        record["embedding"] = embedding_quality(clouds, matrix.sources)
    matrix = dataclasses.replace(matrix, provenance=record, clouds=clouds)
    if not floor or not plan.measure.needs & _SEEN:
        return matrix
    return with_resemblance(matrix, plan.datasets, plan.runtime, seed=plan.seed, jobs=jobs)


def _pool_stream(plan: Plan) -> np.random.Generator:
    # The order of the sources must not change the draws.
    names = (plan.source_name(dataset.name) for dataset in plan.sources)
    return stream(plan.seed, "fit", *sorted(plan.fingerprints[name] for name in names))


def _pair_cells(plan: Plan, summaries: Summaries, jobs: int) -> dict[Pair, Cell]:
    """The cell of every (source, target), with replicates where the plan asks for them."""
    pairs = [(source.name, target.name) for source in plan.sources for target in plan.targets]
    read = {(source, target): (plan.source_name(source), target) for source, target in pairs}
    work = {pair: Work([*(summaries.key(name) for name in read[pair]), plan.bootstrap], read[pair]) for pair in pairs}
    columns = partial(_columns, plan, summaries)
    cells = compute_cells(plan, summaries, jobs, work, columns, description="comparing", unit="pairs")
    return {pair: within_bounds(cell, plan.measure.spec) for pair, cell in cells.items()}


def _columns(plan: Plan, summaries: Summaries, missing: Sequence[Pair]) -> list[Batch[Pair]]:
    """A batch for each target, so that a measure compares its sources at once."""
    compare_column = partial(compute_column, plan.measure, plan.failures)
    drawn, batches = DrawsOfPairs(plan), []
    for target in dict.fromkeys(target for _, target in missing):
        column = [pair for pair in missing if pair[1] == target]
        sources = [summaries[plan.source_name(source)] for source, _ in column]
        draws = [drawn.of(*pair) for pair in column]
        batches.append(Batch(column, partial(compare_column, sources, summaries[target], draws)))
    return batches


def _clouds(plan: Plan, summaries: Summaries, jobs: int) -> dict[str, NDArray[np.float64]] | None:
    import numpy as np

    if not plan.measure.spec.embeds:
        return None
    summaries.prepare(list(plan.readings), jobs)
    clouds = {}
    for name in plan.readings:
        if isinstance(summaries[name], Failed):
            continue
        points = np.asarray(plan.measure.embedding(summaries[name]), dtype=np.float64)
        if points.ndim == 2 and np.isfinite(points).all():
            clouds[name] = points
        else:
            plan.runtime.progress.note(f"{name} is in no picture: its embedding is not finite points, (n, k)")
    return clouds


def _matrix(plan: Plan, cells: Mapping[Pair, Cell]) -> SimilarityMatrix:
    import numpy as np

    spec = plan.measure.spec
    sources, targets = ([dataset.name for dataset in group] for group in (plan.sources, plan.targets))
    grid = [[cells[source, target] for target in targets] for source in sources]
    same = np.array([[plan.is_same(source, target) for target in plan.targets] for source in plan.sources])
    matrix = SimilarityMatrix(
        measure=plan.measure.identity,
        direction=spec.direction,
        unit=spec.unit,
        sources=tuple(sources),
        targets=tuple(targets),
        values=np.array([[cell.value for cell in row] for row in grid], dtype=np.float64),
        notes=tuple(tuple(cell.note for cell in row) for row in grid),
        same=same,
        verdicts={},
        provenance={},
        confidence=CONFIDENCE,
        replicates=plan.bootstrap,
    )
    return _judged(matrix, cells, spec.resamples)


def _judged(matrix: SimilarityMatrix, cells: Mapping[Pair, Cell], resamples: bool) -> SimilarityMatrix:
    """The matrix with intervals, shares of first ranks, and a verdict per target."""
    import numpy as np

    low, high, share = (np.full(matrix.values.shape, np.nan) for _ in range(3))
    verdicts, why = {}, "no intervals (--bootstrap N)" if resamples else "this measure has no intervals"
    for column, target in enumerate(matrix.targets):
        distances = matrix.distances(target)
        if not distances:
            alone = f"no source is left: {matrix.sources[0]} is the target itself"
            verdicts[target] = dataclasses.replace(decide(target, distances), reason=alone)
            continue
        if not matrix.replicates:
            verdicts[target] = decide(target, distances, not_assessed=why)
            continue
        known = [source for source, value in distances.items() if not math.isnan(value)]
        replicates = {source: np.array(cells[source, target].replicates) for source in known}
        signed = {source: matrix.direction.sign * values for source, values in replicates.items()}
        verdicts[target], shares = decide(target, distances, signed), first_shares(signed)
        for source in known:
            row = matrix.sources.index(source)
            low[row, column], high[row, column] = percentile_interval(replicates[source])
            share[row, column] = shares[source]
    if not matrix.replicates:
        return dataclasses.replace(matrix, verdicts=verdicts)
    return dataclasses.replace(matrix, verdicts=verdicts, low=low, high=high, first_share=share)


def embedding_quality(clouds: Mapping[str, NDArray[np.float64]], sources: Sequence[str]) -> dict[str, Any]:
    """Return EQC of the sources that have a cloud, in both forms, for the record of a matrix; None where there is none.

    The form ``reference`` depends on the order of the sources, which therefore stands in the record. Clouds are points
    (n, k), float64.

    >>> import numpy as np
    >>> clouds = {"a": np.array([[0.0], [2.0]]), "b": np.array([[9.0], [13.0]]), "target": np.array([[5.0]])}
    >>> embedding_quality(clouds, ["a", "b"])
    {'eqc': {'paper': 0.6, 'reference': 0.15}, 'sources': ['a', 'b']}
    """
    known = [name for name in sources if name in clouds]
    points = [clouds[name] for name in known]
    found = {form: eqc(points, form) if len(points) > 1 else math.nan for form in FORMS}
    return {"eqc": {form: value if math.isfinite(value) else None for form, value in found.items()}, "sources": known}


def _remarks(plan: Plan, summaries: Summaries, jobs: int) -> dict[str, list[str]]:
    """The remarks on each dataset; kept, so that summaries are not read for them alone."""
    measure = plan.measure
    if type(measure).remark is SimilarityMeasure.remark:
        return {}
    work = {
        name: SingleWork([summaries.key(name), "remark"], (name,), partial(_remark, measure))
        for name, (_, as_source) in plan.readings.items()
        if not as_source
    }
    found = compute_singly(plan, summaries, jobs, work, "remarks", "datasets")
    return {name: [cell.note] for name, cell in found.items() if cell.value == 0 and cell.note}


def _remark(measure: SimilarityMeasure[Any], summary: Any) -> Cell:
    # A value, so that it is stored; failures are reported in the cells.
    return Cell(0.0, measure.remark(summary))
