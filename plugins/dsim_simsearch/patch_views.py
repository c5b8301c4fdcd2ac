"""Views of patches for training, and the features that the last stage of a network gives for their centres."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from dsim.learning import Crops, ViewPolicy, draw_views

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsim.annotations import Region
    from dsim_simsearch.images import PreparedImages
    from dsim_simsearch.network import EarlyBlocks

#: Images that pass the fixed stages at a time while a bank is filled.
_AT_ONCE = 64


class _Reached(Exception):
    """Carries what would go into the last stage out of the network."""

    def __init__(self, maps: Tensor) -> None:
        super().__init__()
        self.maps = maps


class SplitBlocks:
    """Early blocks in two parts: the stages that stay as they are, and the last one, which is trained.

    Batch normalisation of both is in evaluation mode always: a few patches are no statistics.

    Parameters
    ----------
    blocks : of which the last stage learns; a copy, where the original is needed again.
    """

    def __init__(self, blocks: EarlyBlocks) -> None:
        self.blocks = blocks.requires_grad_(False).eval()
        self.last: nn.Module = blocks.stages()[-1].requires_grad_(True)

    def fixed(self, images: Tensor) -> Tensor:
        """Return what the fixed stages give for images (b, c, s, s) in [0, 1], without gradients."""

        def take(module: nn.Module, inputs: Any) -> None:
            raise _Reached(inputs[0])

        handle = self.last.register_forward_pre_hook(take)
        try:
            with torch.no_grad():
                self.blocks(images)
        except _Reached as reached:
            return reached.maps
        finally:
            handle.remove()
        raise AssertionError("the last of the stages does not run")

    def trained(self, maps: Tensor) -> Tensor:
        """Return what the last stage gives for what the fixed ones gave: as the blocks give for the images."""
        # Called past its hooks: one of them ends the forward pass of the whole network here.
        output: Tensor = self.last.forward(maps)
        return output


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
        self._bank: Tensor | None = None

    def __len__(self) -> int:
        return len(self.pixels)

    def fill(self, generator: torch.Generator) -> None:
        """Fill the bank, if there is one and it is empty."""
        if self.bank and self._bank is None and len(self):
            every = torch.arange(len(self)).repeat_interleave(self.bank)
            parts = [self._compute(part, generator) for part in every.split(_AT_ONCE)]  # type: ignore[no-untyped-call]
            self._bank = torch.cat(parts).unflatten(0, (len(self), self.bank))

    def draw(self, rows: Tensor, count: int, generator: torch.Generator) -> Tensor:
        """Return ``count`` different views of patches: the first of all of them, then the second, and so on."""
        if self._bank is None:
            return self._compute(rows.repeat(count), generator)
        order = torch.rand(len(rows), self.bank, generator=generator).argsort(dim=1)[:, :count]
        return self._bank[rows.repeat(count), order.T.flatten()]

    def _compute(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        images = self.pixels[rows].to(self.device, torch.float32) / 255
        (views,) = draw_views(images, [self.crop], self.policy, generator)
        return self.split.fixed(views)


def cut_patches(images: PreparedImages, regions: Sequence[Region], side: int, scale: float) -> Tensor:
    """Return squares of ``side`` network pixels about the centres of regions, float32 (n, c, side, side) in [0, 1].

    ``scale`` is network pixels per pixel of the image, which is mirrored beyond its border.
    """
    from dsim_simsearch.resampling import sample_image

    steps = (np.arange(side) + 0.5 - side / 2) / scale
    patches = [torch.empty(0, images.channels, side, side)]
    for region in regions:
        x, y = region.centre
        patches.append(sample_image(images, images.index(region.image), x + steps, y + steps, scale)[None])
    return torch.cat(patches)
