"""Datasets of another world than biomedicine, to see where a measure places images that belong nowhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.data.builders import from_arrays
from dsim.data.dataset import Dataset
from dsim.random import stream

_COUNT, _SIDE = 48, 160


def open_photographs(seed: int = 0) -> Dataset:
    """Return square crops of various sizes from the two photographs that scikit-learn ships: a palace and a flower.

    Two photographs are not a sample of the world: they show whether such images fall into a map's clouds, no more.
    """
    from sklearn.datasets import load_sample_images

    rng = stream(seed, "foreign photographs")
    pictures = load_sample_images().images
    return _foreign_set("photographs", [_crop(pictures[number % len(pictures)], rng) for number in range(_COUNT)])


def open_textures(seed: int = 0) -> Dataset:
    """Return gratings, checks and coloured noise of random scales, directions and colours, RGB, uint8.

    >>> open_textures().native(0).shape
    (160, 160, 3)
    """
    rng = stream(seed, "foreign textures")
    drawn = (_grating, _checks, _noise)
    return _foreign_set("textures", [_coloured(drawn[number % len(drawn)](rng), rng) for number in range(_COUNT)])


def _foreign_set(name: str, images: list[NDArray[Any]]) -> Dataset:
    return from_arrays(images, name=name, ids=[f"{name}-{number:02d}" for number in range(len(images))])


def _crop(picture: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    side = int(rng.integers(_SIDE, min(picture.shape[:2]) + 1))
    top, left = (int(rng.integers(size - side + 1)) for size in picture.shape[:2])
    return np.ascontiguousarray(picture[top : top + side, left : left + side])


def _grating(rng: np.random.Generator) -> NDArray[np.float64]:
    wave, turn = rng.uniform(6, 60), rng.uniform(0, np.pi)
    y, x = np.mgrid[:_SIDE, :_SIDE]
    lines: NDArray[np.float64] = 0.5 + 0.5 * np.sin(2 * np.pi * (x * np.cos(turn) + y * np.sin(turn)) / wave)
    return lines


def _checks(rng: np.random.Generator) -> NDArray[np.float64]:
    side = int(rng.integers(5, 40))
    y, x = np.mgrid[:_SIDE, :_SIDE] // side
    checks: NDArray[np.float64] = ((x + y) % 2).astype(np.float64)
    return checks


def _noise(rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise whose amplitude falls with a power of the frequency, stretched to [0, 1]."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(_SIDE), np.fft.rfftfreq(_SIDE), indexing="ij"))
    frequency[0, 0] = 1
    spectrum = np.fft.rfft2(rng.standard_normal((_SIDE, _SIDE))) / frequency ** rng.uniform(0, 2)
    spectrum[0, 0] = 0
    field = np.fft.irfft2(spectrum, s=(_SIDE, _SIDE))
    stretched: NDArray[np.float64] = (field - field.min()) / np.ptp(field)
    return stretched


def _coloured(field: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.uint8]:
    """From one random colour to another."""
    low, high = rng.uniform(0, 1, (2, 3))
    pixels: NDArray[np.uint8] = np.rint(255 * (low + field[..., None] * (high - low))).astype(np.uint8)
    return pixels
