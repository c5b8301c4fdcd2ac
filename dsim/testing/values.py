"""Checks of a measure's values: what it declares of them, what must not change them, and parts of a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsim.errors import PluginError
from dsim.registry import MeasureSpec, Need
from dsim.testing.report import Failure, NotApplicable, cause_of
from dsim.testing.specimens import Specimen
from dsim.testing.subject import ROUNDING, Subject, require_no_draws, require_repeats, same

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


#: The least rank correlation of values with the known order of the ladder.
LEAST_SPEARMAN = 0.8


def _bounds(subject: Subject) -> str:
    """Every value lies within the declared bounds."""
    for value in subject.values.ravel().tolist():
        if not subject.within_bounds(value):
            raise Failure(f"{value} lies outside {subject.spec.bounds}", "declare the true bounds, or mend the value")
    return f"{subject.values.min():.6g} to {subject.values.max():.6g} in {subject.spec.bounds}"


def _self_comparison(subject: Subject) -> str:
    """As declared by self_is_optimal: no other dataset is nearer to a dataset than itself."""
    if not subject.spec.self_is_optimal:
        raise NotApplicable("self_is_optimal is declared False")
    pool = subject.specimens.pool
    distances = subject.spec.direction.sign * subject.values
    for column, target in enumerate(pool):
        nearest = int(distances[:, column].argmin())
        if distances[column, column] - distances[nearest, column] > ROUNDING * subject.scale:
            raise Failure(
                f"{target.name} is nearer to {pool[nearest].name} ({subject.values[nearest, column]:.6g}) "
                f"than to itself ({subject.values[column, column]:.6g})",
                "declare self_is_optimal=False, or subtract what a dataset's distance to itself is",
            )
    return f"{len(pool)} datasets"


def _symmetry(subject: Subject) -> str:
    """As declared by symmetric: d(a, b) = d(b, a) for all pairs; if declared asymmetric, some pair differs."""
    values, pool = subject.values, subject.specimens.pool
    pairs = [(i, j) for i in range(len(pool)) for j in range(i) if subject.differ(values[i, j], values[j, i])]
    if subject.spec.symmetric and pairs:
        i, j = pairs[0]
        message = f"{pool[i].name} against {pool[j].name} is {values[i, j]!r}, reversed {values[j, i]!r}"
        raise Failure(message, "declare symmetric=False, or make it symmetric")
    if not subject.spec.symmetric and not pairs:
        raise Failure("declared asymmetric, but all pairs are symmetric", "declare symmetric=True")
    return "symmetric" if subject.spec.symmetric else f"{len(pairs)} pairs are asymmetric, as declared"


def _direction(subject: Subject) -> str:
    """As declared by direction: on the ladder, the nearest rung ranks before the farthest."""
    start, near, *_, far = subject.specimens.ladder
    values = subject.value(near, start), subject.value(far, start)
    message = f"the near dataset has {values[0]:.6g}, the far one {values[1]:.6g}"
    if not subject.as_distance(values[0]) < subject.as_distance(values[1]):
        raise Failure(f"declared a {subject.spec.direction}, but {message}", "declare the other direction")
    return message


def _monotone(subject: Subject) -> str:
    """Values follow the ladder's known order, whatever their sign: rank correlation at least 0.8 over five steps."""
    start, *rungs = subject.specimens.ladder
    values = [subject.value(rung, start) for rung in rungs]
    message = "values along the ladder: " + ", ".join(f"{value:.6g}" for value in values)
    if values in (ascending := sorted(set(values)), ascending[::-1]):
        return f"strictly monotone; {message}"
    rank = _spearman(values)
    if abs(rank) < LEAST_SPEARMAN:
        raise Failure(
            f"Spearman {rank:.2f} with the ladder's order; {message}", "a measure must see a growing difference"
        )
    return f"Spearman {abs(rank):.2f}; {message}"


def _spearman(values: list[float]) -> float:
    """Rank correlation of values with their order; 0 where all are equal."""
    from scipy.stats import spearmanr

    return 0.0 if len(set(values)) == 1 else float(spearmanr(range(len(values)), values).statistic)


AXIOMS = (_bounds, _self_comparison, _symmetry, _direction, _monotone)


def _order(subject: Subject) -> None:
    """The order of a dataset's samples does not matter."""
    require_no_draws(subject, "another order")
    source, target = _pair(subject)
    reordered = source.taken(_permutation(len(source)), "reordered")
    hint = "a dataset is a set: treat its samples alike"
    plain, changed = (subject.value(*subject.in_roles(one, target)) for one in (source, reordered))
    same(subject, plain, changed, "in another order", hint)


