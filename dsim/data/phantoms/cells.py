"""Many objects at once: where they lie, and for each pixel whose it is and how far from that one's centre."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.data.phantoms.fields import Image
from dsim.data.phantoms.paint import Mask, mask_of

Numbers = NDArray[np.floating[Any]]

#: Objects are followed to this multiple of their radius, far enough for halos.
REACH = 1.7


@dataclass(frozen=True)
class Cells:
    """The parameters of n objects, each array of shape (n,) but ``centres`` (n, 2) as (y, x)."""

    centres: Numbers
    along: Numbers
    across: Numbers
    turn: Numbers
    raggedness: float = 0.0

    def __len__(self) -> int:
        return len(self.centres)


@dataclass(frozen=True)
class CellMap:
    """Pixel by pixel: ``radius`` (1 on the outline of the nearest object, REACH if none) and ``owner`` (its number)."""

    radius: Image
    owner: NDArray[np.intp]

    def of(self, values: Numbers) -> Image:
        """A value per object spread over its pixels; meaningless where radius is REACH."""
        spread: Image = values.astype(np.float32)[self.owner]
        return spread

    def inside(self, width: float = 0.15) -> Image:
        """1 within the objects, 0 outside, with a soft edge."""
        cover: Image = np.clip((1 - self.radius) / width + 0.5, 0, 1)
        return cover

    @property
    def mask(self) -> Mask:
        """255 within the objects, else 0."""
        return mask_of(self.radius < 1)


def scatter(
    rng: np.random.Generator, count: int, spacing: float, preference: Image | None = None, margin: float = 0.03
) -> Numbers:
    """Centres (count, 2): random, then pushed apart where they are nearer than the spacing, so that some still touch.

    With a preference (a square field) they gather where it is high.
    """
    candidates = rng.uniform(-margin, 1 + margin, (4 * count, 2))
    luck = rng.gumbel(size=4 * count)
    if preference is not None:
        side = len(preference)
        row, column = np.clip((candidates * side).astype(int), 0, side - 1).T
        luck = luck + 2.0 * preference[row, column]
    centres: Numbers = candidates[np.argsort(-luck, kind="stable")[:count]]
    for _ in range(6):
        centres = centres + _push(centres, spacing)
    return centres


def _push(centres: Numbers, spacing: float) -> Numbers:
    """The step (n, 2) that takes each centre away from those too near."""
    apart = centres[:, None] - centres[None]
    distance = np.hypot(apart[..., 0], apart[..., 1]) + 1e-9
    overlap = np.clip(spacing - distance, 0, None) * 0.45
    np.fill_diagonal(overlap, 0.0)
    step: Numbers = (apart / distance[..., None] * overlap[..., None]).sum(1)
    return step


def rasterise(rng: np.random.Generator, cells: Cells, size: int) -> CellMap:
    """Lay the objects on a square of this many pixels; where two overlap, the relatively nearer centre wins."""
    half = int(np.ceil(REACH * max(cells.along.max(), cells.across.max()) * size))
    patches = _patches(rng, cells, size, half)
    radius = np.full((size + 4 * half + 1,) * 2, REACH, np.float32)
    owner = np.zeros(radius.shape, np.intp)
    # The canvas has a border of 2 * half, so that the patch of any object that can be seen lies on it as a whole.
    corners = np.floor(cells.centres * size).astype(int) + half
    seen = ((corners >= 0) & (corners < size + 2 * half)).all(1)
    for number in np.flatnonzero(seen).tolist():
        top, left = corners[number].tolist()
        window = np.s_[top : top + 2 * half + 1, left : left + 2 * half + 1]
        nearer = patches[number] < radius[window]
        radius[window][nearer] = patches[number][nearer]
        owner[window][nearer] = number
    inner = np.s_[2 * half : 2 * half + size, 2 * half : 2 * half + size]
    return CellMap(np.ascontiguousarray(radius[inner]), np.ascontiguousarray(owner[inner]))


def _patches(rng: np.random.Generator, cells: Cells, size: int, half: int) -> Image:
    """Each object's own radius field, (n, 2 * half + 1, 2 * half + 1), centred on the pixel that holds its centre."""
    offset = np.arange(-half, half + 1)
    fraction = cells.centres * size - np.floor(cells.centres * size) - 0.5
    dy = ((offset - fraction[:, :1]) / size).astype(np.float32)[:, :, None]
    dx = ((offset - fraction[:, 1:]) / size).astype(np.float32)[:, None, :]
    cos, sin, along, across = (
        values.astype(np.float32)[:, None, None]
        for values in (np.cos(cells.turn), np.sin(cells.turn), cells.along, cells.across)
    )
    u, v = (dx * cos + dy * sin) / along, (dy * cos - dx * sin) / across
    radius = np.hypot(u, v)
    return radius / _contour(rng, u / (radius + 1e-6), v / (radius + 1e-6), cells.raggedness)


def _contour(rng: np.random.Generator, cos: Image, sin: Image, raggedness: float) -> Image:
    """Contours by their second and third harmonics, from cosine and sine of the polar angle (n, p, p)."""
    weight = rng.standard_normal((4, len(cos), 1, 1), dtype=np.float32) * raggedness
    weight[2:] *= 0.5  # strong third harmonics make triangles, which cells are not
    cos2, sin2 = cos * cos - sin * sin, 2 * cos * sin
    cos3, sin3 = cos * cos2 - sin * sin2, sin * cos2 + cos * sin2
    contour: Image = 1 + weight[0] * cos2 + weight[1] * sin2 + weight[2] * cos3 + weight[3] * sin3
    return np.clip(contour, 0.4, 1.7)
