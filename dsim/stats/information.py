"""Normalised mutual information of all pairs of images: every image is binned once, then a pair costs one count."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Two bin indices together must fit 16 bits: twice as quick to add and to read as 32 or 64.
MAX_BINS = 256


def bin_indices(images: NDArray[Any], bins: int = 100) -> NDArray[np.uint8]:
    """Return the histogram bin of each pixel; the bins split each image's own range evenly, as in scikit-image.

    Parameters
    ----------
    images : (n, ...), any finite numbers.
    bins : number of bins, 2 to 256. The last one includes the image's maximum. A constant image lies in bin 0.
        Raises ValueError for other numbers.

    Returns
    -------
    uint8 (n, p), the same bins as ``np.histogramdd`` chooses for float64 input.

    >>> bin_indices(np.array([[0, 1, 2, 3, 4], [7, 7, 7, 7, 7]]), bins=4).tolist()
    [[0, 1, 2, 3, 3], [0, 0, 0, 0, 0]]
    """
    if not 2 <= bins <= MAX_BINS:
        raise ValueError(f"bins must lie in [2, {MAX_BINS}], not {bins}")
    flat = images.reshape(len(images), -1)
    indices = np.zeros(flat.shape, dtype=np.uint8)
    for row, out in zip(flat, indices, strict=True):
        if np.ptp(row) > 0:
            out[:] = _even_bins(row.astype(np.float64), bins)
    return indices


def _even_bins(row: NDArray[np.float64], bins: int) -> NDArray[np.intp]:
    low, high = row.min(), row.max()
    edges = np.linspace(low, high, bins + 1)
    index: NDArray[np.intp] = np.minimum(((row - low) * (bins / (high - low))).astype(np.intp), bins - 1)
    # The division may round across an edge, by one bin at most; the edges decide.
    index -= row < edges[index]
    index += (row >= edges[index + 1]) & (index < bins - 1)
    return index


def normalised_mutual_information(a: NDArray[np.uint8], b: NDArray[np.uint8], bins: int = 100) -> NDArray[np.float64]:
    """Return the normalised mutual information (H(A) + H(B)) / H(A, B) of every image of ``a`` with every one of ``b``.

    Parameters
    ----------
    a, b : bin indices below ``bins``, (n, p) and (m, p); see ``bin_indices``.

    Returns
    -------
    (n, m), similarities from 1 (independent) to 2 (each image determines the other). A constant image is independent of
    any other, 1; for two constant images the value is 0 / 0: NaN. Equal to scikit-image's to rounding.

    References
    ----------
    Studholme, Hill and Hawkes 1999, doi:10.1016/S0031-3203(98)00091-0.

    >>> a = np.array([[0, 0, 1, 1]], dtype=np.uint8)
    >>> b = np.array([[1, 1, 0, 0], [0, 1, 0, 1]], dtype=np.uint8)
    >>> normalised_mutual_information(a, b, bins=2).tolist()
    [[2.0, 1.0]]
    """
    pixels = a.shape[1]
    surprise = _surprise_table(pixels)
    entropy_a = np.array([surprise[np.bincount(row)].sum() for row in a])
    entropy_b = np.array([surprise[np.bincount(row)].sum() for row in b])
    columns = b.astype(np.uint16)
    joint = np.empty((len(a), len(b)))
    for i, row in enumerate(a.astype(np.uint16) * np.uint16(bins)):
        for j, column in enumerate(columns):
            joint[i, j] = surprise[np.bincount(row + column)].sum()
    ratio = np.divide(entropy_a[:, None] + entropy_b, joint, out=np.full(joint.shape, np.nan), where=joint > 0)
    values: NDArray[np.float64] = np.clip(ratio, 1, 2)
    return values


def _surprise_table(pixels: int) -> NDArray[np.float64]:
    """c log(p / c) / p for c = 0 ... p: what a bin with c of p pixels adds to the entropy, in nats.

    A table, because a count is a small integer: no logarithm is left to take per pair.
    """
    count = np.arange(pixels + 1)
    share = count / pixels
    return -share * np.log(np.where(count > 0, share, 1))
