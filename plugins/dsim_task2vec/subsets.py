"""The protocol of the cats study: many small subsets of a dataset, each with an embedding of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsim.plugin import MeasureError
from dsim_task2vec.settings import Settings
from dsim_task2vec.tasks import Task

#: Draws until a subset holds two classes.
_ATTEMPTS = 100


def subset_size(images: int, settings: Settings, name: str) -> int:
    """Images per subset: the share, but not below ``least``; MeasureError where two such subsets cannot be disjoint."""
    size = max(round(settings.share * images), settings.least)
    if 2 * size > images:
        raise MeasureError(
            f"{name!r} has {images} images, too few for subsets of {size}: two of them would share images",
            hint="give more images, a smaller share or a smaller least, or compare whole datasets: subsets=0",
        )
    return size


def draw_subsets(
    name: str, task: Task, settings: Settings, rng: np.random.Generator
) -> tuple[list[NDArray[np.intp]], str]:
    """Indices of the images of each subset, drawn without replacement, and how large the subsets are, in words."""
    images = len(task.codes)
    size = subset_size(images, settings, name)
    share = f"{100 * settings.share:g} %"
    told = f"{settings.subsets} subsets of {size} of {images} images"
    if size != round(settings.share * images):
        told += f" ({share} would be {settings.share * images:.3g}, below the least of {settings.least})"
    return [_draw(name, task, size, rng) for _ in range(settings.subsets)], told


def _draw(name: str, task: Task, size: int, rng: np.random.Generator) -> NDArray[np.intp]:
    for _ in range(_ATTEMPTS):
        chosen = np.sort(rng.choice(len(task.codes), size, replace=False))
        if len(np.unique(task.codes[chosen])) > 1:
            return chosen
    raise MeasureError(
        f"subsets of {size} images of {name!r} hold only one class: the others are too rare",
        hint="give a larger share or least",
    )
