"""Folds of a target: whole groups, classes spread evenly, the same for all its sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dsim.errors import TooFewSamplesError
from dsim.transfer.splits import Split, folds, groups_of, split

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset


def grouped(dataset: Dataset, neighbours: int) -> Dataset:
    """The dataset with groups that may not be divided: its own, or else runs of neighbours in the order of names.

    Neighbours can be frames of one video, or copies of one original. Groups that share an image, told by its content,
    become one.
    """
    groups = groups_of(dataset, -(-len(dataset) // neighbours))
    return replace(dataset, groups=_joined(groups, dataset.image_digests))


def target_folds(dataset: Dataset, count: int, *, tested: float, neighbours: int, seed: int) -> tuple[Split, ...]:
    """``count`` divisions of a target. Every image is held out once.

    ``tested`` is the share of the held-out images that are scored, the others stop the training: 5 folds and 0.5 give
    80, 10 and 10 % (van den Brandt et al. 2021). Raises TooFewSamplesError where there are too few groups, or where
    training or scoring would have one class only.
    """
    whole = grouped(dataset, neighbours)
    found = []
    for number, (training, held) in enumerate(folds(whole, count, seed=seed)):
        part = Split(training, (), held)
        if tested < 1:
            inner = whole.subset(held, name=f"{dataset.name}, fold {number + 1}")
            halves = split(inner, validation=1 - tested, test=0, seed=seed, repetition=number, stratified=True)
            part = Split(training, _of(held, halves.validation), _of(held, halves.training))
        _check(dataset, part, number)
        found.append(part)
    return tuple(found)


def source_split(dataset: Dataset, validation: float, *, neighbours: int, seed: int, repetition: int) -> Split:
    """All images of a source train but those that stop the training; none is tested."""
    whole = grouped(dataset, neighbours)
    return split(whole, validation=validation, test=0, seed=seed, repetition=repetition, stratified=True)


def lacking(dataset: Dataset, indices: Sequence[int]) -> tuple[str, ...]:
    """The classes that none of these images has."""
    labels = dataset.labels or ()
    return tuple(sorted({*dataset.classes} - {labels[index] for index in indices}))


def _check(dataset: Dataset, part: Split, number: int) -> None:
    for what, indices in (("trains on", part.training), ("is scored on", part.test)):
        if len(dataset.classes) - len(lacking(dataset, indices)) < 2:
            raise TooFewSamplesError(
                f"fold {number + 1} of {dataset.name!r} {what} {len(indices)} images of one class",
                hint="give fewer folds (--folds), more images, or smaller groups (--set neighbours=1)",
            )


def _joined(groups: Sequence[str], digests: Sequence[str]) -> tuple[str, ...]:
    """Groups that share a digest become one, named as the first of them.

    >>> _joined(["a", "a", "b", "c"], ["1", "2", "3", "2"])
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
