"""Self-distillation without labels (DINO): the loss between views, and the teacher's centre.

Caron et al. 2021, arXiv:2104.14294. Everything is computed in float32, float64 stays float64, also under autocast.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, softmax

from dsim.errors import UsageError


def dino_loss(
    student: Tensor, teacher: Tensor, centre: Tensor, student_temperature: float, teacher_temperature: float
) -> Tensor:
    """Return the cross-entropy of teacher and student, averaged over all pairs of different views: a scalar.

    Parameters
    ----------
    student : (v, b, K), outputs of the head before softmax. ``teacher`` : (g, b, K), g <= v. View i of both is the same
        view: these pairs are left out, g * v - g remain.
    centre : (K,), is taken off the teacher's outputs; see ``update_centre``.
    student_temperature, teacher_temperature : positive; the teacher's is the lower.

    Gradients go to the student only. Where all outputs are equal, the loss is ln K.

    Raises UsageError for shapes that do not fit, K below 2, or views without a pair.

    >>> round(float(dino_loss(torch.zeros(3, 4, 8), torch.zeros(2, 4, 8), torch.zeros(8), 0.1, 0.04)), 4)
    2.0794
    """
    _check_shapes(student, teacher, centre)
    with torch.autocast(student.device.type, enabled=False):
        targets = _targets(teacher, centre, teacher_temperature)
        return _cross_entropy(targets, log_softmax(_full(student) / student_temperature, dim=-1))


def update_centre(centre: Tensor, teacher: Tensor, momentum: float = 0.9) -> Tensor:
    """Return the next centre, (K,): ``momentum`` of the last, the rest the mean of ``teacher`` (g, b, K) over g and b.

    >>> update_centre(torch.zeros(2), torch.tensor([[[1.0, 2.0]]]), 0.9).tolist()
    [0.10000000149011612, 0.20000000298023224]
    """
    with torch.no_grad():
        mean = _full(teacher).mean(dim=tuple(range(teacher.ndim - 1)))
        return momentum * centre + (1 - momentum) * mean.to(centre.dtype)


def _full(values: Tensor) -> Tensor:
    """The same in float32, or in float64 where it is."""
    return values if values.dtype == torch.float64 else values.float()


def _targets(teacher: Tensor, centre: Tensor, temperature: float) -> Tensor:
    with torch.no_grad():
        return softmax((_full(teacher) - centre) / temperature, dim=-1)


def _cross_entropy(targets: Tensor, logs: Tensor) -> Tensor:
    """Mean cross-entropy of all pairs of different views: each target meets the sum of the other views' logarithms."""
    views, images, _ = logs.shape
    others = logs.sum(dim=0) - logs[: len(targets)]
    return -(targets * others).sum() / (len(targets) * (views - 1) * images)


def _check_shapes(student: Tensor, teacher: Tensor, centre: Tensor) -> None:
    """Raise UsageError where outputs do not fit each other."""
    shapes = f"student {tuple(student.shape)}, teacher {tuple(teacher.shape)}, centre {tuple(centre.shape)}"
    if student.ndim != 3 or teacher.ndim != 3 or student.shape[1:] != teacher.shape[1:]:
        raise UsageError(f"outputs do not fit: {shapes}", hint="give (views, images, outputs), alike but for the views")
    if centre.shape != student.shape[2:] or student.shape[2] < 2:
        raise UsageError(f"outputs do not fit: {shapes}", hint="use 2 outputs or more, and one centre for each")
    if not 1 <= teacher.shape[0] <= student.shape[0] or student.shape[0] < 2:
        hint = "the student sees 2 views or more, and every view that the teacher sees"
        raise UsageError(f"there are no pairs of different views: {shapes}", hint=hint)
