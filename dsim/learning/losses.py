"""Losses of trainings, as pure functions of tensors: segmentation, triplets, and style by Gram matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple, Self

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss, pairwise_distance

# ---- segmentation --------------------------------------------------------------------------------------------------

#: Added to both sides of the soft Dice, in pixels: it stays finite, and is 1, for an empty image.
SMOOTHING = 1.0


def soft_dice(chances: Tensor, masks: Tensor) -> Tensor:
    """Return the soft Dice of each image, (n,) in (0, 1]; higher is better (Milletari 2016, arXiv:1606.04797).

    ``chances`` (n, h, w) in [0, 1]; ``masks`` (n, h, w), 0 or 1.

    >>> soft_dice(torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[1.0, 0.0]]])).tolist()
    [1.0]
    """
    common = (chances * masks).sum((1, 2))
    return (2 * common + SMOOTHING) / (chances.sum((1, 2)) + masks.sum((1, 2)) + SMOOTHING)


def segmentation_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Return binary cross-entropy plus one minus the soft Dice of each image, averaged over the batch: a scalar.

    ``logits`` (n, h, w), any real numbers; ``masks`` (n, h, w), 0 or 1. Dice alone has almost no gradient where a
    network begins, and on images without foreground none at all; the cross-entropy sees every pixel.

    >>> mask = torch.tensor([[[1.0, 0.0]]])
    >>> round(float(segmentation_loss(20 * (2 * mask - 1), mask)), 4)
    0.0
    """
    logits = logits.float()
    entropy = binary_cross_entropy_with_logits(logits, masks)
    return entropy + 1 - soft_dice(logits.sigmoid(), masks).mean()


# ---- triplets ------------------------------------------------------------------------------------------------------


class Triplets(NamedTuple):
    """Indices into a batch, int64 (t,) each: the positive belongs to the anchor, the negative does not."""

    anchor: Tensor
    positive: Tensor
    negative: Tensor


def draw_triplets(
    owners: Tensor, images: Tensor, draws: int, generator: torch.Generator, distinct: bool = True
) -> Triplets:
    """Return ``draws`` triplets for each image of a batch that can be an anchor.

    ``owners`` is the dataset (or class) and ``images`` the index of each image, int64 (b,). The positive is another
    image of the anchor's dataset (without ``distinct`` it can be the anchor itself), the negative one of another
    dataset. One forward pass serves all: positives and negatives are images of the same batch.
    """
    same = owners[:, None] == owners[None, :]
    allowed = same & (images[:, None] != images[None, :]) if distinct else same
    anchors = torch.nonzero(allowed.any(dim=1)).flatten()
    positives = _draw_allowed(allowed[anchors], draws, generator)
    negatives = _draw_allowed(~same[anchors], draws, generator)
    return Triplets(anchors.repeat_interleave(draws), positives, negatives)


def _draw_allowed(allowed: Tensor, draws: int, generator: torch.Generator) -> Tensor:
    return torch.multinomial(allowed.float(), draws, replacement=True, generator=generator).flatten()


def hinge(near: Tensor, far: Tensor, margin: float) -> Tensor:
    """Return the mean of max(near - far + margin, 0), a scalar, of distances of one shape.

    >>> hinge(torch.tensor([0.0, 2.0]), torch.tensor([3.0, 1.0]), margin=1.0).item()
    1.0
    """
    return torch.relu(near - far + margin).mean()


def triplet_loss(points: Tensor, triplets: Triplets, margin: float = 1.0, squared: bool = True) -> Tensor:
    """Return the hinge on distances over the last axis of points (b, ..., d), squared or Euclidean: a scalar.

    Schroff et al. 2015 (doi:10.1109/CVPR.2015.7298682) for squared distances; torch's ``triplet_margin_loss`` else.

    >>> points = torch.tensor([[0.0], [1.0], [3.0]])
    >>> round(float(triplet_loss(points, Triplets(*torch.tensor([[0], [1], [2]])), margin=9.0)), 3)
    1.0
    """
    anchor = points[triplets.anchor]
    near = pairwise_distance(anchor, points[triplets.positive])
    far = pairwise_distance(anchor, points[triplets.negative])
    return hinge(near.square(), far.square(), margin) if squared else hinge(near, far, margin)


# ---- style ---------------------------------------------------------------------------------------------------------

#: What a Gram matrix is divided by. ``none`` is the plain sum over positions. ``size`` (h w c) makes its squared
#: Frobenius norm of order one for every map and image size, so that a margin of 1 has a meaning.
NORMS = ("size", "channels", "none")


