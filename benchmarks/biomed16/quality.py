"""How well a zoo model segments, and what half precision changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dsim.data import Dataset
from dsim.data.splits import Split
from dsim.models import Segmenter
from dsim.transfer.segmentation.experiment import dice_of_images

#: Half precision is measured on the held-out images, and on so many of each other set.
OTHERS = 4


@dataclass(frozen=True)
class Quality:
    """What was measured of a model, percent of Dice unless said otherwise.

    ``half_change`` is the largest difference of a probability that half precision makes, ``half_flipped`` the share of
    pixels that change side at the threshold, ``half_dice`` the change of Dice on the held-out images.
    """

    training: float
    held_out: float
    half_change: float
    half_flipped: float
    half_dice: float


def measured(
    original: Segmenter, half: Segmenter, parts: Split, source: str, datasets: Mapping[str, Dataset]
) -> Quality:
    """Dice on the images that trained it and on those held out, and what half precision changes."""
    own = datasets[source]
    shown = {name: range(min(OTHERS, len(other))) for name, other in datasets.items() if name != source}
    changes = [_changes(original, half, datasets[name], rows) for name, rows in ({source: parts.test} | shown).items()]
    held, halved = (_mean_dice(model, own, parts.test) for model in (original, half))
    return Quality(
        training=_mean_dice(original, own, parts.training),
        held_out=held,
        half_change=max(largest for largest, _, _ in changes),
        half_flipped=sum(flipped for _, flipped, _ in changes) / sum(pixels for _, _, pixels in changes),
        half_dice=abs(halved - held),
    )


def _changes(first: Segmenter, second: Segmenter, dataset: Dataset, rows: Sequence[int]) -> tuple[float, int, int]:
    """Largest difference of two models' probabilities, pixels that change side, all pixels."""
    threshold, largest, flipped, pixels = first.recipe.threshold, 0.0, 0, 0
    pairs = zip(first.predict_many(dataset, rows), second.predict_many(dataset, rows), strict=True)
    for (_, one), (_, other) in pairs:
        largest = max(largest, float(np.abs(one - other).max()))
        flipped += int(((one >= threshold) != (other >= threshold)).sum())
        pixels += one.size
    return largest, flipped, pixels


def _mean_dice(model: Segmenter, dataset: Dataset, rows: Sequence[int]) -> float:
    return 100 * float(np.mean(list(dice_of_images(model, dataset, rows, {}))))
