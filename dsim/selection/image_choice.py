"""The images of a target whose annotation would settle the choice of a model soonest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dsim.data import evenly, without_unchanged
from dsim.errors import DataError, UsageError
from dsim.files.documents import number
from dsim.measures import EXTRACTOR
from dsim.random import stream
from dsim.registry import Need
from dsim.selection.fit import Fit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.data import Dataset
    from dsim.runtime import Runtime
    from dsim.selection.prior import Prior
    from dsim.selection.selection import Selection

    Array = NDArray[np.float64]

SCHEMA = "dsim.annotate-next/1"
#: Points of Dice that a further image must be expected to gain; else the choice is settled.
ENOUGH = 1.0
#: Images that are considered at most, spread evenly: each candidate predicts them all.
CONSIDERED = 64
#: Draws behind the expected gain: its error is some hundredths of a point.
_DRAWS = 4096


class Basis(StrEnum):
    """What the images were chosen by."""

    AGREEMENT = "agreement of the candidates"
    DIVERSITY = "diversity alone"


@dataclass(frozen=True)
class Next:
    """The images to annotate next.

    Parameters
    ----------
    images : positions in the target, the most useful first; none where the choice is settled. ``ids`` : their ids.
    settled : whether a further image is expected to gain less than ``enough``, in points of Dice. Never where no
        candidate fits: what is annotated there serves another model.
    gain : expected of a further image, in points of Dice of the rest; NaN without candidates.
    loss : expected now, against knowing the best candidate, in points; NaN without candidates.
    basis : what they were chosen by. ``considered`` : of how many images. ``annotated`` : how many have a mask already.
    notes : what must be said, a sentence each.
    """

    target: str
    images: tuple[int, ...]
    ids: tuple[str, ...]
    settled: bool
    gain: float
    loss: float
    enough: float
    basis: Basis
    considered: int
    annotated: int
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object of schema ``dsim.annotate-next/1``, without what is written; NaN is null."""
        return {
            "schema": SCHEMA,
            "target": self.target,
            "images": list(self.ids),
            "settled": self.settled,
            "gain": number(self.gain),
            "loss": number(self.loss),
            "enough": self.enough,
            "basis": str(self.basis),
            "considered": self.considered,
            "annotated": self.annotated,
            "notes": list(self.notes),
        }


def next_images(
    target: Dataset,
    selection: Selection | None,
    count: int,
    *,
    enough: float = ENOUGH,
    prior: Prior | None = None,
    runtime: Runtime | None = None,
    seed: int = 0,
) -> Next:
    """Return the images without a mask that are worth most, as many as ``count``; none where the choice is settled.

    The images are those that, with the ones that are annotated already, stand for all: on which the likely candidates
    agree with one another as on average, and which do not repeat each other. Scores on such a sample are nearest to
    those on all images; images on which candidates differ most would be other than the rest.

    Parameters
    ----------
    selection : of ``select`` for this target; None where there is no candidate: then diversity decides alone.
    enough : points of Dice; the choice is settled where a further image is expected to gain less.
    prior : that the selection was made with; by default the shipped one.

    At most 64 images are considered, spread evenly over those without a mask. Raises UsageError for a count below 1,
    NeedError for a target without images, and DataError where every image has a mask.
    """
    from dsim.runtime import Runtime

    target.require(Need.IMAGES, "choosing images to annotate")
    target = without_unchanged(target)
    if count < 1:
        raise UsageError(f"no image can be chosen by a count of {count}", hint="give 1 or more: --count 3")
    left = [index for index in range(len(target)) if not target.has_mask(index)]
    if not left:
        raise DataError(
            f"all {len(target)} images of {target.name!r} have masks: none is left to annotate",
            hint="see which model they speak for: dsim recommend; or make one from them: dsim adapt",
        )
    search = _Search(target, selection, left, runtime or Runtime(), seed)
    gain, loss = search.gains(prior)
    settled = selection is not None and gain < enough and selection.fit is not Fit.NONE
    images = () if settled else search.choose(count)
    return Next(
        target=target.name,
        images=images,
        ids=tuple(target.ids[index] for index in images),
        settled=settled,
        gain=gain,
        loss=loss,
        enough=enough,
        basis=search.basis,
        considered=len(search.considered),
        annotated=len(search.annotated),
        notes=search.notes(count),
    )


