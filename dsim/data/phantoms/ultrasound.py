"""B-mode ultrasound: drawn in beam space (depth by beam), compressed, then scan-converted to a sector."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from dsim.data.phantoms.camera import Scene, Sitting
from dsim.data.phantoms.fields import (
    Image,
    bump,
    fractal,
    grid,
    outline,
    polar,
    smooth,
    soft,
    speckle,
    stretched,
    within,
)
from dsim.data.phantoms.paint import mask_of

#: A convex probe: its virtual apex (y, x) lies above the image; radii of the sector and half its opening angle.
_APEX, _NEAR, _FAR, _HALF_ANGLE = (-0.42, 0.5), 0.46, 1.40, 0.46


def ultrasound(sitting: Sitting) -> Scene:
    """Layered soft tissue with bright fasciae, speckle, and dark lesions.

    Classes: a ``cyst`` is black, round, and brightens what lies behind; a ``solid`` lesion is gray, ragged, and casts
    a shadow.
    """
    size, grain, cyst = sitting.size, sitting.style.grain, sitting.label == "cyst"
    lesion = _lesions(sitting)
    behind = np.maximum.accumulate(lesion, axis=0) * (1 - lesion)
    echo = _tissue(sitting) + (0.12 if cyst else -0.2) * behind - 0.07 * soft(grid(size)[0], 0.7, 0.6)
    core = 0.05 if cyst else 0.17 + 0.04 * fractal(sitting.surface, size, 10)
    rim = (0.3 if cyst else 0.12) * bump(lesion, 0.5, 0.3)
    echo = echo * (1 - lesion) + core * lesion + rim
    # Speckle multiplies the echo, so that after log compression it is a gray level that is added.
    grains = np.log(speckle(sitting.surface, size, (44, 30)) + 0.2) + 0.1
    inside, rows, columns = _sector(size)
    frame = _convert(echo + 0.13 * grain * grains * soft(echo, 0.08, 0.1), rows, columns)
    return Scene(frame, mask_of(_convert(lesion, rows, columns) * inside > 0.5), inside)


def _tissue(sitting: Sitting) -> Image:
    """Echo level: skin, fat, gland and muscle, between wavy bright interfaces; streaks along the layers."""
    size, rng = sitting.size, sitting.layout
    wave = 0.022 * smooth(rng, size, (2, 4))
    depth = grid(size)[0] + wave
    bounds = (np.array([0.07, 0.3, 0.62, 0.86]) + rng.uniform(-0.05, 0.05, 4) * [0.2, 1, 1, 1]).tolist()
    levels = (np.array([0.62, 0.33, 0.48, 0.3, 0.24]) + rng.uniform(-0.04, 0.04, 5)).tolist()
    echo: Image = np.full((size, size), levels[0], np.float32)
    for bound, above, below in zip(bounds, levels[:-1], levels[1:], strict=True):
        echo = echo + (below - above) * soft(depth, bound, 0.03)
        echo = echo + 0.36 * rng.uniform(0.5, 1.2) * bump(depth, bound, 0.013) * soft(wave, -0.02, 0.05)
    fibres = soft(smooth(sitting.surface, size, (22, 5)), 0.9, 1.2) * soft(smooth(rng, size, (4, 3)), -0.3, 1.0)
    return echo + 0.3 * sitting.style.texture * fibres + 0.05 * smooth(rng, size, 3)


def _lesions(sitting: Sitting) -> Image:
    """Soft-edged lesions in beam space, round in the image."""
    size, rng, content = sitting.size, sitting.layout, sitting.content
    count = max(1, round(1.5 * content.amount * rng.uniform(0.7, 1.3)))
    radius = 0.115 * content.growth / count**0.25
    ragged = 0.05 + 0.08 * content.shape if sitting.label == "solid" else 0.03 * content.shape
    field: Image = np.zeros((size, size), np.float32)
    for centre in _apart(rng, count, 2.2 * radius):
        aspect = 1 + (0.35 + content.shape) * rng.uniform(0.3, 1)
        axes = stretched(radius * float(np.exp(rng.normal(0, 0.12))), aspect)
        reach, angle = polar(*_where(size), centre, axes, rng.normal(0, 0.35))
        field = np.maximum(field, within(reach / outline(rng, angle, ragged), 1.0, 0.25))
    return field


def _apart(rng: np.random.Generator, count: int, spacing: float) -> list[list[float]]:
    """Centres [y, x] within the sector; each next one is far enough from those before, or as far as may be."""
    chosen = [[rng.uniform(0.33, 0.62), rng.uniform(0.32, 0.68)]]
    while len(chosen) < count:
        candidates = rng.uniform((0.25, 0.2), (0.8, 0.8), (12, 2))
        gaps = np.linalg.norm(candidates[:, None] - np.array(chosen)[None], axis=2).min(1)
        chosen.append(candidates[np.argmax(np.minimum(gaps, spacing))].tolist())
    return chosen


@lru_cache(maxsize=8)
def _where(size: int) -> tuple[Image, Image]:
    """Where in the image, y and x, each sample of beam space (depth by beam) lies."""
    depth, beam = grid(size)
    radius, angle = _NEAR + depth * (_FAR - _NEAR), (beam * 2 - 1) * _HALF_ANGLE
    return _APEX[0] + radius * np.cos(angle), _APEX[1] + radius * np.sin(angle)


@lru_cache(maxsize=8)
def _sector(size: int) -> tuple[Image, Image, Image]:
    """The sector's aperture, and for each pixel its row (depth) and column (beam) in beam space, in samples."""
    y, x = grid(size)
    radius, angle = np.hypot(y - _APEX[0], x - _APEX[1]), np.arctan2(x - _APEX[1], y - _APEX[0])
    depth, beam = (radius - _NEAR) / (_FAR - _NEAR), angle / (2 * _HALF_ANGLE) + 0.5
    inside = (depth > 0) & (depth < 1) & (beam > 0) & (beam < 1)
    return inside.astype(np.float32), depth * size - 0.5, beam * size - 0.5


def _convert(frame: Image, rows: Image, columns: Image) -> Image:
    """Scan conversion by linear interpolation."""
    from scipy.ndimage import map_coordinates

    image: Image = map_coordinates(frame, [rows, columns], order=1, mode="nearest")
    return image
