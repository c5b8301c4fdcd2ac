"""Photographs in colour: the fundus of an eye, a lesion of the skin, and polyps of the colon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsim.data.phantoms.camera import Scene, Sitting
from dsim.data.phantoms.paint import (
    Image,
    Mask,
    Path,
    Stroke,
    blur,
    bump,
    draw,
    ellipse,
    fractal,
    grid,
    mask_of,
    outline,
    over,
    polar,
    rgb,
    smooth,
    soft,
    stretched,
    taper,
    vary,
    walk,
    wander,
    within,
)

_RETINA, _DISC, _CUP = rgb(0.80, 0.36, 0.13), rgb(0.93, 0.71, 0.36), rgb(0.99, 0.87, 0.62)
_VEIN, _ARTERY, _BLEEDING, _EXUDATE = (
    rgb(0.45, 0.10, 0.05),
    rgb(0.62, 0.20, 0.08),
    rgb(0.42, 0.08, 0.05),
    rgb(0.97, 0.86, 0.45),
)


def fundus(sitting: Sitting) -> Scene:
    """Macula-centred retina (size, size, 3) of a left or right eye; the mask is the optic disc.

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
    """The sign of the class inside the lesion: a veil, or milia."""
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


_MUCOSA, _LIGHT = rgb(0.88, 0.50, 0.38), rgb(1.0, 0.98, 0.94)


def endoscopy(sitting: Sitting) -> Scene:
    """The inside of a colon, (size, size, 3); the mask is the polyps.

    Classes: ``adenoma`` is red and lobed, with a pitted surface; ``hyperplastic`` is pale, small and smooth.
    """
    size, rng = sitting.size, sitting.layout
    radius = _polyps(sitting)
    polyp = within(radius, 1.0, 0.12)
    # Light and camera are one: what turns away from them darkens, and so does what is far.
    dome = np.sqrt(np.clip(1 - radius**2, 0, 1))
    contact = 0.5 * bump(radius, 1.0, 0.22) * (1 - polyp)
    shade = _wall(sitting) * (1 - contact) * (1 - polyp) + (0.42 + 0.58 * dome) * polyp
    shade = shade * (1 + 0.05 * sitting.style.grain * fractal(sitting.surface, size, 12))
    pixels = _mucosa(sitting, polyp) * (0.1 + 0.95 * shade)[..., None]
    wet = soft(smooth(rng, size, (36, 26)), 2.1, 0.6) * soft(shade, 0.72, 0.3)
    crown = soft(smooth(rng, size, 16), 0.9, 0.4) * within(radius, 0.4, 0.3)
    return Scene(over(pixels, _LIGHT, 0.9 * np.maximum(wet, crown)), mask_of(radius < 1), _frame(size))


def _wall(sitting: Sitting) -> Image:
    """Brightness of the wall of the tube: dark in the lumen, each fold bright before its ridge and shadowed behind."""
    size, rng, content = sitting.size, sitting.layout, sitting.content
    away = rng.uniform(0, 2 * np.pi)
    lumen = [0.5 + 0.27 * float(np.sin(away)), 0.5 + 0.27 * float(np.cos(away))]
    radius, angle = polar(*grid(size), lumen, (0.2, 0.2))
    radius = radius / outline(rng, angle, 0.06 + 0.1 * content.shape, waves=4) + 0.12 * smooth(rng, size, 2)
    radius = np.clip(radius, 0.02, None)
    # Folds crowd together towards the lumen: even steps in the logarithm of the radius.
    phase = (1.1 * content.amount**0.5 * np.log(radius + 0.25) / 0.7 + rng.uniform(0, 1)) % 1.0
    crescent = soft(smooth(rng, size, 2), -0.4, 1.6)
    folds = 1 - 0.5 * crescent * (1 - phase) ** 1.5 * soft(phase, 0.06, 0.12)
    wall: Image = folds * (1 - 0.96 * np.exp(-((radius / 0.95) ** 2))) * (0.92 + 0.06 * smooth(rng, size, 3))
    return wall


def _polyps(sitting: Sitting) -> Image:
    """Distance from the centre of the nearest polyp; 1 on its outline, at most 3."""
    size, rng, content = sitting.size, sitting.layout, sitting.content
    adenoma = sitting.label == "adenoma"
    nearest: Image = np.full((size, size), 3.0, np.float32)
    for _ in range(max(1, round(1.3 * content.amount * rng.uniform(0.6, 1.4)))):
        mean = (0.16 if adenoma else 0.12) * content.growth**0.8 * float(np.exp(rng.normal(0, 0.12)))
        axes = stretched(mean, 1 + (0.2 + content.shape) * rng.uniform(0.2, 1))
        radius, angle = polar(*grid(size), rng.uniform(0.3, 0.7, 2).tolist(), axes, rng.uniform(0, np.pi))
        nearest = np.minimum(nearest, radius / outline(rng, angle, 0.06 if adenoma else 0.02))
    return nearest


def _mucosa(sitting: Sitting, polyp: Image) -> Image:
    """Colour of the surface (H, W, 3): pink, blotched, with fine vessels; polyps redder or paler."""
    size, grain, rng = sitting.size, sitting.style.grain, sitting.layout
    strokes = []
    for start in rng.uniform(0, 1, (16, 2)).tolist():
        path = wander(rng, start, rng.uniform(0, 2 * np.pi), rng.uniform(0.15, 0.4), 2.5, 16)
        strokes.append(taper(path, 0.009, 0.003))
    blood = grain * (0.07 * fractal(sitting.surface, size, 5) + 0.2 * draw(strokes, size) * (1 - polyp))
    pits = 0.12 * grain * smooth(sitting.surface, size, 24)
    blood = blood + polyp * (0.28 + pits if sitting.label == "adenoma" else -0.16)
    tone = vary(sitting.patient, _MUCOSA, (0.03, 0.07, 0.08))
    colour: Image = tone * np.exp(-1.2 * blood[..., None] * rgb(0.15, 1.0, 0.95))
    return colour


def _frame(size: int) -> Image:
    """The scope's picture: a square with cut corners on black."""
    y, x = grid(size)
    u, v = np.abs(x - 0.5), np.abs(y - 0.5)
    return within(np.maximum(np.maximum(u, v) / 0.465, (u + v) / 0.8), 1.0, 0.02)
