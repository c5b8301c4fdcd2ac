"""The candidate models as adaptation sees them: their Dice on the annotated images, and which of them to trust."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.adapt.annotation import Indices
    from dsim.data import Dataset
    from dsim.runtime import Runtime

#: A candidate that is less probably the best than this has no vote.
LEAST_VOTE = 0.05


class Candidate(Protocol):
    """A segmentation model that may be applied to the target."""

    @property
    def reference(self) -> str:
        """``zoo:ID`` or a file."""

    @property
    def name(self) -> str:
        """The model as sentences name it."""

    @property
    def marks(self) -> str:
        """What it marks, in the plural."""


@dataclass(frozen=True)
class Standing:
    """What is expected of the candidates from signals and some annotated images.

    Parameters
    ----------
    mean : expected Dice on other images, float64 (c,) in [0, 1]. ``low``, ``high`` : bounds of 95 %, (c,).
    best : probability of being the best, float64 (c,), adding up to 1.
    """

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    best: NDArray[np.float64]

    @property
    def first(self) -> int:
        """The candidate of the highest expected Dice."""
        return int(self.mean.argmax())

    def voters(self) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """Return the candidates that vote, the likeliest first, and their weights, which add up to 1."""
        from dsim.models import MOST_MEMBERS

        order = [int(each) for each in (-self.best).argsort(kind="stable")[:MOST_MEMBERS]]
        chosen = [each for each in order if self.best[each] >= LEAST_VOTE] or order[:1]
        total = sum(float(self.best[each]) for each in chosen)
        return tuple(chosen), tuple(float(self.best[each]) / total for each in chosen)


@dataclass(frozen=True)
class Pool:
    """The candidates of a target.

    Parameters
    ----------
    models : the candidates, c of them.
    images : positions in the target of the annotated images that they were scored on, k.
    scores : Dice in [0, 1], float64 (c, k).
    standing : of some of the k images, by their columns, what is expected of the candidates from these alone.
    """

    models: tuple[Candidate, ...]
    images: Indices
    scores: NDArray[np.float64]
    standing: Callable[[Sequence[int]], Standing]

    def after(self, images: Sequence[int]) -> Standing:
        """Return what is expected of the candidates from these annotated images, positions in the target."""
        return self.standing([self.images.index(image) for image in images])

    def score(self, candidate: int, image: int) -> float:
        """Return the Dice in [0, 1] of a candidate on an annotated image."""
        return float(self.scores[candidate, self.images.index(image)])


def score_vote(pool: Pool, standing: Standing, target: Dataset, images: Sequence[int], runtime: Runtime) -> list[float]:
    """Return the Dice in [0, 1] of the vote of the trusted candidates on annotated images of the target."""
    from dsim.models import dice, mask_like, predict_kept

    voters, weights = standing.voters()
    every = [predict_kept(pool.models[voter].reference, target, runtime, images) for voter in voters]
    found = []
    for position, image in enumerate(images):
        votes = [(each.maps[position], each.threshold) for each in every]
        masks = _majority(votes, weights)
        found.append(dice(masks, mask_like(target.mask(image), masks.shape)))
    return found


def _majority(votes: Sequence[tuple[NDArray[np.uint8], float]], weights: Sequence[float]) -> NDArray[np.bool_]:
    """What a vote takes for foreground, boolean (h, w), of maps uint8 (h, w) with the thresholds of their models."""
    import torch

    from dsim.models.vote import mean_vote, safe_logit

    maps = torch.stack([torch.from_numpy(chances.astype("float32")) / 255 for chances, _ in votes])
    offsets = safe_logit(torch.tensor([threshold for _, threshold in votes]))
    joined = mean_vote(safe_logit(maps), torch.tensor([*weights], dtype=torch.float32), offsets)
    found: NDArray[np.bool_] = (joined >= 0).numpy()
    return found
