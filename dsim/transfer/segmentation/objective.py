"""What a segmentation network is trained to lower."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

#: Added to both sides of the soft Dice, in pixels: it stays finite, and is 1, for an empty image.
SMOOTHING = 1.0


def objective(logits: Tensor, masks: Tensor) -> Tensor:
    """Binary cross-entropy plus one minus the soft Dice of each image (Milletari 2016, arXiv:1606.04797): batch mean.

    ``logits`` (n, H, W), any real numbers; ``masks`` (n, H, W), 0 or 1. Dice alone has almost no gradient where a
    network begins, and on images without foreground none at all; the cross-entropy sees every pixel.

    >>> import torch
    >>> mask = torch.tensor([[[1.0, 0.0]]])
    >>> round(float(objective(20 * (2 * mask - 1), mask)), 4)
    0.0
    """
    from torch.nn.functional import binary_cross_entropy_with_logits

    logits = logits.float()
    chances = logits.sigmoid()
    common = (chances * masks).sum((1, 2))
    soft = (2 * common + SMOOTHING) / (chances.sum((1, 2)) + masks.sum((1, 2)) + SMOOTHING)
    return binary_cross_entropy_with_logits(logits, masks) + 1 - soft.mean()
