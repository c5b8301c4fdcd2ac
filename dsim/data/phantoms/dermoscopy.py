"""Dermoscopy: a pigmented lesion on skin, seen through gel: network, veil, milia, hair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsim.data.phantoms.camera import Scene, Sitting
from dsim.data.phantoms.fields import Image, bump, fractal, grid, outline, polar, smooth, soft, stretched, within
from dsim.data.phantoms.paint import draw, mask_of, over, rgb, taper, vary, wander

_SKIN, _HAIR, _VEIL, _MILIA = rgb(0.89, 0.66, 0.57), rgb(0.1, 0.06, 0.05), rgb(0.40, 0.40, 0.47), rgb(0.95, 0.88, 0.7)


@dataclass(frozen=True)
class _Kind:
    """How a class of lesion looks: pigment colour, its unevenness, how ragged the outline is and how soft the edge."""

    pigment: Image
    uneven: float
    ragged: float
    edge: float


_KINDS = {
    "nevus": _Kind(rgb(0.50, 0.24, 0.16), 0.22, 0.03, 0.55),
    "melanoma": _Kind(rgb(0.28, 0.13, 0.11), 0.45, 0.12, 0.35),
    "keratosis": _Kind(rgb(0.64, 0.42, 0.26), 0.25, 0.06, 0.16),
}


def dermoscopy(sitting: Sitting) -> Scene:
    """One lesion in the middle of the field, often under hairs.

    Classes: ``nevus`` (even brown, network), ``melanoma`` (dark, uneven, ragged, a blue-white veil), ``keratosis``
    (tan, sharp edge, pale milia).
    """
    size, kind = sitting.size, _KINDS[sitting.label]
    radius = _lesion_radius(sitting, kind)
    lesion = within(radius, 1.0, kind.edge)
    depth = 0.8 + 0.35 * within(radius, 0.55, 0.8) + kind.uneven * fractal(sitting.layout, size, 4)
    depth = depth + 0.28 * sitting.style.grain * _network(sitting) * bump(radius, 0.7, 0.4)
    # Pigment absorbs: its colour is a transmission, raised to the power of its depth.
    absorbed = (lesion * np.clip(depth, 0.2, 1.9))[..., None]
    pixels = _skin(sitting) * (kind.pigment / _SKIN) ** absorbed
    pixels = over(_features(sitting, pixels, lesion), _HAIR, 0.85 * _hair(sitting))
    return Scene(pixels, mask_of(radius < 1))


def _lesion_radius(sitting: Sitting, kind: _Kind) -> Image:
    """Distance from the lesion's centre; 1 on its outline."""
    rng, content, size = sitting.layout, sitting.content, sitting.size
    mean = 0.24 * content.growth**0.75 * float(np.exp(rng.normal(0, 0.1)))
    axes = stretched(mean, 1 + (0.15 + 0.9 * content.shape) * rng.uniform(0.3, 1))
    radius, angle = polar(*grid(size), rng.normal(0.5, 0.03, 2).tolist(), axes, rng.uniform(0, np.pi))
    return radius / outline(rng, angle, kind.ragged + 0.08 * content.shape) + 0.03 * smooth(rng, size, 14)


def _skin(sitting: Sitting) -> Image:
    """Skin (H, W, 3): each patient's tone, blotches of blood, fine furrows."""
    size, rng = sitting.size, sitting.surface
    tone = vary(sitting.patient, _SKIN, (0.03, 0.06, 0.05))
    blood = 0.045 * fractal(rng, size, 3)[..., None] * rgb(0.25, 1.0, 0.9)
    furrows = 0.022 * sitting.style.grain * (fractal(rng, size, 16, octaves=2) + smooth(rng, size, 36))
    return tone * (1 - blood + furrows[..., None])


def _network(sitting: Sitting) -> Image:
    """The pigment network: ridges along the zero lines of two band-limited fields, a mesh of about mean 0."""
    lines = [np.abs(smooth(sitting.surface, sitting.size, 26)) for _ in range(2)]
    return 1.6 * bump(np.minimum(*lines), 0.0, 0.26) - 0.7


def _features(sitting: Sitting, pixels: Image, lesion: Image) -> Image:
    """What sets the classes apart inside the lesion: a veil, or milia."""
    if sitting.label == "melanoma":
        return over(pixels, _VEIL, 0.5 * lesion * soft(smooth(sitting.layout, sitting.size, 3), 0.7, 1.0))
    if sitting.label == "keratosis":
        return over(pixels, _MILIA, 0.75 * lesion * soft(smooth(sitting.layout, sitting.size, 18), 1.6, 0.5))
    return pixels


def _hair(sitting: Sitting) -> Image:
    """Coverage by hairs; the density knob grows them."""
    rng = sitting.layout
    comb = rng.uniform(0, np.pi)
    strokes = []
    for _ in range(rng.poisson(5 * sitting.content.amount)):
        start, heading = rng.uniform(-0.1, 1.1, 2).tolist(), comb + rng.normal(0, 0.5)
        width = rng.uniform(0.004, 0.009)
        strokes.append(taper(wander(rng, start, heading, rng.uniform(0.3, 0.9), 0.8), width, width))
    return draw(strokes, sitting.size)
