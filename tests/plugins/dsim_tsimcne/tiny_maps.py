"""Images and settings of tiny maps."""

from __future__ import annotations

from typing import Any

import numpy as np

from dsim.data import Dataset, from_arrays
from dsim.runtime import Runtime, Silent

CPU = Runtime(device="cpu", workers=0)
TINY: dict[str, Any] = {
    "size": 16,
    "hidden": 16,
    "outputs": 8,
    "batch": 8,
    "steps": (6.0, 6.0, 6.0),
    "rotations": "none",
    "last_layer": "pca",
}


def two_kinds(count: int = 30, side: int = 20, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Dark discs on bright ground, and stripes: uint8 (n, side, side, 3), and the kind of each."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side]
    images = np.empty((count, side, side, 3), np.uint8)
    for number, image in enumerate(images):
        if number % 2:
            inside = np.sin((rows + columns) * rng.uniform(1.2, 1.6) + rng.uniform(0, 6)) > 0
        else:
            inside = (rows - side / 2) ** 2 + (columns - side / 2) ** 2 < rng.uniform(3, 5) ** 2
        image[:] = np.where(inside[:, :, None], rng.integers(40, 90), rng.integers(160, 210))
        image += rng.integers(0, 20, image.shape).astype(np.uint8)
    return images, np.arange(count) % 2


def phantoms(count: int = 30, name: str = "phantoms", seed: int = 0, groups: int = 0) -> Dataset:
    images, kinds = two_kinds(count, seed=seed)
    of_group = [f"smear {number * groups // count}" for number in range(count)] if groups else None
    return from_arrays(images, labels=kinds, name=name, groups=of_group)


class Interrupted(Exception):
    pass


class StopIn(Silent):
    """Interrupts a training when the second round of a stage has been finished: the first is in its checkpoint."""

    def __init__(self, stage: int) -> None:
        self.left = stage

    def task(self, description: str, total: float | None = None, unit: str = "") -> Any:
        if unit != "epochs":
            return super().task(description, total, unit)
        self.left -= 1
        return _Rounds(stops=self.left == 0)


class _Rounds:
    def __init__(self, stops: bool) -> None:
        self.stops, self.rounds = stops, 0

    def __enter__(self) -> _Rounds:
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    def advance(self, amount: float = 1, **fields: object) -> None:
        self.rounds += bool(fields)
        if self.stops and self.rounds == 2:
            raise Interrupted
