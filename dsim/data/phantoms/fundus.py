"""Colour fundus photographs: a lit disc of retina with optic disc, macula and branching vessels."""

from __future__ import annotations

import numpy as np

from dsim.data.phantoms.camera import Scene, Sitting
from dsim.data.phantoms.fields import (
    Image,
    blur,
    bump,
    ellipse,
    fractal,
    grid,
    outline,
    polar,
    smooth,
    stretched,
    within,
)
from dsim.data.phantoms.paint import Mask, Path, Stroke, draw, mask_of, over, rgb, taper, vary, walk, wander

_RETINA, _DISC, _CUP = rgb(0.80, 0.36, 0.13), rgb(0.93, 0.71, 0.36), rgb(0.99, 0.87, 0.62)
_VEIN, _ARTERY, _BLEEDING, _EXUDATE = (
    rgb(0.45, 0.10, 0.05),
    rgb(0.62, 0.20, 0.08),
    rgb(0.42, 0.08, 0.05),
    rgb(0.97, 0.86, 0.45),
)


def fundus(sitting: Sitting) -> Scene:
    """Macula-centred retina of a left or right eye; the mask is the optic disc.

    Classes: ``healthy``, and ``retinopathy`` with dark red bleedings and yellow exudates.
    """
    size, rng = sitting.size, sitting.layout
    side = 1 if rng.random() < 0.5 else -1
    disc = [0.5 + rng.normal(0, 0.015), 0.5 + side * rng.uniform(0.2, 0.26)]
    pixels = _retina(sitting, [disc[0] + 0.03, disc[1] - side * 0.29])
    if sitting.label == "retinopathy":
        pixels = _lesions(sitting, pixels)
    pixels, mask = _optic_disc(sitting, pixels, disc)
    for colour, strength, width in ((_VEIN, 0.75, 1.0), (_ARTERY, 0.6, 0.7)):
        lit = colour * (0.4 + 0.6 * pixels[..., :1] / _RETINA[0])
        pixels = over(pixels, lit, strength * draw(_arcades(sitting, disc, -side, width), size))
    aperture = within(ellipse(size, [0.5, 0.5], (0.475, 0.475)), 1.0, 0.03)
    return Scene(pixels, mask, aperture)


def _retina(sitting: Sitting, macula: list[float]) -> Image:
    """Orange ground (H, W, 3): each patient's pigment, choroidal mottle, the dark macula, fading to the rim."""
    size, rng = sitting.size, sitting.surface
    tone = vary(sitting.patient, _RETINA, (0.08, 0.12, 0.2))
    mottle = 0.05 * fractal(rng, size, 8) + 0.03 * smooth(rng, size, 3)
    spot = bump(ellipse(size, macula, (0.1, 0.09)), 0.0, 1.0)
    rim = ellipse(size, [0.5, 0.5], (0.5, 0.5)) ** 3
    light = np.clip(1 + sitting.style.grain * mottle - 0.42 * spot - 0.28 * rim, 0.05, None)
    # Green and blue fade faster than red, as they do in blood and pigment.
    ground: Image = tone * light[..., None] ** rgb(0.8, 1.15, 1.2)
    return ground


def _optic_disc(sitting: Sitting, pixels: Image, centre: list[float]) -> tuple[Image, Mask]:
    """The pale disc with its brighter cup and a glow around it; pixels and the disc's mask."""
    rng, content = sitting.layout, sitting.content
    mean = 0.07 * content.growth**0.8 * float(np.exp(rng.normal(0, 0.07)))
    axes = stretched(mean, 1 + 0.6 * content.shape * rng.uniform(0.4, 1))
    radius, angle = polar(*grid(sitting.size), centre, axes, rng.normal(np.pi / 2, 0.3))
    radius = radius / outline(rng, angle, 0.015)
    pixels = pixels * (1 + 0.12 * bump(radius, 0.0, 2.0))[..., None]
    pixels = over(pixels, _DISC, 0.88 * within(radius, 1.0, 0.3))
    pixels = over(pixels, _CUP, 0.7 * within(radius, rng.uniform(0.4, 0.6), 0.3))
    return pixels, mask_of(radius < 1)


def _arcades(sitting: Sitting, disc: list[float], temporal: int, width: float) -> list[Stroke]:
    """Vessels from the disc: two arcades bend around the macula, two shorter trunks run to the nose; all branch."""
    rng, content = sitting.layout, sitting.content
    strokes: list[Stroke] = []
    for up in (-1, 1):
        sweep, nasal = -up * rng.uniform(1.25, 1.7), up * rng.uniform(0.6, 1.1)
        trunks = (
            (_arc(rng, disc, up * 1.75, sweep, rng.uniform(0.62, 0.75), temporal), 0.019 * width),
            (_arc(rng, disc, nasal, up * 0.3, rng.uniform(0.25, 0.4), -temporal), 0.013 * width),
        )
        for path, caliber in trunks:
            strokes.append(taper(path, caliber, 0.3 * caliber))
            strokes += _branches(rng, path, caliber, round(7 * content.amount), 0.4 + content.shape)
    return strokes


def _arc(
    rng: np.random.Generator, start: list[float], heading: float, sweep: float, length: float, mirror: int
) -> Path:
    """A path whose heading turns steadily by ``sweep``, with some wander."""
    headings = heading + sweep * np.linspace(0, 1, 27) ** 0.8 + np.cumsum(rng.normal(0, 0.07, 27))
    return walk(start, headings, length, mirror)


def _branches(rng: np.random.Generator, path: Path, caliber: float, count: int, bend: float) -> list[Stroke]:
    """Thinner vessels that leave a path to alternate sides."""
    strokes: list[Stroke] = []
    for k in range(count):
        at = int(rng.integers(4, len(path) - 2))
        down, right = (path[at + 1] - path[at]).tolist()
        heading = float(np.arctan2(down, right)) + (1 if k % 2 else -1) * rng.uniform(0.5, 1.0)
        branch = wander(rng, path[at].tolist(), heading, rng.uniform(0.1, 0.28), bend, 14)
        strokes.append(taper(branch, 0.6 * caliber, 0.2 * caliber))
    return strokes


def _lesions(sitting: Sitting, pixels: Image) -> Image:
    """Bleedings and hard exudates in clusters; the density knob multiplies them."""
    rng, size = sitting.layout, sitting.size
    for colour, count, width in ((_BLEEDING, 14, 0.022), (_EXUDATE, 16, 0.019)):
        number = max(3, round(count * sitting.content.amount))
        spots = rng.normal(rng.uniform(0.35, 0.65, 2), 0.14, (number, 2))
        dots = [taper(np.stack([at, at + 0.004]), width, width * rng.uniform(0.7, 1.8)) for at in spots]
        pixels = over(pixels, colour, 0.85 * blur(draw(dots, size), 0.004 * size))
    return pixels
