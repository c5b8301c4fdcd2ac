"""Microscopy: many objects at once, tissue stained with H&E, and cells in fluorescence, phase contrast and relief."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.data.phantoms.camera import Scene, Sitting
from dsim.data.phantoms.paint import Image, Mask, blur, bump, fractal, grid, mask_of, rgb, smooth, soft, within

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
class _CellMap:
    """``radius`` (size, size), 1 on the outline of the nearest object, REACH if none, and ``owner``, its number."""

    radius: Image
    owner: NDArray[np.intp]

    def of(self, values: Numbers) -> Image:
        """Values (n,) per object, spread over its pixels (size, size); meaningless where radius is REACH."""
        spread: Image = values.astype(np.float32)[self.owner]
        return spread

    def inside(self, width: float = 0.15) -> Image:
        """Cover (size, size): 1 within the objects, 0 outside, with a soft edge."""
        cover: Image = np.clip((1 - self.radius) / width + 0.5, 0, 1)
        return cover

    @property
    def mask(self) -> Mask:
        """uint8 (size, size): 255 within the objects, else 0."""
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


def _rasterise(rng: np.random.Generator, cells: Cells, size: int) -> _CellMap:
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
    return _CellMap(np.ascontiguousarray(radius[inner]), np.ascontiguousarray(owner[inner]))


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


#: Optical densities of the stains in R, G, B; Macenko et al. 2009, doi:10.1109/ISBI.2009.5193250.
HEMATOXYLIN = rgb(0.5626, 0.7201, 0.4062)
EOSIN = rgb(0.2159, 0.8012, 0.5581)


def histology(sitting: Sitting) -> Scene:
    """H&E (size, size, 3): purple nuclei with chromatin, pink fibrous stroma and cytoplasm, white lumina.

    Classes: ``benign`` nuclei are small and even and line the lumina; ``tumour`` nuclei are large, uneven and crowded.
    """
    size = sitting.size
    gaps = smooth(sitting.layout, size, 4)
    lumen = soft(gaps, 1.25 if sitting.label == "benign" else 1.9, 0.25)
    nuclei = _nuclei(sitting, gaps)
    hematoxylin = _nuclear_stain(sitting, nuclei) + 0.22 * (1 - lumen)
    eosin = _stroma(sitting) * (1 - lumen) * (1 - 0.6 * nuclei.inside())
    strength = np.exp(sitting.patient.normal(0, (0.1, 0.15))).tolist()
    density = strength[0] * hematoxylin[..., None] * HEMATOXYLIN + strength[1] * eosin[..., None] * EOSIN
    return Scene(0.96 * np.exp(-density), nuclei.mask)


def _nuclei(sitting: Sitting, gaps: Image) -> _CellMap:
    rng, content, tumour = sitting.layout, sitting.content, sitting.label == "tumour"
    count = max(3, round((62 if tumour else 58) * content.amount))
    radius = (0.04 if tumour else 0.029) * content.growth
    # Benign epithelium lines the lumina; tumour grows anywhere but in them.
    preference = -2.0 * soft(gaps, 1.5, 0.5) if tumour else 1.6 * bump(gaps, 0.85, 0.4) - 3.0 * soft(gaps, 1.2, 0.2)
    centres = scatter(rng, count, 1.9 * radius, preference)
    radii = radius * np.exp((0.24 if tumour else 0.12) * rng.standard_normal(count))
    aspect = 1 + (0.5 + 1.4 * content.shape) * rng.uniform(0, 1, count)
    along, across, turn = radii * np.sqrt(aspect), radii / np.sqrt(aspect), rng.uniform(0, np.pi, count)
    return _rasterise(rng, Cells(centres, along, across, turn, 0.04 + 0.12 * content.shape), sitting.size)


def _nuclear_stain(sitting: Sitting, nuclei: _CellMap) -> Image:
    """Hematoxylin: each nucleus its own depth, clumped chromatin, a dark membrane; pale centres in tumours."""
    rng = sitting.surface
    depth = 1.5 * np.exp(0.22 * rng.standard_normal(int(nuclei.owner.max()) + 1))
    surface = 1 + 0.28 * sitting.style.grain * fractal(rng, sitting.size, 20, octaves=2)
    surface = surface + 0.25 * bump(nuclei.radius, 0.88, 0.2)
    if sitting.label == "tumour":
        surface = surface - 0.3 * bump(nuclei.radius, 0.0, 0.6)
    stain: Image = nuclei.inside(0.25) * nuclei.of(depth) * np.clip(surface, 0.2, None)
    return stain


def _stroma(sitting: Sitting) -> Image:
    """Eosin: wavy collagen bundles that follow a direction, on mottled cytoplasm."""
    size, rng, grain = sitting.size, sitting.surface, sitting.style.grain
    y, x = grid(size)
    turn = sitting.layout.uniform(0, np.pi)
    along = y * float(np.sin(turn)) + x * float(np.cos(turn))
    waves = np.sin(2 * np.pi * 9 * along + 2.4 * smooth(rng, size, 4) + 1.2 * smooth(rng, size, 12))
    waves = waves * soft(smooth(rng, size, 3), 0.0, 2.0)
    mottle = fractal(rng, size, 9, octaves=3)
    stain: Image = np.clip(0.46 + 0.1 * smooth(rng, size, 3) + grain * (0.1 * waves + 0.1 * mottle), 0.05, None)
    return stain


def fluorescence(sitting: Sitting) -> Scene:
    """DAPI-like nuclei (size, size) on a dark ground: chromatin texture, dark nucleoli, out-of-focus haze.

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
    nuclei = _rasterise(rng, cells, size)
    chromatin = fractal(sitting.surface, size, 18, octaves=2)
    nucleoli = soft(smooth(sitting.surface, size, 22), 1.2, 0.6)
    dome = 1.05 - 0.3 * nuclei.radius**2
    surface = np.clip(1 + sitting.style.grain * (0.2 * chromatin - 0.4 * nucleoli), 0.15, None)
    glow = nuclei.inside() * nuclei.of(brightness) * dome * surface
    haze = blur(glow, 0.06 * size)
    return Scene(0.035 + 0.85 * glow + 0.2 * haze, nuclei.mask)


