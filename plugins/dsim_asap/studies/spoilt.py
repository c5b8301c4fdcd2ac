"""Wrong membership: images of a dataset changed for images of others, as if someone had sorted them badly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dsim.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsim.data.dataset import Dataset

#: Behind the name of a dataset that holds strangers: it is another one than that of its name.
SUFFIX = " (spoilt)"
#: Exchanges tried per place: enough that who gets whose image is as good as random.
_EXCHANGES = 20


def spoil(datasets: Sequence[Dataset], share: float, seed: int) -> list[Dataset]:
    """Datasets as large as these, in each of which ``share`` of the images come from the others.

    The images that leave their datasets are dealt out among the places that they leave, none to its own. Where one
    dataset would give more than the places of all others can take, it gives as many as they have. Each image is scaled
    as in its own dataset; attributes stay those of the dataset that is spoilt. Names get ``SUFFIX``.

    Raises UsageError for a share outside (0, 1] or one that is no whole image, or fewer than two datasets.
    """
    from dsim.random import stream

    if not 0 < share <= 1:
        raise UsageError(f"a share of {share:g} of the images cannot be exchanged", hint="give one above 0, at most 1")
    if len(datasets) < 2:
        raise UsageError("wrong membership needs two datasets at least", hint="give more --sources")
    rng = stream(seed, "wrong membership", *(dataset.images_fingerprint for dataset in datasets))
    homes, images, places = deal([len(dataset) for dataset in datasets], share, rng)
    if not len(homes):
        sizes = f"datasets of {max(map(len, datasets))} images and fewer"
        raise UsageError(f"a share of {share:g} of {sizes} is no image at all", hint="give a larger share")
    return [_spoilt(datasets, own, homes, images, places) for own in range(len(datasets))]


def deal(
    sizes: Sequence[int], share: float, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Who leaves, and where to: for each image that leaves its dataset its home, its index there, and its new dataset.

    As many come to each dataset as leave it, and none comes home.

    >>> homes, images, places = deal([4, 2], 0.5, np.random.default_rng(0))
    >>> homes.tolist(), places.tolist()
    ([0, 1], [1, 0])
    """
    counts = np.round(share * np.array(sizes)).astype(int)
    largest = int(counts.argmax())
    counts[largest] = min(counts[largest], counts.sum() - counts[largest])
    homes = np.repeat(np.arange(len(sizes)), counts)
    images = np.concatenate([rng.permutation(size)[:count] for size, count in zip(sizes, counts, strict=True)])
    # Turned by the largest block, no block lies on its own places any more; exchanges that keep it so then mix them.
    places = np.roll(homes, counts.max())
    for one, other in rng.integers(0, max(len(homes), 1), (_EXCHANGES * len(homes), 2)):
        if places[one] != homes[other] and places[other] != homes[one]:
            places[[one, other]] = places[[other, one]]
    return homes, images, places


def _spoilt(
    datasets: Sequence[Dataset],
    own: int,
    homes: NDArray[np.intp],
    images: NDArray[np.intp],
    places: NDArray[np.intp],
) -> Dataset:
    from dsim.data.builders import join

    stay = np.setdiff1d(np.arange(len(datasets[own])), images[homes == own])
    indices = [
        stay if home == own else np.sort(images[(homes == home) & (places == own)]) for home in range(len(datasets))
    ]
    parts = [dataset.subset(chosen.tolist()) for dataset, chosen in zip(datasets, indices, strict=True) if len(chosen)]
    return replace(join(parts, datasets[own].name + SUFFIX), attributes=datasets[own].attributes)
