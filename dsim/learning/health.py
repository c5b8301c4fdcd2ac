"""Health of trainings without labels: columns of the curves, and checks that warn in words before an epoch ends.

The columns are ``teacher_entropy``, ``marginal_entropy``, ``kl`` (from the student to the teacher, in nats),
``spread``, ``effective_rank`` and ``share_left``. After a collapse a loss stands still at a plausible value; these do
not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsim.learning.callbacks import StepCheck
from dsim.learning.schedules import Schedule

if TYPE_CHECKING:
    from torch import Tensor

#: Steps in a row that must look collapsed before it is said: the first steps of a sound training may, too.
COLLAPSED_STEPS = 10
#: Share of the initial teacher that may be left at the end of a training.
MOST_LEFT = 0.1


def feature_health(features: Tensor) -> dict[str, Tensor]:
    """Return ``spread`` and ``effective_rank`` of the features of a batch, (n, d): scalars on their device.

    As ``dsim.stats.representation`` has them, in float32 (a gradient is not kept), over the features of all processes.
    Zeros alone have a spread and a rank of 0 here, so that they are seen as collapsed.

    >>> import torch
    >>> {name: round(value.item(), 3) for name, value in feature_health(torch.eye(8)).items()}
    {'spread': 0.935, 'effective_rank': 8.0}
    """
    import torch

    from dsim.learning.collectives import gather_rows

    with torch.no_grad(), torch.autocast(features.device.type, enabled=False):
        values = gather_rows(features.detach().float())
        spread = torch.nn.functional.normalize(values, dim=1).std(dim=0, correction=0).mean() * values.shape[1] ** 0.5
        # Squared singular values are eigenvalues of the smaller of both products, which is far cheaper.
        products = values @ values.T if len(values) < values.shape[1] else values.T @ values
        singular = torch.linalg.eigvalsh(products).clamp_min(0).sqrt()
        shares = singular / singular.sum().clamp_min(1e-30)
        rank = torch.special.entr(shares).sum().exp() * (singular.sum() > 0)
    return {"spread": spread, "effective_rank": rank}


def teacher_entropy(logits: Tensor, centre: Tensor, temperature: float) -> Tensor:
    """Return the mean entropy of a teacher's distributions over ln K: a scalar on its device, in [0, 1].

    It is 1 where every image gets all outputs alike, a collapse; 0 where each distribution is one output.

    Parameters
    ----------
    logits : (..., K), of the teacher. ``centre`` : (K,). ``temperature`` : the teacher's.

    >>> import torch
    >>> round(teacher_entropy(torch.zeros(2, 3, 8), torch.zeros(8), 0.04).item(), 4)
    1.0
    """
    import torch

    with torch.no_grad(), torch.autocast(logits.device.type, enabled=False):
        values = logits if logits.dtype == torch.float64 else logits.float()
        logs = ((values - centre) / temperature).log_softmax(dim=-1)
        entropy: Tensor = -(logs.exp() * logs).sum(dim=-1).mean() / math.log(logits.shape[-1])
        return entropy


def marginal_entropy(logits: Tensor, centre: Tensor, temperature: float) -> Tensor:
    """Return the entropy of a teacher's mean distribution over ln K: a scalar on its device, in [0, 1].

    It is 0 where all images get one and the same output, and large where each image gets one output but not the same:
    the mean of entropies, ``teacher_entropy``, is small for both.

    Parameters
    ----------
    logits : (..., K), of the teacher; those of all processes count. ``centre`` : (K,). ``temperature`` : the teacher's.

    >>> import torch
    >>> marginal_entropy(100 * torch.eye(4), torch.zeros(4), 1.0).item()
    1.0
    """
    import torch

    from dsim.learning.collectives import mean_over_processes

    with torch.no_grad(), torch.autocast(logits.device.type, enabled=False):
        shares = ((logits.float() - centre) / temperature).softmax(dim=-1).flatten(0, -2)
        shares = mean_over_processes(shares.mean(dim=0), len(shares))
        entropy: Tensor = torch.special.entr(shares).sum() / math.log(logits.shape[-1])
        return entropy


def share_left_after(momentum: float | Schedule, done: int, total: int) -> float:
    """Return the share of the initial teacher that is left after ``done`` of ``total`` steps, in [0, 1].

    >>> from dsim.learning import Cosine
    >>> [round(share_left_after(Cosine(m, 1.0, per="step"), 900, 900), 2) for m in (0.9995, 0.996, 0.99)]
    [0.8, 0.16, 0.01]
    """
    if not isinstance(momentum, Schedule):
        return momentum**done
    return math.prod(momentum.at(step, total) for step in range(done))


@dataclass(frozen=True)
class PersistenceCheck:
    """Warns where some columns stay within bounds for many steps in a row; a ``StepCheck``.

    Parameters
    ----------
    bounds : the lowest and the highest value of each column that together are a sign of the fault.
    warning : in words, with the fix; the values and the step follow. ``steps`` : so many in a row.

    Raises KeyError where a row lacks one of the columns.
    """

    bounds: Mapping[str, tuple[float, float]]
    warning: str
    steps: int = COLLAPSED_STEPS

    def __call__(self, rows: Sequence[Mapping[str, float]]) -> str | None:
        """Return the warning for the first such run of steps among the rows, or None."""
        run = 0
        for row in rows:
            run = run + 1 if self._fits(row) else 0
            if run == self.steps:
                values = ", ".join(f"{name} {row[name]:.3g}" for name in self.bounds)
                return f"{self.warning} ({values} in step {row['step']:.0f})"
        return None

    def _fits(self, row: Mapping[str, float]) -> bool:
        return all(low <= row[name] <= high for name, (low, high) in self.bounds.items())


@dataclass(frozen=True)
class SlowTeacherCheck:
    """Warns before the first step where the teacher will hardly move; a ``StepCheck``.

    Parameters
    ----------
    momentum : of the teacher, by step. ``steps`` : of the whole training.
    """

    momentum: float | Schedule
    steps: int

    def __call__(self, rows: Sequence[Mapping[str, float]]) -> str | None:
        """Return the warning where more than ``MOST_LEFT`` of the initial teacher stays to the end."""
        left = share_left_after(self.momentum, self.steps, self.steps)
        if left <= MOST_LEFT:
            return None
        first = self.momentum.at(0, self.steps) if isinstance(self.momentum, Schedule) else self.momentum
        return (
            f"the teacher hardly moves: {left:.0%} of its first weights are left after all {self.steps} steps"
            f" (momentum {first:g}); train longer, or give a smaller momentum"
        )


def feature_checks() -> list[StepCheck]:
    """Return the check that features have not collapsed; the losses must have the columns of ``feature_health``."""
    return [
        PersistenceCheck(
            {"spread": (0.0, 0.02)},
            "the features collapsed: all images have nearly the same one; give a smaller learning rate, a larger batch"
            " or views that differ less",
        ),
        PersistenceCheck(
            {"effective_rank": (0.0, 1.5)},
            "the features collapsed: they use one direction only; give a smaller learning rate or a larger batch",
        ),
    ]


def teacher_checks(momentum: float | Schedule, steps: int) -> list[StepCheck]:
    """Return the checks of a student and its teacher: collapse to one output, to uniform ones, and a slow teacher.

    The losses must have the columns ``teacher_entropy``, ``kl`` and ``marginal_entropy``.

    Parameters
    ----------
    momentum : of the teacher, by step. ``steps`` : of the whole training.
    """
    return [
        SlowTeacherCheck(momentum, steps),
        PersistenceCheck(
            {"marginal_entropy": (0.0, 0.05)},
            "the training collapsed: the teacher gives one output to every image; centre its outputs"
            " (centre_momentum 0.9), or raise its temperature",
        ),
        PersistenceCheck(
            {"teacher_entropy": (0.999, math.inf), "kl": (-math.inf, 0.02)},
            "the training collapsed: the teacher gives all outputs alike to every image, and nothing is left to learn."
            " If that does not pass with the warm-up, lower its temperature (0.04, or 0.02), or the learning rate",
        ),
    ]
