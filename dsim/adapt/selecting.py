"""The candidates of a target, scored on its annotated images, and what the choice among them expects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dsim.adapt.candidates import Pool, Standing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.adapt.annotation import Annotation
    from dsim.data import Dataset
    from dsim.runtime import Runtime
    from dsim.selection import CandidateModel, Posterior


def gather_pool(
    annotation: Annotation, sources: Sequence[Dataset] | None, runtime: Runtime, seed: int = 0
) -> tuple[Pool, tuple[str, ...]]:
    """Return the candidates of a target, each scored on its annotated images, and notes for the user.

    ``sources`` are datasets with models; None: the zoo's models. A pool without models where none can be applied.
    Raises WeightsError where a model cannot be read.
    """
    import numpy as np

    from dsim.selection import find_candidates, select, shipped_prior

    target = annotation.target
    candidates, left_out = find_candidates(target, sources)
    if not candidates:
        return Pool((), annotation.images, np.zeros((0, len(annotation.images))), _nobody), left_out
    prior = shipped_prior()
    evidence = select(target, sources, runtime, prior=prior, seed=seed).evidence
    # Of very many annotated images some are enough to judge the candidates; these columns are theirs.
    column = {image: place for place, image in enumerate(evidence.annotated)}
    marked = {image for image in annotation.images if target.mask(image).any()}

    def standing(columns: Sequence[int]) -> Standing:
        images = [annotation.images[each] for each in columns]
        # By empty masks alone a model that marks nothing would be the best.
        known = [column[image] for image in images if image in column] if marked & {*images} else []
        return as_standing(prior.update(evidence.restricted(known), seed))

    scores = _all_scores(annotation, evidence.candidates, runtime)
    return Pool(evidence.candidates, annotation.images, scores, standing), (*left_out, *evidence.notes)


def as_standing(posterior: Posterior) -> Standing:
    """Return what a posterior of c candidates says, as adaptation takes it."""
    return Standing(posterior.expected, posterior.low, posterior.high, posterior.best)


def _all_scores(annotation: Annotation, candidates: Sequence[CandidateModel], runtime: Runtime) -> NDArray[np.float64]:
    """Dice (c, k) of the candidates on all annotated images; their predictions are kept, and most of them known."""
    import numpy as np

    from dsim.models import dice, mask_like, predict_kept

    target, images = annotation.target, annotation.images
    masks = [target.mask(image) for image in images]
    scores = np.zeros((len(candidates), len(images)))
    for row, candidate in enumerate(candidates):
        for place, found in enumerate(predict_kept(candidate.reference, target, runtime, images).masks()):
            scores[row, place] = dice(found, mask_like(masks[place], (found.shape[0], found.shape[1])))
    return scores


def _nobody(columns: Sequence[int]) -> Standing:
    raise LookupError("there is no candidate to judge")
