"""Which labelled images may train and which judge: classes even, groups whole, no image on both sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dsim.data.splits import divide_groups, join_groups
from dsim.errors import DataError, TooFewSamplesError, UsageError
from dsim.random import stream
from dsim.registry import Need

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsim.data import Dataset

#: Divisions tried until every class has images on both sides.
_ATTEMPTS = 20
_NAMED = 3


@dataclass(frozen=True)
class LabelledSplit:
    """The images that may train, and those that judge; both sorted by id.

    Parameters
    ----------
    training, test : datasets; no group and no image, by its bytes, is in both.
    classes : labels that take part, sorted. ``left_out`` : labels without enough training images, and their number.
    untested : classes that have no test image; the accuracy does not know them.
    given : whether the test set was given. ``seed`` : of the division where it was not.
    """

    training: Dataset
    test: Dataset
    classes: tuple[str, ...]
    left_out: dict[str, int]
    untested: tuple[str, ...]
    given: bool
    seed: int

    @property
    def name(self) -> str:
        """The name of the labelled dataset."""
        return self.training.name

    def codes(self, side: Dataset) -> NDArray[np.intp]:
        """Return the class of each image of a side as its position in ``classes``, intp (n,)."""
        code = {name: position for position, name in enumerate(self.classes)}
        return np.array([code[label] for label in side.labels or ()], dtype=np.intp)

    @property
    def facts(self) -> dict[str, Any]:
        """The split as plain values for JSON."""
        sides = {"training": self.training, "test": self.test}
        return {
            "given": self.given,
            "seed": self.seed,
            **{name: _describe(side) for name, side in sides.items()},
            "left_out": dict(self.left_out),
            "untested": list(self.untested),
        }


def divide_labelled(
    dataset: Dataset, *, test: float = 0.3, seed: int = 0, min_class_size: int = 0, test_set: Dataset | None = None
) -> LabelledSplit:
    """Return the division of a labelled dataset into images that may train and images that judge.

    Parameters
    ----------
    test : share of the images that judge. Groups stay whole, classes are spread evenly, and images of equal bytes are
        one group. The division depends on the images, their labels and groups and the seed alone.
    min_class_size : classes with fewer training images are left out on both sides (Nielsen et al.: 250).
    test_set : judges instead, where there is one of its own; all of ``dataset`` then may train.

    Raises
    ------
    NeedError
        Without labels.
    DataError
        Where labels are missing or of one class only, where a class is tested without training images, or where the
        test set holds an image, or a group, of the training.

    >>> from dsim.data import from_arrays
    >>> pixels = np.arange(40 * 64, dtype=np.uint16).reshape(40, 8, 8)
    >>> split = divide_labelled(from_arrays(pixels, labels=[*"ab"] * 20))
    >>> len(split.training), len(split.test)
    (28, 12)
    """
    _check_labels(dataset)
    if test_set is not None:
        _check_labels(test_set)
        _refuse_shared(dataset, test_set)
        training, tested = np.arange(len(dataset)), np.arange(len(test_set))
    else:
        training, tested = _divide(dataset, test, seed)
    other = dataset if test_set is None else test_set
    return _checked(dataset, training, other, tested, min_class_size, test_set is not None, seed)


def fingerprint_of(dataset: Dataset) -> str:
    """Return the identity of the images, or of the features where there are none."""
    return dataset.features_fingerprint if dataset.backing is None else dataset.images_fingerprint


def _describe(side: Dataset) -> dict[str, Any]:
    return {
        "images": len(side),
        "groups": None if side.groups is None else len(set(side.groups)),
        "fingerprint": fingerprint_of(side),
        "classes": dict(sorted(Counter(side.labels or ()).items())),
    }


def _check_labels(dataset: Dataset) -> None:
    """Raise unless every image has a label, and there are two classes."""
    dataset.require(Need.LABELS, "a label-efficiency curve")
    labels = dataset.labels or ()
    missing = [index for index, label in enumerate(labels) if not label.strip()]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(labels)} images of dataset {dataset.name!r} have no label, "
            f"the first {dataset.ids[missing[0]]!r}",
            hint="take the labelled ones: dataset.subset([i for i, label in enumerate(dataset.labels) if label]); "
            "the others can still train an extractor: dsim train dino",
        )
    if len(dataset.classes) < 2:
        raise DataError(
            f"all images of dataset {dataset.name!r} have one label, {dataset.classes[0]!r}",
            hint="classifiers need two classes at least",
        )


def _digests(dataset: Dataset) -> tuple[str, ...]:
    """What tells equal images: their bytes, or their features where there are no images."""
    if dataset.backing is not None:
        return dataset.image_digests
    return tuple(np.ascontiguousarray(row).tobytes().hex() for row in np.asarray(dataset.features))


def _divide(dataset: Dataset, test: float, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of the training and the test images: the first of some divisions with every class on both sides."""
    if not 0 < test < 1:
        raise UsageError(
            f"a share of {test:g} of the images cannot judge", hint="give one between 0 and 1, such as 0.3"
        )
    order = np.array(sorted(range(len(dataset)), key=lambda index: dataset.ids[index]))
    names, digests = dataset.groups, _digests(dataset)
    # Images without a group are numbered in the order of their ids, not in that in which they were given.
    own = [str(place) if names is None else names[index] for place, index in enumerate(order)]
    groups = np.array(join_groups(own, [digests[index] for index in order]))
    labels = np.array(dataset.labels)[order]
    if len(np.unique(groups)) < 2:
        raise TooFewSamplesError(
            f"all {len(dataset)} images of dataset {dataset.name!r} belong to one group: none of another can judge",
            hint="give images of more groups (patients, slides, videos), or a test set of its own",
        )
    best: tuple[tuple[int, int], NDArray[np.intp], NDArray[np.intp]] | None = None
    for attempt in range(_ATTEMPTS):
        rng = stream(seed, "labelled split", fingerprint_of(dataset), str(attempt))
        training, tested = divide_groups(groups, labels, (1 - test, test), rng)
        untrained = len(np.setdiff1d(labels, labels[training]))
        untested = len(np.setdiff1d(labels, labels[tested]))
        if best is None or (untrained, untested) < best[0]:
            best = (untrained, untested), order[training], order[tested]
        if not untrained and not untested:
            break
    assert best is not None
    return best[1], best[2]


