"""Style: Gram matrices of feature maps (Eq. 1 and 2), a whole batch in one matrix product."""

from __future__ import annotations

import math

import torch
from torch import Tensor

#: What a Gram matrix is divided by. ``none`` is Eq. 1 to the letter, ``channels`` the reference code. ``size`` (H W K)
#: makes its squared Frobenius norm of order one for every map and image size, so that the margin of 1 has a meaning.
NORMS = ("size", "channels", "none")


def gram(maps: Tensor, norm: str = "size") -> Tensor:
    """Gram matrices in float32, shape (b, K, K), of feature maps (b, K, H, W).

    >>> gram(torch.ones(1, 2, 3, 3), norm="none").tolist()
    [[[9.0, 9.0], [9.0, 9.0]]]
    """
    channels, positions = maps.shape[1], maps.shape[2] * maps.shape[3]
    divisor = {"size": positions * channels, "channels": channels, "none": 1}[norm]
    # Channels last, as the maps lie in memory: no copy, and the gradient comes back in the convolutions' own layout.
    flat = maps.permute(0, 2, 3, 1).flatten(1, 2).float()
    flat = flat / math.sqrt(divisor)  # dividing the maps is cheaper than dividing the larger matrices
    with torch.autocast(maps.device.type, enabled=False):
        return flat.mT @ flat


def squared_distances(points: Tensor) -> Tensor:
    """Squared Euclidean distances between all rows, shape (b, b), of flattened points (b, ...).

    One product instead of a difference per pair: for Gram matrices the differences would be b^2 K^2 numbers.

    >>> squared_distances(torch.tensor([[0.0, 0.0], [3.0, 4.0]])).tolist()
    [[0.0, 25.0], [25.0, 0.0]]
    """
    flat = points.flatten(1)
    products = flat @ flat.mT
    square = products.diagonal()
    return (square[:, None] + square[None, :] - 2 * products).clamp_min(0)
