"""Dice, the score of a segmentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def dice(predicted: NDArray[np.bool_], mask: NDArray[np.bool_]) -> float:
    """2 |A and B| / (|A| + |B|) of two boolean masks of one shape, in [0, 1]; higher is better.

    Two empty masks agree: 1. One empty mask beside another that is not: 0. (Dice 1945, doi:10.2307/1932409)

    >>> import numpy as np
    >>> found, true = np.array([[True, False]]), np.array([[True, True]])
    >>> round(dice(found, true), 4), dice(~true, ~true), dice(found, ~true)
    (0.6667, 1.0, 0.0)
    """
    total = int(predicted.sum()) + int(mask.sum())
    return 2 * int((predicted & mask).sum()) / total if total else 1.0


def dice_of_everything(share: float) -> float:
    """Dice of calling every pixel foreground, where a ``share`` of them is: what needs no look at the image.

    >>> dice_of_everything(0.5), dice_of_everything(0.0)
    (0.6666666666666666, 0.0)
    """
    return 2 * share / (1 + share)
