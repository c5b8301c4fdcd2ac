"""All that is known of candidates on a target: signals, agreement, and scores on annotated images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dsim.data import evenly, without_unchanged
from dsim.errors import DataError
from dsim.selection.candidates import CandidateModel
from dsim.selection.signals import behaviour_of_image, distance_signals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.data import Dataset
    from dsim.models import Predictions
    from dsim.runtime import Runtime

    Array = NDArray[np.float64]

#: Images whose predictions are compared with each other, and annotated images that are scored, at most.
IMAGES, ANNOTATED = 32, 64


@dataclass(frozen=True)
class Evidence:
    """What is known of c candidates on a target.

    Parameters
    ----------
    signals : by name float64 (c,), without labels; NaN where one is not known.
    agreement : float64 (c, c), mean Dice between the masks of two candidates over the ``looked`` images.
    annotated : positions (k,) of the target's annotated images. ``scores`` : float64 (c, k), Dice on them.
    rest : number of images without a mask; 0 where all have one: then images to come are meant.
    looked : positions (l,) of images whose masks were compared. ``agreements`` : float64 (l, c, c) on each of them.
    notes : what must be said, a sentence each.
    """

    candidates: tuple[CandidateModel, ...]
    signals: Mapping[str, Array]
    agreement: Array
    annotated: tuple[int, ...]
    scores: Array
    rest: int
    looked: tuple[int, ...] = ()
    agreements: Array | None = None
    notes: tuple[str, ...] = field(default=())

    def without_annotations(self) -> Evidence:
        """Return the same without any score (c, 0): what was known before anything was annotated."""
        return self.restricted(())

    def restricted(self, columns: Sequence[int]) -> Evidence:
        """Return the same with the scores (c, k) of these columns only, in their order; the others count as the rest.

        Scores of images that are left out are forgotten.
        """
        chosen = [int(column) for column in columns]
        rest = self.rest + len(self.annotated) - len(chosen)
        annotated = tuple(self.annotated[column] for column in chosen)
        return replace(self, annotated=annotated, scores=self.scores[:, chosen], rest=rest)

    def of(self, positions: Sequence[int]) -> Evidence:
        """Return the same of these candidates (c,) only."""
        chosen = [int(position) for position in positions]
        return replace(
            self,
            candidates=tuple(self.candidates[position] for position in chosen),
            signals={name: values[chosen] for name, values in self.signals.items()},
            agreement=self.agreement[chosen][:, chosen],
            scores=self.scores[chosen],
            agreements=None if self.agreements is None else self.agreements[:, chosen][:, :, chosen],
        )


def gather_evidence(
    target: Dataset,
    candidates: Sequence[CandidateModel],
    runtime: Runtime,
    *,
    sources: Sequence[Dataset] = (),
    images: int = IMAGES,
    seed: int = 0,
) -> Evidence:
    """Return what is known of the candidates on a target.

    Parameters
    ----------
    sources : datasets to compare the target with; those that a candidate was trained on count.
    images : so many images, spread evenly, are looked at, and at most 64 of the annotated ones are scored.

    A mask that is a pre-label as it was written is no annotation: the model that wrote it would always be right.
    Predictions are computed once and kept in the cache. Raises DataError where an image has other than 1 or 3 channels,
    or a mask has another size than its image.
    """
    given = len(target.notes)
    target = without_unchanged(target)
    looked = evenly(len(target), images)
    scored, notes = _scored_images(target)
    wanted = sorted({*looked, *scored})
    candidates, predicted = _predict(target, candidates, runtime, wanted)
    scores, more = _scores(target, scored, wanted, predicted)
    signals, agreements = _behaviour(target, looked, wanted, predicted)
    distances, missing = distance_signals(target, candidates, sources, runtime, seed)
    return Evidence(
        candidates=candidates,
        signals={**distances, **signals},
        agreement=agreements.mean(axis=0),
        annotated=tuple(scored) if scores.shape[1] else (),
        scores=scores,
        rest=len(target) - len(target.annotated),
        looked=tuple(looked),
        agreements=agreements,
        notes=(*target.notes[given:], *notes, *more, *missing),
    )


def _scored_images(target: Dataset) -> tuple[list[int], list[str]]:
    annotated = target.annotated
    chosen = [annotated[place] for place in evenly(len(annotated), ANNOTATED)] if annotated else []
    few = len(chosen) < len(annotated)
    return chosen, [f"{len(chosen)} of {len(annotated)} annotated images are scored"] if few else []


def _predict(
    target: Dataset, candidates: Sequence[CandidateModel], runtime: Runtime, wanted: Sequence[int]
) -> tuple[tuple[CandidateModel, ...], list[Predictions]]:
    """The candidates with their thresholds, and what they say of these images."""
    from dsim.models import predict_kept

    with runtime.progress.task(f"{len(candidates)} models on {target.name}", len(candidates), "models") as task:
        found = []
        for candidate in candidates:
            found.append(predict_kept(candidate.reference, target, runtime, wanted))
            task.advance(1)
    opened = tuple(replace(one, threshold=said.threshold) for one, said in zip(candidates, found, strict=True))
    return opened, found


def _scores(
    target: Dataset, scored: Sequence[int], wanted: Sequence[int], predicted: Sequence[Predictions]
) -> tuple[Array, list[str]]:
    """Dice (c, k) on annotated images, and a note; (c, 0) where all their masks are empty."""
    import numpy as np

    from dsim.models import dice, mask_like

    scores = np.zeros((len(predicted), len(scored)))
    marked = 0
    for column, index in enumerate(scored):
        mask = _checked_mask(target, index)
        marked += bool(mask.any())
        for row, said in enumerate(predicted):
            found = _mask_at(said, wanted.index(index))
            scores[row, column] = dice(found, mask_like(mask, found.shape))
    if scored and not marked:
        note = (
            f"all {len(scored)} annotated masks of {target.name} are empty: a model cannot be told from one that marks"
            " nothing, so they are not used; annotate an image that shows what is wanted"
        )
        return scores[:, :0], [note]
    return scores, []


def _mask_at(said: Predictions, place: int) -> Any:
    return said.maps[place] >= 255 * said.threshold


def _checked_mask(target: Dataset, index: int) -> Any:
    """A mask (h, w) of the target; raises DataError that names it where its size is not that of its image."""
    mask, shape = target.mask(index), target.native(index).shape[:2]
    if mask.shape != shape:
        sizes = [f"{width} x {height}" for height, width in (mask.shape, shape)]
        raise DataError(
            f"the mask of {target.ids[index]!r} in {target.name!r} has {sizes[0]} pixels, and its image {sizes[1]}",
            hint="export the mask at the size of its image",
        )
    return mask


def _behaviour(
    target: Dataset, looked: Sequence[int], wanted: Sequence[int], predicted: Sequence[Predictions]
) -> tuple[dict[str, Array], Array]:
    """Signals (c,), means over the looked-at images, and the agreement (l, c, c) of the candidates on each."""
    import numpy as np

    from dsim.stats.mask_agreement import pairwise_dice
    from dsim.stats.ranking import mean_known

    places = {index: wanted.index(index) for index in looked}
    rows, agreements = [], []
    for index, place in places.items():
        masks = np.stack([_mask_at(said, place) for said in predicted])
        agreements.append(pairwise_dice(masks))
        rows.append(behaviour_of_image(_gray(target, index, masks.shape[1:]), masks, agreements[-1]))
    means = {name: mean_known(np.array([row[name] for row in rows]), axis=0) for name in rows[0]}
    return means, np.stack(agreements)


def _gray(target: Dataset, index: int, shape: tuple[int, ...]) -> Array:
    """The image in gray, float64 (h, w) in [0, 1], at the size of the maps."""
    import numpy as np

    from dsim.models import as_rgb, scale_planes

    image = as_rgb(target.pixels(index), f"image {target.ids[index]!r} of {target.name!r}")
    if image.shape[1:] != shape:
        image = scale_planes(image, max(shape))
    return np.asarray(image.mean(0).numpy(), dtype=np.float64)
