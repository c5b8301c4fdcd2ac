"""The settings of a training, whatever it learns: epochs, optimiser, learning rate, clipping, precision."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from typing import Any

from dsim.errors import UnknownNameError, UsageError
from dsim.learning.schedules import Schedule

#: The settings that are chosen by name.
CHOICES: Mapping[str, tuple[str, ...]] = {
    "optimizer": ("adamw", "adam", "sgd"),
    "precision": ("float32", "tf32", "bfloat16", "auto"),
    "keep": ("best", "last"),
}


@dataclass(frozen=True)
class TrainingConfig:
    """The settings of a training; where two differ, neither takes up the other's checkpoint.

    Parameters
    ----------
    epochs, patience : at most so many; stop after so many without a lower validation loss, 0 for never.
    lr, weight_decay : numbers or schedules; a parameter group may have its own.
    optimizer : ``adamw``, ``adam`` or ``sgd``. ``betas`` are of the first two, ``momentum`` and ``nesterov`` of
        the last.
    clip : the norm of all gradients together is at most this; 0 never clips.
    precision : ``float32`` in full; ``tf32`` and ``bfloat16`` are faster where the hardware has them; ``auto`` takes
        bfloat16 where it gains by it.
    keep : weights of the ``best`` epoch by validation loss, the first of several, or of the ``last``.
    channels_last : the memory format in which most convolutions are fastest.

    Raises UnknownNameError for a name that is not among ``CHOICES``, UsageError for a number out of range.
    """

    epochs: int
    patience: int = 0
    lr: float | Schedule = 1e-3
    weight_decay: float | Schedule = 1e-4
    optimizer: str = "adamw"
    betas: tuple[float, float] = (0.9, 0.999)
    momentum: float = 0.9
    nesterov: bool = True
    clip: float = 0.0
    precision: str = "float32"
    keep: str = "best"
    channels_last: bool = True

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise UnknownNameError(name, getattr(self, name), known, hint=f"choose one of: {', '.join(known)}")
        wrong_rate = not isinstance(self.lr, Schedule) and not self.lr > 0
        if self.epochs < 1 or self.patience < 0 or self.clip < 0 or wrong_rate:
            given = f"epochs={self.epochs}, patience={self.patience}, lr={self.lr}, clip={self.clip:g}"
            hint = "epochs and lr must be positive, patience and clip must not be negative"
            raise UsageError(f"nothing can be trained with {given}", hint=hint)

    @property
    def first_lr(self) -> float:
        """The learning rate of a constant one, or the largest of the first tenth of a scheduled one."""
        total = self.epochs
        if not isinstance(self.lr, Schedule):
            return self.lr
        return max(self.lr.at(done, total) for done in range(max(1, total // 10)))

    def record(self) -> dict[str, Any]:
        """Return the settings as plain values; schedules as their text."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: repr(value) if isinstance(value, Schedule) else value for name, value in plain.items()}


def uses_bfloat16(precision: str, device: str) -> bool:
    """Return whether the forward pass runs in bfloat16.

    ``auto`` takes it only where the hardware has it and gains by it.

    >>> uses_bfloat16("float32", "cpu")
    False
    """
    import torch

    if precision != "auto":
        return precision == "bfloat16"
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    has_matrix_unit = getattr(torch.cpu, "_is_amx_tile_supported", bool)
    return device == "cpu" and bool(has_matrix_unit())


def autocast(precision: str, device: str) -> AbstractContextManager[None]:
    """Return the context in which forward passes run in the precision of a training."""
    import torch

    return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=uses_bfloat16(precision, device))


def in_float32(precision: str = "float32") -> AbstractContextManager[None]:
    """Return a context in which convolutions are in full float32 on every device, unless ``tf32`` is asked for."""
    import torch

    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=precision == "tf32")
