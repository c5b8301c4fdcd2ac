"""Agreement of masks with each other, and of a mask's outline with the edges of its image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Masks = NDArray[np.bool_]

#: A mask that covers a larger share of its image says nothing of where things are, nor does an empty one.
NEARLY_ALL = 0.98


def pairwise_dice(masks: Masks) -> Array:
    """Return the Dice of every two of c masks of one image, (c, h, w) to (c, c) in [0, 1]; two empty masks agree: 1.

    Source: Dice 1945, doi:10.2307/1932409.

    >>> pairwise_dice(np.array([[[True, False]], [[True, True]], [[False, False]]])).round(3).tolist()
    [[1.0, 0.667, 0.0], [0.667, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    flat = masks.reshape(len(masks), -1).astype(np.float32)
    sizes = flat.sum(axis=1, dtype=np.float64)
    total = sizes[:, None] + sizes[None, :]
    shared = (flat @ flat.T).astype(np.float64)
    return np.where(total > 0, 2 * shared / np.where(total > 0, total, 1), 1.0)


def is_degenerate(masks: Masks) -> Masks:
    """Return which of c masks (c, h, w) are empty, or cover nearly everything: (c,).

    >>> is_degenerate(np.array([[[True, False]], [[True, True]], [[False, False]]])).tolist()
    [False, True, True]
    """
    shares = masks.reshape(len(masks), -1).mean(axis=1)
    degenerate: Masks = (shares == 0) | (shares > NEARLY_ALL)
    return degenerate


def consensus_of(dice: Array, degenerate: Masks, judges: Masks | None = None) -> Array:
    """Return for each of c masks its mean Dice with the others, (c,) in [0, 1]; 0 where it is degenerate.

    ``dice`` : (c, c), of ``pairwise_dice``. Degenerate masks have no say on the others, nor have those that are not
    among the ``judges``, (c,); all are by default. NaN where nobody else has one.

    >>> consensus_of(np.array([[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]]), np.array([False, False, True])).tolist()
    [0.5, 0.5, 0.0]
    """
    silent = degenerate if judges is None else degenerate | ~judges
    weights = np.where(silent, 0.0, 1.0)[None, :] * (1 - np.eye(len(dice)))
    others = weights.sum(axis=1)
    mean = (dice * weights).sum(axis=1) / np.where(others > 0, others, np.nan)
    return np.where(degenerate, 0.0, mean)


#: Ways to compare two masks.
HAMMING, DICE = "hamming", "dice"


def foreground_overlap(first: Masks, second: Masks, how: str = HAMMING) -> float:
    """Return how far two masks (h, w) agree on the foreground, in [0, 1]; higher is better, 0 where both are empty.

    ``hamming``: the share of pixels on which they agree among those that either marks; background on which both agree
    does not count (Talks and Kreshuk, arXiv:2503.00450). ``dice``: twice the common pixels by the sum of both (Dice
    1945, doi:10.2307/1932409). Of one pair the second is never smaller, and the order of pairs is the same.

    >>> one, other = np.array([[True, True, False]]), np.array([[False, True, True]])
    >>> round(foreground_overlap(one, other), 4), foreground_overlap(one, other, "dice")
    (0.3333, 0.5)
    """
    common, total = int((first & second).sum()), int(first.sum()) + int(second.sum())
    if not total:
        return 0.0
    return 2 * common / total if how == DICE else common / (total - common)


def gradient_of(image: Array) -> Array:
    """Return the magnitude of the gradient of an image (h, w) by central differences, (h, w); at least 2 x 2 pixels.

    >>> gradient_of(np.array([[0.0, 1.0], [0.0, 1.0]])).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    down, right = np.gradient(image)
    magnitude: Array = np.hypot(down, right)
    return magnitude


def outline_of(mask: Masks) -> Masks:
    """Return the pixels (h, w) on both sides of the border of a mask (h, w).

    >>> outline_of(np.array([[False, True, True, True]])).astype(int).tolist()
    [[1, 1, 0, 0]]
    """
    found = np.zeros_like(mask)
    for axis in (0, 1):
        changes = np.diff(mask, axis=axis)
        before, after = [slice(None)] * 2, [slice(None)] * 2
        before[axis], after[axis] = slice(None, -1), slice(1, None)
        found[tuple(before)] |= changes
        found[tuple(after)] |= changes
    return found


def edge_contrast(gradient: Array, masks: Masks) -> Array:
    """Return how steep an image is at the outlines of c masks: r / (1 + r), (c,) in [0, 1); 0.5 is as elsewhere.

    r is the mean gradient at the outline over that of the whole image. 0 where a mask has no outline, or covers nearly
    everything, or the image is flat.

    Parameters
    ----------
    gradient : magnitude (h, w). masks : (c, h, w).

    >>> steep = np.array([[0.0, 3.0, 3.0, 0.0]])
    >>> edge_contrast(steep, np.array([[[True, True, False, False]], [[False] * 4]])).round(3).tolist()
    [0.667, 0.0]
    """
    usual = float(gradient.mean())
    found = np.zeros(len(masks))
    for index, (mask, useless) in enumerate(zip(masks, is_degenerate(masks), strict=True)):
        line = outline_of(mask)
        if usual > 0 and not useless and line.any():
            ratio = float(gradient[line].mean()) / usual
            found[index] = ratio / (1 + ratio)
    return found
