"""A target on disk, and a model that takes brightness for probability: what it answers can be told beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from dsim.data import Dataset
from dsim.prelabel import Model


@dataclass
class Bright:
    """Gray in [0, 1] is the probability. ``asked`` are the images that it was asked for; ``dies_after`` so many."""

    trained_on: Sequence[Mapping[str, Any]] = ()
    dies_after: int | None = None
    asked: list[str] = field(default_factory=list)

    def predict_many(
        self, dataset: Dataset, indices: Sequence[int] | None = None, *, workers: int = 2
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        for number, index in enumerate(range(len(dataset)) if indices is None else indices):
            if self.dies_after is not None and number >= self.dies_after:
                raise KeyboardInterrupt
            self.asked.append(dataset.ids[index])
            pixels = dataset.pixels(index)[:, :, 0]
            yield index, (pixels / 255 if pixels.dtype == np.uint8 else pixels).astype(np.float32)


@pytest.fixture
def bright() -> Callable[..., Model]:
    """``bright(digest, **options)`` is a model of its own, with that digest."""

    def make(digest: str = "a" * 64, **options: Any) -> Model:
        return Model("bright", digest, Bright(**options))

    return make


def blobs(seed: int, height: int = 40, width: int = 56) -> NDArray[np.uint8]:
    """Smooth spots, some with holes, in 8 bits."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).random((height, width)), 2)
    noise = (noise - noise.min()) / (noise.max() - noise.min())
    return np.rint(noise * 255).astype(np.uint8)


@pytest.fixture
def write_images(tmp_path: Path) -> Callable[[Mapping[str, NDArray[Any]]], Path]:
    """Lays a folder ``cells`` of images, by their names."""

    def write(images: Mapping[str, NDArray[Any]]) -> Path:
        for name, pixels in images.items():
            path = tmp_path / "cells" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
        return tmp_path / "cells"

    return write


@pytest.fixture
def cells(write_images: Callable[[Mapping[str, NDArray[Any]]], Path]) -> Path:
    """Five images, one of them black."""
    images = {f"{name}.png": blobs(seed) for seed, name in enumerate("abcd")}
    return write_images({**images, "empty.png": np.zeros((30, 30), np.uint8)})
