"""Style: Gram matrices of feature maps (Eq. 1 and 2), and distances between them by the shorter of two ways."""

from __future__ import annotations

import math
from functools import cached_property

import torch
from torch import Tensor

#: What a Gram matrix is divided by. ``none`` is Eq. 1 to the letter, ``channels`` the reference code. ``size`` (H W K)
#: makes its squared Frobenius norm of order one for every map and image size, so that the margin of 1 has a meaning.
NORMS = ("size", "channels", "none")


class Styles:
    """The Gram matrices of a batch of feature maps, in float32, and distances between them.

    They are held as their factors F, shape (b, H W, K): a Gram matrix is F^T F. The inner product of F^T F and G^T G is
    the squared norm of F G^T, of H W by H W numbers. Deep maps have few positions and many channels (ResNet-18 at 64
    pixels: 4 and 512): there the matrices are never written down.
    """

    def __init__(self, factors: Tensor) -> None:
        self._factors = factors
        _, positions, self.channels = factors.shape
        # All pairs of a batch of b: b^2 (HW)^2 K multiplications by positions, b^2 K^2 by matrices.
        self._by_positions = positions**2 <= self.channels

    @classmethod
    def of(cls, maps: Tensor, norm: str = "size") -> Styles:
        """Of feature maps (b, K, H, W)."""
        channels, positions = maps.shape[1], maps.shape[2] * maps.shape[3]
        divisor = {"size": positions * channels, "channels": channels, "none": 1}[norm]
        # Channels last, as the maps lie in memory: no copy, and the gradient comes back in the layout of convolutions.
        flat = maps.permute(0, 2, 3, 1).flatten(1, 2).float()
        return cls(flat / math.sqrt(divisor))  # dividing the maps is cheaper than dividing the larger matrices

    def __getitem__(self, chosen: Tensor) -> Styles:
        return Styles(self._factors[chosen])

    @cached_property
    def matrices(self) -> Tensor:
        """The matrices themselves, shape (b, K, K)."""
        return _product(self._factors.mT, self._factors)

    def squared_distances(self) -> Tensor:
        """Squared Frobenius distances between all matrices of the batch, shape (b, b)."""
        if not self._by_positions:
            return squared_distances(self.matrices)
        batch, positions, _ = self._factors.shape
        rows = self._factors.flatten(0, 1)
        by_positions = _product(rows, rows.mT).view(batch, positions, batch, positions)
        return _distances(by_positions.square().sum(dim=(1, 3)))

    def squared_differences(self, others: Styles) -> Tensor:
        """Squared Frobenius distance of each matrix from that of ``others`` at its place, shape (b,)."""
        if not self._by_positions:
            return (self.matrices - others.matrices).square().sum(dim=(1, 2))
        own, other, both = (
            _product(a._factors, b._factors.mT).square().sum(dim=(1, 2))
            for a, b in ((self, self), (others, others), (self, others))
        )
        return (own + other - 2 * both).clamp_min(0)


def gram(maps: Tensor, norm: str = "size") -> Tensor:
    """Gram matrices in float32, shape (b, K, K), of feature maps (b, K, H, W).

    >>> gram(torch.ones(1, 2, 3, 3), norm="none").tolist()
    [[[9.0, 9.0], [9.0, 9.0]]]
    """
    return Styles.of(maps, norm).matrices


def squared_distances(points: Tensor) -> Tensor:
    """Squared Euclidean distances between all rows, shape (b, b), of flattened points (b, ...).

    One product instead of a difference per pair: for Gram matrices the differences would be b^2 K^2 numbers.

    >>> squared_distances(torch.tensor([[0.0, 0.0], [3.0, 4.0]])).tolist()
    [[0.0, 25.0], [25.0, 0.0]]
    """
    flat = points.flatten(1)
    return _distances(flat @ flat.mT)


def _distances(products: Tensor) -> Tensor:
    """Squared distances from the inner products of all pairs."""
    square = products.diagonal()
    return (square[:, None] + square[None, :] - 2 * products).clamp_min(0)


def _product(a: Tensor, b: Tensor) -> Tensor:
    """In float32 inside a bfloat16 pass, too: differences of Gram matrices would be lost otherwise."""
    with torch.autocast(a.device.type, enabled=False):
        return a @ b
