"""Correlation of all pairs of images, Pearson's or ring by ring of their spectra; a line through points.

Every image is prepared once, then a pair costs one inner product.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def standardise(images: NDArray[Any]) -> NDArray[np.float32]:
    """Return images with mean 0 and unit Euclidean norm, so that their inner product is Pearson's correlation.

    Parameters
    ----------
    images : (n, ...), any numeric dtype; each image is standardised over all its pixels, in float64.

    Returns
    -------
    float32 of the same shape. An image whose pixels are all equal has no correlation and becomes NaN.

    References
    ----------
    Pearson 1895, doi:10.1098/rspl.1895.0041.

    >>> standardise(np.array([[1, 1, 3, 3], [5, 5, 5, 5]])).tolist()
    [[-0.5, -0.5, 0.5, 0.5], [nan, nan, nan, nan]]
    """
    unit = np.empty(images.shape, dtype=np.float32)
    for image, out in zip(images, unit, strict=True):
        centred = image - np.mean(image, dtype=np.float64)
        # Compared exactly: the rounded mean of equal numbers may differ from them.
        out[...] = np.nan if np.ptp(image) == 0 else centred / np.linalg.norm(centred)
    return unit


def correlations(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return Pearson's correlation of every image of ``a`` with every image of ``b``, as one matrix product.

    Parameters
    ----------
    a, b : standardised images, (n, ...) and (m, ...) with equal image shapes; see ``standardise``.

    Returns
    -------
    (n, m), similarities in [-1, 1]; NaN where either image is constant. Within 1e-6 of ``np.corrcoef``.

    Raises ValueError where the images have different numbers of pixels.

    References
    ----------
    Pearson 1895, doi:10.1098/rspl.1895.0041.

    >>> x = standardise(np.array([[1, 2, 3]]))
    >>> correlations(x, standardise(np.array([[2, 4, 6], [3, 2, 1], [1, 0, 1]]))).round(6).tolist()
    [[1.0, -1.0, 0.0]]
    """
    products = a.reshape(len(a), -1) @ b.reshape(len(b), -1).T
    return np.clip(products.astype(np.float64), -1, 1)


def mean_inner_product(mean_a: NDArray[np.floating], mean_b: NDArray[np.floating]) -> float:
    """Return the mean inner product over all pairs of vectors of two sets, from the means of the sets.

    An inner product is linear: of standardised images it is the mean of all correlations, of ring spectra that of all
    ring correlations, at the cost of one pair.

    Parameters
    ----------
    mean_a, mean_b : the mean vectors, of equal shape.

    >>> a, b = (standardise(np.array(x)) for x in ([[1, 2, 3], [1, 3, 2]], [[2, 4, 6], [3, 2, 1]]))
    >>> round(mean_inner_product(a.mean(axis=0), b.mean(axis=0)), 6), round(float(correlations(a, b).mean()), 6)
    (0.0, 0.0)
    """
    return float(np.vdot(mean_a, mean_b))


