"""Patches of an image that resemble what is searched, the most similar first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.annotations import Region


@dataclass(frozen=True, eq=False)
class Candidates:
    """Patches of one image by falling score; those above a threshold are the first ones.

    Parameters
    ----------
    image : id of the image. x, y : float64 (n,), of the centres, pixels. width, height : float64 (n,), pixels.
    score : float32 (n,), in [-1, 1], larger is more similar.

    >>> some = Candidates("a", *np.array([[5.0, 9.0], [5.0, 5.0], [4.0, 4.0], [4.0, 4.0]]), np.float32([0.9, 0.2]))
    >>> len(some), len(some.above(0.5)), some.regions("cell")[0].x
    (2, 1, 3.0)
    """

    image: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    width: NDArray[np.float64]
    height: NDArray[np.float64]
    score: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.score)

    @property
    def centres(self) -> NDArray[np.float64]:
        """Centres (n, 2), x and y."""
        return np.stack([self.x, self.y], axis=1)

    def above(self, threshold: float) -> Candidates:
        """Return those whose score is at least ``threshold``."""
        return self.take(np.flatnonzero(self.score >= threshold))

    def take(self, positions: NDArray[Any]) -> Candidates:
        """Return the candidates at these positions."""
        fields = (self.x, self.y, self.width, self.height, self.score)
        return Candidates(self.image, *(values[positions] for values in fields))

    def rescored(self, scores: NDArray[np.floating[Any]]) -> Candidates:
        """Return the same patches with other scores (n,), by falling score."""
        order = np.argsort(-scores, kind="stable")
        same = self.take(order)
        return Candidates(same.image, same.x, same.y, same.width, same.height, scores[order].astype(np.float32))

    def regions(self, label: str = "") -> list[Region]:
        """Return them as regions of a class."""
        fields = (self.x - self.width / 2, self.y - self.height / 2, self.width, self.height, self.score)
        rows = zip(*(values.tolist() for values in fields), strict=True)
        return [Region(self.image, x, y, width, height, label, score) for x, y, width, height, score in rows]


def are_near(centres: NDArray[np.float64], others: Sequence[Region], radius: float) -> NDArray[np.bool_]:
    """Return which of the centres (n, 2) lie within ``radius`` of the centre of one of the regions.

    >>> are_near(np.array([[0.0, 0.0], [9.0, 0.0]]), [Region("a", 1, 0, 4, 4)], 4).tolist()
    [True, False]
    """
    if not others or not len(centres):
        return np.zeros(len(centres), dtype=bool)
    places = np.array([other.centre for other in others])
    squared: NDArray[np.float64] = ((centres[:, None] - places[None]) ** 2).sum(axis=2)
    near: NDArray[np.bool_] = squared.min(axis=1) <= radius**2
    return near
