"""Cells under three microscopes: fluorescent nuclei, phase contrast, differential interference contrast."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dsim.data.phantoms.camera import Scene, Sitting
from dsim.data.phantoms.cells import CellMap, Cells, rasterise, scatter
from dsim.data.phantoms.fields import Image, blur, bump, fractal, smooth, soft, within


def fluorescence(sitting: Sitting) -> Scene:
    """DAPI-like nuclei on a dark ground: chromatin texture, dark nucleoli, out-of-focus haze.

    Classes: ``interphase`` nuclei are round and textured; many of the ``mitotic`` ones are condensed, bright plates.
    """
    size, rng = sitting.size, sitting.layout
    cells = _spread(sitting, count=26, radius=0.058)
    condensed = rng.random(len(cells)) < (0.4 if sitting.label == "mitotic" else 0.02)
    cells = replace(
        cells,
        along=cells.along * np.where(condensed, 0.9, 1.0),
        across=cells.across * np.where(condensed, 0.42, 1.0),
    )
    brightness = np.where(condensed, 0.95, 0.5) * np.exp(0.2 * rng.standard_normal(len(cells)))
    nuclei = rasterise(rng, cells, size)
    chromatin = fractal(sitting.surface, size, 18, octaves=2)
    nucleoli = soft(smooth(sitting.surface, size, 22), 1.2, 0.6)
    dome = 1.05 - 0.3 * nuclei.radius**2
    surface = np.clip(1 + sitting.style.grain * (0.2 * chromatin - 0.4 * nucleoli), 0.15, None)
    glow = nuclei.inside() * nuclei.of(brightness) * dome * surface
    haze = blur(glow, 0.06 * size)
    return Scene(0.035 + 0.85 * glow + 0.2 * haze, nuclei.mask)


def phase_contrast(sitting: Sitting) -> Scene:
    """Adherent cells on gray: dark bodies, granules, a bright halo all round.

    Classes: ``spread`` cells lie flat and long; ``rounded`` ones ball up and shine.
    """
    size, grain, rounded = sitting.size, sitting.style.grain, sitting.label == "rounded"
    if rounded:
        cells = replace(_spread(sitting, count=15, radius=0.062), raggedness=0.02)
    else:
        cells = _spread(sitting, count=12, radius=0.085, stretch=1.9)
    body = rasterise(sitting.layout, cells, size)
    halo = bump(body.radius, 1.18, 0.2) * soft(body.radius, 0.95, 0.2)
    nucleus = bump(body.radius, 0.0, 0.42)
    if rounded:
        tone = 0.5 * nucleus - 0.28 * bump(body.radius, 0.85, 0.2) + 0.08 * halo
    else:
        tone = 0.1 * nucleus - 0.17 * body.inside() - 0.08 * bump(nucleus, 0.35, 0.1)
    ground = 0.03 * smooth(sitting.surface, size, 4) + 0.012 * grain * smooth(sitting.surface, size, 40)
    granules = 0.07 * grain * fractal(sitting.surface, size, 24, octaves=2) * body.inside()
    return Scene(0.5 + ground + tone + 0.33 * halo + granules, body.mask)


def relief(sitting: Sitting) -> Scene:
    """DIC-like relief: the gradient of optical thickness along the shear, lit from the upper left.

    Classes: ``flat`` cells are low with a visible nucleus; many of the ``dividing`` ones are tall, round and smooth.
    """
    size, rng = sitting.size, sitting.layout
    cells = _spread(sitting, count=12, radius=0.105, stretch=1.3)
    tall = rng.random(len(cells)) < (0.5 if sitting.label == "dividing" else 0.0)
    ball = 0.75 * cells.across
    cells = replace(cells, along=np.where(tall, ball, cells.along), across=np.where(tall, ball, cells.across))
    body = rasterise(rng, cells, size)
    height = _thickness(body, body.of(np.where(tall, 0.9, 0.4)))
    granules = 0.035 * fractal(sitting.surface, size, 26, octaves=2) * body.inside(0.3)
    height = height + sitting.style.grain * (granules + 0.004 * smooth(sitting.surface, size, 30))
    down, right = np.gradient(blur(height, 0.006 * size) * size)
    ground = 0.02 * smooth(sitting.surface, size, 3)
    return Scene(0.5 + ground - 0.014 * (down + right), body.mask)


def _thickness(body: CellMap, height: Image) -> Image:
    """Optical thickness of cells: a dome with a steep rim; flat cells bear a nucleus with a nucleolus."""
    dome = np.sqrt(np.clip(1 - body.radius**2, 0, 1))
    nucleus = 0.22 * within(body.radius, 0.5, 0.15) + 0.2 * within(body.radius, 0.16, 0.12)
    return height * (dome + nucleus * within(height, 0.7, 0.1))


def _spread(sitting: Sitting, count: int, radius: float, stretch: float = 1.0) -> Cells:
    """Cells all over the field: sizes vary by a sixth, the shape knob makes them longer and more ragged."""
    rng, content = sitting.layout, sitting.content
    number = max(2, round(count * content.amount * rng.uniform(0.8, 1.25)))
    radii = radius * content.growth * np.exp(0.16 * rng.standard_normal(number))
    aspect = stretch * (1 + 1.3 * content.shape * rng.uniform(0.4, 1.2, number))
    centres = scatter(rng, number, 1.8 * radius * content.growth)
    turn = rng.uniform(0, np.pi) + rng.normal(0, 0.9, number)
    return Cells(centres, radii * np.sqrt(aspect), radii / np.sqrt(aspect), turn, 0.03 + 0.12 * content.shape)
