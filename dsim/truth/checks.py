"""Checks of a truth, so that no judgement rests on a slip of a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from dsim.errors import DataError, did_you_mean, repeated

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


#: Scores whose smallest and largest value everybody knows; a hundred times these where the unit is percent.
KNOWN_BOUNDS = {"DSC": (0.0, 1.0), "AUC": (0.0, 1.0), "accuracy": (0.0, 1.0)}
UNITS = ("", "%")
REPETITIONS = ("seed", "fold")


class _DatasetFields(Protocol):
    """The facts about one dataset that are checked."""

    @property
    def images(self) -> int: ...


class TruthFields(Protocol):
    """The fields of a TransferMatrix: float64 values (sources, targets, repetitions), baseline (targets, ...)."""

    @property
    def name(self) -> str: ...

    @property
    def score(self) -> str: ...

    @property
    def unit(self) -> str: ...

    @property
    def bounds(self) -> tuple[float, float]: ...

    @property
    def sources(self) -> tuple[str, ...]: ...

    @property
    def targets(self) -> tuple[str, ...]: ...

    @property
    def repetition(self) -> str: ...

    @property
    def values(self) -> NDArray[np.float64]: ...

    @property
    def baseline(self) -> NDArray[np.float64] | None: ...

    @property
    def imagenet(self) -> str: ...

    @property
    def datasets(self) -> Mapping[str, _DatasetFields]: ...

    @property
    def reasons(self) -> Mapping[tuple[str, str], str]: ...


def bounds_of(score: str, unit: str = "", *, given: Sequence[float] | None = None) -> tuple[float, float]:
    """Return the smallest and largest value of a score: the known ones, or those given for another score.

    >>> bounds_of("DSC", "%")
    (0.0, 100.0)
    >>> bounds_of("kappa", given=(-1, 1))
    (-1.0, 1.0)

    Raises DataError where nothing is known of the score and no bounds are given.
    """
    if given is not None:
        low, high = given
        return float(low), float(high)
    if score not in KNOWN_BOUNDS:
        near = did_you_mean(score, KNOWN_BOUNDS) or _other_case(score)
        raise DataError(
            f"the smallest and largest value of the score {score!r} are not known.{near}",
            hint=f"give its bounds (--bounds LOW HIGH, or bounds=(low, high)); known are {', '.join(KNOWN_BOUNDS)}",
        )
    low, high = KNOWN_BOUNDS[score]
    times = 100 if unit == "%" else 1
    return low * times, high * times


def _other_case(score: str) -> str:
    same = [known for known in KNOWN_BOUNDS if known.lower() == score.lower()]
    return f" Did you mean {same[0]!r}?" if same else ""


def check_truth(truth: TruthFields) -> None:
    """Raise DataError, with the name of the truth and the fix, at the first thing that is not as it should be.

    Values are (sources, targets, repetitions).
    """
    check_names(truth.name, "source", truth.sources)
    check_names(truth.name, "target", truth.targets)
    _check_score(truth)
    _check_shapes(truth)
    _check_repetitions(truth)
    _check_values(truth)
    _check_baseline(truth)
    _check_reasons(truth)
    _check_datasets(truth)


def check_names(truth: str, role: str, names: Sequence[str]) -> None:
    """Raise DataError unless there are names, all different, and without blanks around them."""
    if not names:
        raise DataError(f"truth {truth!r} has no {role}s", hint=f"name at least one {role}")
    for name in names:
        if not isinstance(name, str) or not name or name != name.strip():
            raise DataError(
                f"truth {truth!r} has a {role} named {name!r}", hint="names are texts without blanks around them"
            )
    if twice := repeated(names):
        raise DataError(
            f"truth {truth!r} names {role} {twice[0]!r} more than once", hint=f"give every {role} another name"
        )


def _check_score(truth: TruthFields) -> None:
    if not truth.score or truth.score != truth.score.strip():
        raise DataError(f"truth {truth.name!r} has a score named {truth.score!r}", hint="name it: DSC, AUC, accuracy")
    if truth.unit not in UNITS:
        raise DataError(f"truth {truth.name!r} has the unit {truth.unit!r}", hint="the unit is '%' or ''")
    low, high = truth.bounds
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise DataError(
            f"truth {truth.name!r} has the bounds {low:g} to {high:g}",
            hint="bounds are two finite numbers, the smaller first",
        )
    if truth.score in KNOWN_BOUNDS and truth.bounds != (known := bounds_of(truth.score, truth.unit)):
        shown = f"{truth.score} in %" if truth.unit else f"{truth.score} as a share"
        raise DataError(
            f"truth {truth.name!r} has the bounds {low:g} to {high:g}, and {shown} {known[0]:g} to {known[1]:g}",
            hint="the unit is '%' where the scores run to 100, and '' where they run to 1",
        )


def _check_shapes(truth: TruthFields) -> None:
    expected = (len(truth.sources), len(truth.targets))
    shape = truth.values.shape
    if len(shape) != 3 or shape[:2] != expected or not shape[2]:
        raise DataError(
            f"truth {truth.name!r} has values of shape {shape} for {expected[0]} sources and {expected[1]} targets",
            hint="values have the shape (sources, targets, repetitions); is the table transposed?",
        )
    if truth.baseline is not None and truth.baseline.shape != (wanted := (expected[1], shape[2])):
        raise DataError(
            f"truth {truth.name!r} has a baseline of shape {truth.baseline.shape}, not {wanted}",
            hint="the baseline has the shape (targets, repetitions), as many repetitions as the values; NaN if missing",
        )


def _check_repetitions(truth: TruthFields) -> None:
    if truth.repetition and truth.repetition not in REPETITIONS:
        raise DataError(
            f"truth {truth.name!r} repeats {truth.repetition!r}.{did_you_mean(truth.repetition, REPETITIONS)}",
            hint="repetition is 'seed' (trained anew), 'fold' (the same folds for all sources), or '' for one value",
        )
    if not truth.repetition and truth.values.shape[2] > 1:
        raise DataError(
            f"truth {truth.name!r} has {truth.values.shape[2]} repetitions, but does not say what was repeated",
            hint="give repetition='seed' (trained anew) or repetition='fold' (the same folds for all sources)",
        )


def _check_values(truth: TruthFields) -> None:
    import numpy as np

    if np.isnan(truth.values).all():
        raise DataError(f"truth {truth.name!r} has no value at all", hint="give at least one measured score")
    outside = np.argwhere(_outside(truth, truth.values))
    if len(outside):
        row, column, repetition = (int(position) for position in outside[0])
        raise _out_of_bounds(
            truth, f"of {truth.sources[row]} -> {truth.targets[column]}", repetition, truth.values[tuple(outside[0])]
        )
    for source, row in zip(truth.sources, truth.values, strict=True):
        explained = all((source, target) in truth.reasons for target in truth.targets)
        if np.isnan(row).all() and not explained:
            raise DataError(
                f"truth {truth.name!r} has no value of source {source!r}",
                hint="leave the source out, or say in reasons why each of its cells is missing",
            )


def _check_baseline(truth: TruthFields) -> None:
    import numpy as np

    if truth.baseline is None:
        return
    if np.isnan(truth.baseline).all():
        raise DataError(f"truth {truth.name!r} has a baseline without any value", hint="give None for no baseline")
    outside = np.argwhere(_outside(truth, truth.baseline))
    if len(outside):
        column, repetition = (int(position) for position in outside[0])
        which = f"of the baseline on {truth.targets[column]}"
        raise _out_of_bounds(truth, which, repetition, truth.baseline[column, repetition])


def _outside(truth: TruthFields, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    low, high = truth.bounds
    return (values < low) | (values > high)


def _out_of_bounds(truth: TruthFields, which: str, repetition: int, value: float) -> DataError:
    low, high = truth.bounds
    several = f", {truth.repetition} {repetition + 1}" if truth.repetition else ""
    return DataError(
        f"truth {truth.name!r}: the {truth.score} {which}{several} is {value:g}, outside {low:g} to {high:g}",
        hint=_unit_hint(truth, float(value)),
    )


def _unit_hint(truth: TruthFields, value: float) -> str:
    if not truth.unit and 1 < value <= 100:
        return f"give the unit '%' if scores run to 100 (in a CSV: the column {truth.score}%); else correct the value"
    return "correct the value, or leave the cell out (NaN) if it was not measured"


def _check_reasons(truth: TruthFields) -> None:
    import numpy as np

    for (source, target), reason in truth.reasons.items():
        if source not in truth.sources or target not in truth.targets:
            raise DataError(
                f"truth {truth.name!r} gives a reason for {source} -> {target}, which it does not have",
                hint="reasons are of missing cells, by (source, target)",
            )
        known = not np.isnan(truth.values[truth.sources.index(source), truth.targets.index(target)]).all()
        if known or not reason:
            fault = "why it is missing, but it is there" if known else "no words"
            raise DataError(
                f"truth {truth.name!r} gives as the reason of {source} -> {target} {fault}",
                hint="give reasons, in words, for missing cells only",
            )


def _check_datasets(truth: TruthFields) -> None:
    names = dict.fromkeys((*truth.sources, *truth.targets))
    for name, dataset in truth.datasets.items():
        if name not in names:
            raise DataError(
                f"truth {truth.name!r} describes a dataset {name!r} that is neither source nor target."
                f"{did_you_mean(name, names)}",
                hint="describe datasets under the names that they have as source or target",
            )
        if dataset.images < 0:
            raise DataError(f"truth {truth.name!r}: {name} has {dataset.images} images", hint="0 where it is not known")
    if truth.imagenet and truth.imagenet not in truth.sources:
        raise DataError(
            f"truth {truth.name!r} has no source {truth.imagenet!r}, which it calls ImageNet."
            f"{did_you_mean(truth.imagenet, truth.sources)}",
            hint="imagenet is the name of a source, or empty",
        )
