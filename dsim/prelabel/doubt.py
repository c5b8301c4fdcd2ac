"""How sure a model is of one image: numbers that put the doubtful images first."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Of the longest side: how far from an outline a pixel still counts as near it.
_NEAR = 0.01
_NEAREST = 2


def expected_dice(probabilities: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """The Dice that a mask can expect if the probabilities hold, in [0, 1]; low is doubtful.

    ``2 sum(p in mask) / (pixels of mask + sum(p))``, the soft Dice confidence of Borges et al. (arXiv:2402.10665): near
    the expectation of the Dice where pixels are independent, which is not computed exactly for images of any size.
    1 where mask and probabilities are both empty; 0 where only the mask is.

    >>> import numpy as np
    >>> p = np.array([[0.9, 0.6, 0.1]], np.float32)
    >>> round(expected_dice(p, p >= 0.5), 4)
    0.8333
    """
    total = float(mask.sum()) + float(probabilities.sum(dtype="float64"))
    return 2 * float(probabilities[mask].sum(dtype="float64")) / total if total else 1.0


def entropy(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """Of each pixel in bits, in [0, 1]: 1 where the probability is 0.5.

    >>> import numpy as np
    >>> entropy(np.array([0.0, 0.5, 0.25])).round(3).tolist()
    [0.0, 1.0, 0.811]
    """
    import numpy as np
    from scipy.special import entr

    p = probabilities.astype(np.float64)
    bits: NDArray[np.float64] = (entr(p) + entr(1 - p)) / np.log(2)
    return bits


def boundary_entropy(probabilities: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """Mean entropy near the outlines of a mask: of pixels within 1 % of the longest side, at least 2 pixels.

    A sure model is in doubt only on the line itself; high is doubtful. NaN where the mask has no outline.
    """
    import numpy as np
    from scipy import ndimage

    reach = max(_NEAREST, round(_NEAR * max(mask.shape)))
    wide = ndimage.binary_dilation(mask, iterations=reach)
    # Where the image ends is no outline.
    narrow = ndimage.binary_erosion(mask, iterations=reach, border_value=1)
    near = wide & ~narrow
    return float(entropy(probabilities[near]).mean()) if near.any() else float(np.nan)
