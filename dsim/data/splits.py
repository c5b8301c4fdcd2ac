"""Dividing the images of a dataset: whole groups stay together, and classes are spread evenly where asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dsim.errors import TooFewSamplesError, UsageError
from dsim.random import stream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.data.dataset import Dataset

    #: Homes of images, their indices there, and their new datasets.
    _Moves = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]


Indices = tuple[int, ...]


@dataclass(frozen=True)
class Split:
    """Indices of the images that train, that stop the training, and that nobody sees before the end."""

    training: Indices
    validation: Indices
    test: Indices


def group_images(dataset: Dataset, blocks: int = 0) -> tuple[str, ...]:
    """Return the group of each of the n images, n texts: one patient, one slide, one video.

    Where the dataset knows none, its images in the order of their names are cut into ``blocks`` runs, for neighbours
    can be frames of one video; with ``blocks=0`` each image is a group of its own.
    """
    if dataset.groups is not None:
        return dataset.groups
    n = len(dataset)
    if not blocks or blocks >= n:
        return tuple(map(str, range(n)))
    order = sorted(range(n), key=lambda index: dataset.ids[index])
    rank = {index: position for position, index in enumerate(order)}
    return tuple(str(rank[index] * blocks // n) for index in range(n))


def split_dataset(
    dataset: Dataset,
    *,
    validation: float,
    test: float,
    seed: int,
    repetition: int = 0,
    blocks: int = 0,
    stratified: bool = False,
) -> Split:
    """Return a division of a dataset.

    The test images are the same in every repetition; validation is drawn anew from the others.

    Raises TooFewSamplesError where there are fewer groups than parts.
    """
    import numpy as np

    groups = np.array(group_images(dataset, blocks))
    labels = np.array(dataset.labels) if stratified and dataset.labels else None
    print_ = dataset.images_fingerprint
    rest, tested = np.arange(len(dataset)), np.array([], dtype=int)
    if test:
        rest, tested = _parts(dataset, groups, labels, rest, (1 - test, test), seed, "test", print_)
    trained, validated = rest, np.array([], dtype=int)
    if validation:
        # As a share of the whole dataset, not of the rest.
        shares = (1 - test - validation, validation)
        keys = ("validation", print_, str(repetition))
        trained, validated = _parts(dataset, groups, labels, rest, shares, seed, *keys)
    return Split(_plain(trained), _plain(validated), _plain(tested))


def fold_dataset(
    dataset: Dataset, count: int, *, seed: int, blocks: int = 0, stratified: bool = True
) -> tuple[tuple[Indices, Indices], ...]:
    """Return ``count`` pairs (training, test): every image is tested once; whole groups, classes spread evenly.

    Raises TooFewSamplesError where there are fewer groups than folds.
    """
    import numpy as np

    groups = np.array(group_images(dataset, blocks))
    labels = np.array(dataset.labels) if stratified and dataset.labels else None
    everyone = np.arange(len(dataset))
    keys = ("folds", str(count), dataset.images_fingerprint)
    tests = _parts(dataset, groups, labels, everyone, [1 / count] * count, seed, *keys)
    return tuple((_plain(np.setdiff1d(everyone, test)), _plain(test)) for test in tests)


def choose_annotated(
    dataset: Dataset, count: int, *, seed: int, repetition: int = 0, blocks: int = 0
) -> tuple[Indices, Indices]:
    """Return ``count`` images to be annotated, and those to be scored: all of groups that gave none.

    Whole groups are taken in random order until there are ``count`` images; of the last only as many as are wanted.
    Raises TooFewSamplesError where nothing is left to be scored.
    """
    import numpy as np

    groups = np.array(group_images(dataset, blocks))
    rng = stream(seed, "annotated", dataset.images_fingerprint, str(repetition))
    chosen: list[int] = []
    used: list[str] = []
    for group in rng.permutation(np.unique(groups)):
        if len(chosen) >= count:
            break
        used.append(group)
        chosen.extend(rng.permutation(np.flatnonzero(groups == group))[: count - len(chosen)])
    rest = np.flatnonzero(~np.isin(groups, used))
    if len(chosen) < count or not len(rest):
        raise TooFewSamplesError(
            f"dataset {dataset.name!r} has {len(dataset)} images in {len(np.unique(groups))} groups: with {count} "
            "annotated ones, none of another group is left to be scored",
            hint="annotate fewer images, or leave this target out",
        )
    return _plain(np.array(chosen)), _plain(rest)


def divide_groups(
    groups: NDArray[np.str_],
    labels: NDArray[np.str_] | None,
    shares: Sequence[float],
    rng: np.random.Generator,
) -> list[NDArray[np.int64]]:
    """Return indices, int64 (m,) each, of as many parts as there are shares, of groups (n,) and labels (n,).

    Groups stay whole, and each part has its share of every label.

    Groups, the largest first and else in random order, go where most is lacking of what they hold. Every part has one
    group at least, which must be as many.

    >>> import numpy as np
    >>> groups, labels = np.array([*"aabbccdd"]), np.array([*"xyxyxyxy"])
    >>> [len(part) for part in divide_groups(groups, labels, (0.5, 0.25, 0.25), np.random.default_rng(0))]
    [4, 2, 2]
    """
    import numpy as np

    names, group_of = np.unique(groups, return_inverse=True)
    kinds, label_of = np.unique(np.zeros(len(groups)) if labels is None else labels, return_inverse=True)
    held = np.zeros((len(names), len(kinds)))
    np.add.at(held, (group_of, label_of), 1)
    lacking = np.outer(np.asarray(shares) / np.sum(shares), held.sum(axis=0))
    parts = np.empty(len(names), dtype=int)
    order = rng.permutation(len(names))
    order = order[np.argsort(-held[order].sum(axis=1), kind="stable")]
    for turn, group in enumerate(order):
        # How much of this group would fill what its labels lack; ties go to a random part.
        gain = (np.minimum(held[group], np.maximum(lacking, 0)) + 1e-6 * lacking).sum(axis=1)
        empty = np.setdiff1d(np.arange(len(shares)), parts[order[:turn]])
        allowed = empty if len(empty) >= len(names) - turn else np.arange(len(shares))
        best = allowed[np.isclose(gain[allowed], gain[allowed].max())]
        parts[group] = rng.choice(best)
        lacking[parts[group]] -= held[group]
    return [np.flatnonzero(parts[group_of] == part) for part in range(len(shares))]


def _parts(
    dataset: Dataset,
    groups: NDArray[np.str_],
    labels: NDArray[np.str_] | None,
    among: NDArray[np.int64],
    shares: Sequence[float],
    seed: int,
    *keys: str,
) -> list[NDArray[np.int64]]:
    import numpy as np

    found = len(np.unique(groups[among]))
    if found < len(shares):
        raise TooFewSamplesError(
            f"dataset {dataset.name!r} cannot be divided into {len(shares)} parts: "
            f"{len(among)} images of {found} group{'s' if found != 1 else ''}",
            hint="give images of more groups (patients, slides, videos), or leave the dataset out",
        )
    parts = divide_groups(groups[among], None if labels is None else labels[among], shares, stream(seed, *keys))
    return [among[part] for part in parts]


def _plain(indices: NDArray[np.int64]) -> Indices:
    return tuple(sorted(int(index) for index in indices))


def with_groups(dataset: Dataset, neighbours: int) -> Dataset:
    """Return the dataset with groups that may not be divided: its own, or runs of neighbours in the order of names.

    Neighbours can be frames of one video, or copies of one original. Groups that share an image of the same
    content become one. Raises NeedError without images.
    """
    groups = group_images(dataset, -(-len(dataset) // neighbours))
    return replace(dataset, groups=join_groups(groups, dataset.image_digests))


def target_folds(dataset: Dataset, count: int, *, tested: float, neighbours: int, seed: int) -> tuple[Split, ...]:
    """Return ``count`` divisions of a target. Every image is held out once.

    ``tested`` is the share of the held-out images that are scored, the others stop the training: 5 folds and 0.5 give
    80, 10 and 10 % (van den Brandt et al. 2021). Raises TooFewSamplesError where there are too few groups, or where
    training or scoring would have one class only.
    """
    whole = with_groups(dataset, neighbours)
    found = []
    for number, (training, held) in enumerate(fold_dataset(whole, count, seed=seed)):
        part = Split(training, (), held)
        if tested < 1:
            inner = whole.subset(held, name=f"{dataset.name}, fold {number + 1}")
            halves = split_dataset(inner, validation=1 - tested, test=0, seed=seed, repetition=number, stratified=True)
            part = Split(training, _of(held, halves.validation), _of(held, halves.training))
        _check(dataset, part, number)
        found.append(part)
    return tuple(found)


def source_split(dataset: Dataset, validation: float, *, neighbours: int, seed: int, repetition: int) -> Split:
    """Return the division of a source: all images train but those that stop the training; none is tested.

    Raises TooFewSamplesError where there is one group only.
    """
    whole = with_groups(dataset, neighbours)
    return split_dataset(whole, validation=validation, test=0, seed=seed, repetition=repetition, stratified=True)


def absent_classes(dataset: Dataset, indices: Sequence[int]) -> tuple[str, ...]:
    """Return the classes that none of these images has."""
    labels = dataset.labels or ()
    return tuple(sorted({*dataset.classes} - {labels[index] for index in indices}))


def _check(dataset: Dataset, part: Split, number: int) -> None:
    for what, indices in (("trains on", part.training), ("is scored on", part.test)):
        if len(dataset.classes) - len(absent_classes(dataset, indices)) < 2:
            raise TooFewSamplesError(
                f"fold {number + 1} of {dataset.name!r} {what} {len(indices)} images of one class",
                hint="give fewer folds (--folds), more images, or smaller groups (--set neighbours=1)",
            )


def join_groups(groups: Sequence[str], digests: Sequence[str]) -> tuple[str, ...]:
    """Return groups (n,) of which those that share a digest (n,) are one, named as the first of them.

    >>> join_groups(["a", "a", "b", "c"], ["1", "2", "3", "2"])
    ('a', 'a', 'b', 'a')
    """
    leader = {group: group for group in groups}

    def first(group: str) -> str:
        while leader[group] != group:
            group = leader[group]
        return group

    holder: dict[str, str] = {}
    for group, digest in zip(groups, digests, strict=True):
        leader[first(group)] = first(holder.setdefault(digest, group))
    return tuple(first(group) for group in groups)


def _of(indices: Sequence[int], positions: Sequence[int]) -> tuple[int, ...]:
    return tuple(indices[position] for position in positions)


#: Behind the name of a dataset that holds strangers: it is another one than that of its name.
SPOILT_SUFFIX = " (spoilt)"
#: Exchanges tried per place: enough that who gets whose image is as good as random.
_EXCHANGES = 20


def exchange_images(datasets: Sequence[Dataset], share: float, seed: int) -> list[Dataset]:
    """Return datasets as large as these, in each of which ``share`` of the images come from the others.

    The images that leave their datasets are dealt out among the places that they leave, none to its own. Where one
    dataset would give more than the places of all others can take, it gives as many as they have. Each image is scaled
    as in its own dataset; attributes stay those of the dataset that is spoilt. Names get ``SPOILT_SUFFIX``.

    Raises UsageError for a share outside (0, 1] or one of less than an image, or fewer than two datasets.
    """
    if not 0 < share <= 1:
        raise UsageError(f"a share of {share:g} of the images cannot be exchanged", hint="give one above 0, at most 1")
    if len(datasets) < 2:
        raise UsageError("wrong membership needs two datasets at least", hint="give more --sources")
    rng = stream(seed, "wrong membership", *(dataset.images_fingerprint for dataset in datasets))
    moves = deal_images([len(dataset) for dataset in datasets], share, rng)
    if not len(moves[0]):
        sizes = f"datasets of {max(map(len, datasets))} images and fewer"
        raise UsageError(f"a share of {share:g} of {sizes} is less than one image", hint="give a larger share")
    return [_spoilt(datasets, own, moves) for own in range(len(datasets))]


def deal_images(sizes: Sequence[int], share: float, rng: np.random.Generator) -> _Moves:
    """Return three intp (n,) of n images that change places: the home of each, its index there, its new dataset.

    As many come to each dataset as leave it, and none comes home.

    >>> import numpy as np
    >>> homes, images, places = deal_images([4, 2], 0.5, np.random.default_rng(0))
    >>> homes.tolist(), places.tolist()
    ([0, 1], [1, 0])
    """
    import numpy as np

    counts = np.round(share * np.array(sizes)).astype(int)
    largest = int(counts.argmax())
    counts[largest] = min(counts[largest], counts.sum() - counts[largest])
    homes = np.repeat(np.arange(len(sizes)), counts)
    images = np.concatenate([rng.permutation(size)[:count] for size, count in zip(sizes, counts, strict=True)])
    # Turned by the largest block, no block lies on its own places any more; exchanges that keep it so then mix them.
    places = np.roll(homes, counts.max())
    for one, other in rng.integers(0, max(len(homes), 1), (_EXCHANGES * len(homes), 2)):
        if places[one] != homes[other] and places[other] != homes[one]:
            places[[one, other]] = places[[other, one]]
    return homes, images, places


def _spoilt(datasets: Sequence[Dataset], own: int, moves: _Moves) -> Dataset:
    import numpy as np

    from dsim.data.builders import join

    homes, images, places = moves
    stay = np.setdiff1d(np.arange(len(datasets[own])), images[homes == own])
    indices = [
        stay if home == own else np.sort(images[(homes == home) & (places == own)]) for home in range(len(datasets))
    ]
    parts = [dataset.subset(chosen.tolist()) for dataset, chosen in zip(datasets, indices, strict=True) if len(chosen)]
    return replace(join(parts, datasets[own].name + SPOILT_SUFFIX), attributes=datasets[own].attributes)
