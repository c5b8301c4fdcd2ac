"""Small datasets and a small recipe for the tests of transfer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dsim.data.builders import from_arrays
from dsim.data.dataset import Dataset
from dsim.models.recipe import SegmentationRecipe


@pytest.fixture
def tiny() -> SegmentationRecipe:
    """Trains in less than a second."""
    return SegmentationRecipe(
        side=16, patch=16, width=8, levels=2, epochs=3, shown=8, batch=4, adapt_epochs=2, blocks=5
    )


@pytest.fixture
def discs() -> Callable[..., Dataset]:
    """Makes datasets of bright discs on dark ground, or dark ones on bright, with their masks of 0 and 255."""

    def make(
        name: str = "discs", n: int = 10, side: int = 16, seed: int = 0, dark: bool = False, **more: Any
    ) -> Dataset:
        rng = np.random.default_rng(seed)
        rows, columns = np.mgrid[:side, :side]
        centres = rng.uniform(side * 0.3, side * 0.7, (n, 2, 1, 1))
        radius = rng.uniform(side * 0.2, side * 0.3, (n, 1, 1))
        masks = (rows - centres[:, 0]) ** 2 + (columns - centres[:, 1]) ** 2 < radius**2
        shade = np.where(masks ^ dark, 200, 60) + rng.integers(-20, 20, masks.shape)
        return from_arrays(shade.astype(np.uint8), masks=masks.astype(np.uint8) * 255, name=name, **more)

    return make