@dataclass(frozen=True)
class _Search:
    """The images that may be chosen, and what is known of them."""

    target: Dataset
    selection: Selection | None
    left: Sequence[int]
    runtime: Runtime
    seed: int

    @property
    def considered(self) -> list[int]:
        return [self.left[place] for place in evenly(len(self.left), CONSIDERED)]

    @property
    def annotated(self) -> tuple[int, ...]:
        """Images that need no mask any more; of many, those whose scores count."""
        if self.selection is not None and self.selection.evidence.annotated:
            return self.selection.evidence.annotated
        annotated = self.target.annotated
        return tuple(annotated[place] for place in evenly(len(annotated), CONSIDERED)) if annotated else ()

    @property
    def basis(self) -> Basis:
        several = self.selection is not None and len(self.selection.candidates) > 1
        return Basis.AGREEMENT if several else Basis.DIVERSITY

    def notes(self, count: int) -> tuple[str, ...]:
        found = []
        if count > len(self.considered):
            found.append(f"{count} images were asked for, and {len(self.considered)} can be chosen from")
        if len(self.considered) < len(self.left):
            found.append(
                f"{len(self.considered)} of {len(self.left)} images without a mask were considered, spread evenly"
            )
        if self.selection is None:
            found.append(
                "there is no model to choose: the images are chosen by diversity alone, to stand for all others"
            )
        return tuple(found)

    def gains(self, prior: Prior | None) -> tuple[float, float]:
        """The expected gain of a further image, and the expected loss now, in points; NaN without candidates."""
        import numpy as np

        from dsim.selection.prior import shipped_prior
        from dsim.stats.case_choice import gain_per_case

        if self.selection is None:
            return float("nan"), float("nan")
        posterior = self.selection.posterior
        noise = (prior or shipped_prior()).noise.covariance(posterior.expected, self.selection.evidence.agreement)
        shape = (_DRAWS, len(posterior.mean))
        normals = np.asarray(stream(self.seed, "next images", str(shape)).standard_normal(shape))
        gain = 100 * gain_per_case(posterior.mean, posterior.cov, noise, len(self.left), normals)
        loss = posterior.expected_gain()
        # No image tells more than everything; the loss alone knows that no Dice is above 1.
        return min(gain, loss), loss

    def choose(self, count: int) -> tuple[int, ...]:
        """The positions of the images to annotate, the most useful first."""
        from dsim.stats.case_choice import choose_cases, likeness_of_cases

        pool = [*self.annotated, *self.considered]
        features = self._features(pool)
        groups = None if self.target.groups is None else [self.target.groups[index] for index in pool]
        profiles = self._profiles(pool) if self.basis is Basis.AGREEMENT else features - features.mean(axis=0)
        chosen = choose_cases(profiles, likeness_of_cases(features, groups), count, range(len(self.annotated)))
        return tuple(pool[place] for place in chosen)

    def _features(self, pool: Sequence[int]) -> Array:
        """Features (n, d) of the shipped extractor, by which near duplicates are known."""
        import numpy as np

        from dsim.features import extract

        return np.asarray(extract(self.target.subset(pool), str(EXTRACTOR.default), self.runtime), dtype=np.float64)

    def _profiles(self, pool: Sequence[int]) -> Array:
        """How the candidates agree on each image beside how they usually do, (n, pairs)."""
        from dsim.stats.case_choice import agreement_profiles, likeliness

        assert self.selection is not None, "asked for only where candidates agree or differ"
        return agreement_profiles(self._agreements(pool), likeliness(self.selection.posterior.expected))

    def _agreements(self, pool: Sequence[int]) -> Array:
        """Dice (n, c, c) of the masks of every two candidates on each image."""
        import numpy as np

        from dsim.models import predict_kept
        from dsim.stats.mask_agreement import pairwise_dice

        assert self.selection is not None, "asked for only where candidates agree or differ"
        models = self.selection.evidence.candidates
        said = [predict_kept(model.reference, self.target, self.runtime, pool) for model in models]
        masks = [one.masks() for one in said]
        return np.stack([pairwise_dice(np.stack(of_image)) for of_image in zip(*masks, strict=True)])
