"""Consensus: agreement of a candidate's masks with those of the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsim.measures import DatasetView
from dsim.models import scale_planes
from dsim.stats.masks import is_degenerate, soft_dice_table
from dsim_models.behaviour import ModelMeasure
from dsim_models.specs import CONSENSUS

#: Longest side at which maps are compared, pixels: whether models agree shows there too.
_SIDE = 128


class Consensus(ModelMeasure):
    """Mean soft Dice of a candidate's map of foreground with those of the other candidates; similarity in [0, 1].

    Candidates that were trained on the target take no part as others: they know its masks. A candidate that marks
    nothing or everything has 0. NaN, with the reason, where there is no other. Source: CODA, arXiv:2507.23771.

    >>> Consensus(images=8)
    consensus:images=8
    """

    spec = CONSENSUS

    def values(
        self, data: DatasetView, positions: Sequence[int], seen: Sequence[int], seed: int
    ) -> tuple[NDArray[np.float64], str]:
        predicted = [data.predictions(one.reference, positions) for one in self.pool]
        masks = [one.masks() for one in predicted]
        judges = np.array([count == 0 for count in seen])
        found = np.full((len(self.pool), len(positions)), np.nan)
        for column in range(len(positions)):
            maps = np.stack([_small(one.maps[column]) for one in predicted])
            blank = np.array([is_degenerate(own[column]) for own in masks])
            found[:, column] = agreement_with_others(maps, judges, blank)
        few = "fewer than two of the sources' models were not trained on the target, so none can agree with another"
        return found, few


def agreement_with_others(
    maps: NDArray[np.float32], judges: NDArray[np.bool_], blank: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the mean agreement of each map of one image with the others among the judges, float64 (c,) in [0, 1].

    ``maps`` (c, h, w); ``blank`` (c,) maps have 0, NaN is where no other judge is left.

    >>> maps = np.array([[[1.0, 0.0]], [[1.0, 0.0]], [[0.0, 1.0]]])
    >>> agreement_with_others(maps, np.ones(3, bool), np.zeros(3, bool)).tolist()
    [0.5, 0.5, 0.0]
    """
    table = soft_dice_table(maps)
    others = np.tile(judges, (len(maps), 1)) & ~np.eye(len(maps), dtype=bool)
    counts = others.sum(axis=1)
    sums = np.where(others, table, 0.0).sum(axis=1)
    means = np.divide(sums, counts, out=np.full(len(maps), np.nan), where=counts > 0)
    return np.where(blank & (counts > 0), 0.0, means)


def _small(chances: NDArray[np.uint8]) -> NDArray[np.float32]:
    import torch

    planes = torch.from_numpy(chances.astype(np.float32))[None] / 255
    small: NDArray[np.float32] = (scale_planes(planes, _SIDE) if max(chances.shape) > _SIDE else planes)[0].numpy()
    return small
