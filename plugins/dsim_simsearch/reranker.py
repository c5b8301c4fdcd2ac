"""Flags act at once: a linear correction of the similarity, from patches that a person has judged.

Not of the publication, where flagged patches act only when a network is trained on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dsim_simsearch.selection import RoiClass, check_classes, select_positives

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsim.annotations import Region
    from dsim_simsearch.candidates import Candidates
    from dsim_simsearch.similarity import Search

    Floats = NDArray[np.float32]

#: One judged patch moves its own similarity 1 / (1 + penalty) of the way to where it belongs; n equal ones n / (n +
#: penalty) of it. Chosen on development images: at 1 and 3, five flags could hurt a class more than help another.
PENALTY = 10.0


@dataclass(frozen=True, eq=False)
class Reranker:
    """Candidates of classes, by a similarity that is corrected by what a person has judged.

    Parameters
    ----------
    search, classes : what is looked for. corrections : float32 (K, d), one direction for each class; its product with
        a patch's features (whitened, of length 1) is added to the patch's similarity.
    """

    search: Search
    classes: tuple[RoiClass, ...]
    corrections: Floats

    def similarity(self, index: int, at: int) -> Floats:
        """Return the corrected similarity of an image's patches to a class, by position: (rows, cols) in [-1, 1]."""
        vectors = self.search.vectors(self.classes[at].prototypes)
        return self.search.similarity(index, vectors, correction=self.corrections[at])

    def candidates(self, index: int, at: int) -> Candidates:
        """Return the candidates of a class in an image, found in the corrected similarity."""
        vectors = self.search.vectors(self.classes[at].prototypes)
        return self.search.candidates(index, vectors, correction=self.corrections[at])


def fit_reranker(
    search: Search,
    displayed: Sequence[int],
    classes: Sequence[RoiClass],
    background: Sequence[Region] = (),
    penalty: float = PENALTY,
) -> Reranker:
    """Return the candidates' corrected order, from prototypes, verified and flagged patches and background.

    For each class a ridge regression, in closed form, on what the similarity lacks: verified patches of the class
    belong to their mean similarity, flagged ones of the class, verified ones of other classes and background to that of
    all patches of the displayed images. Without any of the latter, there is no correction.

    Parameters
    ----------
    displayed : indices of the images on which patches were judged. background : see ``find_background``.
    penalty : on the square of the correction's length, above 0; large ones leave the similarity as it is.

    Raises UsageError as ``select_clean`` does for classes.

    References
    ----------
    Hoerl and Kennard 1970, doi:10.1080/00401706.1970.10488634 (ridge regression); Rocchio 1971 (relevance feedback).
    """
    check_classes(classes)
    positives = select_positives(search, displayed, classes)
    corrections = [
        _correction(
            search,
            displayed,
            one,
            own=positives[at],
            others=[
                *one.flagged,
                *background,
                *(region for part in positives if part is not positives[at] for region in part),
            ],
            penalty=penalty,
        )
        for at, one in enumerate(classes)
    ]
    return Reranker(search, tuple(classes), np.array(corrections, dtype=np.float32))


def _correction(
    search: Search,
    displayed: Sequence[int],
    one: RoiClass,
    own: Sequence[Region],
    others: Sequence[Region],
    penalty: float,
) -> Floats:
    """The correction (d,) of one class."""
    vectors = search.vectors(one.prototypes)
    if not others:
        return np.zeros(vectors.shape[2], dtype=np.float32)
    points = _units(search, [*own, *others]).astype(np.float64)
    scores = search.compare(points.astype(np.float32), vectors)
    usual = float(np.mean([search.similarity(index, vectors).mean() for index in displayed]))
    goals = np.full(len(points), usual)
    goals[: len(own)] = scores[: len(own)].mean()
    return ridge(points, goals - scores, penalty)


def ridge(points: NDArray[np.float64], goals: NDArray[np.float64], penalty: float) -> Floats:
    """Return w (d,) with the least ``sum((points @ w - goals) ** 2) + penalty * sum(w ** 2)``, float32.

    >>> ridge(np.array([[1.0, 0.0]]), np.array([1.0]), 1.0).tolist()
    [0.5, 0.0]
    """
    # Of the two equal forms, that with the smaller matrix.
    if len(points) < points.shape[1]:
        weights = points.T @ np.linalg.solve(points @ points.T + penalty * np.eye(len(points)), goals)
    else:
        weights = np.linalg.solve(points.T @ points + penalty * np.eye(points.shape[1]), points.T @ goals)
    return np.asarray(weights, dtype=np.float32)


def _units(search: Search, regions: Sequence[Region]) -> Floats:
    """Whitened features of length 1 of the patches about regions, in their order: (n, d)."""
    indices = np.array([search.images.index(region.image) for region in regions])
    centres = np.array([region.centre for region in regions])
    features: dict[int, Floats] = {}
    for index in np.unique(indices).tolist():
        own = np.flatnonzero(indices == index)
        features.update(zip(own.tolist(), search.features(index, centres[own]), strict=True))
    return search.units(np.stack([features[at] for at in range(len(regions))]))
