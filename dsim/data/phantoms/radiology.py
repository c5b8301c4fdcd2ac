"""Radiology: frontal chest radiographs, and ultrasound of soft tissue."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from dsim.data.phantoms.camera import Scene, Sitting
from dsim.data.phantoms.paint import (
    Image,
    blur,
    bump,
    draw,
    ellipse,
    fractal,
    grid,
    mask_of,
    outline,
    polar,
    smooth,
    soft,
    speckle,
    stretched,
    taper,
    wander,
    within,
)


def xray(sitting: Sitting) -> Scene:
    """A chest (size, size): two lungs, heart, spine, ribs, clavicles, vessels.

    Classes: ``clear`` lungs are dark; ``opacity`` clouds parts of them, as pneumonia does.
    """
    size, rng, grain = sitting.size, sitting.layout, sitting.style.grain
    v, u = grid(size)
    u = u - (0.5 + rng.normal(0, 0.012))
    body, heart = _body(rng, u, v), _heart(rng, size)
    lungs = _lungs(sitting, u, v, heart)
    chest = 0.6 + 0.12 * within(np.abs(u), 0.22, 0.3) + 0.12 * soft(v, 0.8, 0.2)
    chest = chest + 0.03 * smooth(sitting.surface, size, 3)
    chest = chest + 0.1 * _spine(u, v, grain) + 0.06 * heart - 0.42 * lungs
    chest = chest + (0.05 + 0.06 * lungs) * _ribs(rng, u, v) * soft(v, 0.06, 0.1) + 0.13 * _clavicles(rng, size)
    chest = chest + lungs * (0.2 * _vessels(sitting) + 0.02 * grain * fractal(sitting.surface, size, 16))
    if sitting.label == "opacity":
        chest = chest + lungs * _clouds(sitting)
    return Scene(0.03 + body * chest, mask_of(lungs > 0.5))


def _body(rng: np.random.Generator, u: Image, v: Image) -> Image:
    """Soft tissue against the black of the unobstructed beam: neck, shoulders, trunk."""
    half = 0.14 + 0.5 * soft(v, rng.uniform(0.05, 0.11), 0.12) - 0.14 * soft(v, 0.5, 0.8)
    return within(np.abs(u) - half, 0.0, 0.03)


def _heart(rng: np.random.Generator, size: int) -> Image:
    """The heart's shadow, leaning to the left side of the body, and the aortic knob above it."""
    width = 0.14 * rng.uniform(0.9, 1.2)
    heart = within(ellipse(size, [0.66, 0.56], (0.21, width), 0.7), 1.0, 0.25)
    knob = within(ellipse(size, [0.36, 0.54], (0.055, 0.06)), 1.0, 0.4)
    return np.maximum(heart, knob)


def _lungs(sitting: Sitting, u: Image, v: Image, heart: Image) -> Image:
    """Lung fields in [0, 1] with soft edges: narrow apex, concave base on the domes of the diaphragm."""
    rng, content = sitting.layout, sitting.content
    grow = content.growth**0.45
    top, height = 0.5 - 0.37 * grow, (0.66 + 0.18 * content.shape) * grow
    wave = 0.07 * smooth(rng, sitting.size, 4)
    t = np.clip((v - top) / height, 0, 1)
    apex = np.sqrt(np.clip(1 - (1 - np.minimum(t / 0.5, 1)) ** 2, 0, 1))
    half = np.maximum(0.14 * grow * (1 - 0.2 * content.shape) * apex + 0.035 * t, 0.01)
    lungs = np.zeros_like(u)
    for side, lower in ((-1, 0.0), (1, 0.025)):
        across = (u * side - (0.16 + 0.075 * t)) / half
        floor = top + height * (0.95 + lower + (0.12 * soft(across, 0.0, 0.02) - 0.03) * across**2)
        field = within(np.abs(across) + wave, 1.0, 0.15) * soft(floor - v, 0.0, 0.03) * soft(v, top, 0.02)
        lungs = np.maximum(lungs, field)
    return lungs * (1 - heart) * soft(np.abs(u), 0.055, 0.025)