def _batch_size(subject: Subject) -> None:
    """The number of images that pass a network at once does not matter, but for rounding (1e-5)."""
    require_repeats(subject)
    source, target = _pair(subject)
    runtime = subject.separate_runtime(batch=7)
    summaries = subject.summarise(source, runtime=runtime, as_source=True), subject.summarise(target, runtime=runtime)
    small = float(subject.measure.compare(*summaries))
    hint = "weigh samples, not batches; networks run in eval mode"
    what = f"in batches of {subject.runtime.batch} and of {runtime.batch}"
    same(subject, subject.value(source, target), small, what, hint, 1e-5)


def _duplication(subject: Subject) -> None:
    """Every image twice gives the same value: an estimate of the population, not of the number of samples."""
    require_no_draws(subject, "another number of samples")
    source, target = _pair(subject)
    doubled = source.taken([*range(len(source)), *range(len(source))], "doubled")
    hint = "divide by n; where an unbiased estimator is meant, expect this failure and say so"
    plain, changed = (subject.value(*subject.in_roles(one, target)) for one in (source, doubled))
    same(subject, plain, changed, "every image twice", hint)


def _vectorised(subject: Subject) -> None:
    """compare_many gives what compare gives for each pair."""
    import numpy as np

    sources, targets = subject.specimens.ladder[:3], subject.specimens.pool[-4:]
    summaries = [subject.summary(each, as_source=True) for each in sources], [subject.summary(each) for each in targets]
    found = np.asarray(subject.measure.compare_many(*summaries), dtype=np.float64)
    if found.shape != (len(sources), len(targets)):
        raise Failure(f"compare_many returned shape {found.shape}", "return shape (sources, targets)")
    for i, source in enumerate(sources):
        for j, target in enumerate(targets):
            single, of_many = subject.value(source, target), float(found[i, j])
            same(subject, single, of_many, "compare and compare_many", "mend compare_many")


def _resampling(subject: Subject) -> str:
    """A resample is the dataset of the drawn images: the identity draw changes nothing, others are as if recomputed."""
    if not subject.spec.resamples:
        raise NotApplicable("resamples is declared False")
    source, target = _pair(subject)
    drawn = _bootstrap(len(source))
    identity, replicate = _replicates(subject, source, target, drawn)
    same(subject, subject.value(source, target), identity, "the identity draw", "mend resample or compare_resampled")
    if not subject.repeats or subject.draws or subject.given.two_roles:
        return "the identity draw"
    again = source.taken(drawn.tolist(), "redrawn")
    hint = "resample must give the summary of exactly the drawn images"
    same(subject, subject.value(again, target), replicate, "a bootstrap draw, recomputed and resampled", hint, 1e-5)
    return "the identity draw and a bootstrap draw"


def _replicates(subject: Subject, source: Specimen, target: Specimen, drawn: NDArray[np.intp]) -> tuple[float, float]:
    import numpy as np

    draws = [np.arange(len(source)), drawn], [np.arange(len(target))] * 2
    try:
        summaries = subject.summary(source, as_source=True), subject.summary(target)
        values = subject.measure.compare_resampled(*summaries, *draws)
    except Exception as error:
        message = f"resampling raised {type(error).__name__}: {error}"
        raise Failure(message, "implement resample, or declare resamples=False") from error
    return float(values[0]), float(values[1])


def _needs(subject: Subject) -> str:
    """Only what is declared is read: the rest of a dataset, present, absent or different, changes nothing."""
    require_repeats(subject)
    beyond = (subject.given.needs - subject.spec.needs) | (subject.given.source_needs - _of_sources(subject.spec))
    if beyond:
        message = f"its needs name {', '.join(sorted(beyond))}, which the spec's do not"
        raise Failure(message, "name in the spec all that any parameters read; the property needs may only take away")
    carried, optional = subject.specimens.carried, subject.given.optional | subject.given.source_optional
    undeclared = set(subject.specimens.complete[0].parts) - carried - optional
    if not undeclared:
        raise NotApplicable("it declares everything that a dataset can have")
    # What is optional may change the value where it is there, and the rest may still not.
    for declared in dict.fromkeys((carried, carried | optional)):
        _same_without_and_with(subject, declared, frozenset(undeclared))
    return f"{', '.join(sorted(undeclared))} do not matter"


