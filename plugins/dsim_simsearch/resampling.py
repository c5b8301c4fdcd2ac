"""Images sampled at any positions of a grid: each value depends on its place alone, so that tiles equal the whole."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from dsim_simsearch.images import PreparedImages


def sample_image(
    images: PreparedImages, index: int, xs: NDArray[np.float64], ys: NDArray[np.float64], scale: float
) -> Tensor:
    """Return float32 (c, len(ys), len(xs)): the image at these columns and rows, mirrored beyond its border.

    Bilinear; where the samples lie further apart than pixels, the filter widens as in antialiased resizing.

    Parameters
    ----------
    images, index : the image, as prepared.
    xs, ys : places in pixels of the image, rising or falling; the centre of pixel 0 is .5.
    scale : samples per pixel along each axis.
    """
    left, columns, across = _taps(xs, scale)
    top, rows, down = _taps(ys, scale)
    window = torch.from_numpy(images.window(index, left, top, int(columns.max()) + 1, int(rows.max()) + 1))
    # What is taken lies in one piece each time: (h, c, w), then (w, c, h). That is several times faster.
    mixed = _weighted(window.transpose(0, 1).contiguous(), rows, down)
    return _weighted(mixed.transpose(0, 2).contiguous(), columns, across).permute(1, 2, 0)


def _taps(places: NDArray[np.float64], scale: float) -> tuple[int, NDArray[np.int64], NDArray[np.float32]]:
    """First pixel that is needed; and for each tap, which pixel after it each sample takes, and its share.

    Indices int64 and weights float32 are (taps, n); the weights of a sample sum to 1.
    """
    reach = max(1.0, 1 / scale)
    count = math.ceil(2 * reach) + (0 if reach == 1 else 1)
    begin = np.ceil(places - reach - 0.5).astype(np.int64)
    pixels = begin[None, :] + np.arange(count)[:, None]
    weights = np.clip(1 - np.abs(pixels + 0.5 - places[None, :]) / reach, 0, None)
    weights /= weights.sum(0)
    start = int(begin.min())
    return start, pixels - start, weights.astype(np.float32)


def _weighted(slices: Tensor, indices: NDArray[np.int64], weights: NDArray[np.float32]) -> Tensor:
    """Sum over taps (k, n) of weights times the slices that they name, (n, ...)."""
    total: Tensor | None = None
    for index, weight in zip(torch.from_numpy(indices), torch.from_numpy(weights), strict=True):
        part = slices.index_select(0, index).mul_(weight[:, None, None])
        total = part if total is None else total.add_(part)
    assert total is not None
    return total
