"""A small dataset in memory, and weights on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dsim
from dsim.data import Dataset
from dsim.runtime import Runtime


@pytest.fixture
def dataset() -> Dataset:
    """Seven RGB images of mixed sizes."""
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (40 + index, 50, 3), dtype=np.uint8) for index in range(7)]
    return dsim.from_arrays(images=images, name="seven")


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(device="cpu", offline=True, cache=tmp_path / "cache", workers=1, batch=4)
