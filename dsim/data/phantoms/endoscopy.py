"""Endoscopy: wet pink mucosa lit from the camera, folds around a dark lumen, highlights, polyps."""

from __future__ import annotations

import numpy as np

from dsim.data.phantoms.camera import Scene, Sitting
from dsim.data.phantoms.fields import Image, bump, fractal, grid, outline, polar, smooth, soft, stretched, within
from dsim.data.phantoms.paint import draw, mask_of, over, rgb, taper, vary, wander

_MUCOSA, _LIGHT = rgb(0.88, 0.50, 0.38), rgb(1.0, 0.98, 0.94)


def endoscopy(sitting: Sitting) -> Scene:
    """The inside of a colon; the mask is the polyps.

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
