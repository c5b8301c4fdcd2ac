"""Random training sets of n labelled images per class, nested in n, the same for all extractors and classifiers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsim.errors import UsageError
from dsim.random import stream

#: Labelled images per class, as in Nielsen et al.
COUNTS = (1, 5, 10, 25, 50, 100, 250, 500, 1000)


@dataclass(frozen=True)
class Draws:
    """The training sets of all repeats and counts.

    Parameters
    ----------
    counts : images per class, ascending. ``sizes`` : of each class, the images that there are.
    orders : of each repeat and class, its images in the order in which they are taken, intp.
    """

    counts: tuple[int, ...]
    sizes: dict[str, int]
    orders: tuple[tuple[NDArray[np.intp], ...], ...]

    @property
    def repeats(self) -> int:
        """The number of draws for each count."""
        return len(self.orders)

    def indices(self, repeat: int, count: int) -> NDArray[np.intp]:
        """Return the training images of one draw, ascending, intp (m,): ``count`` of each class, or all it has."""
        return np.sort(np.concatenate([order[:count] for order in self.orders[repeat]]))

    def short(self, count: int) -> dict[str, int]:
        """Return the classes that have fewer images than ``count``, and how many they have."""
        return {name: size for name, size in self.sizes.items() if size < count}

    def whole(self, count: int) -> bool:
        """Return whether every class gives all its images: then all draws are one."""
        return count >= max(self.sizes.values())


def draw_labelled(
    labels: Sequence[str] | NDArray[np.str_], counts: Sequence[int], repeats: int, seed: int, fingerprint: str
) -> Draws:
    """Return random training sets of images with labels (n,).

    In each repeat the images of a class are put into a random order, of which a draw takes the first ``count``: draws
    are nested. A class with fewer gives all it has. Counts that give no class more than the count before are dropped.

    Parameters
    ----------
    fingerprint : identity of the dataset; with the seed and the number of the repeat it decides the draw, so that more
        repeats or other counts leave the others as they are.

    Raises UsageError for a count or a number of repeats below 1.

    >>> draws = draw_labelled([*"aaaabbbbbb"], (1, 3, 5, 10, 20), 2, 0, "cells")
    >>> draws.counts, draws.indices(0, 3).shape, draws.short(5)
    ((1, 3, 5, 10), (6,), {'a': 4})
    """
    wrong = [count for count in counts if count < 1]
    if wrong or not counts or repeats < 1:
        raise UsageError(
            f"{wrong[0]} images per class cannot be drawn" if wrong else f"{repeats} draws of {len(counts)} counts",
            hint="give counts and a number of repeats of 1 or more",
        )
    array = np.asarray(labels)
    names = np.unique(array)
    members = [np.flatnonzero(array == name) for name in names]
    orders = []
    for repeat in range(repeats):
        rng = stream(seed, "labelled draws", fingerprint, str(repeat))
        orders.append(tuple(rng.permutation(each) for each in members))
    sizes = {str(name): len(each) for name, each in zip(names, members, strict=True)}
    return Draws(_distinct(sorted(set(counts)), max(sizes.values())), sizes, tuple(orders))


def _distinct(counts: Sequence[int], largest: int) -> tuple[int, ...]:
    """The counts without those that give no class more images than the one before.

    >>> _distinct([1, 5, 10, 25], 5), _distinct([10, 25], 5)
    ((1, 5), (10,))
    """
    return tuple(count for before, count in zip([0, *counts], counts, strict=False) if before < largest)
