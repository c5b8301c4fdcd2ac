"""Whether the sources of a target resemble it at all: by the measure, and the bounds, of the known kinds.

It is a statement on the images of two datasets, so it is the same by whichever measure the sources were ranked.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from dsim.comparison.cells import Cell, Pair, SingleWork, compute_singly
from dsim.comparison.plan import make_plan
from dsim.comparison.provenance import measure_identity
from dsim.comparison.summaries import Summaries
from dsim.errors import DsimError
from dsim.measures import KnownKinds, Likeness, Resemblance, build_measure, known_kinds, with_likeness
from dsim.random import stream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.comparison.plan import Plan
    from dsim.data import Dataset
    from dsim.measures import SimilarityMatrix, SimilarityMeasure, Verdict
    from dsim.runtime import Runtime

#: How often samples are drawn; the distance is the mean over them.
DRAWS = 10
#: Raised when the same images would give another number.
_VERSION = 1
#: From here on, multiples are whole numbers.
_MANY = 10
_ONLY_FEATURES = "a dataset was given as features, without images"


def assess_resemblance(
    pairs: Iterable[tuple[Dataset, Dataset]], runtime: Runtime, *, seed: int = 0, jobs: int = 1
) -> dict[Pair, Resemblance]:
    """Return whether each source resembles its target, by (source, target); what cannot be known says why.

    It is a statement on images: features that were given with a dataset may be of any network, and are left out.

    >>> from dsim.data.phantoms import open_phantom
    >>> from dsim.runtime import Runtime
    >>> few = open_phantom("xray", count=4, size=32), open_phantom("fundus", count=4, size=32)
    >>> assess_resemblance([few], Runtime())["xray", "fundus"].reason
    '5 images of each are needed, and there are 4 and 4'
    """
    wanted = {(source.name, target.name): (_images_of(source), _images_of(target)) for source, target in pairs}
    try:
        kinds = known_kinds()
        found, ready = _without_images(wanted, kinds)
        return found | _judge(ready, kinds, runtime, seed, jobs)
    except DsimError as error:
        return dict.fromkeys(wanted, Resemblance.unknown(error.message))


def with_resemblance(
    matrix: SimilarityMatrix, datasets: Mapping[str, Dataset], runtime: Runtime, *, seed: int = 0, jobs: int = 1
) -> SimilarityMatrix:
    """Return the matrix with the resemblance in the verdict of each target; values are (sources, targets).

    Only where the nearest source does not resemble a target are the others asked. No other network runs for this: where
    the measure uses none, or not that of the known kinds, it is not assessed, and the noise floor is reported.
    """
    if not _shares_network(matrix):
        verdicts = {target: _beside_floor(matrix, target) for target in matrix.verdicts}
        return replace(matrix, verdicts=verdicts)
    first = {(verdict.best, target) for target, verdict in matrix.verdicts.items() if verdict.best is not None}
    run = partial(assess_resemblance, runtime=runtime, seed=seed, jobs=jobs)
    found = run((datasets[source], datasets[target]) for source, target in sorted(first))
    unlike = [target for (_, target), known in found.items() if known.likeness is Likeness.NONE]
    others = [(source, target) for target in unlike for source in matrix.distances(target)]
    found = {**run((datasets[source], datasets[target]) for source, target in others), **found}
    verdicts = {target: with_likeness(verdict, _of(found, target)) for target, verdict in matrix.verdicts.items()}
    return replace(matrix, verdicts=verdicts)


def _shares_network(matrix: SimilarityMatrix) -> bool:
    """Whether the measure uses the network of the known kinds, of whichever layer."""
    try:
        known = {extractor.get("weights") for extractor in known_kinds().depends["extractors"]}
    except DsimError:
        return True  # ``assess_resemblance`` says what is wrong with the installation
    return known <= {extractor.get("weights") for extractor in matrix.provenance["extractors"]}


def _beside_floor(matrix: SimilarityMatrix, target: str) -> Verdict:
    """The verdict on a target by a measure that was not calibrated on known kinds."""
    verdict, floor = matrix.verdicts[target], (matrix.floor or {}).get(target, math.nan)
    if verdict.best is None:
        return verdict
    times = matrix.value(verdict.best, target) / floor if floor > 0 else math.nan
    multiple = f"{times:.2g}" if times < _MANY else f"{times:.0f}"
    far = f"{verdict.best} is {multiple} times the noise floor away; " if _has_multiples(matrix, times) else ""
    return replace(verdict, resemblance=Resemblance.unknown(f"{far}dsim has no experience with {matrix.measure}"))


def _has_multiples(matrix: SimilarityMatrix, times: float) -> bool:
    """Whether a multiple of the floor says anything: of a distance from zero, and not of an unbiased estimate."""
    if matrix.direction.sign < 0 or math.isnan(times) or times < 0:
        return False
    return min(value for value in (matrix.floor or {}).values() if not math.isnan(value)) > 0


def _of(found: Mapping[Pair, Resemblance], target: str) -> dict[str, Resemblance]:
    return {source: known for (source, other), known in found.items() if other == target}


Pairs = Mapping[Pair, "tuple[Dataset, Dataset]"]


def _without_images(pairs: Pairs, kinds: KnownKinds) -> tuple[dict[Pair, Resemblance], Pairs]:
    """Pairs that cannot be judged, and the others."""
    found = {}
    for name, (source, target) in pairs.items():
        if source.backing is None or target.backing is None:
            found[name] = Resemblance.unknown(_ONLY_FEATURES)
        elif not _sample_size(source, target, kinds):
            counts = f"{len(source)} and {len(target)}"
            found[name] = Resemblance.unknown(f"{min(kinds.bounds)} images of each are needed, and there are {counts}")
    return found, {name: pair for name, pair in pairs.items() if name not in found}


def _images_of(dataset: Dataset) -> Dataset:
    """The dataset without features that were given with it; as it is where there are no images."""
    return dataset if dataset.features is None or dataset.backing is None else replace(dataset, features=None)


def _sample_size(source: Dataset, target: Dataset, kinds: KnownKinds) -> int:
    """The largest number of images that is known of, and that both datasets have; 0 where there is none."""
    return max((size for size in kinds.bounds if size <= min(len(source), len(target))), default=0)


def _judge(pairs: Pairs, kinds: KnownKinds, runtime: Runtime, seed: int, jobs: int) -> dict[Pair, Resemblance]:
    if not pairs:
        return {}
    plan = _plan(pairs, kinds.call, runtime, seed, jobs)
    identity = measure_identity(plan)
    if any(identity[key] != value for key, value in kinds.depends.items()):
        known = kinds.depends["measure"]
        reason = f"the known kinds were measured by {known} of other features or another version"
        return dict.fromkeys(pairs, Resemblance.unknown(reason))
    sizes = {name: _sample_size(*pair, kinds) for name, pair in pairs.items()}
    cells = sample_distances(plan, Summaries(plan, identity), jobs, sizes)
    return {name: _resemblance(cells[name], sizes[name], kinds) for name in pairs}


def _plan(pairs: Pairs, call: str, runtime: Runtime, seed: int, jobs: int) -> Plan:
    sources = {source.name: source for source, _ in pairs.values()}
    targets = {target.name: target for _, target in pairs.values()}
    chosen = list(sources.values()), list(targets.values())
    return make_plan(build_measure(call), *chosen, seed=seed, bootstrap=0, jobs=jobs, runtime=runtime)


def _resemblance(cell: Cell, images: int, kinds: KnownKinds) -> Resemblance:
    if math.isnan(cell.value):
        return Resemblance.unknown(cell.note)
    bounds = kinds.bounds[images]
    return Resemblance(bounds.judge(cell.value), kinds.depends["measure"], cell.value, images, bounds)


def sample_distances(plan: Plan, summaries: Summaries, jobs: int, images: Mapping[Pair, int]) -> dict[Pair, Cell]:
    """Return the mean distance between samples of so many ``images`` of source and target, by their names.

    Small is near; NaN with the reason. Equal samples make distances comparable whatever the datasets' sizes. Raises
    DsimError where a dataset cannot be read.
    """
    work = {pair: _work(plan, summaries, pair, count) for pair, count in images.items()}
    return compute_singly(plan, summaries, jobs, work, "resemblance", "pairs")


def _work(plan: Plan, summaries: Summaries, pair: Pair, images: int) -> SingleWork:
    key = [[summaries.key(name) for name in pair], "samples", _VERSION, images, DRAWS]
    drawn = [_draw_samples(plan.datasets[name], plan.fingerprints[name], images, plan.seed) for name in pair]
    return SingleWork(key, pair, partial(_mean_distance, plan.measure, *drawn))


def _draw_samples(dataset: Dataset, fingerprint: str, images: int, seed: int) -> list[NDArray[np.intp]]:
    """``DRAWS`` samples of so many of n images, positions (images,) without repetition."""
    rng = stream(seed, fingerprint, "samples")
    return [rng.permutation(len(dataset))[:images] for _ in range(DRAWS)]


def _mean_distance(
    measure: SimilarityMeasure[Any],
    of_source: Sequence[NDArray[np.intp]],
    of_target: Sequence[NDArray[np.intp]],
    source: Any,
    target: Any,
) -> Cell:
    values = measure.spec.direction.sign * measure.compare_resampled(source, target, of_source, of_target)
    mean = float(values.mean())
    return Cell(mean) if math.isfinite(mean) else Cell(math.nan, "samples of the two have no distance")
