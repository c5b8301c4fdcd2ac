"""Pearson correlation of all pairs of images: every image is standardised once, then a pair costs one inner product."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def standardise(images: NDArray[Any]) -> NDArray[np.float32]:
    """Images with mean 0 and unit Euclidean norm, so that their inner product is Pearson's correlation.

    Parameters
    ----------
    images : (n, ...), any numeric dtype; each image is standardised over all its pixels, in float64.

    Returns
    -------
    float32 of the same shape. An image whose pixels are all equal has no correlation and becomes NaN.

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
    """Pearson's correlation of every image of ``a`` with every image of ``b``, as one matrix product.

    Parameters
    ----------
    a, b : standardised images, (n, ...) and (m, ...) with equal image shapes; see ``standardise``.

    Returns
    -------
    (n, m), similarities in [-1, 1]; NaN where either image is constant. Within 1e-6 of ``np.corrcoef``.

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
    """The largest Pearson correlation over all circular shifts of one image against the other.

    Parameters
    ----------
    a, b : standardised images, (n, H, W) and (m, H, W); see ``standardise``.

    Returns
    -------
    (n, m), similarities in [0, 1]: over all shifts the correlation averages 0, so its maximum is never below it.

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
