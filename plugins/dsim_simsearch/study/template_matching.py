"""Template matching, the baseline that needs no network: normalised cross-correlation with patches of the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats32 = NDArray[np.float32]

#: Windows whose variance is below this share of the image's are flat: they correlate with nothing.
_FLAT = 1e-6


def correlate_templates(image: Floats32, templates: Floats32) -> Floats32:
    """Return the normalised cross-correlation of templates (n, c, s, t) with all windows of an image, in [-1, 1].

    Channels have means of their own and one norm. With one channel it is ``skimage.feature.match_template``.

    Parameters
    ----------
    image : (c, h, w). templates : (n, c, s, t), of the same channels, not larger than the image.

    Returns
    -------
    float32 (n, h - s + 1, w - t + 1)
        At the upper left corners of the windows. 0 where a window or a template is flat.

    References
    ----------
    Lewis 1995, Fast Normalized Cross-Correlation, Vision Interface.

    >>> image = np.random.default_rng(0).random((1, 20, 30), dtype=np.float32)
    >>> found = correlate_templates(image, image[None, :, 4:12, 9:17])
    >>> found.shape, np.unravel_index(found[0].argmax(), found[0].shape) == (4, 9)
    ((1, 13, 23), True)
    """
    from scipy.fft import irfft2, next_fast_len, rfft2

    _, height, width = image.shape
    side = templates.shape[-2:]
    shape = [next_fast_len(length, real=True) for length in (height, width)]
    valid = np.s_[..., : height - side[0] + 1, : width - side[1] + 1]
    centred = templates - templates.mean(axis=(2, 3), keepdims=True)
    norms = np.sqrt((centred.astype(np.float64) ** 2).sum(axis=(1, 2, 3)))
    seen = rfft2(image - image.mean(axis=(1, 2), keepdims=True), shape)
    deviations = np.sqrt(_variances(image, side))
    found = np.empty((len(templates), height - side[0] + 1, width - side[1] + 1), np.float32)
    for place, template in enumerate(centred):
        product = (seen * rfft2(template, shape).conj()).sum(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            values = irfft2(product, shape)[valid] / (deviations * norms[place])
        found[place] = np.clip(np.where(np.isfinite(values), values, 0.0), -1, 1)
    return found


def _variances(image: Floats32, side: tuple[int, ...]) -> NDArray[np.float64]:
    """Sums of squared deviations of all windows, over all channels; 0 where a window is flat."""
    pixels = side[0] * side[1]
    centred = image.astype(np.float64) - image.mean(axis=(1, 2), keepdims=True)
    sums, squares = (_window_sums(values, side) for values in (centred, centred**2))
    variances = (squares - sums**2 / pixels).sum(axis=0)
    floor = _FLAT * pixels * float((centred**2).mean(axis=(1, 2)).sum())
    return np.where(variances > floor, variances, 0.0)


def _window_sums(values: NDArray[np.float64], side: tuple[int, ...]) -> NDArray[np.float64]:
    """Sums (c, rows, columns) over all windows of (c, h, w), by the integral image."""
    total = np.pad(values, ((0, 0), (1, 0), (1, 0))).cumsum(axis=1).cumsum(axis=2)
    down, across = side
    lower: NDArray[np.float64] = total[:, down:, across:] - total[:, down:, :-across]
    upper: NDArray[np.float64] = total[:, :-down, across:] - total[:, :-down, :-across]
    return lower - upper
