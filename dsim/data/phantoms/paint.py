"""Seeded building blocks: smooth noise, speckle, blur, steps, ellipses, colours, strokes.

All lengths are shares of the image's side. Random draws never depend on the size in pixels, so that one scene can be
rendered at any resolution.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Intensities or distances pixel by pixel, float32; (H, W), or (H, W, 3) for colour.
Image = NDArray[np.floating[Any]]

#: Standard deviation of a cubic B-spline surface over independent unit normal control points.
_SPLINE_STD = 151 / 315


@lru_cache(maxsize=16)
def grid(size: int) -> tuple[Image, Image]:
    """Pixel centres y (down) and x (right), each (size, size), in (0, 1); shared, so read only."""
    axis = ((np.arange(size) + 0.5) / size).astype(np.float32)
    y, x = np.meshgrid(axis, axis, indexing="ij")
    y.flags.writeable = x.flags.writeable = False
    return y, x


@lru_cache(maxsize=256)
def _spline(size: int, cells: int) -> tuple[NDArray[np.intp], Image]:
    """Uniform cubic B-spline with this many intervals: first control point (size,) and four weights (4, size)."""
    position = (np.arange(size) + 0.5) / size * cells
    first = np.minimum(position.astype(np.intp), cells - 1)
    t = position - first
    weights = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]) / 6
    return first, weights.astype(np.float32)


def smooth(rng: np.random.Generator, size: int, cells: int | tuple[int, int]) -> Image:
    """Smooth noise (size, size) of mean 0 and standard deviation 1, with this many bumps per side (down, across)."""
    down, across = (cells, cells) if isinstance(cells, int) else cells
    knots = rng.standard_normal((down + 3, across + 3), dtype=np.float32)
    # Four taps per axis, summed in a fixed order: a matrix product would be threaded, and may round as it likes.
    row, weights = _spline(size, down)
    lines = sum(weights[k][:, None] * knots[row + k] for k in range(4))
    column, weights = _spline(size, across)
    surface: Image = sum(lines[:, column + k] * weights[k] for k in range(4))
    return surface / _SPLINE_STD


def fractal(rng: np.random.Generator, size: int, cells: int, octaves: int = 3, falloff: float = 0.6) -> Image:
    """Octaves of smooth noise (size, size), each twice as fine and weaker by ``falloff``; standard deviation 1."""
    surface = smooth(rng, size, cells)
    for k in range(1, octaves):
        surface += falloff**k * smooth(rng, size, cells * 2**k)
    return surface / float(sum(falloff ** (2 * k) for k in range(octaves)) ** 0.5)


def speckle(rng: np.random.Generator, size: int, grain: tuple[int, int]) -> Image:
    """Fully developed speckle (size, size): magnitude of a complex Gaussian field, Rayleigh with mean square 1."""
    magnitude: Image = np.hypot(smooth(rng, size, grain), smooth(rng, size, grain))
    return magnitude / 2**0.5


def soft(field: Image, edge: float, width: float) -> Image:
    """Smooth step, (h, w) like the field: 0 where it is well below the edge, 1 well above; ``width`` is the ramp."""
    t: Image = np.clip((field - edge) / width + 0.5, 0, 1)
    return t * t * (3 - 2 * t)


def within(radius: Image, edge: float = 1.0, width: float = 0.2) -> Image:
    """The reverse of ``soft``, (h, w) like the radius: 1 well inside the edge, 0 well outside."""
    return soft(-radius, -edge, width)


def bump(field: Image, centre: float, width: float) -> Image:
    """Gaussian ridge, (h, w) like the field, of height 1 where that equals the centre."""
    ridge: Image = np.exp(-(((field - centre) / width) ** 2))
    return ridge


def blur(image: Image, sigma: float) -> Image:
    """Gaussian blur of (h, w[, c]) over the first two axes; sigma in pixels, below a tenth it does nothing."""
    from scipy.ndimage import gaussian_filter

    if sigma < 0.1:
        return image
    axes = (sigma, sigma, 0.0)[: image.ndim]
    blurred: Image = gaussian_filter(image, axes, mode="nearest", truncate=3.0)
    return blurred


def polar(y: Image, x: Image, centre: list[float], axes: tuple[float, float], turn: float = 0.0) -> tuple[Image, Image]:
    """Radius (1 on an ellipse) and polar angle at points (y, x) about a centre [y, x]; axes are (along, across)."""
    dy, dx = y - centre[0], x - centre[1]
    cos, sin = float(np.cos(turn)), float(np.sin(turn))
    along, across = (dx * cos + dy * sin) / axes[0], (dy * cos - dx * sin) / axes[1]
    return np.hypot(along, across), np.arctan2(across, along)


def ellipse(size: int, centre: list[float], axes: tuple[float, float], turn: float = 0.0) -> Image:
    """Radius (size, size), 1 on an ellipse."""
    return polar(*grid(size), centre, axes, turn)[0]


def stretched(radius: float, aspect: float) -> tuple[float, float]:
    """Axes (along, across) of an ellipse of this aspect whose area is that of the circle."""
    return radius * aspect**0.5, radius * aspect**-0.5


def outline(rng: np.random.Generator, angle: Image, raggedness: float, waves: int = 6) -> Image:
    """A closed contour: radius (h, w), about 1, at polar angles (h, w); raggedness is about its standard deviation."""
    frequency = np.arange(2, waves + 2)[:, None]
    amplitude = rng.standard_normal((waves, 1)) / frequency**0.7
    phase = rng.uniform(0, 2 * np.pi, (waves, 1))
    # The contour is computed on a fine ring and looked up: far cheaper than cosines at every pixel.
    ring = np.linspace(-np.pi, np.pi, 361)
    radius = 1 + raggedness * (amplitude * np.cos(frequency * ring + phase)).sum(0)
    contour = np.clip(radius, 0.3, 2.0).astype(np.float32)
    looked_up: Image = contour[np.round((angle + np.pi) * (180 / np.pi)).astype(np.intp)]
    return looked_up


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
    """A colour float32 (3,) near another (3,): each channel is multiplied by a log-normal factor of this spread."""
    varied: Image = colour * np.exp(rng.normal(0, spread)).astype(np.float32)
    return varied


def over(pixels: Image, colour: Image, cover: Image) -> Image:
    """Pixels (H, W, 3) with a colour (3,) laid over them where cover (H, W) is 1."""
    veil = cover[..., None]
    return pixels * (1 - veil) + colour * veil


def mask_of(inside: NDArray[np.bool_]) -> Mask:
    """uint8 (h, w): 255 inside, else 0."""
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
    """A stroke along the path (n, 2) whose widths (n,) go from the first to the last."""
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
