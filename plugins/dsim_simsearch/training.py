"""The training of a detector: views of noisy patches, clean patches with their negatives, then a linear classifier."""

from __future__ import annotations

import copy
import hashlib
import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from dsim.features import seeded
from dsim.learning import VIEW_POLICIES, Steps, TrainingConfig, TrainingResult, draw_seed, fit
from dsim.models import ProjectionHead
from dsim.plugin import DataError
from dsim_simsearch.detector import Detector, LinearClassifier
from dsim_simsearch.objectives import Classification, Refinement, SelfLearning
from dsim_simsearch.patch_views import CentrePooling, PatchViews, SplitBlocks, cut_patches
from dsim_simsearch.settings import SUPPRESSION
from dsim_simsearch.training_settings import TrainingSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dsim.annotations import Region
    from dsim.learning import Objective
    from dsim.plugin import Runtime
    from dsim_simsearch.features import FeatureMaps
    from dsim_simsearch.selection import PatchSet

#: Bumped when the same settings train to other weights.
REVISION = 1
_NAME = "simsearch"
#: Distances of patches beside objects, as shares of their longer side.
_BESIDE = (0.4, 0.6)
#: Features that vary less are not divided by their deviation.
_LEAST_SPREAD = 1e-6


def train_detector(
    maps: FeatureMaps,
    clean: PatchSet,
    noisy: PatchSet | None,
    settings: TrainingSettings,
    seed: int,
    runtime: Runtime,
    folder: Path | None = None,
    checkpoint_seconds: float = 10.0,
) -> Detector:
    """Return a detector of the classes of clean patches.

    First the last stage of the network learns from views of noisy patches (SimCLR; the stages before it, and all batch
    normalisation, stay as they are), then from clean patches and their negatives (supervised contrast); at last a
    linear classifier of its features, background included. ``settings`` says which of these steps run.

    Parameters
    ----------
    maps : of the images, with the network to begin with, which is not changed.
    clean : verified patches of each class and the background, and negatives. noisy : unverified ones of other images;
        None, or fewer than two of them: nothing is learnt from noisy patches, which is noted.
    seed : of all random numbers: the same patches, settings and seed give the same detector on one machine.
    folder : where checkpoints are written, every ``checkpoint_seconds`` at most, while it goes on; a training that was
        interrupted goes on from there to the same end. They are deleted at the end. None: without.

    Raises DataError for a class, or the background, without clean patches, and for a patch of an image that there is
    not; MeasureError where a loss becomes infinite.
    """
    _refuse_empty(clean)
    training = _Training(maps, settings, seed, runtime, folder, checkpoint_seconds)
    if settings.shifted:
        shapes = {region.image: maps.images.shape(maps.images.index(region.image)) for region in clean.regions}
        clean = add_shifted(clean, settings.shifted, shapes, training.draw_seed("shifted"))
    if settings.self_learning:
        training.learn_views(noisy)
    if settings.refinement:
        training.refine(clean)
    detector = training.classify(clean)
    training.remove_checkpoints()
    return detector


def _refuse_empty(clean: PatchSet) -> None:
    for label, name in enumerate((*clean.classes, "background")):
        if not clean.count(label):
            raise DataError(f"there is no clean patch of {name!r}", hint="mark or accept at least one, or remove it")