def _ribs(rng: np.random.Generator, u: Image, v: Image) -> Image:
    """Posterior ribs, falling outwards, and the fainter anterior ones, falling inwards; rims brighter than cores."""
    lateral = np.abs(u)
    spacing, start = rng.uniform(0.082, 0.096), rng.uniform(0, 1)
    arch = v + 0.55 * lateral - 1.35 * lateral**2 - 0.11 * soft(lateral, 0.1, 0.2)
    posterior = np.cos(2 * np.pi * (arch / spacing + start))
    anterior = np.cos(2 * np.pi * ((v + 0.9 * lateral**2 - 0.75 * lateral) / (1.25 * spacing) + start))
    band = soft(posterior, 0.35, 0.5) * (0.75 + 0.5 * bump(posterior, 0.45, 0.25))
    ribs: Image = (band + 0.4 * soft(anterior, 0.55, 0.5)) * soft(lateral, 0.05, 0.05)
    return ribs


def _spine(u: Image, v: Image, grain: float) -> Image:
    """The vertebral column: a bright band with discs between the bodies; before its upper part the dark windpipe."""
    discs = np.cos(2 * np.pi / 0.07 * v)
    trachea = bump(u, 0.0, 0.022) * within(v, 0.3, 0.1)
    spine: Image = within(np.abs(u), 0.05, 0.035) * (0.9 + 0.18 * grain * discs) - 1.3 * trachea
    return spine


def _clavicles(rng: np.random.Generator, size: int) -> Image:
    """Collar bones: from the breast bone outwards and up."""
    strokes = []
    for side in (-1, 1):
        heading = -0.28 if side > 0 else np.pi + 0.28
        path = wander(rng, [rng.uniform(0.17, 0.2), 0.5 + side * 0.06], heading, 0.34, 0.5)
        strokes.append(taper(path, 0.028, 0.028))
    return blur(draw(strokes, size), 0.006 * size)


def _vessels(sitting: Sitting) -> Image:
    """Lung vessels: from each hilum outwards, thinning."""
    rng, size = sitting.layout, sitting.size
    strokes = []
    for k in range(max(4, round(24 * sitting.content.amount))):
        side = 1 if k % 2 else -1
        heading = rng.uniform(-1.35, 1.35) + (0 if side > 0 else np.pi)
        path = wander(rng, [rng.normal(0.47, 0.02), 0.5 + 0.075 * side], heading, rng.uniform(0.12, 0.3), 1.2, 12)
        strokes.append(taper(path, 0.016, 0.004))
    return blur(draw(strokes, size), 0.007 * size)


def _clouds(sitting: Sitting) -> Image:
    """Patchy consolidation: soft bright areas, at least one."""
    rng, size = sitting.layout, sitting.size
    cloud: Image = np.zeros((size, size), np.float32)
    for k in range(max(1, round(2 * sitting.content.amount))):
        side = -1 if (k + rng.integers(2)) % 2 else 1
        centre = [rng.uniform(0.42, 0.7), 0.5 + side * rng.uniform(0.15, 0.27)]
        cloud = np.maximum(cloud, bump(ellipse(size, centre, (0.13, 0.11), rng.uniform(0, np.pi)), 0.0, 1.0))
    patchy: Image = 0.34 * cloud * np.clip(1 + 0.35 * fractal(sitting.surface, size, 6), 0.2, 1.6)
    return patchy


#: A convex probe: its virtual apex (y, x) lies above the image; radii of the sector and half its opening angle.
_APEX, _NEAR, _FAR, _HALF_ANGLE = (-0.42, 0.5), 0.46, 1.40, 0.46


def ultrasound(sitting: Sitting) -> Scene:
    """Layered soft tissue (size, size) with bright fasciae, speckle, and dark lesions.

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
