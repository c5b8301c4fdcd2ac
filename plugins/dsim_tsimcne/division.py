"""Which images are trained on, and which are kept for calibration: indices over all datasets, one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsim.random import stream

if TYPE_CHECKING:
    from dsim.plugin import Dataset

#: Images that are kept for calibration at least, where they are not more than a fifth of all.
_LEAST = 20
#: Groups of a dataset from which on whole groups are kept.
_MANY_GROUPS = 20

Indices = NDArray[np.intp]


class Division(NamedTuple):
    """Images by their numbers over all datasets.

    ``training`` : those to train on, for each dataset. ``calibration`` : the others. ``by`` : ``groups``, ``images`` or
    ``none``, how these were drawn.
    """

    training: tuple[Indices, ...]
    calibration: Indices
    by: str


def divide(datasets: Sequence[Dataset], share: float, seed: int) -> Division:
    """Keep ``share`` of all images for calibration, at least 20 and at most a fifth; of each dataset its part.

    Whole groups are kept where every dataset has 20 or more: a new image is of a new group.

    >>> from dsim.data.phantoms import open_phantom
    >>> division = divide([open_phantom("fundus", count=30)], 0.1, 0)
    >>> len(division.training[0]), len(division.calibration), division.by
    (24, 6, 'images')
    """
    total = sum(map(len, datasets))
    wanted = min(max(round(share * total), _LEAST), total // 5) if share > 0 else 0
    by_groups = all(len(set(dataset.groups or ())) >= _MANY_GROUPS for dataset in datasets)
    training, calibration, start = [], [], 0
    for dataset in datasets:
        kept = _drawn(dataset, round(wanted * len(dataset) / total), by_groups, seed)
        numbers = np.arange(start, start + len(dataset))
        training.append(numbers[~kept])
        calibration.append(numbers[kept])
        start += len(dataset)
    chosen = np.concatenate(calibration)
    return Division(tuple(training), chosen, ("groups" if by_groups else "images") if len(chosen) else "none")


def _drawn(dataset: Dataset, count: int, by_groups: bool, seed: int) -> NDArray[np.bool_]:
    """Which images of a dataset are kept, bool (n,): ``count``, or fewer where whole groups do not fill it."""
    draws = stream(seed, "t-simcne", dataset.images_fingerprint, "calibration")
    kept = np.zeros(len(dataset), dtype=bool)
    if not by_groups:
        kept[draws.permutation(len(dataset))[:count]] = True
        return kept
    groups = np.array(dataset.groups)
    sizes = Counter(dataset.groups or ())
    names, room = sorted(sizes), count
    for number in draws.permutation(len(names)):
        if sizes[names[number]] <= room:
            kept |= groups == names[number]
            room -= sizes[names[number]]
    return kept
