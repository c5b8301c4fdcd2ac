"""Dense features: a network's maps, and masks seen at the same places."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.errors import UsageError
from dsim.features.extractor import Blueprint, prepare
from dsim.features.network import Network
from dsim.features.transforms import NetworkInput, Square, Transform, parse_transform

if TYPE_CHECKING:
    from dsim.runtime import Runtime


@dataclass(frozen=True)
class DenseExtractor:
    """An opened network whose layer gives maps, the transform of its images, and the same geometry for masks.

    ``batch`` is the largest number of images that it handles well at once.
    """

    network: Network
    transform: Transform
    batch: int

    def maps(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Transformed images, float32 (b, C, H, W), to maps, float32 (b, d, h, w)."""
        return self.network.maps(batch)

    def mask(self, mask: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.int64]:
        """An integer mask (H, W) on the grid of a map (h, w): the value that covers at least half of each cell, else 0.

        It is resized and cropped as its image is, by area, so that a cell holds what the network saw there.
        """
        grid = np.zeros(shape, dtype=np.int64)
        for value in np.unique(mask[mask != 0]):
            grid[self._covered(mask == value, shape) >= 0.5] = value
        return grid

    def _covered(self, inside: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.float32]:
        """Share of each cell that the region covers, float32 (h, w)."""
        seen = _geometry(self.transform).apply(inside.astype(np.float32)[:, :, None])[0]
        if shape[0] != shape[1]:
            raise UsageError(f"maps of {shape[0]} x {shape[1]} cells are not square", hint="name another layer")
        covered: NDArray[np.float32] = Square(shape[0], channels=1, filter="box").apply(seen[:, :, None])[0]
        return covered


def open_dense(reference: str, runtime: Runtime) -> DenseExtractor:
    """The dense extractor of ``kind:name[layer=NAME,...]``; how the layer is pooled does not matter.

    Raises UsageError for an extractor that is no network or names no layer.
    """
    blueprint = prepare(reference, runtime)
    if blueprint.recipe.layer == "output":
        raise UsageError(f"{reference} gives one vector per image, and maps are needed", hint="add [layer=NAME] to it")
    network = _opened(blueprint, runtime.device)
    transform = parse_transform(blueprint.recipe.transform)
    return DenseExtractor(network, transform, min(runtime.batch, network.batch))


@lru_cache(maxsize=1)
def _opened(blueprint: Blueprint, device: str) -> Network:
    """The last network stays open: the next dataset needs it again."""
    opened = blueprint.open(device)
    if not isinstance(opened, Network):
        raise UsageError(f"{blueprint.recipe.reference} is no network and has no maps", hint="choose another extractor")
    return opened


def _geometry(transform: Transform) -> Transform:
    """The transform's resizing and cropping alone, by area and for one channel."""
    if isinstance(transform, Square):
        return Square(transform.side, channels=1, filter="box")
    if isinstance(transform, NetworkInput):
        return replace(transform, mean=(0.0,), std=(1.0,), filter="box")
    raise UsageError(f"masks cannot follow the transform {transform.id!r}", hint="choose another extractor")
