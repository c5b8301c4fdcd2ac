"""What the zoo's probe asks of a segmentation model: a few numbers per image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:
    from dsim.transfer.segmentation.segmenter import Segmenter

#: The probabilities are averaged over a grid of so many cells a side.
GRID = 4


class Probed(nn.Module):
    """Images (n, 3, H, W) in [0, 1] to mean probabilities over a grid, (n, 16); H and W as the network takes them."""

    def __init__(self, segmenter: Segmenter) -> None:
        super().__init__()
        self.network = segmenter.network
        self.segmenter = segmenter

    def forward(self, images: Tensor) -> Tensor:
        chances: Tensor = self.network(images).sigmoid()
        return nn.functional.adaptive_avg_pool2d(chances[:, None], GRID).flatten(1)
