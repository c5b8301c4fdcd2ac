"""Checks of what a measure does where it has no value to give: it must say so, never return a plausible number."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dsim.errors import DsimError, NeedError, WeightsError
from dsim.measures import DatasetView
from dsim.random import stream
from dsim.registry import Need
from dsim.testing.report import Failure, NotApplicable, cause_of
from dsim.testing.specimens import Specimen
from dsim.testing.subject import Outcome, Subject

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.features import Transform
    from dsim.models import Predictions


def _works(subject: Subject) -> str:
    """It gives a finite value for every pair of ordinary datasets; all checks of values rest on this one."""
    pool = subject.specimens.pool
    try:
        values = subject.values
    except WeightsError as error:
        raise Failure(f"its weights cannot be reached: {error.message}", error.hint or "supply the weights") from None
    except DsimError as error:
        raise Failure(f"ordinary datasets are refused: {error.message}", error.hint or "give them a value") from None
    except Exception as error:
        hint = "copy before you change" if "read-only" in str(error) else "ordinary datasets must have a value"
        raise Failure(f"it raised {cause_of(error)}", hint) from error
    for row, source in enumerate(pool):
        for column, target in enumerate(pool):
            if not math.isfinite(values[row, column]):
                message = f"{source.name} against {target.name} is {values[row, column]}"
                raise Failure(message, "ordinary datasets must have a finite value")
    return f"{values.size} pairs"


def _missing_need(subject: Subject) -> None:
    """A dataset without something needed is refused with NeedError and a hint, and nothing is demanded in vain."""
    start = subject.specimens.ladder[0]
    for need in sorted(subject.given.needs):
        _refused_without(subject, start, need)
    for need in sorted(subject.given.source_needs if subject.given.two_roles else ()):
        _refused_without(subject, start, need, as_source=True)
    unread = (subject.given.needs | subject.given.source_needs) - watched(subject, start)
    if unread:
        raise Failure(
            f"it declares {', '.join(sorted(unread))} but never reads them, so usable datasets are refused",
            "declare in needs what fit and summarise read, and nothing else",
        )


def _refused_without(subject: Subject, specimen: Specimen, need: Need, *, as_source: bool = False) -> None:
    lacking, measure = replace(specimen.dataset, **_WITHOUT[need]), subject.measure
    needs = subject.given.source_needs if as_source else subject.given.needs
    try:
        view = DatasetView(lacking, needs, f"measure {subject.spec.name!r}", subject.runtime)
        (measure.summarise_source if as_source else measure.summarise)(view, stream(0, "summarise"))
    except NeedError as error:
        if not error.hint:
            raise Failure(f"a dataset without {need} is refused without a hint", "say how to supply it") from None
        return
    except Exception as error:
        message = f"a dataset without {need} raised {cause_of(error)}"
        raise Failure(message, "raise NeedError with a hint") from None
    raise Failure(f"a dataset without {need} was summarised", "declare what is read in the spec's needs")


def _too_few_samples(subject: Subject) -> str:
    """With min_samples there is a value, or a reason for none; with one fewer the cell is NaN with a reason."""
    least = subject.spec.min_samples
    start, near = subject.specimens.ladder[:2]
    if least > len(start):
        raise NotApplicable(f"min_samples is {least}, and the specimens hold {len(start)} samples")
    outcome = subject.outcome(*subject.in_roles(start.taken(range(least), "fewest"), near))
    _value_or_reason(subject, outcome, f"with min_samples = {least} samples")
    message = f"with {least} samples: {outcome}"
    if least == 1:
        return message
    cell, note = _cell(subject, start.taken(range(least - 1), "too-few"), near)
    if not math.isnan(cell) or not note:
        raise Failure(f"with {least - 1} samples, fewer than min_samples, it gives {cell}", "let the engine refuse it")
    return f"{message}; with {least - 1}: {note}"


def _cell(subject: Subject, source: Specimen, target: Specimen) -> tuple[float, str]:
    """Value and note of one cell of the engine's matrix."""
    from dsim.comparison import compare

    measure = subject.unfitted()
    # One source is not a pool to train on.
    others = [rung.dataset for rung in subject.specimens.ladder if measure.fits_pool]
    matrix = compare([source.dataset, *others], [target.dataset], measure=measure, bootstrap=0, runtime=subject.runtime)
    return float(matrix.values[0, 0]), matrix.notes[0][0]


def _nan_input(subject: Subject) -> str:
    """Data with NaN in it gives NaN or an error, never a finite number."""
    broken = subject.specimens.with_nan()
    if not broken:
        raise NotApplicable("it reads neither images nor features")
    for where, specimen in broken.items():
        outcome = subject.outcome(*subject.in_roles(specimen, subject.specimens.ladder[1]))
        if not math.isnan(outcome.value):
            raise Failure(f"{where} with a NaN give {outcome.value}", "raise MeasureError where input is not finite")
        if outcome.error is not None and not outcome.refused:
            raise Failure(f"{where} with a NaN raised {outcome}", "raise MeasureError where input is not finite")
    return ", ".join(broken)


