"""Which segmentation model of the zoo was trained on a dataset."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from dsim.zoo.manifest import lookup
from dsim.zoo.model import Model, readable_models

if TYPE_CHECKING:
    from dsim.data import Dataset


def with_models(datasets: Iterable[Dataset], truth: str | None = None) -> list[Dataset]:
    """Return the datasets, each without a model with the zoo's segmentation model that was trained on its images.

    Of several the one that no newer one replaces; of these the one that was trained on the fewest datasets, then the
    one of the best Dice on held-out images. Where ``truth`` names a measured transfer, the models that were trained
    for it come first: their transfer is what it holds. A dataset whose images no model has seen stays as it is.

    >>> from dsim.data.phantoms import open_phantom
    >>> with_models([open_phantom("xray", count=2, size=32)])[0].model is None
    True
    """
    known = [model for model in readable_models().values() if model.segments]
    return [dataset if dataset.model is not None else _attached(dataset, known, truth) for dataset in datasets]


def _attached(dataset: Dataset, known: list[Model], truth: str | None) -> Dataset:
    if dataset.backing is None:
        return dataset
    fitting = [model for model in known if _learnt_from(model, dataset)]
    own = [model for model in fitting if truth is not None and lookup(model.manifest, "training.truth") == truth]
    best = min(own or [model for model in fitting if model.replaced_by is None], key=_order, default=None)
    return dataset if best is None else replace(dataset, model=f"zoo:{best.id}")


def _learnt_from(model: Model, dataset: Dataset) -> bool:
    return any(entry["images_fingerprint"] == dataset.images_fingerprint for entry in model.pool)


def _order(model: Model) -> tuple[int, float, str]:
    """Fewest datasets first, then the best held-out Dice; ids decide between equals."""
    held_out = lookup(model.manifest, "training.dice_held_out")
    return len(model.pool), -float(held_out) if held_out is not None else math.inf, model.id
