"""Patches for training: verified ones of the displayed images, unverified ones of the others, and of the background."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np

from dsim.annotations import Region
from dsim.errors import UsageError
from dsim.stats.peaks import local_maxima
from dsim_simsearch.candidates import are_near

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsim_simsearch.similarity import Search

#: The label of patches of the background as regions have it; no class may have this name.
BACKGROUND = "background"
#: A patch that is only known not to be of one class.
NO_CLASS = -1


@dataclass(frozen=True)
class RoiClass:
    """A class of regions, as a person defines it on the displayed images.

    Parameters
    ----------
    prototypes : its examples. threshold : candidates of at least this similarity are of the class.
    flagged : candidates that are not, by the person's eye.
    """

    name: str
    prototypes: tuple[Region, ...]
    threshold: float
    flagged: tuple[Region, ...] = ()


@dataclass(frozen=True, eq=False)
class PatchSet:
    """Patches to train on.

    Parameters
    ----------
    classes : names of the K classes, without the background.
    regions : n patches. labels : int64 (n,); a class's position in ``classes``, K for the background, -1 for a patch of
        which only is known what it is not. negative_of : int64 (n,); the class that the patch was flagged not to be, or
        -1. A patch that is flagged for one class and verified for another has both.
    """

    classes: tuple[str, ...]
    regions: tuple[Region, ...]
    labels: NDArray[np.int64]
    negative_of: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.regions)

    @property
    def background(self) -> int:
        """The label of patches of the background."""
        return len(self.classes)

    def count(self, label: int) -> int:
        """Return how many patches have this label."""
        return int((self.labels == label).sum())


def select_clean(
    search: Search, displayed: Sequence[int], classes: Sequence[RoiClass], background: Sequence[Region] = ()
) -> PatchSet:
    """Return the verified patches of the displayed images.

    Of each class its prototypes and the candidates above its threshold, without those that are flagged, which become
    negatives; and the background. A place belongs to one class: to that of a prototype, else to the most similar one.

    Parameters
    ----------
    background : see ``find_background``; what is no background has been taken out.

    Raises UsageError for a class without prototypes or with a second one of its name, for prototypes of wrong size or
    beyond their image, where all candidates of a class are flagged, and where no background is left.
    """
    check_classes(classes)
    if not background:
        names = ", ".join(repr(one.name) for one in classes)
        raise UsageError(f"no background is left beside {names}", hint="ask for more of it, or flag less of it")
    return _join(search, classes, select_positives(search, displayed, classes), background)


def select_positives(search: Search, displayed: Sequence[int], classes: Sequence[RoiClass]) -> list[list[Region]]:
    """Return the verified patches of each class: prototypes, and candidates above the threshold without flagged ones.

    Raises UsageError where all candidates of a class are flagged.
    """
    candidates = [_left(search, one, displayed) for one in classes]
    return _one_class_each(classes, candidates, search.settings.radius(search.patch))


def _left(search: Search, one: RoiClass, displayed: Sequence[int]) -> list[Region]:
    """Candidates of a class that are not flagged; raises UsageError where none of several is left."""
    above = _above(search, one, displayed)
    left = _without(above, one.flagged, search.settings.radius(search.patch))
    if above and not left:
        raise UsageError(
            f"all {len(above)} candidates of {one.name!r} above {one.threshold:g} are flagged",
            hint="flag only those that are wrong, or choose other prototypes",
        )
    return left


def _above(search: Search, one: RoiClass, indices: Sequence[int]) -> list[Region]:
    """Candidates of a class above its threshold."""
    vectors = search.vectors(one.prototypes)
    found = [search.candidates(index, vectors).above(one.threshold) for index in indices]
    return [region for candidates in found for region in candidates.regions(one.name)]


def select_noisy(
    search: Search,
    others: Sequence[int],
    classes: Sequence[RoiClass],
    background: int = 5,
    most: int | None = None,
    seed: int = 0,
) -> PatchSet:
    """Return unverified patches of images that were not displayed: candidates above thresholds, and the background.

    Parameters
    ----------
    others : indices of the images. background : of each image so many of the most and of the least similar patches.
    most : of each class and of the background at most so many, drawn at random by ``seed``; None: all.

    Raises UsageError for a class without prototypes or with a second one of its name.
    """
    check_classes(classes)
    by_class = [_above(search, one, others) for one in classes]
    plain = [RoiClass(one.name, (), one.threshold) for one in classes]
    places = _one_class_each(plain, by_class, search.settings.radius(search.patch))
    empty = [one for index in others for one in find_background(search, [index], classes, count=background)]
    generator = np.random.default_rng(seed)
    drawn = [_draw(part, most, generator) for part in (*places, empty)]
    return _join(search, plain, drawn[:-1], drawn[-1])


def find_background(
    search: Search,
    indices: Sequence[int],
    classes: Sequence[RoiClass],
    marked: Sequence[Region] = (),
    count: int = 5,
    flagged: Sequence[Region] = (),
) -> list[Region]:
    """Return patches that are probably background: ``count`` of the most, ``count`` of the least similar to prototypes.

    Algorithm 1 of the publication: local maxima and minima of the similarity to all prototypes of all classes together.
    It sets the similarity to 0 at marked regions and then seeks minima; features after a rectifier have no negative
    cosine, so that marked regions themselves would be the minima. Here they are masked.

    Parameters
    ----------
    indices : images, in turn by rank: each gives its best before any gives its second.
    marked : what else is masked, beside prototypes, flagged candidates, and candidates above the thresholds.
    count : for all images together. Fewer are returned where there are not so many.
    flagged : of the patches that would be returned, those that are not background; others do not take their places.

    Returns
    -------
    Regions of class ``background`` with their similarity; the most similar ones first, by rank, then the least similar.
    """
    check_classes(classes)
    vectors = np.concatenate([search.vectors(one.prototypes) for one in classes])
    known = [*marked, *(region for one in classes for region in (*one.prototypes, *one.flagged))]
    known += [region for one in classes for region in _above(search, one, indices)]
    ends = [_ends(search, index, vectors, known) for index in indices]
    chosen: list[Region] = []
    for end in zip(*ends, strict=True):
        by_rank = [one for rank in zip_longest(*end) for one in rank if one is not None]
        chosen.extend(_without(by_rank, chosen, 0)[:count])
    return _without(chosen, flagged, search.settings.radius(search.patch))


def _ends(
    search: Search, index: int, vectors: NDArray[np.float32], known: Sequence[Region]
) -> tuple[list[Region], list[Region]]:
    """The unmarked local maxima of an image by falling, and its minima by rising similarity."""
    grid, image = search.grid(index), search.ids[index]
    similarity = search.similarity(index, vectors, over="mean")
    masked = np.zeros(similarity.shape, dtype=bool)
    for region in known:
        if region.image == image:
            inside_x = abs(grid.xs() - region.centre[0]) < max(region.width, search.patch[1]) / 2
            inside_y = abs(grid.ys() - region.centre[1]) < max(region.height, search.patch[0]) / 2
            masked |= inside_y[:, None] & inside_x
    radius = search.settings.radius(search.patch) / grid.stride
    height, width = search.patch
    ends = []
    for sign in (1, -1):
        # Peaks of the whole map: at the border of a mask, the slope of a marked object would be one.
        peaks = local_maxima(sign * similarity, radius)
        places = zip(grid.xs(peaks.cols).tolist(), grid.ys(peaks.rows).tolist(), strict=True)
        free = ~masked[peaks.rows, peaks.cols]
        ends.append(
            [
                Region(image, x - width / 2, y - height / 2, width, height, BACKGROUND, sign * score)
                for (x, y), score, use in zip(places, peaks.scores.tolist(), free.tolist(), strict=True)
                if use
            ]
        )
    return ends[0], ends[1]


# Shared ---------------------------------------------------------------------------------------------------------------


def check_classes(classes: Sequence[RoiClass]) -> None:
    """Raise UsageError for no class, for one without prototypes, and for a name that occurs twice or is taken."""
    if not classes:
        raise UsageError(f"{len(classes)} classes are given", hint="mark at least one object of a class")
    names = [one.name for one in classes]
    for one in classes:
        if not one.prototypes:
            raise UsageError(
                f"class {one.name!r} has no prototype", hint="mark at least one object, or remove the class"
            )
        if names.count(one.name) > 1 or one.name == BACKGROUND:
            raise UsageError(f"a class cannot be named {one.name!r}", hint="name each class once, none 'background'")


def _by_image(regions: Sequence[Region]) -> Mapping[str, list[Region]]:
    found: dict[str, list[Region]] = {}
    for region in regions:
        found.setdefault(region.image, []).append(region)
    return found


def _without(regions: Sequence[Region], others: Sequence[Region], radius: float) -> list[Region]:
    """The regions whose centres are not within a radius of another's in the same image."""
    known = _by_image(others)
    near = {
        image: iter(are_near(np.array([one.centre for one in part]), known.get(image, ()), radius).tolist())
        for image, part in _by_image(regions).items()
    }
    return [region for region in regions if not next(near[region.image])]