def _degenerate_input(subject: Subject) -> str:
    """Datasets without variation give a value within bounds, or MeasureError: no infinity, no bare NaN, no crash."""
    degenerate = subject.specimens.degenerate()
    if not degenerate:
        raise NotApplicable("it reads neither images nor features")
    ordinary = subject.specimens.ladder[1]
    for what, specimen in degenerate.items():
        for source, target in ((specimen, ordinary), (ordinary, specimen), (specimen, specimen)):
            outcome = subject.outcome(source, target)
            _value_or_reason(subject, outcome, f"with {what} ({source.name} against {target.name})")
    return ", ".join(degenerate)


def _value_or_reason(subject: Subject, outcome: Outcome, when: str) -> None:
    if outcome.error is not None and not outcome.refused:
        raise Failure(f"{when} it raised {outcome}", "raise MeasureError with the reason where a value does not exist")
    if outcome.error is None and not subject.within_bounds(outcome.value):
        message = f"{when} it gives {outcome.value}, outside {subject.spec.bounds}"
        raise Failure(message, "raise MeasureError with the reason where a value does not exist")


def watched(subject: Subject, specimen: Specimen) -> set[Need]:
    """Return what the measure reads of a dataset when it fits and summarises."""
    measure, given = subject.unfitted(), subject.given
    roles = ((given.needs, given.optional), (given.source_needs, given.source_optional))
    # With a cache of its own: what is looked up there is not read.
    about = f"measure {subject.spec.name!r}", subject.separate_runtime()
    target, source = (_WatchedView(specimen.dataset, needs, *about, optional) for needs, optional in roles)
    if measure.fits_pool:
        others = [subject.view(rung, about[1], as_source=True) for rung in subject.specimens.ladder[1:]]
        measure.fit([source, *others], stream(0, "fit"))
    measure.summarise(target, stream(0, "summarise"))
    if given.two_roles:
        measure.summarise_source(source, stream(0, "summarise"))
    return target.read | source.read


@dataclass(frozen=True)
class _WatchedView(DatasetView):
    """A DatasetView whose ``read`` collects the needs that were made use of."""

    read: set[Need] = field(default_factory=set, compare=False)

    def images(self) -> Iterator[NDArray[Any]]:
        self.read.add(Need.IMAGES)
        return super().images()

    def image(self, index: int) -> NDArray[Any]:
        self.read.add(Need.IMAGES)
        return super().image(index)

    def predictions(self, reference: str, indices: Sequence[int] | None = None) -> Predictions:
        self.read.add(Need.IMAGES)
        return super().predictions(reference, indices)

    def batches(self, transform: Transform, size: int | None = None) -> Iterator[NDArray[np.float32]]:
        self.read.add(Need.IMAGES)
        return super().batches(transform, size)

    def features(self, extractor: str) -> NDArray[np.float32]:
        # Features are computed from the images where these, and not features, are declared.
        self.read.add(Need.FEATURES if Need.FEATURES in self.needs else Need.IMAGES)
        return super().features(extractor)

    def feature_blocks(self, extractor: str, rows: int = 4096) -> Iterator[NDArray[np.float32]]:
        self.read.add(Need.FEATURES if Need.FEATURES in self.needs else Need.IMAGES)
        return super().feature_blocks(extractor, rows)

    @property
    def labels(self) -> tuple[str, ...]:
        self.read.add(Need.LABELS)
        return super().labels

    def masks(self) -> Iterator[NDArray[Any]]:
        self.read.add(Need.MASKS)
        return super().masks()

    def mask(self, index: int) -> NDArray[Any]:
        self.read.add(Need.MASKS)
        return super().mask(index)

    @property
    def model(self) -> str:
        self.read.add(Need.MODEL)
        return super().model

    @property
    def attributes(self) -> Mapping[str, str]:
        self.read.add(Need.ATTRIBUTES)
        return super().attributes


#: Changes to a dataset that take one need away. Images can give features, so removing features removes images too.
_WITHOUT: dict[Need, dict[str, Any]] = {
    Need.IMAGES: {"backing": None, "masked": False},
    Need.FEATURES: {"features": None, "backing": None, "masked": False},
    Need.LABELS: {"labels": None},
    Need.MASKS: {"masked": False},
    Need.ATTRIBUTES: {"attributes": {}},
    Need.MODEL: {"model": None},
}


REFUSAL = (_works, _missing_need, _too_few_samples, _nan_input, _degenerate_input)
