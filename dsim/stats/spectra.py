"""Fourier ring correlation of all pairs of images: every spectrum is scaled once, then a pair costs one inner product.

The correlation of ring r is Re sum F1 conj(F2) / sqrt(sum |F1|^2 sum |F2|^2), summed over the ring. Once each spectrum
is divided by the root of its ring's energy, the mean over rings is a plain inner product of two real vectors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: A ring whose share of the image's energy is below this holds only rounding errors of the transform.
_DARK = 1e-24


def ring_spectra(images: NDArray[Any]) -> NDArray[np.float32]:
    """Spectra scaled such that the inner product of two is the mean of their Fourier ring correlation.

    Parameters
    ----------
    images : (n, N, N), any finite numbers; the mean of each is removed, so ring 0 is empty.

    Returns
    -------
    float32 (n, d) with d about 0.8 N^2: real and imaginary parts of the half plane in the rings 0 < r < N / 2, where r
    is the radius in cycles per image, rounded down. A ring without energy becomes 0; a constant image has no ring with
    energy, and becomes NaN.

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
    """Fourier ring correlation, averaged over the rings r < N / 2, of every image of ``a`` with every image of ``b``.

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