class GramMatrices:
    """The Gram matrices of a batch of feature maps, in float32, and distances between them by the shorter of two ways.

    They are held as their factors F, shape (b, h w, c): a Gram matrix is F^T F. The inner product of F^T F and G^T G is
    the squared norm of F G^T, of h w by h w numbers. Deep maps have few positions and many channels (ResNet-18 at 64
    pixels: 4 and 512): there the matrices are never written down.
    Gatys et al. 2016, doi:10.1109/CVPR.2016.265.
    """

    def __init__(self, factors: Tensor) -> None:
        self._factors = factors
        _, positions, self.channels = factors.shape
        # All pairs of a batch of b: b^2 (hw)^2 c multiplications by positions, b^2 c^2 by matrices.
        self._by_positions = positions**2 <= self.channels

    @classmethod
    def from_maps(cls, maps: Tensor, norm: str = "size") -> Self:
        """Return those of feature maps (b, c, h, w), divided as ``norm``, one of ``NORMS``, says; else KeyError."""
        channels, positions = maps.shape[1], maps.shape[2] * maps.shape[3]
        divisor = {"size": positions * channels, "channels": channels, "none": 1}[norm]
        # Channels last, as the maps lie in memory: no copy, and the gradient comes back in the layout of convolutions.
        flat = maps.permute(0, 2, 3, 1).flatten(1, 2).float()
        return cls(flat / math.sqrt(divisor))  # dividing the maps is cheaper than dividing the larger matrices

    def __getitem__(self, chosen: Tensor) -> GramMatrices:
        return GramMatrices(self._factors[chosen])

    @cached_property
    def matrices(self) -> Tensor:
        """The matrices themselves, float32 (b, c, c)."""
        return _product(self._factors.mT, self._factors)

    def squared_distances(self) -> Tensor:
        """Return squared Frobenius distances between all matrices of the batch, float32 (b, b)."""
        if not self._by_positions:
            return squared_distances(self.matrices)
        batch, positions, _ = self._factors.shape
        rows = self._factors.flatten(0, 1)
        by_positions = _product(rows, rows.mT).view(batch, positions, batch, positions)
        return _distances_of_products(by_positions.square().sum(dim=(1, 3)))

    def squared_differences(self, others: GramMatrices) -> Tensor:
        """Return the squared Frobenius distance of each matrix from that of ``others`` at its place, float32 (b,)."""
        if not self._by_positions:
            return (self.matrices - others.matrices).square().sum(dim=(1, 2))
        own, other, both = (
            _product(a._factors, b._factors.mT).square().sum(dim=(1, 2))
            for a, b in ((self, self), (others, others), (self, others))
        )
        return (own + other - 2 * both).clamp_min(0)


def gram(maps: Tensor, norm: str = "size") -> Tensor:
    """Return Gram matrices, float32 (b, c, c), of feature maps (b, c, h, w). Raises KeyError for another norm.

    >>> gram(torch.ones(1, 2, 3, 3), norm="none").tolist()
    [[[9.0, 9.0], [9.0, 9.0]]]
    """
    return GramMatrices.from_maps(maps, norm).matrices


def squared_distances(points: Tensor) -> Tensor:
    """Return squared Euclidean distances between all rows, (b, b), of points (b, ...), flattened.

    One product instead of a difference per pair: for Gram matrices the differences would be b^2 c^2 numbers.

    >>> squared_distances(torch.tensor([[0.0, 0.0], [3.0, 4.0]])).tolist()
    [[0.0, 25.0], [25.0, 0.0]]
    """
    flat = points.flatten(1)
    return _distances_of_products(flat @ flat.mT)


def style_loss(styles: GramMatrices, others: GramMatrices, reduction: str = "sum") -> Tensor:
    """Return squared differences of Gram matrices, a scalar: ``sum`` or ``mean`` over their entries, mean over b."""
    total = styles.squared_differences(others).mean()
    return total if reduction == "sum" else total / styles.channels**2


def style_triplet_loss(
    styles: GramMatrices, triplets: Triplets, margin: float = 1.0, squared: bool = True, by_rows: bool = False
) -> Tensor:
    """Return the hinge on distances of whole Gram matrices, or of each of their rows: a scalar."""
    if by_rows or not squared:
        return triplet_loss(styles.matrices if by_rows else styles.matrices.flatten(1), triplets, margin, squared)
    distances = styles.squared_distances()
    near = distances[triplets.anchor, triplets.positive]
    far = distances[triplets.anchor, triplets.negative]
    return hinge(near, far, margin)


# ---- sums ----------------------------------------------------------------------------------------------------------


def reconstruction_loss(rebuilt: Tensor, original: Tensor, reduction: str = "mean") -> Tensor:
    """Return squared differences of images (b, ...): ``sum`` or ``mean`` over an image's entries, mean over b."""
    total = mse_loss(rebuilt, original, reduction="sum")
    return total / (len(original) if reduction == "sum" else original.numel())


def weighted_sum(weights: Sequence[float], terms: Sequence[Tensor]) -> Tensor:
    """Return the sum of each weight times its term, scalars. Raises ValueError where their numbers differ.

    >>> weighted_sum((0.5, 2.0), [torch.tensor(2.0), torch.tensor(3.0)]).item()
    7.0
    """
    return torch.stack([weight * term for weight, term in zip(weights, terms, strict=True)]).sum()


def _distances_of_products(products: Tensor) -> Tensor:
    """Squared distances from the inner products of all pairs."""
    square = products.diagonal()
    return (square[:, None] + square[None, :] - 2 * products).clamp_min(0)


def _product(a: Tensor, b: Tensor) -> Tensor:
    """In float32 inside a bfloat16 pass, too: differences of Gram matrices would be lost otherwise."""
    with torch.autocast(a.device.type, enabled=False):
        return a @ b
