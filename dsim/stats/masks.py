"""How far masks agree with one another and with the image, without annotation. A useless mask is worst, not best."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Below the first share of pixels a mask marks nothing, above the second everything: it says nothing of the image.
FEWEST, MOST = 0.001, 0.98
#: Ways to compare two masks.
HAMMING, DICE = "hamming", "dice"


def is_degenerate(mask: NDArray[np.bool_]) -> bool:
    """Return whether a mask (h, w) marks next to nothing, or next to everything: such a mask is always consistent.

    >>> is_degenerate(np.zeros((8, 8), bool)), is_degenerate(np.eye(8, dtype=bool))
    (True, False)
    """
    return not FEWEST <= float(mask.mean()) <= MOST


def overlap(first: NDArray[np.bool_], second: NDArray[np.bool_], how: str = HAMMING) -> float:
    """Return how far two masks (h, w) agree on the foreground, in [0, 1]; higher is better, 0 where both are empty.

    ``hamming``: the share of pixels on which they agree among those that either marks; background on which both agree
    does not count (Talks and Kreshuk, arXiv:2503.00450). ``dice``: twice the common pixels by the sum of both (Dice
    1945, doi:10.2307/1932409). Of the same pair the second is never smaller, and the order of pairs is the same.

    >>> one, other = np.array([[True, True, False]]), np.array([[False, True, True]])
    >>> round(overlap(one, other), 4), overlap(one, other, "dice"), overlap(one & ~one, one & ~one)
    (0.3333, 0.5, 0.0)
    """
    common, total = int((first & second).sum()), int(first.sum()) + int(second.sum())
    if not total:
        return 0.0
    return 2 * common / total if how == DICE else common / (total - common)


def soft_dice_table(maps: NDArray[Any]) -> NDArray[np.float64]:
    """Return the soft Dice of all pairs of maps of one image, float64 (c, c) in [0, 1], of maps (c, h, w) >= 0.

    2 sum pq / (sum p^2 + sum q^2): of masks of 0 and 1 it is their Dice. 0 where both maps are 0 everywhere.
    (Milletari 2016, arXiv:1606.04797)

    >>> soft_dice_table(np.array([[[1.0, 0.0]], [[1.0, 1.0]], [[0.0, 0.0]]])).round(4).tolist()
    [[1.0, 0.6667, 0.0], [0.6667, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    flat = maps.reshape(len(maps), -1).astype(np.float64)
    products = flat @ flat.T
    sizes = np.diag(products)[:, None] + np.diag(products)[None, :]
    table: NDArray[np.float64] = np.divide(2 * products, sizes, out=np.zeros_like(products), where=sizes > 0)
    return table


def outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels of a mask (h, w) that have a neighbour (of four) outside it; the image's border is none.

    >>> int(outline(np.ones((3, 3), bool)).sum()), int(outline(np.pad(np.ones((3, 3), bool), 1)).sum())
    (0, 8)
    """
    whole = np.pad(mask, 1, mode="edge")
    inner = whole[:-2, 1:-1] & whole[2:, 1:-1] & whole[1:-1, :-2] & whole[1:-1, 2:]
    return np.asarray(mask & ~inner)


def edge_share(image: NDArray[Any], mask: NDArray[np.bool_], sigma: float = 1.0) -> float:
    """Return how strong the image's edges are at a mask's outline against everywhere, r / (1 + r) in [0, 1).

    r is the mean magnitude of the gradient of the image (h, w), smoothed by a Gaussian of ``sigma`` pixels, at the
    outline of the mask (h, w), over its mean in the whole image: 0.5 where the outline runs anywhere, more where it
    follows edges. 0 where the mask has no outline, or the image no edge.

    >>> step = np.repeat([0.0, 1.0], 8)[None, :].repeat(16, 0)
    >>> round(edge_share(step, step > 0.5), 2), round(edge_share(step, step.T > 0.5), 2)
    (0.85, 0.5)
    """
    from scipy.ndimage import gaussian_gradient_magnitude

    strength = gaussian_gradient_magnitude(image.astype(np.float64), sigma)
    line, everywhere = outline(mask), float(strength.mean())
    if not line.any() or everywhere <= 0:
        return 0.0
    ratio = float(strength[line].mean()) / everywhere
    return ratio / (1 + ratio)