class _Training:
    """One training under way: the network, its head, and what was done so far."""

    def __init__(
        self,
        maps: FeatureMaps,
        settings: TrainingSettings,
        seed: int,
        runtime: Runtime,
        folder: Path | None,
        checkpoint_seconds: float,
    ) -> None:
        self.maps, self.settings, self.runtime = maps, settings, runtime
        self.folder, self.checkpoint_seconds = folder, checkpoint_seconds
        self.draw_seed = partial(draw_seed, seed, _NAME)
        self.blocks = copy.deepcopy(maps.blocks)
        self.split = SplitBlocks(self.blocks)
        stride = self.blocks.stride
        span = maps.scale * math.sqrt(maps.patch[0] * maps.patch[1])
        self.pool = CentrePooling(span, stride, self.blocks.offset)
        #: Views are whole cells wide, and patches so much wider that every rotation is filled.
        self.side = math.ceil(maps.region * (1 + 2 * settings.margin) / stride) * stride
        self.cut = self.side + 2 * math.ceil(self.side * (math.sqrt(2) - 1) / 2 + 1)
        with seeded(self.draw_seed("head")):
            self.head = ProjectionHead(self.blocks.width, settings.hidden, settings.outputs)
        self.facts: dict[str, Any] = {"seed": seed, "settings": settings.to_dict(), "steps": {}, "warnings": []}

    # The three steps ------------------------------------------------------------------------------------------------

    def learn_views(self, noisy: PatchSet | None) -> None:
        """Train the last stage on noisy patches, without labels; those only balance the batches."""
        chosen = [] if noisy is None else self._choose_noisy(noisy)
        if noisy is None or len(chosen) < 2:
            self._note("there are no noisy patches: the network learns from clean patches only")
            return
        settings = self.settings
        views = self._views([noisy.regions[row] for row in chosen], "simsearch")
        labels = torch.from_numpy(noisy.labels[chosen])
        objective = SelfLearning(views, labels, self.pool, self.head, settings.self_batch, settings.self_temperature)
        lr = Steps(settings.self_lr, settings.self_every, settings.self_factor)
        self._fit(objective, "self-learning", settings.self_epochs, lr, views)

    def refine(self, clean: PatchSet) -> None:
        """Train the last stage on clean patches: classes and the background apart, negatives away from their class."""
        settings, rows = self.settings, np.flatnonzero(clean.labels >= 0)
        views = self._views([clean.regions[row] for row in rows], "simsearch-supervised")
        labels = torch.from_numpy(clean.labels[rows])
        negatives, of = None, None
        marked = np.flatnonzero(clean.negative_of >= 0) if settings.negatives else rows[:0]
        if len(marked):
            negatives = self._views([clean.regions[row] for row in marked], "simsearch-supervised")
            of = torch.from_numpy(clean.negative_of[marked])
        objective = Refinement(
            views, labels, self.pool, self.head, settings.refine_batch, settings.refine_temperature, negatives, of
        )
        lr = Steps(settings.refine_lr, settings.refine_every, settings.refine_factor)
        self._fit(objective, "refinement", settings.refine_epochs, lr, views, *([negatives] if negatives else []))

    def classify(self, clean: PatchSet) -> Detector:
        """Train the classifier, on features as detection has them, and return the detector."""
        settings, labels, outputs = self.settings, clean.labels.copy(), len(clean.classes) + 1
        if settings.negatives and settings.negatives_are_background:
            labels[(labels < 0) & (clean.negative_of >= 0)] = clean.background
        rows = np.flatnonzero(labels >= 0)
        self.blocks.requires_grad_(False).eval()
        features, classifier = self._features([clean.regions[row] for row in rows], outputs)
        points = classifier.normalise(features)
        # Of directions, which have length 1, coordinates are standardised by the root of their number.
        scale = math.sqrt(self.blocks.width) if classifier.is_directional else 1.0
        objective = Classification(points * scale, torch.from_numpy(labels[rows]), outputs, settings.classifier_batch)
        lr = Steps(settings.classifier_lr, max(1, settings.classifier_epochs // 2), 0.1)
        self._fit(objective, "classifier", settings.classifier_epochs, lr, decay=settings.classifier_decay)
        weight, bias = (parameter.detach().cpu() for parameter in objective.linear.parameters())
        return Detector(
            classes=clean.classes,
            blocks=self.blocks,
            extractor=self.maps.blocks.reference,
            classifier=replace(classifier, weight=weight * scale, bias=bias),
            patch=self.maps.patch,
            region=self.maps.region,
            preparation=self.maps.images.preparation.to_dict(),
            training=self.facts,
        )

    # Shared ---------------------------------------------------------------------------------------------------------

    def _choose_noisy(self, noisy: PatchSet) -> list[int]:
        """Rows of the noisy patches that are used: all, or as many of each class as there may be, drawn."""
        rows = np.flatnonzero(noisy.labels >= 0)
        most = self.settings.most_noisy
        if not most or len(rows) <= most:
            return [int(row) for row in rows]
        order = np.random.default_rng(self.draw_seed("noisy")).permutation(rows)
        # In turn one of each class, as long as it has any.
        rank = np.empty(len(order), dtype=np.int64)
        for label in np.unique(noisy.labels[order]):
            own = noisy.labels[order] == label
            rank[own] = np.arange(own.sum())
        return [int(row) for row in np.sort(order[np.argsort(rank, kind="stable")[:most]])]

    def _views(self, regions: Sequence[Region], policy: str) -> PatchViews:
        crops = cut_patches(self.maps.images, regions, self.cut, self.maps.scale)
        device = self.runtime.resolved_device()
        return PatchViews(crops, self.split, self.side, VIEW_POLICIES[policy], self.settings.bank, device)

    def _features(self, regions: Sequence[Region], outputs: int) -> tuple[Tensor, LinearClassifier]:
        """Features of regions through the network as it is now, (n, views, d), and a classifier that knows nothing yet.

        One view of each, or four: turned by quarters with all around them.
        """
        from dsim_simsearch.features import FeatureMaps

        images = self.maps.images
        maps = FeatureMaps(images, self.blocks, self.maps.patch, self.maps.region, self.runtime)
        if self.settings.turns:
            features = torch.from_numpy(maps.rotated(regions))
        else:
            own = [maps[images.index(region.image)].at(np.array([region.centre])) for region in regions]
            features = torch.from_numpy(np.stack(own))
        displayed = sorted({images.index(region.image) for region in regions})
        return features, _unlearned(features, maps, displayed, self.settings.whiten, outputs)

    def _fit(
        self, objective: Objective, step: str, epochs: int, lr: Steps, *views: PatchViews, decay: float = 0.0
    ) -> TrainingResult:
        generator = torch.Generator().manual_seed(self.draw_seed(f"{step} views"))
        for every in views:
            every.fill(generator, self.runtime.progress)
        config = TrainingConfig(epochs=epochs, lr=lr, weight_decay=decay, optimizer="adam", keep="last")
        result = fit(
            objective,
            config,
            seed=self.draw_seed(step),
            runtime=self.runtime,
            checkpoint=None if self.folder is None else self._checkpoint(step),
            checkpoint_seconds=self.checkpoint_seconds,
            identity=self._identity(step, views),
            description=step,
        )
        patches = sum(map(len, views)) or len(getattr(objective, "labels", ()))
        self.facts["steps"][step] = {
            "patches": patches,
            "epochs": len(result.curves),
            "seconds": round(result.seconds, 1),
            "first_loss": result.curves[0]["loss"],
            "last_loss": result.curves[-1]["loss"],
        }
        self.facts["warnings"] += result.warnings
        return result

    def _identity(self, step: str, views: Sequence[PatchViews]) -> dict[str, Any]:
        """What a checkpoint must agree on: it is of the same step, patches, network and settings."""
        pixels = hashlib.sha256()
        for every in views:
            pixels.update(every.pixels.numpy().tobytes())
        return {
            "trainer": f"{_NAME}.{REVISION}",
            "step": step,
            "settings": self.settings.to_dict(),
            "pixels": pixels.hexdigest(),
            "network": self.blocks.identity,
        }

    def _checkpoint(self, step: str) -> Path:
        assert self.folder is not None
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / f"{step}.checkpoint.safetensors"

    def remove_checkpoints(self) -> None:
        """Delete the checkpoints of all steps."""
        if self.folder is not None:
            for step in ("self-learning", "refinement", "classifier"):
                self._checkpoint(step).unlink(missing_ok=True)

    def _note(self, text: str) -> None:
        self.runtime.progress.note(text)
        self.facts["warnings"].append(text)


def _unlearned(
    features: Tensor, maps: FeatureMaps, displayed: Sequence[int], strength: float, outputs: int
) -> LinearClassifier:
    """A classifier without weights, which standardises features (n, views, d), or whitens them by displayed images."""
    from dsim_simsearch.dense import whitening_of

    if strength:
        whitening = whitening_of(maps, displayed, strength)
        mean, matrix = (torch.from_numpy(part).float() for part in (whitening.mean, whitening.matrix))
    else:
        spread, mean = torch.std_mean(features.flatten(0, 1), dim=0, correction=0)
        matrix = torch.diag(1 / torch.where(spread > _LEAST_SPREAD, spread, 1))
    width = features.shape[2]
    return LinearClassifier(mean, matrix, torch.zeros(outputs, width), torch.zeros(outputs), strength > 0)


def add_shifted(clean: PatchSet, count: int, shapes: Mapping[str, tuple[int, int]], seed: int) -> PatchSet:
    """Return clean patches and, as background, ``count`` from beside each patch of a class, at any angle.

    They lie .4 to .6 of the patch's longer side away, with their centre in the image, and no centre of a clean patch of
    a class is nearer than .35 of it, so that there may be fewer.

    Parameters
    ----------
    shapes : height and width of the images, by id. ``seed`` : of angles and distances.
    """
    generator = np.random.default_rng(seed)
    objects = [
        region for region, label in zip(clean.regions, clean.labels, strict=True) if 0 <= label < clean.background
    ]
    added = []
    for region in objects:
        side = max(region.width, region.height)
        known = np.array([other.centre for other in objects if other.image == region.image])
        height, width = shapes[region.image]
        for _ in range(count):
            angle, distance = generator.uniform(0, 2 * math.pi), generator.uniform(*_BESIDE) * side
            moved = region._replace(
                x=region.x + distance * math.cos(angle), y=region.y + distance * math.sin(angle), label="background"
            )
            x, y = moved.centre
            is_free = np.hypot(*(known - (x, y)).T).min() >= SUPPRESSION * side
            if is_free and 0 <= x < width and 0 <= y < height:
                added.append(moved)
    return replace(
        clean,
        regions=(*clean.regions, *added),
        labels=np.append(clean.labels, np.full(len(added), clean.background)),
        negative_of=np.append(clean.negative_of, np.full(len(added), -1)),
    )
