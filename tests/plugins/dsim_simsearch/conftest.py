"""Drawn scenes; and the helpers of this folder are put where its tests find them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.data import Dataset

sys.path.insert(0, str(Path(__file__).parent))


def scene(seed: int, height: int = 80, width: int = 96, discs: int = 4) -> NDArray[np.uint8]:
    """Return an RGB image with bright discs of 12 pixels at places that depend on the seed."""
    import numpy as np

    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    image = rng.integers(20, 60, (height, width, 3))
    for _ in range(discs):
        y, x = rng.integers(12, height - 12), rng.integers(12, width - 12)
        image[(rows - y) ** 2 + (columns - x) ** 2 < 36] = (200, 180, 90)
    return image.astype(np.uint8)


@pytest.fixture
def scenes() -> Callable[..., Dataset]:
    """``scenes(count)``: a dataset of drawn images in memory."""

    def make(count: int = 4, **more: Any) -> Dataset:
        from dsim.data import from_arrays

        names = [f"scene{index}" for index in range(count)]
        return from_arrays([scene(index) for index in range(count)], ids=names, name="scenes", **more)

    return make


@pytest.fixture
def scene_folder(tmp_path: Path) -> Path:
    """A folder of four drawn images as PNG files."""
    from PIL import Image

    folder = tmp_path / "images"
    folder.mkdir()
    for index in range(4):
        Image.fromarray(scene(index)).save(folder / f"scene{index}.png")
    return folder
