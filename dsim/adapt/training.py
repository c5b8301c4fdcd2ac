"""Training on a few annotated images: of a network that is there already, or of a new one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.adapt.annotation import ALL
from dsim.random import stream

if TYPE_CHECKING:
    from dsim.adapt.settings import Settings
    from dsim.data import Dataset
    from dsim.models import SegmentationRecipe, Segmenter
    from dsim.runtime import Runtime


@dataclass(frozen=True)
class Lesson:
    """One training: a way, the images of the target that train, and the model from which it starts.

    Parameters
    ----------
    way : ``finetune`` or ``scratch``. ``images`` : positions in the target.
    start : reference of the model that is trained further; empty from scratch.
    """

    way: str
    images: tuple[int, ...]
    start: str = ""

    def seed(self, target: Dataset, settings: Settings) -> int:
        """Return the seed of weights, order and augmentation: another for every set of images, whatever their order."""
        digests = sorted(target.image_digests[image] for image in self.images)
        return int(stream(settings.seed, "adapt", self.way, self.start, *digests).integers(2**31))


#: A training that marks less of its own images than this has learnt nothing, and begins again more slowly.
LEARNT = 0.2
#: Learning rates of the first and further attempts, as shares of the setting.
_ATTEMPTS = (1.0, 0.4, 0.16)
#: Share of the epochs in which the learning rate rises.
_WARM_UP = 0.15
_CLIP = 1.0


def train_lesson(
    lesson: Lesson, target: Dataset, settings: Settings, runtime: Runtime, checkpoint: Path | None = None
) -> Segmenter:
    """Return the model that a training ends with: the weights of its last step, since no image is left to judge them.

    Where it ends with a network that marks nothing, which few images can lead to, it begins again with a smaller
    learning rate; only the images that train are looked at for that.

    Raises DataError for an image that cannot be used, MeasureError where every attempt diverges, WeightsError where the
    model to start from cannot be read.
    """
    from dsim.errors import MeasureError

    found: Segmenter | None = None
    for number, share in enumerate(_ATTEMPTS):
        try:
            found = _attempt(lesson, target, settings, runtime, share, checkpoint)
        except MeasureError:
            if found is None and number + 1 == len(_ATTEMPTS):
                raise
            continue
        scores = score_images(found, target, lesson.images)
        if sum(scores) >= LEARNT * len(scores):
            break
    assert found is not None
    return found


def _attempt(
    lesson: Lesson, target: Dataset, settings: Settings, runtime: Runtime, share: float, checkpoint: Path | None
) -> Segmenter:
    """One training from beginning to end, with a share of the learning rate."""
    from dsim.learning import Cosine, TrainingConfig, WarmUp, fit
    from dsim.models import Segmenter
    from dsim.transfer.segmentation.objective import SegmentationObjective
    from dsim.transfer.segmentation.pairs import gather_pairs

    recipe, network, known = _open_start(lesson, settings, target, runtime)
    if settings.frozen and recipe.pretrained:
        network.encoder.requires_grad_(False)
    lr = share * (settings.lr if lesson.way == "finetune" else settings.scratch_lr)
    rising = max(1, round(_WARM_UP * settings.epochs))
    practice = settings.training(recipe)
    pairs = gather_pairs(target, lesson.images, practice, ALL)
    done = fit(
        SegmentationObjective(network, pairs, None, practice, runtime.resolved_device()),
        TrainingConfig(
            settings.epochs, lr=WarmUp(rising, Cosine(lr), start=lr / (rising + 1)), clip=_CLIP, keep="last"
        ),
        seed=lesson.seed(target, settings),
        runtime=runtime,
        checkpoint=checkpoint,
        identity={"lesson": [lesson.way, lesson.start, share, *(target.ids[image] for image in lesson.images)]},
        description=f"{lesson.way} on {len(lesson.images)} images",
    )
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    entries = (*known, training_entry(target, lesson.images))
    trained = done.network.eval().requires_grad_(False)
    return Segmenter(trained, recipe, entries, f"{lesson.way}.{target.name}", runtime.resolved_device())


def training_entry(target: Dataset, images: Sequence[int]) -> Mapping[str, Any]:
    """Return what a model says of these images of the target once it was trained on them."""
    return {
        "name": target.name,
        "n": len(images),
        "images_fingerprint": target.subset(images).images_fingerprint,
        "image_digests": sorted(target.image_digests[index] for index in images),
    }


def score_images(segmenter: Segmenter, target: Dataset, images: Sequence[int]) -> list[float]:
    """Return the Dice in [0, 1] of the model on annotated images of the target, at their own size."""
    from dsim.transfer.segmentation.experiment import dice_of_images

    return list(dice_of_images(segmenter, target, images, ALL))


def seconds_of_step(recipe: SegmentationRecipe, batch: int) -> float:
    """Return how long one step of training takes on this machine, as a short trial says."""
    import time

    import torch

    from dsim.learning import segmentation_loss

    network = recipe.build(0, weights=False).train()
    images, masks = torch.rand(batch, 3, recipe.patch, recipe.patch), torch.zeros(batch, recipe.patch, recipe.patch)
    times = []
    for _ in range(2):
        began = time.perf_counter()
        segmentation_loss(network(images), masks).backward()  # type: ignore[no-untyped-call]
        times.append(time.perf_counter() - began)
    return min(times)


def _open_start(
    lesson: Lesson, settings: Settings, target: Dataset, runtime: Runtime
) -> tuple[SegmentationRecipe, Any, tuple[Mapping[str, Any], ...]]:
    """The network that training starts from, its recipe, and what it was trained on before."""
    from dsim.models import VoteNetwork, load_segmenter

    if not lesson.start:
        recipe = settings.from_scratch()
        return recipe, recipe.build(lesson.seed(target, settings), runtime), ()
    segmenter = load_segmenter(lesson.start, runtime)
    recipe, network = segmenter.recipe, segmenter.network
    if isinstance(network, VoteNetwork):
        # Several networks are not trained further: the first of them, which has the most votes, is.
        recipe, network = network.recipes[0], network.members[0]
    return recipe, network.requires_grad_(True), segmenter.trained_on