def phase_contrast(sitting: Sitting) -> Scene:
    """Adherent cells (size, size) on gray: dark bodies, granules, a bright halo all round.

    Classes: ``spread`` cells lie flat and long; ``rounded`` ones ball up and shine.
    """
    size, grain, rounded = sitting.size, sitting.style.grain, sitting.label == "rounded"
    if rounded:
        cells = replace(_spread(sitting, count=15, radius=0.062), raggedness=0.02)
    else:
        cells = _spread(sitting, count=12, radius=0.085, stretch=1.9)
    body = _rasterise(sitting.layout, cells, size)
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
    """DIC-like relief (size, size): the gradient of optical thickness along the shear, lit from the upper left.

    Classes: ``flat`` cells are low with a visible nucleus; many of the ``dividing`` ones are tall, round and smooth.
    """
    size, rng = sitting.size, sitting.layout
    cells = _spread(sitting, count=12, radius=0.105, stretch=1.3)
    tall = rng.random(len(cells)) < (0.5 if sitting.label == "dividing" else 0.0)
    ball = 0.75 * cells.across
    cells = replace(cells, along=np.where(tall, ball, cells.along), across=np.where(tall, ball, cells.across))
    body = _rasterise(rng, cells, size)
    height = _thickness(body, body.of(np.where(tall, 0.9, 0.4)))
    granules = 0.035 * fractal(sitting.surface, size, 26, octaves=2) * body.inside(0.3)
    height = height + sitting.style.grain * (granules + 0.004 * smooth(sitting.surface, size, 30))
    down, right = np.gradient(blur(height, 0.006 * size) * size)
    ground = 0.02 * smooth(sitting.surface, size, 3)
    return Scene(0.5 + ground - 0.014 * (down + right), body.mask)


def _thickness(body: _CellMap, height: Image) -> Image:
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
