"""Optimiser, learning rate schedule and precision, by their names in the recipe."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from dsim_asap.specs import AsapRecipe

#: Epochs without improvement after which ``plateau`` halves the rate, as a share of the patience of early stopping.
PLATEAU_SHARE = 0.25


def optimiser(parameters: Iterable[nn.Parameter], recipe: AsapRecipe) -> torch.optim.Optimizer:
    """Adam, or stochastic gradient descent with momentum 0.9."""
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(parameters, recipe.lr, momentum=0.9, weight_decay=recipe.weight_decay)
    weights = list(parameters)
    fused = weights[0].device.type in ("cpu", "cuda")
    return torch.optim.Adam(weights, recipe.lr, weight_decay=recipe.weight_decay, fused=fused)


class Schedule:
    """The learning rate after each epoch; knows the validation loss, which only ``plateau`` asks for."""

    def __init__(self, optimizer: torch.optim.Optimizer, recipe: AsapRecipe) -> None:
        rates = torch.optim.lr_scheduler
        waiting = max(1, round(PLATEAU_SHARE * recipe.patience))
        self.by_loss = recipe.schedule == "plateau"
        self.rate: torch.optim.lr_scheduler.LRScheduler
        if self.by_loss:
            self.rate = rates.ReduceLROnPlateau(optimizer, factor=0.5, patience=waiting)
        elif recipe.schedule == "cosine":
            self.rate = rates.CosineAnnealingLR(optimizer, T_max=recipe.epochs)
        else:
            self.rate = rates.StepLR(optimizer, step_size=10, gamma=0.5)

    def step(self, loss: float) -> None:
        """An epoch ended with this validation loss."""
        if self.by_loss:
            self.rate.step(loss)  # type: ignore[arg-type]
        else:
            self.rate.step()


def uses_bfloat16(precision: str, device: str) -> bool:
    """Whether the forward pass runs in bfloat16; ``auto`` takes it only where the hardware has it and gains by it.

    >>> uses_bfloat16("float32", "cpu")
    False
    """
    if precision != "auto":
        return precision == "bfloat16"
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    has_matrix_unit = getattr(torch.cpu, "_is_amx_tile_supported", bool)
    return device == "cpu" and bool(has_matrix_unit())
