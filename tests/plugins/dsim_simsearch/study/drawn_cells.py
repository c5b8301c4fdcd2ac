"""Images of two kinds of drawn cells, in memory and as files with their annotations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsim.annotations import Region
from dsim.data import from_arrays
from dsim_simsearch.study.problem import AnnotatedImages

SIDE, PATCH = 96, 16


def draw_cells(seed: int, discs: int = 5, rings: int = 4) -> tuple[NDArray[np.uint8], list[Region]]:
    """Return an RGB image of discs and rings of 12 pixels that do not touch, and boxes around them."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    image = rng.integers(20, 60, (SIDE, SIDE, 3)).astype(np.float64)
    places = [(12 + 18 * x, 12 + 18 * y) for x in range(5) for y in range(5)]
    regions = []
    for number, place in enumerate(rng.permutation(len(places))[: discs + rings]):
        x, y = np.array(places[place]) + rng.uniform(-2, 2, 2)
        distance = np.hypot(columns - x, rows - y)
        is_disc = number < discs
        image[distance < 6 if is_disc else (distance < 6) & (distance > 3)] = (200, 180, 90)
        regions.append(Region(f"cells{seed}", x - 8, y - 8, PATCH, PATCH, "disc" if is_disc else "ring"))
    return image.astype(np.uint8), regions


def annotated_cells(count: int = 12) -> AnnotatedImages:
    """Return images in memory with all their cells."""
    drawn = [draw_cells(seed) for seed in range(count)]
    dataset = from_arrays([image for image, _ in drawn], ids=[f"cells{seed}" for seed in range(count)], name="cells")
    regions = {region.image: tuple(found) for _, found in drawn for region in found[:1]}
    return AnnotatedImages(dataset, ((SIDE, SIDE),) * count, tuple(regions[name] for name in dataset.ids), "drawn")


def write_cells(folder: Path, count: int = 12) -> Path:
    """Write images as PNG and their boxes as boxes.csv; return the folder."""
    from PIL import Image

    lines = ["image,xmin,ymin,xmax,ymax,class"]
    (folder / "images").mkdir(parents=True)
    for seed in range(count):
        image, regions = draw_cells(seed)
        Image.fromarray(image).save(folder / "images" / f"cells{seed}.png")
        lines += [
            f"{one.image}.png,{one.x:.2f},{one.y:.2f},{one.x + one.width:.2f},{one.y + one.height:.2f},{one.label}"
            for one in regions
        ]
    (folder / "boxes.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return folder
