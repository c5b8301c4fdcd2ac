"""Stained tissue: hematoxylin and eosin absorb light (Beer-Lambert), so stains add up as optical densities."""

from __future__ import annotations

import numpy as np

from dsim.data.phantoms.camera import Scene, Sitting
from dsim.data.phantoms.cells import CellMap, Cells, rasterise, scatter
from dsim.data.phantoms.fields import Image, bump, fractal, grid, smooth, soft
from dsim.data.phantoms.paint import rgb

#: Optical densities of the stains in R, G, B; Macenko et al. 2009, doi:10.1109/ISBI.2009.5193250.
HEMATOXYLIN = rgb(0.5626, 0.7201, 0.4062)
EOSIN = rgb(0.2159, 0.8012, 0.5581)


def histology(sitting: Sitting) -> Scene:
    """H&E: purple nuclei with chromatin, pink fibrous stroma and cytoplasm, white lumina.

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


def _nuclei(sitting: Sitting, gaps: Image) -> CellMap:
    rng, content, tumour = sitting.layout, sitting.content, sitting.label == "tumour"
    count = max(3, round((62 if tumour else 58) * content.amount))
    radius = (0.04 if tumour else 0.029) * content.growth
    # Benign epithelium lines the lumina; tumour grows anywhere but in them.
    preference = -2.0 * soft(gaps, 1.5, 0.5) if tumour else 1.6 * bump(gaps, 0.85, 0.4) - 3.0 * soft(gaps, 1.2, 0.2)
    centres = scatter(rng, count, 1.9 * radius, preference)
    radii = radius * np.exp((0.24 if tumour else 0.12) * rng.standard_normal(count))
    aspect = 1 + (0.5 + 1.4 * content.shape) * rng.uniform(0, 1, count)
    along, across, turn = radii * np.sqrt(aspect), radii / np.sqrt(aspect), rng.uniform(0, np.pi, count)
    return rasterise(rng, Cells(centres, along, across, turn, 0.04 + 0.12 * content.shape), sitting.size)


def _nuclear_stain(sitting: Sitting, nuclei: CellMap) -> Image:
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