def shifted_correlations(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the largest Pearson correlation over all circular shifts of one image against the other.

    Parameters
    ----------
    a, b : standardised images, (n, H, W) and (m, H, W); see ``standardise``.

    Returns
    -------
    (n, m), similarities in [0, 1]: over all shifts the correlation averages 0, so its maximum is never below it.

    References
    ----------
    Lewis 1995, Fast normalized cross-correlation, Vision Interface, 120-123; here by Fourier transform, circular.

    >>> image = np.random.default_rng(0).random((1, 8, 8))
    >>> round(float(shifted_correlations(standardise(image), standardise(np.roll(image, 3, axis=2)))[0, 0]), 6)
    1.0
    """
    from scipy.fft import irfft2, rfft2

    spectra_a, spectra_b = rfft2(a), rfft2(b)
    shape = a.shape[1:]
    # Row by row: all n x m correlation maps at once would need n times the memory.
    rows = [irfft2(spectrum.conj() * spectra_b, s=shape).max(axis=(1, 2)) for spectrum in spectra_a]
    return np.clip(np.stack(rows).astype(np.float64), 0, 1)


#: A ring whose share of the image's energy is below this holds only rounding errors of the transform.
_DARK = 1e-24


def ring_spectra(images: NDArray[Any]) -> NDArray[np.float32]:
    """Return spectra scaled such that the inner product of two is the mean of their Fourier ring correlation.

    Parameters
    ----------
    images : (n, N, N), any finite numbers; the mean of each is removed, so ring 0 is empty.

    Returns
    -------
    float32 (n, d) with d about 0.8 N^2: real and imaginary parts of the half plane in the rings 0 < r < N / 2, where r
    is the radius in cycles per image, rounded down. A ring without energy becomes 0; a constant image has no ring with
    energy, and becomes NaN.

    Raises ValueError for images of another shape.

    References
    ----------
    Saxton and Baumeister 1982, doi:10.1111/j.1365-2818.1982.tb00405.x; van Heel 1987,
    doi:10.1016/0304-3991(87)90010-6.

    >>> ring_spectra(np.eye(8)[None]).shape
    (1, 50)
    """
    side = images.shape[-1]
    if images.ndim != 3 or images.shape[1] != side:
        raise ValueError(f"images must have shape (n, N, N), not {images.shape}")
    chosen, ring, weight = _half_plane(side)
    vectors = np.empty((len(images), 2 * len(ring)), dtype=np.float32)
    for image, out in zip(images, vectors, strict=True):
        spectrum = np.fft.rfft2(image - np.mean(image, dtype=np.float64))[chosen]
        scale = _ring_scale(spectrum, ring, weight, floor=_DARK * _energy(image), rings=(side + 1) // 2)
        out[:] = np.nan if np.ptp(image) == 0 else (spectrum * scale).view(np.float64)
    return vectors


def _half_plane(side: int) -> tuple[NDArray[np.bool_], NDArray[np.intp], NDArray[np.float64]]:
    """Which coefficients of ``rfft2`` count, the ring of each, and how often each stands in the full plane."""
    rows, columns = np.fft.fftfreq(side, 1 / side), np.fft.rfftfreq(side, 1 / side)
    radius = np.floor(np.hypot(rows[:, None], columns))
    chosen = (radius > 0) & (radius < side / 2)
    weight = np.broadcast_to(np.where(columns == 0, 1.0, 2.0), radius.shape)
    return chosen, radius[chosen].astype(np.intp), weight[chosen]


def _ring_scale(
    spectrum: NDArray[np.complex128],
    ring: NDArray[np.intp],
    weight: NDArray[np.float64],
    floor: float,
    rings: int,
) -> NDArray[np.float64]:
    """The factor of each coefficient: sqrt(weight / energy of its ring / number of rings), 0 in a dark ring."""
    energy = np.bincount(ring, weight * (spectrum.real**2 + spectrum.imag**2), minlength=rings)
    inverse = np.divide(1 / rings, energy, out=np.zeros_like(energy), where=energy > floor)
    return np.sqrt(weight * inverse[ring])


def _energy(image: NDArray[Any]) -> float:
    """Sum of the squared spectrum, by Parseval, before the mean is removed."""
    return float(np.sum(np.square(image, dtype=np.float64)) * image.size)


def ring_correlations(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean Fourier ring correlation, over rings r < N / 2, of every image of ``a`` with every one of ``b``.

    Parameters
    ----------
    a, b : scaled spectra, (n, d) and (m, d); see ``ring_spectra``.

    Returns
    -------
    (n, m), similarities in [-1, 1]; NaN where either image is constant. Ring 0 counts 0, as does any ring without
    energy, so an image against itself gives at most 1 - 2 / N.

    References
    ----------
    Saxton and Baumeister 1982, doi:10.1111/j.1365-2818.1982.tb00405.x; van Heel 1987, doi:10.1016/0304-3991(87)90010-6.

    >>> x = ring_spectra(np.random.default_rng(0).random((1, 64, 64)))
    >>> ring_correlations(x, x).round(6).tolist()
    [[0.96875]]
    """
    return np.clip((a @ b.T).astype(np.float64), -1, 1)


Floats = NDArray[np.float64]


def line(x: Floats, y: Floats, at: Floats) -> Floats:
    """Return the line of least squares through the points, at given places; NaN where it has no slope.

    Parameters
    ----------
    x, y : (n,) the points. ``at`` : (k,).

    Raises ValueError where the shapes do not broadcast.

    >>> line(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0]), np.array([4.0])).round(6).tolist()
    [9.0]
    """
    found: Floats = _lines(_moments(x, y)[None], at)[0]
    return found


def resampled_lines(x: Floats, y: Floats, groups: NDArray[np.intp], drawn: NDArray[np.intp], at: Floats) -> Floats:
    """Return the lines of resamples of whole groups, since points of one group are not independent.

    Parameters
    ----------
    x, y : (n,) the points. ``groups`` : (n,) the group of each, 0 to G - 1, none empty.
    drawn : (resamples, G) which groups each resample holds. ``at`` : (k,).

    Returns
    -------
    (resamples, k); rows of NaN where a resample has no slope.

    References
    ----------
    Field and Welsh 2007, doi:10.1111/j.1467-9868.2007.00593.x (the cluster bootstrap).

    >>> x, y, groups = np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.0, 1.0, 2.0, 5.0]), np.array([0, 0, 1, 1])
    >>> resampled_lines(x, y, groups, np.array([[0, 0], [0, 1]]), np.array([1.0])).round(6).tolist()
    [[1.0], [3.0]]
    """
    moments = np.stack([_moments(x[groups == group], y[groups == group]) for group in range(drawn.shape[1])])
    return _lines(moments[drawn].sum(axis=1), at)


def normal_band(x: Floats, y: Floats, at: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Return pointwise bounds of the line for independent normal errors of equal size: Student's t, n - 2 degrees.

    Parameters
    ----------
    x, y : (n,) the points. ``at`` : (k,). ``confidence`` : between 0 and 1.

    Returns
    -------
    low, high : (k,); NaN for fewer than three points, or without a slope.

    Raises ValueError where the shapes do not broadcast.

    References
    ----------
    Draper and Smith 1998, Applied Regression Analysis, doi:10.1002/9781118625590.

    >>> low, high = normal_band(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 3.0]), np.array([1.0]), 0.9)
    >>> low.round(4).tolist(), high.round(4).tolist()
    ([-0.1548], [2.8215])
    """
    from scipy.stats import t

    spread = float(((x - x.mean()) ** 2).sum()) if len(x) else 0.0
    if len(x) < 3 or spread == 0:
        return np.full(len(at), np.nan), np.full(len(at), np.nan)
    centre = line(x, y, at)
    variance = float(((y - line(x, y, x)) ** 2).sum()) / (len(x) - 2)
    error = np.sqrt(variance * (1 / len(x) + (at - x.mean()) ** 2 / spread))
    reach = float(t.ppf((1 + confidence) / 2, len(x) - 2)) * error
    return centre - reach, centre + reach


def _moments(x: Floats, y: Floats) -> Floats:
    """Count and sums of x, y, x squared and xy: they add up over groups."""
    return np.array([len(x), x.sum(), y.sum(), (x * x).sum(), (x * y).sum()], dtype=np.float64)


def _lines(moments: Floats, at: Floats) -> Floats:
    """Lines (m, k) of moments (m, 5)."""
    n, x, y, xx, xy = moments.T
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = n * xx - x * x
        # Rounding leaves a remainder where all x are equal.
        slope = np.where(spread > 1e-12 * n * xx, (n * xy - x * y) / spread, np.nan)
        lines: Floats = (y / n)[:, None] + slope[:, None] * (at - (x / n)[:, None])
    return lines
