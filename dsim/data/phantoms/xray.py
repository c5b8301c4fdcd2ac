"""Frontal chest radiographs: attenuation along the ray adds up, bone is white, air is dark."""

from __future__ import annotations

import numpy as np

from dsim.data.phantoms.camera import Scene, Sitting
from dsim.data.phantoms.fields import Image, blur, bump, ellipse, fractal, grid, smooth, soft, within
from dsim.data.phantoms.paint import draw, mask_of, taper, wander


def xray(sitting: Sitting) -> Scene:
    """A chest: two lungs, heart, spine, ribs, clavicles, vessels.

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
