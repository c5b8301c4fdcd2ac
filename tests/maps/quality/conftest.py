"""A small dataset of drawn cells, and copies of its images with known changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dsim.data import Dataset, from_arrays
from dsim.data.phantoms import open_phantom


@pytest.fixture(scope="session")
def pictures() -> np.ndarray:
    """Drawn histology, uint8 (60, 48, 48, 3)."""
    dataset = open_phantom("histology", count=60, size=48)
    return np.stack([dataset.native(place) for place in range(60)])


@pytest.fixture(scope="session")
def dataset_of() -> Callable[..., Dataset]:
    """``dataset_of(images, ids=..., **fields)``: a dataset in memory whose images are called as given."""

    def make(images: Any, ids: Any = None, **fields: Any) -> Dataset:
        dataset = from_arrays(np.stack(list(images)), **fields)
        return dataset if ids is None else replace(dataset, ids=tuple(ids))

    return make
