"""Schedules as values: a learning rate, a weight decay, a temperature as a pure function of how far a training is."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from dsim.errors import UnknownNameError, UsageError

#: Schedules that recipes choose by name.
NAMED_SCHEDULES = ("cosine", "plateau", "constant")
#: Epochs without improvement after which ``plateau`` halves the rate, as a share of the patience of early stopping.
PLATEAU_SHARE = 0.25
UNITS = ("epoch", "step")


@dataclass(frozen=True)
class Position:
    """The place of a training at one step.

    Parameters
    ----------
    epoch, epochs : finished epochs, and how many there are at most. ``step``, ``steps`` : the same of the optimiser's
        steps, counted over all epochs; ``steps`` is 0 where the objective does not say how many an epoch has.
    losses : of the finished epochs, as they are judged: of validation, or of training where there is none.
    """

    epoch: int = 0
    epochs: int = 1
    step: int = 0
    steps: int = 0
    losses: tuple[float, ...] = ()


@dataclass(frozen=True)
class Schedule(ABC):
    """A value that changes in the course of a training.

    It is a pure function of the position: nothing is remembered, so that nothing can be lost by an interruption. Two
    schedules with the same settings are equal, and their ``repr`` is part of a checkpoint's identity.

    Parameters
    ----------
    per : ``epoch`` counts finished epochs, and the value stays for a whole epoch; ``step`` counts
        the optimiser's steps. Raises UnknownNameError for another unit.
    """

    per: str = field(default="epoch", kw_only=True)

    def __post_init__(self) -> None:
        if self.per not in UNITS:
            raise UnknownNameError("unit of a schedule", self.per, UNITS, hint=f"use {' or '.join(UNITS)}")

    @abstractmethod
    def at(self, done: int, total: int, losses: Sequence[float] = ()) -> float:
        """Return the value after ``done`` of ``total`` epochs or steps, and these losses of the finished epochs."""

    def __call__(self, position: Position) -> float:
        """Return the value at a position.

        Raises UsageError where steps are counted and the objective does not say how many there are.
        """
        if self.per == "epoch":
            return self.at(position.epoch, position.epochs, position.losses)
        if not position.steps:
            raise UsageError(
                f"{self} counts steps, and the objective does not say how many an epoch has",
                hint="define steps_per_epoch of the objective, or count epochs: per='epoch'",
            )
        return self.at(position.step, position.steps, position.losses)


@dataclass(frozen=True)
class Constant(Schedule):
    """The same value throughout."""

    value: float

    def at(self, done: int, total: int, losses: Sequence[float] = ()) -> float:
        """Return the value."""
        return self.value


@dataclass(frozen=True)
class Linear(Schedule):
    """From ``start`` straight to ``end``, which is reached after ``length``, 0 for the whole training, and kept.

    >>> [Linear(0.0, 1.0, length=4).at(done, 9) for done in (0, 1, 4, 8)]
    [0.0, 0.25, 1.0, 1.0]
    """

    start: float
    end: float
    length: int = 0

    def at(self, done: int, total: int, losses: Sequence[float] = ()) -> float:
        """Return the value after ``done`` of ``total``."""
        return self.start + (self.end - self.start) * min(1.0, done / max(1, self.length or total))


@dataclass(frozen=True)
class Cosine(Schedule):
    """From ``start`` along half a cosine to ``end`` (Loshchilov and Hutter 2017, arXiv:1608.03983).

    ``end`` would be reached one after the last: after ``length``, 0 for the whole training, and is kept from there.

    >>> [round(Cosine(1.0).at(done, 4), 3) for done in range(4)]
    [1.0, 0.854, 0.5, 0.146]
    """

    start: float
    end: float = 0.0
    length: int = 0

    def at(self, done: int, total: int, losses: Sequence[float] = ()) -> float:
        """Return the value after ``done`` of ``total``."""
        length = max(1, self.length or total)
        return self.end + (self.start - self.end) * (1 + math.cos(math.pi * min(done, length) / length)) / 2


@dataclass(frozen=True)
class ChainedCosine(Schedule):
    """``Cosine`` to 0 as torch's ``CosineAnnealingLR`` computes it, each value from the one before.

    The last bits differ from those of the closed form, and trainings that began with the one end with it.
    """

    start: float

    def at(self, done: int, total: int, losses: Sequence[float] = ()) -> float:
        """Return the value after ``done`` of ``total``."""
        value = self.start
        for step in range(1, done + 1):
            value = (1 + math.cos(math.pi * step / total)) / (1 + math.cos(math.pi * (step - 1) / total)) * value
        return value


@dataclass(frozen=True)
class Steps(Schedule):
    """``start``, multiplied by ``factor`` after ``every`` so many.

    >>> [Steps(1.0, every=2).at(done, 6) for done in range(6)]
    [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    """

    start: float
    every: int = 10
    factor: float = 0.5

    def at(self, done: int, total: int, losses: Sequence[float] = ()) -> float:
        """Return the value after ``done``."""
        return float(self.start * self.factor ** (done // self.every))


@dataclass(frozen=True)
class Plateau(Schedule):
    """``start``, multiplied by ``factor`` whenever more than ``patience`` epochs in a row did not improve.

    An epoch improves where its loss is below ``(1 - threshold)`` times the best; a change below ``least`` is not made.
    ``Plateau(lr, patience, threshold=1e-4, least=1e-8)`` is torch's ``ReduceLROnPlateau(factor=0.5)``.

    >>> Plateau(1.0, patience=2).at(5, 99, [3, 2, 2.5, 2.5, 2.5])
    0.5
    """

    start: float
    patience: int = 10
    factor: float = 0.5
    threshold: float = 0.0
    least: float = 0.0

    def at(self, done: int, total: int, losses: Sequence[float] = ()) -> float:
        """Return the value after these losses."""
        best, waited, value = math.inf, 0, self.start
        for loss in losses:
            better = loss < best * (1 - self.threshold)
            waited, best = (0, loss) if better else (waited + 1, best)
            if waited > self.patience:
                lower, waited = value * self.factor, 0
                value = lower if value - lower > self.least else value
        return value


@dataclass(frozen=True)
class WarmUp(Schedule):
    """Straight from ``start`` to the first value of ``then``, reached by the last of ``length``; then that schedule.

    It counts what ``then`` counts, and ``then`` begins at 0 after it.
    Raises UsageError where the two differ in ``per``.

    >>> schedule = WarmUp(20, Cosine(5e-4, 1e-6, per="step"), per="step")
    >>> [round(schedule.at(step, 100), 9) for step in (0, 1, 19, 20, 60)]
    [0.0, 2.6316e-05, 0.0005, 0.0005, 0.0002505]
    """

    length: int
    then: Schedule
    start: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.per != self.then.per:
            raise UsageError(f"{self} counts two units", hint=f"give per={self.then.per!r} to both")

    def at(self, done: int, total: int, losses: Sequence[float] = ()) -> float:
        """Return the value after ``done`` of ``total``."""
        rest = max(1, total - self.length)
        if done >= self.length:
            return self.then.at(done - self.length, rest, losses[self.length if self.per == "epoch" else 0 :])
        peak = self.then.at(0, rest)
        return self.start + (peak - self.start) * (done / (self.length - 1) if self.length > 1 else 1.0)


def named_schedule(name: str, start: float, patience: int = 0) -> Schedule:
    """Return the schedule per epoch that recipes call ``cosine`` (to 0), ``plateau`` or ``constant``.

    ``plateau`` halves the value after a quarter of the ``patience`` of early stopping. Raises UnknownNameError for any
    other name.
    """
    if name == "cosine":
        return Cosine(start)
    if name == "plateau":
        return Plateau(start, max(1, round(PLATEAU_SHARE * patience)))
    if name == "constant":
        return Constant(start)
    raise UnknownNameError("schedule", name, NAMED_SCHEDULES, hint=f"choose one of: {', '.join(NAMED_SCHEDULES)}")


def value_at(setting: float | Schedule, position: Position) -> float:
    """Return the value of a setting that is a number or a schedule.

    Raises UsageError where a schedule counts steps and the position does not.
    """
    return setting(position) if isinstance(setting, Schedule) else setting


def unit_of(setting: float | Schedule) -> str:
    """Return the unit after which a setting may change: ``epoch`` for a number, which never does."""
    return setting.per if isinstance(setting, Schedule) else "epoch"