def _one_class_each(
    classes: Sequence[RoiClass], candidates: Sequence[Sequence[Region]], radius: float
) -> list[list[Region]]:
    """Of each class its prototypes, and the candidates that are not within a radius of one or of a better candidate."""
    places = [[*one.prototypes] for one in classes]
    taken = _Taken(radius)
    for region in (region for part in places for region in part):
        taken.add(region)
    ranked = ((region, at) for at, part in enumerate(candidates) for region in part)
    for region, at in sorted(ranked, key=lambda one: (-one[0].score, one[1])):
        if not taken.near(region):
            taken.add(region)
            places[at].append(region)
    return places


class _Taken:
    """Centres by image and square, so that those near a place are known without a look at all."""

    def __init__(self, radius: float) -> None:
        self._radius, self._side = radius, max(radius, 1e-6)
        self._centres: dict[tuple[str, int, int], list[tuple[float, float]]] = {}

    def add(self, region: Region) -> None:
        self._centres.setdefault((region.image, *self._square(region)), []).append(region.centre)

    def near(self, region: Region) -> bool:
        across, down = self._square(region)
        squares = [(region.image, across + x, down + y) for x in (-1, 0, 1) for y in (-1, 0, 1)]
        centres = [centre for square in squares for centre in self._centres.get(square, ())]
        return any(math.dist(centre, region.centre) <= self._radius for centre in centres)

    def _square(self, region: Region) -> tuple[int, int]:
        x, y = region.centre
        return math.floor(x / self._side), math.floor(y / self._side)


