"""What a study measures on: annotated images, the classes that are searched, and the images that are tested on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dsim.errors import DataError, UnknownNameError, UsageError
from dsim.random import stream
from dsim_simsearch.settings import STRIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsim.annotations import Region
    from dsim.data import Dataset

    Floats = NDArray[np.float64]

#: Strides of the search within which a detection is a true positive.
STRIDES = 3
#: Names under which annotations lie in the folder of a dataset, or beside it.
FILES = ("boxes.csv", "points.csv", "annotations.csv", "annotations.json", "annotations.geojson")


@dataclass(frozen=True)
class AnnotatedImages:
    """Images with the true objects of all classes.

    Parameters
    ----------
    dataset : the images. sizes : height and width of each, pixels.
    regions : for each image its objects, boxes or points; those that are degenerate or outside are left out.
    digest : sha256 of the annotations. notes : what was left out.
    """

    dataset: Dataset
    sizes: tuple[tuple[int, int], ...] = field(repr=False)
    regions: tuple[tuple[Region, ...], ...] = field(repr=False)
    digest: str
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """The number of objects of each class, the most frequent first."""
        names = [region.label for image in self.regions for region in image]
        return dict(sorted(((name, names.count(name)) for name in set(names)), key=lambda pair: (-pair[1], pair[0])))

    def centres(self, label: str, image: int) -> Floats:
        """Return the centres of the objects of a class in an image, x and y in pixels, float64 (m, 2)."""
        points = [region.centre for region in self.regions[image] if region.label == label]
        return np.array(points, dtype=np.float64).reshape(-1, 2)


@dataclass(frozen=True)
class Problem:
    """Classes that are searched together in the images of one set, with one size of the patch.

    Parameters
    ----------
    annotated : the images. classes : names of the classes. patch : side of the square patch, pixels.
    training, test : positions of the images; the user sees none of the test images.
    """

    annotated: AnnotatedImages
    classes: tuple[str, ...]
    patch: int
    training: tuple[int, ...] = field(repr=False)
    test: tuple[int, ...] = field(repr=False)

    @property
    def distance(self) -> float:
        """The distance, in pixels, below which a detection is a true positive: three strides."""
        return STRIDES * STRIDE * self.patch

    def truth(self, label: str, images: Sequence[int] | None = None) -> list[Floats]:
        """Return for each image (the test images by default) the centres (m, 2) of the objects of a class."""
        return [self.annotated.centres(label, image) for image in (self.test if images is None else images)]

    def facts(self) -> dict[str, Any]:
        """Return as JSON all that scores depend on besides method and seed."""
        ids = self.annotated.dataset.ids
        return {
            "images": self.annotated.dataset.images_fingerprint,
            "annotations": self.annotated.digest,
            "classes": list(self.classes),
            "patch": self.patch,
            "test": [ids[image] for image in self.test],
            "training": [ids[image] for image in self.training],
        }


def find_annotations(reference: str) -> Path:
    """Return the file of annotations in the folder of a dataset, or in the folder above.

    Raises UsageError where there is none.
    """
    folder = Path(reference.partition("[")[0])
    for place in (folder, folder.parent):
        for name in FILES:
            if (place / name).is_file():
                return place / name
    raise UsageError(f"{reference} has no file of annotations", hint="name it: --annotations FILE")


def open_annotated(dataset: Dataset, annotations: Path) -> AnnotatedImages:
    """Return the images with what a file, or a folder of files, annotates; faulty regions are left out with a note.

    Raises DataError for a file that cannot be read, or names an image that the dataset has not.
    """
    from dsim.annotations import faults_of, match_images, read_regions
    from dsim.files.documents import digest

    regions = match_images(read_regions(annotations), dataset.ids)
    sizes = tuple((int(pixels.shape[0]), int(pixels.shape[1])) for pixels in map(dataset.native, range(len(dataset))))
    faults = faults_of(regions, dict(zip(dataset.ids, sizes, strict=True)))
    faulty = {region for region, _ in faults}
    by_image: dict[str, list[Region]] = {name: [] for name in dataset.ids}
    for region in regions:
        if region not in faulty:
            by_image[region.image].append(region)
    rows = [[region.image, region.x, region.y, region.width, region.height, region.label] for region in regions]
    notes = tuple(f"left out a region of {region.image}: {reason}" for region, reason in faults)
    return AnnotatedImages(dataset, sizes, tuple(map(tuple, by_image.values())), digest(rows), notes)


def divide_images(
    annotated: AnnotatedImages, share: float, seed: int, never_test: Collection[str] = ()
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the positions of training and of test images: whole groups where there are any, at random by the seed.

    Parameters
    ----------
    share : of all groups, or images, that are test ones. never_test : ids of images that are training ones, with all of
        their groups, such as those on which settings were chosen.

    Raises UsageError where either side would be empty, UnknownNameError for an id that is not there.
    """
    dataset = annotated.dataset
    groups = dataset.groups or dataset.ids
    for name in never_test:
        if name not in dataset.ids:
            raise UnknownNameError("image", name, dataset.ids, hint="name images by their ids")
    seen = {group for name, group in zip(dataset.ids, groups, strict=True) if name in set(never_test)}
    names = sorted(set(groups))
    free = [name for name in names if name not in seen]
    chosen = stream(seed, "test images of a study").permutation(len(free))[: round(share * len(names))]
    tested = {free[place] for place in chosen}
    test = tuple(place for place, group in enumerate(groups) if group in tested)
    training = tuple(place for place, group in enumerate(groups) if group not in tested)
    if not test or not training:
        raise UsageError(
            f"a share of {share:g} of {len(names)} images for tests leaves none on one side",
            hint="give another --test-share, between 0 and 1",
        )
    return training, test


