"""How well two small gray pictures agree after the best of 8 symmetries and a small shift, brightness aside."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsim.maps.quality.traits import TURNS, turn

Floats = NDArray[np.float32]
Integers = NDArray[np.intp]

#: Share of the side by which one picture may be shifted, and cycles per side that are compared: finer ones are what
#: JPEG and resampling change.
SHIFT, FINEST = 1 / 8, 11
#: Power below this share of the mean is not amplified; pictures that the power is measured on.
_FLOOR, _MEASURED = 0.02, 2048
#: Pairs that are aligned together.
_PAIRS = 256


class Alignment(NamedTuple):
    """Of p pairs: ``score`` : float64 (p,), in [-1, 1], 1 for copies. ``symmetry`` : intp (p,), of the second picture,
    as ``TURNS`` counts them. ``shift`` : intp (p, 2), rows and columns by which it was moved.
    """

    score: NDArray[np.float64]
    symmetry: Integers
    shift: Integers


class Whitener:
    """Makes pictures of one collection comparable: what all of them have in common counts little.

    Two cells are both discs, and two chest X-rays both chests: their plain correlation is that of copies. Here each
    frequency is divided by its mean power over the collection, so that what differs from picture to picture decides.

    Parameters
    ----------
    pictures : (n, side, side), of the collection; the power is measured on an even choice of them.
    """

    def __init__(self, pictures: NDArray[np.floating]) -> None:
        side = pictures.shape[-1]
        chosen = pictures[:: -(-len(pictures) // _MEASURED)]
        edge = np.sqrt(np.hanning(side + 2)[1:-1])
        self._window = np.outer(edge, edge).astype(np.float32)
        spectra = np.abs(np.fft.fft2(_standardised(chosen) * self._window)) ** 2
        power = _over_symmetries(spectra.mean(axis=0))
        cycles = np.hypot(*np.meshgrid(*[np.fft.fftfreq(side) * side] * 2))
        self._filter = (cycles <= FINEST) / np.sqrt(power + _FLOOR * power.mean() + 1e-12)
        shifts = np.abs(np.fft.fftfreq(side)) <= SHIFT
        self.near = np.outer(shifts, shifts)

    def whiten(self, pictures: NDArray[np.floating]) -> Floats:
        """Return whitened pictures of norm 1, float32 (n, side, side)."""
        spectra = np.fft.fft2(_standardised(pictures) * self._window) * self._filter
        white = np.fft.ifft2(spectra).real
        norms = np.sqrt((white**2).sum(axis=(-2, -1), keepdims=True))
        return np.asarray(white / np.maximum(norms, 1e-12), dtype=np.float32)

    def soften(self, pictures: NDArray[np.floating], finest: int = 7) -> Floats:
        """Return half-whitened, coarse pictures as unit vectors, float32 (n, 2 (finest + 1), same): for a search.

        A small shift changes them less than fully whitened ones.
        """
        spectra = np.fft.fft2(_standardised(pictures) * self._window) * np.sqrt(self._filter)
        places = np.r_[0 : finest + 1, -finest - 1 : 0]
        coarse = spectra[:, places[:, None], places]
        coarse[:, finest + 1], coarse[:, :, finest + 1] = 0, 0  # the frequency that a turn would move
        soft = np.fft.ifft2(coarse).real
        norms = np.sqrt((soft**2).sum(axis=(-2, -1), keepdims=True))
        return np.asarray(soft / np.maximum(norms, 1e-12), dtype=np.float32)


def _standardised(pictures: NDArray[np.floating]) -> Floats:
    values = pictures.astype(np.float32)
    values = values - values.mean(axis=(-2, -1), keepdims=True)
    return np.asarray(values / np.maximum(values.std(axis=(-2, -1), keepdims=True), 1e-6), dtype=np.float32)


def _over_symmetries(power: NDArray[np.floating]) -> NDArray[np.floating]:
    """The mean of a power spectrum (side, side) over the symmetries of the square: of frequencies f and -f, u and v."""
    negative = np.roll(power[::-1], 1, axis=0)
    both = (power + negative) / 2
    return (both + both.T) / 2


def align(
    first: NDArray[np.floating], second: NDArray[np.floating], whitener: Whitener, *, finely: bool = True
) -> Alignment:
    """Return the best alignment of each pair of pictures (p, side, side).

    The score is the correlation of the whitened pictures at the symmetry and shift at which they correlate best;
    ``finely`` : shifted by fractions of a pixel, and only where they overlap.

    References
    ----------
    Kuglin and Hines 1975 (phase correlation), Proceedings of the IEEE Conference on Cybernetics and Society, 163-165.
    """
    parts = []
    for start in range(0, len(first), _PAIRS):
        chosen = slice(start, start + _PAIRS)
        parts.append(_aligned(whitener.whiten(first[chosen]), whitener.whiten(second[chosen]), whitener.near, finely))
    if not parts:
        return Alignment(np.zeros(0), np.zeros(0, np.intp), np.zeros((0, 2), np.intp))
    return Alignment(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def _aligned(first: Floats, second: Floats, near: NDArray[np.bool_], finely: bool) -> Alignment:
    from scipy.fft import irfft2, rfft2

    count, side = len(first), first.shape[-1]
    spectra = rfft2(first)
    score, symmetries = np.full(count, -np.inf), np.zeros(count, np.intp)
    shift, around = np.zeros((count, 2), np.intp), np.zeros((count, 3, 3))
    for symmetry in range(len(TURNS)):
        table = irfft2(spectra * np.conj(rfft2(turn(second, symmetry))), s=(side, side))
        places = np.where(near, table, -np.inf).reshape(count, -1).argmax(axis=1)
        peaks = table.reshape(count, -1)[np.arange(count), places]
        for pair in np.flatnonzero(peaks > score).tolist():
            down, right = divmod(int(places[pair]), side)
            score[pair], symmetries[pair], shift[pair] = peaks[pair], symmetry, (down, right)
            steps = np.arange(-1, 2)
            around[pair] = table[pair][np.ix_((down + steps) % side, (right + steps) % side)]
    shift = np.where(shift > side // 2, shift - side, shift)
    if finely:
        pairs = zip(first, second, symmetries.tolist(), shift + _summits(around), strict=True)
        fine = [_overlap(one, turn(other, symmetry), moved) for one, other, symmetry, moved in pairs]
        score = np.maximum(score, fine)
    return Alignment(np.minimum(score, 1.0), symmetries, shift)


def _summits(around: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the parabolas through each peak (p, 3, 3) and its neighbours have their maximum, (p, 2) in [-0.5, 0.5]."""
    lines = np.stack([around[:, :, 1], around[:, 1, :]], axis=1)
    curvature = lines[..., 0] - 2 * lines[..., 1] + lines[..., 2]
    slope = (lines[..., 0] - lines[..., 2]) / 2
    return np.clip(np.divide(slope, curvature, out=np.zeros_like(slope), where=curvature < 0), -0.5, 0.5)


def _overlap(first: Floats, second: Floats, moved: NDArray[np.float64]) -> float:
    """Correlation of the parts that both pictures show once the second is moved by fractions of a pixel."""
    from scipy.ndimage import fourier_shift

    down, right = np.abs(np.ceil(np.abs(moved))).astype(int) * np.sign(moved).astype(int)
    height, width = first.shape
    shifted = np.fft.ifft2(fourier_shift(np.fft.fft2(second), moved)).real
    here = slice(max(down, 0), height + min(down, 0)), slice(max(right, 0), width + min(right, 0))
    a, b = first[here], shifted[here]
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / max(float(np.sqrt((a * a).sum() * (b * b).sum())), 1e-12))
