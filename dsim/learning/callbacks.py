"""Teachers that follow a student, and checks of a training's curves."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsim.errors import MeasureError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from dsim.learning.objective import Curves

#: Called with the curves after each epoch. It may raise, which ends the training, or return a warning, which is noted
#: once, or None. It sees all epochs each time, so that an interruption loses nothing.
Check = Callable[["Curves"], str | None]
#: Called every few steps with the losses of the last steps, each row with its ``step``, counted from 1; at first
#: without rows. It may raise or return a warning as a ``Check`` does.
StepCheck = Callable[[Sequence[Mapping[str, float]]], str | None]


def frozen_copy(network: nn.Module) -> nn.Module:
    """Return a copy that requires no gradient: a teacher begins as its student, head included."""
    return copy.deepcopy(network).requires_grad_(False)


def update_teacher(teacher: nn.Module, student: nn.Module, momentum: float) -> None:
    """Set each parameter of a teacher to ``momentum`` times itself plus the rest of its student's.

    An exponential moving average; after k steps of a constant student x it is x + (start - x) momentum^k. Buffers, such
    as statistics of batch normalisation, stay the teacher's own.

    >>> import torch
    >>> teacher, student = torch.nn.Linear(1, 1, bias=False).double(), torch.nn.Linear(1, 1, bias=False).double()
    >>> with torch.no_grad():
    ...     _ = teacher.weight.fill_(1), student.weight.fill_(2)
    >>> for _ in range(10):
    ...     update_teacher(teacher, student, 0.9)
    >>> round(teacher.weight.item(), 10)
    1.6513215599
    """
    import torch

    with torch.no_grad():
        own: list[Tensor] = list(teacher.parameters())
        torch._foreach_mul_(own, momentum)
        torch._foreach_add_(own, list(student.parameters()), alpha=1 - momentum)


def share_left(momenta: Sequence[float]) -> float:
    """Return the share of the first teacher that is left after updates of these momenta, in [0, 1].

    >>> round(share_left([0.9] * 10), 4)
    0.3487
    """
    return math.prod(momenta)


@dataclass(frozen=True)
class DivergenceCheck:
    """Ends a training whose loss is not finite.

    Parameters
    ----------
    loss : the column that is looked at. ``lr`` : the learning rate that the error names.

    Raises MeasureError when it is called with curves whose last loss is not finite.
    """

    loss: str
    lr: float

    def __call__(self, curves: Curves) -> None:
        """Raise MeasureError where the last epoch's loss is not finite."""
        value = curves[-1][self.loss]
        if not math.isfinite(value):
            raise MeasureError(
                f"training diverged in epoch {len(curves)}: the loss is {value}",
                hint=f"give a smaller learning rate than lr={self.lr:g}",
            )


@dataclass(frozen=True)
class RangeCheck:
    """Warns where a column leaves its range: a teacher's entropy that falls to 0 or rises to 1 is a collapse.

    Parameters
    ----------
    column : of the curves, usually one of the objective's statistics. ``low``, ``high`` : values outside warn.
    warning : in words, with the fix; the value and the epoch follow. ``after`` : epochs that may be outside.
    """

    column: str
    warning: str
    low: float = -math.inf
    high: float = math.inf
    after: int = 0

    def __call__(self, curves: Curves) -> str | None:
        """Return the warning for the first epoch outside, or None."""
        for epoch, row in enumerate(curves[self.after :], self.after + 1):
            value = row.get(self.column, math.nan)
            if not math.isnan(value) and not self.low <= value <= self.high:
                return f"{self.warning} ({self.column} {value:.3g} in epoch {epoch})"
        return None
