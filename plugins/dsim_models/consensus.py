"""Consensus: agreement of a candidate's masks with those of the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsim.measures import DatasetView
from dsim.stats.mask_agreement import consensus_of, is_degenerate, pairwise_dice
from dsim_models.behaviour import ModelMeasure
from dsim_models.specs import CONSENSUS


class Consensus(ModelMeasure):
    """Mean Dice of a candidate's masks with those of the other candidates; similarity in [0, 1].

    Candidates that were trained on the target take no part as others, since they know its masks; nor do masks that mark
    nothing or everything, whose own value is 0. NaN, with the reason, where there is no other.
    Source: CODA, arXiv:2507.23771.

    >>> Consensus(images=8)
    consensus:images=8
    """

    spec = CONSENSUS

    def values(
        self, data: DatasetView, positions: Sequence[int], seen: Sequence[int], seed: int
    ) -> tuple[NDArray[np.float64], str]:
        predicted = [data.predictions(one.reference, positions).masks() for one in self.pool]
        judges = np.array([count == 0 for count in seen])
        columns = []
        for of_one_image in zip(*predicted, strict=True):
            masks = np.stack(of_one_image)
            columns.append(consensus_of(pairwise_dice(masks), is_degenerate(masks), judges))
        reason = "no other model marks anything here that was not trained on the target, so none can agree with it"
        return np.stack(columns, axis=1), reason
