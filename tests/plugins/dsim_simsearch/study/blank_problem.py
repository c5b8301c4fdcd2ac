"""Blank images with cells where a test wants them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dsim.annotations import Region
from dsim.data import from_arrays
from dsim_simsearch.study.problem import AnnotatedImages, Problem

Centres = Sequence[Sequence[tuple[float, float]]]


def problem(centres: Centres, patch: int = 8, side: int = 40) -> Problem:
    """Return a problem of images with cells at these centres; the last image is for tests."""
    images = np.zeros((len(centres), side, side), np.uint8)
    dataset = from_arrays(images, name="cells")
    regions = tuple(
        tuple(Region(name, x - 4, y - 4, 8, 8, "cell") for x, y in points)
        for name, points in zip(dataset.ids, centres, strict=True)
    )
    annotated = AnnotatedImages(dataset, ((side, side),) * len(centres), regions, "digest")
    last = len(centres) - 1
    return Problem(annotated, ("cell",), patch, tuple(range(last)), (last,))