def pose_problem(
    annotated: AnnotatedImages,
    classes: Sequence[str],
    patch: int | None,
    test_share: float,
    seed: int,
    never_test: Collection[str] = (),
) -> Problem:
    """Return a problem; the patch is by default the median box of the classes in the training images.

    Parameters
    ----------
    test_share, seed, never_test : as of ``divide_images``.

    Raises UnknownNameError for a class that is not annotated, UsageError where the objects are points and no patch is
    given, DataError where training or test images have no object of a class.
    """
    known = annotated.counts
    for name in classes:
        if name not in known:
            raise UnknownNameError("class", name, known, hint=f"annotated are: {', '.join(known)}")
    training, test = divide_images(annotated, test_share, seed, never_test)
    for name in classes:
        for what, images in (("training", training), ("test", test)):
            if not any(len(annotated.centres(name, image)) for image in images):
                raise DataError(f"the {what} images have no {name!r}", hint="give another --seed or --test-share")
    side = patch or median_side([region for image in training for region in annotated.regions[image]], classes)
    return Problem(annotated, tuple(classes), side, training, test)


def median_side(regions: Sequence[Region], classes: Sequence[str]) -> int:
    """Return the side of a square patch: the rounded median, over boxes of the classes, of their mean side.

    Raises UsageError where they are points.

    >>> from dsim.annotations import Region
    >>> median_side([Region("a", 0, 0, 30, 34, "cell"), Region("a", 9, 9, 80, 90, "clump")], ["cell"])
    32
    """
    sides = [(region.width + region.height) / 2 for region in regions if region.label in classes and region.width > 0]
    if not sides:
        raise UsageError(
            f"the objects of {', '.join(classes)} are points: there is no size to take", hint="give --patch PIXELS"
        )
    return round(float(np.median(sides)))


def class_counts(problem: Problem) -> Mapping[str, tuple[int, int]]:
    """Return for each class how many objects the training and the test images hold."""
    return {
        name: (
            sum(map(len, problem.truth(name, problem.training))),
            sum(map(len, problem.truth(name))),
        )
        for name in problem.classes
    }
