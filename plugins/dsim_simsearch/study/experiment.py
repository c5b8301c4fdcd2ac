"""One experiment of a study: displayed images, what the simulated user does on them, and detections of each method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dsim.annotations import Region
from dsim.random import stream
from dsim_simsearch.settings import SearchSettings
from dsim_simsearch.study.simulated_user import (
    Flagging,
    User,
    count_clicks,
    draw_images,
    draw_prototypes,
    flag_candidates,
    on_objects,
)
from dsim_simsearch.training_settings import TrainingSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsim.runtime import Runtime
    from dsim_simsearch.candidates import Candidates
    from dsim_simsearch.images import PreparedImages
    from dsim_simsearch.selection import PatchSet, RoiClass
    from dsim_simsearch.similarity import Search
    from dsim_simsearch.study.cells import Cell
    from dsim_simsearch.study.problem import Problem

    Floats = NDArray[np.float64]

#: Noisy patches of each class, and of the background, at most.
MOST_NOISY = 1000
#: Annotated patches of each class at most, of the supervised baseline.
MOST_ANNOTATED = 300
#: A network of the default's structure that was never trained; the number of the experiment takes the place of 0.
RANDOM = "timm:tf_efficientnet_lite0[init=random:0,layer=blocks.4]"


@dataclass(frozen=True)
class StudySettings:
    """What all experiments of a study have in common.

    Parameters
    ----------
    search : how patches are compared. random : the extractor of the baseline with random weights.
    training : preset of the trainings. user : what the simulated user does. seed : of images, prototypes, trainings.
    prototypes : the largest number of them, of which the displayed images must show so many.
    noisy : images that are not displayed whose patches train without labels, drawn at random; 0: all.
    """

    search: SearchSettings = field(default_factory=SearchSettings)
    random: str = RANDOM
    training: str = "quick"
    user: User = field(default_factory=User)
    seed: int = 0
    prototypes: int = 10
    noisy: int = 0

    def facts(self) -> dict[str, Any]:
        """Return the settings as JSON has them."""
        own = {name: getattr(self, name) for name in ("random", "seed", "prototypes", "noisy")}
        training = {"preset": self.training, **TrainingSettings.preset(self.training).to_dict()}
        return {**own, "search": self.search.to_dict(), "user": self.user.facts(), "training": training}


@dataclass(frozen=True)
class Marked:
    """What the user marked with so many prototypes and negatives.

    Parameters
    ----------
    classes : with prototypes, threshold and negatives. accepted : by class the candidates above the threshold that were
        not flagged. background : the patches that were shown as background and not flagged.
    clicks : actions of the user.
    """

    classes: tuple[RoiClass, ...]
    accepted: Mapping[str, tuple[Region, ...]]
    background: tuple[Region, ...]
    clicks: int

    @property
    def flagged(self) -> dict[str, tuple[Region, ...]]:
        """The negatives of each class."""
        return {one.name: one.flagged for one in self.classes}


class Experiment:
    """Displayed images and prototypes of one number, and what follows from them.

    Parameters
    ----------
    problem : classes and images. images : as prepared. repeat : number of the experiment.
    store : folder of features, which all experiments share.
    """

    def __init__(
        self,
        problem: Problem,
        images: PreparedImages,
        settings: StudySettings,
        repeat: int,
        runtime: Runtime,
        store: Path | None,
    ) -> None:
        self.problem, self.images, self.settings = problem, images, settings
        self.repeat, self.runtime, self.store = repeat, runtime, store
        self.marked = lru_cache(maxsize=8)(self._mark)

    @cached_property
    def displayed(self) -> tuple[int, ...]:
        """The images that are shown."""
        user, seed = self.settings.user, self.settings.seed
        return draw_images(self.problem, user.displayed, self.settings.prototypes, seed, self.repeat)

    @cached_property
    def undisplayed(self) -> tuple[int, ...]:
        """Training images that are not shown: those of noisy patches."""
        rest = [image for image in self.problem.training if image not in self.displayed]
        if not self.settings.noisy:
            return tuple(rest)
        order = stream(self.settings.seed, "noisy images", str(self.repeat)).permutation(len(rest))
        return tuple(sorted(rest[place] for place in order[: self.settings.noisy]))

    @cached_property
    def search(self) -> Search:
        """The search by the extractor of the study."""
        return self.search_by(self.settings.search)

    @cached_property
    def random_search(self) -> Search:
        """The search by a network that was never trained, another one in every experiment."""
        extractor = self.settings.random.replace("random:0", f"random:{self.settings.seed + self.repeat}")
        return self.search_by(replace(self.settings.search, extractor=extractor))

    def search_by(self, settings: SearchSettings) -> Search:
        """Return the search of this experiment's images by other settings."""
        from dsim_simsearch.similarity import Search

        side = self.problem.patch
        return Search(self.images, self.displayed, (side, side), settings, self.runtime, self.store)

    def prototypes(self, label: str, count: int) -> tuple[Region, ...]:
        """Return the first prototypes of a class."""
        jitter = self.settings.user.jitter
        return draw_prototypes(self.problem, label, self.displayed, count, self.settings.seed, self.repeat, jitter)

    def _mark(self, prototypes: int, negatives: int) -> Marked:
        """Everything that the user does; the same for all methods."""
        from dsim_simsearch.selection import RoiClass

        drawn = {name: self.prototypes(name, prototypes) for name in self.problem.classes}
        classes, accepted, flaggings = [], {}, {}
        for name, regions in drawn.items():
            shown, flagging = self._flag(name, regions, negatives)
            flaggings[name] = flagging
            accepted[name] = tuple(shown[place]._replace(label=name) for place in flagging.positives)
            flagged = tuple(shown[place] for place in flagging.negatives)
            classes.append(RoiClass(name, regions, flagging.threshold, flagged))
        background, flags = self._background(classes, accepted)
        return Marked(tuple(classes), accepted, background, count_clicks(drawn, flaggings, flags))

    def _flag(self, name: str, prototypes: Sequence[Region], negatives: int) -> tuple[list[Region], Flagging]:
        """The candidates of a class in all displayed images, and what the user does with them."""
        vectors = self.search.vectors(prototypes)
        found = [self.search.candidates(image, vectors) for image in self.displayed]
        wrong = [
            ~on_objects(each.centres, self.problem.annotated.centres(name, image), self.problem.distance)
            for image, each in zip(self.displayed, found, strict=True)
        ]
        rng = stream(self.settings.seed, "missed flags", name, str(self.repeat))
        scores = np.concatenate([each.score for each in found])
        shown = [region for each in found for region in each.regions(name)]
        return shown, flag_candidates(scores, np.concatenate(wrong), negatives, self.settings.user.missed, rng)

    def _background(
        self, classes: Sequence[RoiClass], accepted: Mapping[str, Sequence[Region]]
    ) -> tuple[tuple[Region, ...], int]:
        """Patches that are shown as background and lie on no object of a class; how many others were flagged."""
        from dsim_simsearch.selection import find_background

        marked = [*(region for regions in accepted.values() for region in regions)]
        marked += [region for one in classes for region in (*one.prototypes, *one.flagged)]
        shown = find_background(self.search, self.displayed, classes, marked, self.settings.user.background)
        on = [self._is_object(region) for region in shown]
        return tuple(region for region, is_object in zip(shown, on, strict=True) if not is_object), sum(on)

    def _is_object(self, region: Region) -> bool:
        """Whether a patch that is shown as background has an object in its middle: a user flags off-centre ones too."""
        image = self.images.index(region.image)
        truth = np.concatenate([self.problem.annotated.centres(name, image) for name in self.problem.classes])
        return bool(on_objects(np.array([region.centre]), truth, self.problem.patch / 2)[0])

    def clean(self, prototypes: int, negatives: int) -> PatchSet:
        """Return the patches that the user approved: positives, negatives and background."""
        from dsim_simsearch.selection import select_clean

        marked = self.marked(prototypes, negatives)
        return select_clean(self.search, self.displayed, marked.classes, marked.background)

    def noisy(self, prototypes: int, negatives: int) -> PatchSet:
        """Return patches of images that are not displayed, by prototypes and thresholds alone."""
        from dsim_simsearch.selection import select_noisy

        seed = int(stream(self.settings.seed, "noisy patches", str(self.repeat)).integers(2**31))
        classes = self.marked(prototypes, negatives).classes
        return select_noisy(self.search, self.undisplayed, classes, most=MOST_NOISY, seed=seed)

    def candidates(self, search: Search, label: str, prototypes: int) -> list[Candidates]:
        """Return the candidates of a class in the test images."""
        vectors = search.vectors(self.prototypes(label, prototypes))
        return [search.candidates(image, vectors) for image in self.problem.test]

    def seed_of(self, cell: Cell) -> int:
        """Return the seed of a training: methods of one experiment, and numbers of trainings, share it."""
        return int(stream(self.settings.seed, "training", str(self.repeat), str(cell.training)).integers(2**31))

    def annotated_patches(self, training: int) -> PatchSet:
        """Return patches on all objects of the training images, and as many of the background at random places.

        Of a class at most ``MOST_ANNOTATED`` are drawn. A place of the background is on no object of a class.
        """
        from dsim_simsearch.selection import PatchSet

        rng = stream(self.settings.seed, "annotated patches", str(self.repeat), str(training))
        by_class = [self._objects(name, rng) for name in self.problem.classes]
        background = self._places(max(map(len, by_class)), rng)
        regions = [region for part in (*by_class, background) for region in part]
        labels = np.repeat(np.arange(len(by_class) + 1), [*map(len, by_class), len(background)])
        return PatchSet(self.problem.classes, tuple(regions), labels.astype(np.int64), np.full(len(regions), -1))

    def _objects(self, label: str, rng: np.random.Generator) -> list[Region]:
        places = [
            (image, centre)
            for image in self.problem.training
            for centre in self.problem.annotated.centres(label, image)
        ]
        chosen = rng.permutation(len(places))[:MOST_ANNOTATED]
        drawn = [places[place] for place in np.sort(chosen).tolist()]
        return [self._patch(image, centre, label) for image, centre in drawn]

    def _places(self, count: int, rng: np.random.Generator) -> list[Region]:
        """Random places of training images at no less than the patch's half from every object of a class."""
        found: list[Region] = []
        while len(found) < count:
            image = int(rng.choice(self.problem.training))
            height, width = self.problem.annotated.sizes[image]
            centre = rng.uniform((0, 0), (width, height))
            truth = np.concatenate([self.problem.annotated.centres(name, image) for name in self.problem.classes])
            if not on_objects(centre[None], truth, self.problem.patch / 2)[0]:
                found.append(self._patch(image, centre, ""))
        return found

    def _patch(self, image: int, centre: Floats, label: str) -> Region:
        side = self.problem.patch
        x, y = centre - side / 2
        return Region(self.problem.annotated.dataset.ids[image], float(x), float(y), side, side, label)
