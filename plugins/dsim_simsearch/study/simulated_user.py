"""A simulated user: draws prototypes from the truth, moves the threshold, flags what is wrong, and counts clicks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from dsim.annotations import Region
from dsim.errors import DataError, UsageError
from dsim.random import stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsim_simsearch.candidates import Candidates
    from dsim_simsearch.study.problem import Problem

    Floats = NDArray[np.float64]

#: Random sets of images that are tried for one that shows enough objects of every class.
_TRIES = 200


@dataclass(frozen=True)
class User:
    """What the simulated user does.

    Parameters
    ----------
    displayed : images that are shown. background : patches of each kind (like and unlike the prototypes) that are
        shown as background in all displayed images together.
    jitter : standard deviation of the displacement of a prototype, as a share of the patch, in x and y.
    missed : chance that a patch which should be flagged is not.
    """

    displayed: int = 6
    background: int = 30
    jitter: float = 0.0
    missed: float = 0.0

    def __post_init__(self) -> None:
        if self.displayed < 1 or self.background < 1:
            fault = f"the user sees {self.displayed} images and {self.background} patches of background"
            raise UsageError(fault, hint="give 1 or more of each")
        if self.jitter < 0 or not 0 <= self.missed <= 1:
            fault = f"a user has a jitter of {self.jitter:g} and misses flags with a chance of {self.missed:g}"
            raise UsageError(fault, hint="give a jitter of 0 or more, and a chance in [0, 1]")

    def facts(self) -> dict[str, Any]:
        """Return the fields as JSON has them."""
        return asdict(self)


class Flagging(NamedTuple):
    """What the user does with the candidates of one class, over all displayed images.

    threshold : similarity above which candidates are accepted. positives, negatives : positions of the candidates that
    are accepted and of those that are flagged, in the order in which they were given.
    """

    threshold: float
    positives: NDArray[np.intp]
    negatives: NDArray[np.intp]


class Similar(Protocol):
    """What finds candidates: as ``dsim_simsearch.similarity.Search`` does."""

    def vectors(self, prototypes: Sequence[Region]) -> Any: ...

    def candidates(self, index: int, vectors: Any) -> Candidates: ...


def draw_images(problem: Problem, displayed: int, objects: int, seed: int, repeat: int) -> tuple[int, ...]:
    """Return the positions of the training images that are shown: at random, with enough objects of every class.

    Random sets are drawn until one shows as many objects of every class as there are to be prototypes. Where no set of
    ``_TRIES`` does, as for rare classes, images are added one by one, each among those that hold most of the objects
    that are still missing.

    Parameters
    ----------
    objects : of each class whose patch lies within the image. repeat : number of the experiment.

    Raises DataError where the training images together do not have as many.
    """
    rng = stream(seed, "displayed images", str(repeat))
    counts = np.array(
        [[len(_whole(problem, name, image)) for name in problem.classes] for image in problem.training], dtype=np.intp
    )
    short = [name for name, total in zip(problem.classes, counts.sum(axis=0), strict=True) if total < objects]
    if short or displayed > len(counts):
        what = f"{objects} whole objects of {short[0]!r}" if short else f"{displayed} images"
        raise DataError(f"the training images do not have {what}", hint="take fewer prototypes or displayed images")
    for _ in range(_TRIES):
        chosen = rng.permutation(len(counts))[:displayed]
        if (counts[chosen].sum(axis=0) >= objects).all():
            return tuple(sorted(problem.training[place] for place in chosen))
    return _richest_images(problem, counts, displayed, objects, rng)


def _richest_images(
    problem: Problem, counts: NDArray[np.intp], displayed: int, objects: int, rng: np.random.Generator
) -> tuple[int, ...]:
    """Images one by one, at random among the third that gives most of what is missing."""
    chosen: list[int] = []
    for _ in range(displayed):
        missing = np.maximum(objects - counts[chosen].sum(axis=0), 0)
        gains = np.minimum(counts, missing).sum(axis=1).astype(np.float64)
        gains[chosen] = -1
        best = np.flatnonzero(gains >= max(float(gains.max()) * 2 / 3, 0))
        chosen.append(int(rng.choice(best)))
    if (counts[chosen].sum(axis=0) < objects).any():
        raise DataError(
            f"no {displayed} training images show {objects} objects of every class",
            hint="display more images, or take fewer prototypes",
        )
    return tuple(sorted(problem.training[place] for place in chosen))


def draw_prototypes(
    problem: Problem, label: str, displayed: Sequence[int], count: int, seed: int, repeat: int, jitter: float = 0.0
) -> tuple[Region, ...]:
    """Return patches on true objects of the displayed images; the first of more prototypes are those of fewer.

    Parameters
    ----------
    jitter : as of ``User``. A displaced patch stays within its image.
    """
    rng = stream(seed, "prototypes", label, str(repeat))
    places = [(image, centre) for image in displayed for centre in _whole(problem, label, image)]
    side = problem.patch
    prototypes = []
    for place in rng.permutation(len(places)):
        image, centre = places[place]
        height, width = problem.annotated.sizes[image]
        moved = centre + rng.normal(0.0, 1.0, 2) * jitter * side
        x, y = np.clip(moved - side / 2, 0, (width - side, height - side))
        prototypes.append(Region(problem.annotated.dataset.ids[image], float(x), float(y), side, side, label))
    return tuple(prototypes[:count])


def _whole(problem: Problem, label: str, image: int) -> Floats:
    """The objects (m, 2) of an image whose patch lies within it."""
    centres = problem.annotated.centres(label, image)
    height, width = problem.annotated.sizes[image]
    half = problem.patch / 2
    within = (centres >= half).all(axis=1) & (centres <= (width - half, height - half)).all(axis=1)
    return centres[within]


def flag_candidates(
    scores: NDArray[np.floating[Any]],
    wrong: NDArray[np.bool_],
    negatives: int,
    missed: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Flagging:
    """Return the threshold just above the (N+1)-th false positive, and what is accepted and flagged above it.

    Parameters
    ----------
    scores : (n,) similarities. wrong : (n,) whether a candidate is on no object of the class. negatives : N.
    missed : chance that one of the N is accepted instead of flagged.

    Returns
    -------
    Flagging
        With fewer than N + 1 wrong candidates the threshold is that of the least similar candidate. Equal scores are
        on the same side of it, so that there may be fewer than N negatives.

    >>> found = flag_candidates(np.array([0.9, 0.8, 0.7, 0.6, 0.5]), np.array([False, True, False, True, False]), 1)
    >>> found.positives.tolist(), found.negatives.tolist(), 0.6 < found.threshold < 0.7
    ([0, 2], [1], True)
    """
    if not len(scores):
        return Flagging(1.0, np.zeros(0, np.intp), np.zeros(0, np.intp))
    false = np.sort(scores[wrong])[::-1]
    # The next number of the same dtype: rounded to it, a finer one would be the false positive's own score.
    above = np.nextafter(false[negatives], scores.dtype.type(np.inf)) if len(false) > negatives else scores.min()
    threshold = float(above)
    shown = np.flatnonzero(scores >= threshold)
    flagged = shown[wrong[shown]]
    if missed > 0 and rng is not None:
        flagged = flagged[rng.random(len(flagged)) >= missed]
    accepted = np.setdiff1d(shown, flagged)
    return Flagging(threshold, accepted, flagged)


def on_objects(centres: Floats, truth: Floats, distance: float) -> NDArray[np.bool_]:
    """Return which patches (n, 2) lie on a true object (m, 2): their centres are less than the distance apart.

    Unlike the score, it lets two patches lie on one object: a user who sees a second box on a cell does not say that
    there is no cell.

    >>> on_objects(np.array([[0.0, 0.0], [2.0, 0.0], [9.0, 0.0]]), np.zeros((1, 2)), 3).tolist()
    [True, True, False]
    """
    if not len(truth) or not len(centres):
        return np.zeros(len(centres), dtype=bool)
    apart = np.linalg.norm(centres[:, None] - truth[None], axis=2)
    near: NDArray[np.bool_] = apart.min(axis=1) < distance
    return near


def count_clicks(prototypes: Mapping[str, Sequence[Region]], flaggings: Mapping[str, Flagging], background: int) -> int:
    """Return the actions of the user: a box each prototype, a move of the slider each class, a click each flag."""
    drawn = sum(map(len, prototypes.values()))
    return drawn + len(flaggings) + sum(len(each.negatives) for each in flaggings.values()) + background
