"""Promises of the splits: whole groups, the shares that were asked for, every class everywhere, the same each time."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from dsim.data import Dataset, from_arrays
from dsim.data.splits import choose_annotated, divide_groups, fold_dataset, group_images, split_dataset
from dsim.errors import TooFewSamplesError


def images(n: int, **more: object) -> Dataset:
    stack = np.arange(n, dtype=np.uint8)[:, None, None] + np.zeros((1, 4, 4), np.uint8)
    return from_arrays(stack, name="numbered", **more)  # type: ignore[arg-type]


def test_whole_groups_stay_together_and_everybody_is_somewhere() -> None:
    dataset = images(40, groups=[f"patient {i // 4}" for i in range(40)])
    parts = split_dataset(dataset, validation=0.2, test=0.2, seed=0)
    everyone = [*parts.training, *parts.validation, *parts.test]
    assert sorted(everyone) == list(range(40))
    groups = [{dataset.groups[i] for i in part} for part in (parts.training, parts.validation, parts.test)]  # type: ignore[index]
    assert not groups[0] & groups[1]
    assert not (groups[0] | groups[1]) & groups[2]
    assert (len(parts.validation), len(parts.test)) == (8, 8)


def test_the_test_images_are_the_same_in_every_repetition_and_validation_is_not() -> None:
    dataset = images(60)
    first, second = (split_dataset(dataset, validation=0.2, test=0.2, seed=0, repetition=r, blocks=10) for r in (0, 1))
    assert first.test == second.test
    assert first.validation != second.validation
    assert split_dataset(dataset, validation=0.2, test=0.2, seed=1, blocks=10).test != first.test
    assert split_dataset(dataset, validation=0.2, test=0.2, seed=0, blocks=10) == first


def test_without_groups_neighbours_in_the_order_of_names_stay_together() -> None:
    shuffled = images(20, ids=[f"frame{i:02d}" for i in np.random.default_rng(0).permutation(20)])
    groups = group_images(shuffled, blocks=5)
    by_name = [group for _, group in sorted(zip(shuffled.ids, groups, strict=True))]
    assert by_name == [str(i // 4) for i in range(20)]
    assert group_images(images(3), blocks=10) == ("0", "1", "2")


def test_folds_test_everyone_once_and_hold_every_class() -> None:
    labels = ["common"] * 30 + ["rare"] * 10
    found = fold_dataset(images(40, labels=labels), 5, seed=0)
    assert sorted(i for _, test in found for i in test) == list(range(40))
    for training, test in found:
        assert not set(training) & set(test)
        assert Counter(labels[i] for i in test) == {"common": 6, "rare": 2}


def test_folds_keep_groups_whole_though_classes_are_spread() -> None:
    groups = [i // 4 for i in range(40)]
    labels = ["a" if g % 2 else "b" for g in groups]
    found = fold_dataset(images(40, labels=labels, groups=groups), 5, seed=3)
    for training, test in found:
        assert not {groups[i] for i in training} & {groups[i] for i in test}
        assert Counter(labels[i] for i in test) == {"a": 4, "b": 4}


@pytest.mark.parametrize("seed", range(20))
def test_no_part_is_empty_however_uneven_the_groups(seed: int) -> None:
    groups = np.array([*"aaaaaaaaaaaaaaaaaaaabc"])
    parts = divide_groups(groups, None, (0.8, 0.1, 0.1), np.random.default_rng(seed))
    assert sorted(map(len, parts)) == [1, 1, 20]


def test_annotated_images_come_from_groups_that_are_not_scored() -> None:
    dataset = images(40, groups=[i // 4 for i in range(40)])
    chosen, rest = choose_annotated(dataset, 6, seed=0)
    assert len(chosen) == 6
    assert not {i // 4 for i in chosen} & {i // 4 for i in rest}
    assert len(rest) == 32
    assert choose_annotated(dataset, 6, seed=0, repetition=1)[0] != chosen


def test_fewer_groups_than_parts_is_an_error_that_names_the_dataset() -> None:
    two_patients = images(10, groups=[i % 2 for i in range(10)])
    with pytest.raises(TooFewSamplesError, match=r"'numbered' cannot be divided into 2 parts: .* of 1 group"):
        split_dataset(two_patients, validation=0.2, test=0.2, seed=0)
    with pytest.raises(TooFewSamplesError, match="into 5 parts"):
        fold_dataset(two_patients, 5, seed=0)
    with pytest.raises(TooFewSamplesError, match="none of another group is left"):
        choose_annotated(two_patients, 6, seed=0)