def _draw(regions: Sequence[Region], most: int | None, generator: np.random.Generator) -> list[Region]:
    if most is None or len(regions) <= most:
        return list(regions)
    return [regions[at] for at in np.sort(generator.permutation(len(regions))[:most]).tolist()]


def _join(
    search: Search, classes: Sequence[RoiClass], places: Sequence[Sequence[Region]], background: Sequence[Region]
) -> PatchSet:
    """Patches of the classes, then of the background, then flagged ones that are of no class."""
    regions = [*(region for part in places for region in part), *background]
    labels = [at for at, part in enumerate((*places, background)) for _ in part]
    negative_of = [NO_CLASS] * len(regions)
    positives = len(regions) - len(background)
    for at, one in enumerate(classes):
        for flagged in one.flagged:
            same = _same_place(flagged, regions[:positives], search.settings.radius(search.patch))
            if same is not None and labels[same] != at:
                negative_of[same] = at
                continue
            _refuse_contradiction(flagged, one, search.settings.stride(search.patch))
            regions.append(flagged)
            labels.append(NO_CLASS)
            negative_of.append(at)
    names = tuple(one.name for one in classes)
    return PatchSet(names, tuple(regions), np.array(labels, np.int64), np.array(negative_of, np.int64))


def _same_place(region: Region, others: Sequence[Region], radius: float) -> int | None:
    """Position of the nearest of the others within a radius."""
    distances = [
        (math.dist(region.centre, other.centre), at) for at, other in enumerate(others) if other.image == region.image
    ]
    nearest = min(distances, default=(math.inf, -1))
    return nearest[1] if nearest[0] <= radius else None


def _refuse_contradiction(flagged: Region, one: RoiClass, stride: float) -> None:
    """Raise UsageError where a prototype is flagged not to be of its own class."""
    for prototype in one.prototypes:
        if prototype.image == flagged.image and math.dist(prototype.centre, flagged.centre) < stride:
            x, y = prototype.centre
            raise UsageError(
                f"the prototype of {one.name!r} about x = {x:g}, y = {y:g} of {prototype.image!r} is flagged",
                hint="remove the flag or the prototype",
            )
