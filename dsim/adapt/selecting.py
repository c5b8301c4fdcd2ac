"""The candidates of a target from the zoo, scored on its annotated images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsim.adapt.candidates import Pool, Standing
from dsim.adapt.choice import USUAL_SPREAD, WORTH

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.data import Dataset
    from dsim.runtime import Runtime


@dataclass(frozen=True)
class ZooCandidate:
    """A model of the zoo, or of a dataset."""

    reference: str
    name: str
    marks: str


def gather_pool(target: Dataset, sources: Sequence[Dataset] | None, runtime: Runtime) -> Pool:
    """Return the candidates of a target, each scored on its annotated images.

    ``sources`` are datasets with models; None: the zoo's segmentation models that have learnt their own source and saw
    no image of the target. Raises WeightsError where a model cannot be read.
    """
    import numpy as np

    from dsim.models import dice, mask_like, predict_kept

    models = tuple(_zoo_candidates(target) if sources is None else _models_of(sources))
    images = tuple(target.annotated)
    scores = np.zeros((len(models), len(images)))
    for row, model in enumerate(models):
        found = predict_kept(model.reference, target, runtime, images)
        for column, mask in enumerate(found.masks()):
            scores[row, column] = dice(mask, mask_like(target.mask(images[column]), mask.shape))
    return Pool(models, images, scores, lambda columns: _standing(scores[:, list(columns)]))


def _standing(scores: NDArray[np.float64]) -> Standing:
    import numpy as np

    from dsim.stats.pooled import pooled_interval

    mean, low, high = np.array([pooled_interval(row, USUAL_SPREAD, WORTH) for row in scores]).T
    error = np.maximum((high - low) / 4, 1e-3)
    best = np.exp((mean - mean.max()) / error)
    return Standing(mean, low.clip(0), high.clip(max=1), best / best.sum())


def _zoo_candidates(target: Dataset) -> list[ZooCandidate]:
    from dsim.zoo import models, trained_on

    fitting = [each for each in models() if each.segments and each.learnt and trained_on(each, target) is None]
    return [ZooCandidate(f"zoo:{each.id}", each.id.split(".")[1], each.marks) for each in fitting]


def _models_of(sources: Sequence[Dataset]) -> list[ZooCandidate]:
    return [ZooCandidate(each.model, each.name, "") for each in sources if each.model]