def _of_sources(spec: MeasureSpec) -> frozenset[Need]:
    """The needs that a spec declares of sources."""
    return spec.source_needs or spec.needs


def _same_without_and_with(subject: Subject, declared: frozenset[Need], undeclared: frozenset[Need]) -> None:
    start, target = (rung.restricted(declared) for rung in subject.specimens.complete[:2])
    richer = subject.specimens.complete[0].restricted(declared | undeclared)
    try:
        values = subject.value(start, target), subject.value(richer, target)
    except PluginError as error:
        raise Failure(error.message, error.hint or "declare what is read in the spec's needs") from None
    hint = "read data through the view only, and declare what is read in the spec's needs"
    same(subject, *values, f"without and with {', '.join(sorted(undeclared))}", hint)


def _pair(subject: Subject) -> tuple[Specimen, Specimen]:
    return subject.specimens.ladder[0], subject.specimens.ladder[2]


def _permutation(count: int) -> list[int]:
    import numpy as np

    return [int(i) for i in np.random.default_rng(7).permutation(count)]


def _bootstrap(count: int) -> NDArray[np.intp]:
    import numpy as np

    return np.random.default_rng(8).integers(count, size=count, dtype=np.intp)


INVARIANCE = (_needs, _order, _batch_size, _duplication, _vectorised, _resampling)


_UNDO = "implement resample and merge, or declare two_sample=False"


def _merging(subject: Subject) -> str:
    """As declared by two_sample: two datasets are merged, first before second, and split again with the same value."""
    import numpy as np

    whole, count = _merged(subject)
    first, second, third = (subject.specimens.ladder[i] for i in (0, 2, 4))
    parts = _part(subject, whole, np.arange(len(first))), _part(subject, whole, np.arange(len(first), count))
    value = float(subject.measure.compare(*parts))
    hint = "merge must hold the first's images, then the second's; resample must pick the drawn ones"
    same(subject, subject.value(first, second), value, "a pair, and the pair merged and split again", hint, 1e-5)
    merged = float(subject.measure.compare(whole, subject.summary(third)))
    anew = float(subject.measure.compare(_part(subject, whole, np.arange(count)), subject.summary(third)))
    hint = "what a summary holds besides its images (means, ...) must be that of all of them"
    same(subject, anew, merged, "all images of a merged dataset, and the merged dataset itself", hint, 1e-5)
    return f"{len(first)} and {len(second)} images"


def _splitting(subject: Subject) -> str:
    """compare_splits gives what compare gives for the two parts of each split, whatever their sizes."""
    import numpy as np

    try:
        whole, count = _merged(subject)
        _part(subject, whole, np.arange(count))
    except Failure:
        raise NotApplicable("datasets cannot be merged or picked from; see the check merging") from None
    least = subject.spec.min_samples
    if count // 2 < least:
        raise NotApplicable(f"min_samples is {least}, and the specimens make parts of {count // 2} images")
    cuts = (count // 2, max(count // 3, least))
    orders = np.arange(count), np.random.default_rng(9).permutation(count)
    splits = [(order[:cut], order[cut:]) for order in orders for cut in cuts]
    found = np.asarray(subject.measure.compare_splits(whole, splits), dtype=np.float64)
    if found.shape != (len(splits),):
        raise Failure(f"compare_splits returned shape {found.shape}", "return one value per split")
    for (one, other), value in zip(splits, found.tolist(), strict=True):
        single = float(subject.measure.compare(_part(subject, whole, one), _part(subject, whole, other)))
        message = f"the parts ({len(one)} and {len(other)} images) of a split alone and in compare_splits"
        same(subject, single, value, message, "mend compare_splits", 1e-5)
    return f"{len(splits)} splits of {count} images"


def _merged(subject: Subject) -> tuple[Any, int]:
    """Two datasets in one, and its number of images."""
    if not subject.spec.two_sample:
        raise NotApplicable("two_sample is declared False")
    first, second = subject.specimens.ladder[0], subject.specimens.ladder[2]
    try:
        whole = subject.measure.merge(subject.summary(first), subject.summary(second))
    except Exception as error:
        raise Failure(f"merging raised {cause_of(error)}", _UNDO) from error
    return whole, len(first) + len(second)


def _part(subject: Subject, whole: Any, indices: NDArray[np.intp]) -> Any:
    try:
        return subject.measure.resample(whole, indices)
    except Exception as error:
        raise Failure(f"picking images of a merged dataset raised {cause_of(error)}", _UNDO) from error


SPLITTING = (_merging, _splitting)