def _refuse_shared(dataset: Dataset, test_set: Dataset) -> None:
    """Raise DataError that names images, or groups, that are in both."""
    known = dict(zip(_digests(dataset), dataset.ids, strict=True))
    shared = [(known[key], name) for key, name in zip(_digests(test_set), test_set.ids, strict=True) if key in known]
    if shared:
        named = ", ".join(f"{one!r} is {other!r}" for one, other in shared[:_NAMED])
        raise DataError(
            f"{len(shared)} of {len(test_set)} test images are also among the training images, byte for byte: {named}",
            hint="take them out of one of the two; else the accuracy says how well images are remembered",
        )
    both = sorted(set(dataset.groups or ()) & set(test_set.groups or ()))
    if both:
        raise DataError(
            f"{len(both)} groups are in both the training and the test set: {', '.join(both[:_NAMED])}",
            hint="keep the images of one patient, slide or video on one side",
        )


def _checked(
    dataset: Dataset,
    training: NDArray[np.intp],
    other: Dataset,
    tested: NDArray[np.intp],
    min_class_size: int,
    given: bool,
    seed: int,
) -> LabelledSplit:
    """The split without the classes that are too small; raises where what is left cannot be learnt or judged."""
    labels, judged = np.array(dataset.labels), np.array(other.labels)
    sizes = Counter(labels[training].tolist())
    names = sorted({*sizes, *judged[tested].tolist()})
    left_out = {name: sizes[name] for name in names if sizes[name] < min_class_size}
    classes = tuple(name for name in names if name not in left_out)
    untrained = [name for name in classes if not sizes[name]]
    if untrained:
        raise DataError(
            f"{_some(untrained)} of dataset {dataset.name!r} have test images but no training image",
            hint="give images of more groups, or leave small classes out: min_class_size=1",
        )
    if len(classes) < 2:
        sizes_text = ", ".join(f"{name} {sizes[name]}" for name in names)
        raise DataError(
            f"{len(classes)} of {len(names)} classes of {dataset.name!r} have {min_class_size} training images or more",
            hint=f"give a smaller min_class_size; training images are: {sizes_text}",
        )
    parts = [
        _side(dataset, training, labels, classes),
        _side(other, tested, judged, classes),
    ]
    if parts[1] is None or len(parts[1].classes) < 2:
        raise DataError(
            f"the test images of {other.name!r} are of fewer than two classes",
            hint="give images of more groups, or a larger test share",
        )
    assert parts[0] is not None
    untested = tuple(name for name in classes if name not in parts[1].classes)
    return LabelledSplit(parts[0], parts[1], classes, left_out, untested, given, seed)


def _side(
    dataset: Dataset, indices: NDArray[np.intp], labels: NDArray[np.str_], classes: Sequence[str]
) -> Dataset | None:
    """The images of these classes among ``indices``, sorted by id; None where there are none."""
    kept = indices[np.isin(labels[indices], classes)]
    return dataset.subset(sorted(kept.tolist(), key=lambda index: dataset.ids[index])) if len(kept) else None


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{'class' if len(names) == 1 else 'classes'} {', '.join(map(repr, names[:_NAMED]))}{more}"
