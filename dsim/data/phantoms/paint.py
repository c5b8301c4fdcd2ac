"""Colour, coverage and strokes: what is laid over a scene."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.data.phantoms.fields import Image

Mask = NDArray[np.uint8]
#: A way through the image: points (n, 2) as (y, x).
Path = NDArray[np.float64]
#: A way with the pen's width at each point (n,).
Stroke = tuple[Path, NDArray[np.float64]]

#: Strokes are drawn this many times finer, then averaged: the antialiasing that PIL's lines lack.
_OVERSAMPLING = 3


def rgb(red: float, green: float, blue: float) -> Image:
    """A colour, float32 (3,)."""
    return np.array([red, green, blue], np.float32)


def vary(rng: np.random.Generator, colour: Image, spread: tuple[float, float, float]) -> Image:
    """A colour near another: each channel multiplied by a log-normal factor of this spread."""
    varied: Image = colour * np.exp(rng.normal(0, spread)).astype(np.float32)
    return varied


def over(pixels: Image, colour: Image, cover: Image) -> Image:
    """Lay a colour over pixels (H, W, 3) where cover (H, W) is 1."""
    veil = cover[..., None]
    return pixels * (1 - veil) + colour * veil


def mask_of(inside: NDArray[np.bool_]) -> Mask:
    """255 inside, else 0."""
    return np.where(inside, np.uint8(255), np.uint8(0))


def wander(
    rng: np.random.Generator, start: list[float], heading: float, length: float, bend: float, points: int = 24
) -> Path:
    """A smooth random path (points, 2) of (y, x): the heading, in radians, drifts by about ``bend`` along the way."""
    turns = np.cumsum(rng.standard_normal(points - 1)) * bend / np.sqrt(points)
    return walk(start, heading + np.cumsum(turns) / np.sqrt(points), length)


def walk(start: list[float], headings: NDArray[np.floating[Any]], length: float, mirror: int = 1) -> Path:
    """The path (n + 1, 2) of n equal steps in these directions; mirror -1 exchanges left and right."""
    steps = np.stack([np.sin(headings), mirror * np.cos(headings)], axis=1) * length / len(headings)
    return np.concatenate([[start], start + np.cumsum(steps, axis=0)])


def taper(path: Path, first: float, last: float) -> Stroke:
    """A stroke along the path that thins from the first width to the last."""
    return path, np.linspace(first, last, len(path))


def draw(strokes: Iterable[Stroke], size: int) -> Image:
    """Coverage (size, size) in [0, 1] of antialiased strokes."""
    from PIL import Image as Pillow
    from PIL import ImageDraw

    scale = size * _OVERSAMPLING
    canvas = Pillow.new("L", (scale, scale))
    pen = ImageDraw.Draw(canvas)
    for points, widths in strokes:
        at = [(x, y) for y, x in (points * scale).tolist()]
        for start, end, width in zip(at[:-1], at[1:], (widths[1:] * scale).tolist(), strict=True):
            pen.line([start, end], fill=255, width=max(1, round(width)))
    return np.asarray(canvas.reduce(_OVERSAMPLING), np.float32) / 255
