"""Small seeded images, and a shorthand that writes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Write = Callable[..., Path]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """``write("a/b.png", array_or_None, **save_options)``: an image below tmp_path; noise where no array is given."""

    def writer(name: str, array: Any = None, **options: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if array is None:
            seed = sum(map(ord, name))
            array = np.random.default_rng(seed).integers(0, 256, (12, 16), dtype=np.uint8)
        Image.fromarray(array).save(path, **options)
        return path

    return writer


@pytest.fixture
def plant(tmp_path: Path, write: Write) -> Callable[..., Path]:
    """``plant("img/a.png", "!gt/a.png", "z/")``: photographs, masks after a ``!``, empty folders; returns tmp_path."""
    mask = np.zeros((12, 16), np.uint8)
    mask[3:9, 4:12] = 255

    def planter(*names: str) -> Path:
        for name in names:
            if name.endswith("/"):
                (tmp_path / name).mkdir(parents=True)
            else:
                write(name.lstrip("!"), mask if name.startswith("!") else None)
        return tmp_path

    return planter
