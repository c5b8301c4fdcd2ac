"""Losses of steps: their mean over an epoch, and the rows of the last steps for checks within it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

#: Steps after which the numbers are asked for and checked.
CHECKED_STEPS = 10
#: Steps of which the checks see the rows.
KEPT_STEPS = 100


class StepLosses:
    """Adds up the losses of steps on the device, and keeps the rows of the last ``KEPT_STEPS``.

    Asking a device for numbers waits for it, so they are asked for all at once: by ``rows`` and by ``means``.
    """

    def __init__(self, device: torch.device, exact: torch.dtype) -> None:
        self.device, self.exact = device, exact
        self._rows: deque[dict[str, float]] = deque(maxlen=KEPT_STEPS)
        self._waiting: deque[tuple[int, Tensor]] = deque(maxlen=KEPT_STEPS)
        self.begin()

    def begin(self) -> None:
        """Start the sums of an epoch."""
        self._names: list[str] = []
        self._sums: Tensor | None = None
        self._weights = 0

    def add(self, losses: Mapping[str, Tensor], weight: int, step: int, share: float = 1.0) -> None:
        """Add the losses of one step, counted from 1 over all epochs; ``share`` of its images are this process's."""
        import torch

        raw = torch.stack([value.detach().to(self.device, self.exact) for value in losses.values()])
        raw = raw if share == 1 else raw * share
        self._names, values = list(losses), raw * weight
        self._sums = values if self._sums is None else self._sums.add_(values)
        self._weights += weight
        self._waiting.append((step, raw))

    def means(self) -> dict[str, float]:
        """Return the mean of each loss over the steps of this epoch, and over all processes."""
        from dsim.learning.collectives import sum_over_processes

        sums = [] if self._sums is None else sum_over_processes(self._sums).tolist()
        return {name: total / max(1, self._weights) for name, total in zip(self._names, sums, strict=True)}

    def rows(self) -> Sequence[Mapping[str, float]]:
        """Return the losses of the last steps by name, each row with its ``step``."""
        import torch

        from dsim.learning.collectives import sum_over_processes

        if self._waiting:
            values = sum_over_processes(torch.stack([raw for _, raw in self._waiting])).tolist()
            for (step, _), row in zip(self._waiting, values, strict=True):
                self._rows.append({"step": step, **dict(zip(self._names, row, strict=True))})
            self._waiting.clear()
        return tuple(self._rows)
