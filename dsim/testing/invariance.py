"""Checks of what must not change a value: the order of samples, the size of batches, copies, the way of computing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsim.errors import PluginError
from dsim.registry import Need
from dsim.testing.report import Failure, NotApplicable
from dsim.testing.specimens import Specimen
from dsim.testing.subject import Subject, require_no_draws, require_repeats, same

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def order(subject: Subject) -> None:
    """The order of a dataset's samples does not matter."""
    require_no_draws(subject, "another order")
    source, target = _pair(subject)
    reordered = source.taken(_permutation(len(source)), "reordered")
    hint = "a dataset is a set: treat its samples alike"
    same(subject, subject.value(source, target), subject.value(reordered, target), "in another order", hint)


def batch_size(subject: Subject) -> None:
    """The number of images that pass a network at once does not matter, but for rounding (1e-5)."""
    require_repeats(subject)
    source, target = _pair(subject)
    large, small = (_in_batches(subject, size, source, target) for size in (64, 7))
    hint = "weigh samples, not batches; networks run in eval mode"
    same(subject, large, small, "in batches of 64 and of 7", hint, 1e-5)


def _in_batches(subject: Subject, size: int, source: Specimen, target: Specimen) -> float:
    runtime = subject.separate_runtime(size)
    summaries = [subject.summarise(specimen, runtime=runtime) for specimen in (source, target)]
    return float(subject.measure.compare(*summaries))


def duplication(subject: Subject) -> None:
    """Every image twice gives the same value: an estimate of the population, not of the number of samples."""
    require_no_draws(subject, "another number of samples")
    source, target = _pair(subject)
    doubled = source.taken([*range(len(source)), *range(len(source))], "doubled")
    hint = "divide by n; where an unbiased estimator is meant, expect this failure and say so"
    same(subject, subject.value(source, target), subject.value(doubled, target), "every image twice", hint)


def vectorised(subject: Subject) -> None:
    """compare_many gives what compare gives for each pair."""
    import numpy as np

    sources, targets = subject.specimens.ladder[:3], subject.specimens.pool[-4:]
    summaries = [[subject.summary(specimen) for specimen in group] for group in (sources, targets)]
    found = np.asarray(subject.measure.compare_many(*summaries), dtype=np.float64)
    if found.shape != (len(sources), len(targets)):
        raise Failure(f"compare_many returned shape {found.shape}", "return shape (sources, targets)")
    for i, source in enumerate(sources):
        for j, target in enumerate(targets):
            single, of_many = subject.value(source, target), float(found[i, j])
            same(subject, single, of_many, "compare and compare_many", "mend compare_many")


def resampling(subject: Subject) -> str:
    """A resample is the dataset of the drawn images: the identity draw changes nothing, others are as if recomputed."""
    if not subject.spec.resamples:
        raise NotApplicable("resamples is declared False")
    source, target = _pair(subject)
    drawn = _bootstrap(len(source))
    identity, replicate = _replicates(subject, source, target, drawn)
    same(subject, subject.value(source, target), identity, "the identity draw", "mend resample or compare_resampled")
    if not subject.repeats or subject.draws:
        return "the identity draw"
    again = source.taken(drawn.tolist(), "redrawn")
    hint = "resample must give the summary of exactly the drawn images"
    same(subject, subject.value(again, target), replicate, "a bootstrap draw, recomputed and resampled", hint, 1e-5)
    return "the identity draw and a bootstrap draw"


def _replicates(subject: Subject, source: Specimen, target: Specimen, drawn: NDArray[np.intp]) -> tuple[float, float]:
    import numpy as np

    draws = [np.arange(len(source)), drawn], [np.arange(len(target))] * 2
    try:
        values = subject.measure.compare_resampled(subject.summary(source), subject.summary(target), *draws)
    except Exception as error:
        told = f"resampling raised {type(error).__name__}: {error}"
        raise Failure(told, "implement resample, or declare resamples=False") from error
    return float(values[0]), float(values[1])


def needs(subject: Subject) -> str:
    """Only what is declared is read: the rest of a dataset, present, absent or different, changes nothing."""
    require_repeats(subject)
    beyond = subject.given.needs - subject.spec.needs
    if beyond:
        told = f"its needs name {', '.join(sorted(beyond))}, which the spec's do not"
        raise Failure(told, "name in the spec all that any parameters read; the property needs may only take away")
    carried, optional = subject.specimens.carried, subject.given.optional
    undeclared = set(subject.specimens.complete[0].parts) - carried - optional
    if not undeclared:
        raise NotApplicable("it declares everything that a dataset can have")
    # What is optional may change the value where it is there, and the rest may still not.
    for declared in dict.fromkeys((carried, carried | optional)):
        _same_without_and_with(subject, declared, frozenset(undeclared))
    return f"{', '.join(sorted(undeclared))} do not matter"


def _same_without_and_with(subject: Subject, declared: frozenset[Need], undeclared: frozenset[Need]) -> None:
    start, target = (rung.restricted(declared) for rung in subject.specimens.complete[:2])
    richer = subject.specimens.complete[0].restricted(declared | undeclared)
    try:
        values = _value_of(subject, start, target), _value_of(subject, richer, target)
    except PluginError as error:
        raise Failure(error.message, error.hint or "declare what is read in the spec's needs") from None
    hint = "read data through the view only, and declare what is read in the spec's needs"
    same(subject, *values, f"without and with {', '.join(sorted(undeclared))}", hint)


def _value_of(subject: Subject, source: Specimen, target: Specimen) -> float:
    return float(subject.measure.compare(subject.summarise(source), subject.summarise(target)))


def _pair(subject: Subject) -> tuple[Specimen, Specimen]:
    return subject.specimens.ladder[0], subject.specimens.ladder[2]


def _permutation(count: int) -> list[int]:
    import numpy as np

    return [int(i) for i in np.random.default_rng(7).permutation(count)]


def _bootstrap(count: int) -> NDArray[np.intp]:
    import numpy as np

    return np.random.default_rng(8).integers(count, size=count, dtype=np.intp)


CHECKS = (needs, order, batch_size, duplication, vectorised, resampling)
