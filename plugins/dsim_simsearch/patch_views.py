"""Views of patches for training, and the features that the last stage of a network gives for their centres."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from dsim.learning import Crops, ViewPolicy, draw_views
from dsim.plugin import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dsim.annotations import Region
    from dsim.runtime import Progress
    from dsim_simsearch.images import PreparedImages
    from dsim_simsearch.network import EarlyBlocks

#: Images that pass the fixed stages at a time while a bank is filled.
_AT_ONCE = 64


class SplitMaps(NamedTuple):
    """What the fixed stages give for n images: ``inputs`` of the last stage, and ``earlier`` features (n, d, k, k).

    Earlier features are those of layers before the last stage, where the network's features are of several layers.
    """

    inputs: Tensor
    earlier: Tensor

    def at(self, *rows: Tensor) -> SplitMaps:
        """Return those at these indices."""
        return SplitMaps(self.inputs[rows], self.earlier[rows])


def join_maps(parts: Sequence[SplitMaps]) -> SplitMaps:
    """Return several parts as one."""
    return SplitMaps(torch.cat([part.inputs for part in parts]), torch.cat([part.earlier for part in parts]))


class SplitBlocks:
    """Early blocks in two parts: the stages that stay as they are, and the last one, which is trained.

    Batch normalisation of both is in evaluation mode always: a few patches are no statistics.

    Parameters
    ----------
    blocks : of which the last stage learns; a copy, where the original is needed again.

    Raises UsageError for a network that does not end in its last stage.
    """

    def __init__(self, blocks: EarlyBlocks) -> None:
        self.blocks = blocks.requires_grad_(False).eval()
        self.last: nn.Module = blocks.stages()[-1].requires_grad_(True)
        self._own = blocks.width
        images = torch.rand(1, blocks.channels, 4 * blocks.stride, 4 * blocks.stride, device=blocks.mean.device)
        with torch.no_grad():
            whole, (inputs, _) = self._run(images)
            own = self.last.forward(inputs)
            self._own = own.shape[1]
            if own.shape[2:] != whole.shape[2:] or not torch.allclose(
                whole[:, -self._own :], own, rtol=1e-3, atol=1e-4
            ):
                name = blocks.reference or blocks.layer
                raise UsageError(
                    f"the network of {name} does not end in its last stage, which is what is trained",
                    hint="choose an extractor whose last layer is a stage, such as network.blocks.4",
                )

    def fixed(self, images: Tensor) -> SplitMaps:
        """Return what the fixed stages give for images (b, c, s, s) in [0, 1], without gradients."""
        with torch.no_grad():
            return self._run(images)[1]

    def trained(self, maps: SplitMaps) -> Tensor:
        """Return the features (b, width, k, k) for what the fixed stages gave: as the blocks give for the images."""
        # Called past its hooks: one of them ends the forward pass of the whole network here.
        own: Tensor = self.last.forward(maps.inputs)
        return torch.cat([maps.earlier, own], dim=1) if maps.earlier.shape[1] else own

    def _run(self, images: Tensor) -> tuple[Tensor, SplitMaps]:
        """The features of images, and what goes into the last stage on the way to them."""
        inputs: list[Tensor] = []
        handle = self.last.register_forward_pre_hook(lambda module, given: inputs.append(given[0]))
        try:
            whole: Tensor = self.blocks(images)
        finally:
            handle.remove()
        return whole, SplitMaps(inputs[0], whole[:, : whole.shape[1] - self._own])


@dataclass(frozen=True)
class CentrePooling:
    """Weights of a map's cells in the feature of the patch in its centre: a Gaussian, as in ``FeatureMaps``.

    Parameters
    ----------
    patch : network pixels that a side of the patch spans. ``stride``, ``offset`` : of the network, in its pixels.
    """

    patch: float
    stride: int
    offset: float

    def __call__(self, maps: Tensor) -> Tensor:
        """Return features (b, d) of maps (b, d, k, k)."""
        weights = self.weights(maps.shape[-1]).to(maps)
        return torch.einsum("bdij,i,j->bd", maps, weights, weights)

    def weights(self, cells: int) -> Tensor:
        """Return the weights of a row of cells, float32, which add up to 1.

        >>> [round(weight, 2) for weight in CentrePooling(48, 16, 8.0).weights(3).tolist()]
        [0.23, 0.55, 0.23]
        """
        side = math.ceil(self.patch / self.stride)
        centre = (cells * self.stride / 2 - self.offset) / self.stride
        distance = torch.arange(cells) - centre
        weights = torch.exp(-0.5 * (distance / (0.25 * side)) ** 2) * (distance.abs() <= max(side / 2, 0.5))
        return weights / weights.sum()


class PatchViews:
    """Changed views of patches, as they go into the last stage of the network.

    Parameters
    ----------
    crops : float32 (n, c, s, s) in [0, 1]: patches with what lies around them. 8 bits of them stay in memory.
    side : of the views, pixels; a multiple of the network's stride and at most s. ``policy`` : how views are changed.
    bank : 0 draws a new view each time. Else so many views of each patch pass the fixed stages once, and each draw is
        one of them: much faster, with fewer views.
    """

    def __init__(
        self, crops: Tensor, split: SplitBlocks, side: int, policy: ViewPolicy, bank: int, device: str
    ) -> None:
        self.pixels = (crops * 255).round_().to(torch.uint8)
        self.split, self.policy, self.device, self.bank = split, policy, device, bank
        share = (side / crops.shape[-1]) ** 2
        self.crop = Crops(1, side, (share, share))
        self._bank: SplitMaps | None = None

    def __len__(self) -> int:
        return len(self.pixels)

    def fill(self, generator: torch.Generator, progress: Progress) -> None:
        """Fill the bank, if there is one and it is empty."""
        if self.bank and self._bank is None and len(self):
            every = torch.arange(len(self)).repeat_interleave(self.bank)
            parts = []
            with progress.task("views of patches", total=len(every), unit="views") as task:
                for part in every.split(_AT_ONCE):  # type: ignore[no-untyped-call]
                    parts.append(self._compute(part, generator))
                    task.advance(len(part))
            self._bank = SplitMaps(
                *(values.reshape(len(self), self.bank, *values.shape[1:]) for values in join_maps(parts))
            )

    def draw(self, rows: Tensor, count: int, generator: torch.Generator) -> SplitMaps:
        """Return ``count`` different views of patches: the first of all of them, then the second, and so on."""
        if self._bank is None:
            return self._compute(rows.repeat(count), generator)
        order = torch.rand(len(rows), self.bank, generator=generator).argsort(dim=1)[:, :count]
        return self._bank.at(rows.repeat(count), order.T.flatten())

    def _compute(self, rows: Tensor, generator: torch.Generator) -> SplitMaps:
        images = self.pixels[rows].to(self.device, torch.float32) / 255
        (views,) = draw_views(images, [self.crop], self.policy, generator)
        return self.split.fixed(views)


def cut_patches(images: PreparedImages, regions: Sequence[Region], side: int, scale: float) -> Tensor:
    """Return squares of ``side`` network pixels about the centres of regions, float32 (n, c, side, side) in [0, 1].

    ``scale`` is network pixels per pixel of the image, which is mirrored beyond its border.
    """
    from dsim_simsearch.resampling import sample_image

    steps: NDArray[np.float64] = (np.arange(side, dtype=np.float64) + 0.5 - side / 2) / scale
    patches = [torch.empty(0, images.channels, side, side)]
    for region in regions:
        x, y = region.centre
        patches.append(
            sample_image(images, images.index(region.image), steps + np.float64(x), steps + np.float64(y), scale)[None]
        )
    return torch.cat(patches)
