"""Which labelled images train and which judge."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from dsim.data import Dataset, from_arrays
from dsim.efficiency import divide_labelled
from dsim.errors import DataError, TooFewSamplesError, UsageError


def images(count: int, seed: int = 0, **known: object) -> Dataset:
    pixels = np.random.default_rng(seed).integers(0, 256, (count, 8, 8), dtype=np.uint8)
    return from_arrays(pixels, **known)  # type: ignore[arg-type]


def test_classes_are_spread_evenly_and_every_image_has_one_side() -> None:
    dataset = images(100, labels=["a"] * 60 + ["b"] * 30 + ["c"] * 10)
    split = divide_labelled(dataset)
    assert Counter(split.test.labels) == {"a": 18, "b": 9, "c": 3}
    assert sorted([*split.training.ids, *split.test.ids]) == sorted(dataset.ids)
    assert list(split.training.ids) == sorted(split.training.ids)


def test_groups_stay_whole() -> None:
    dataset = images(60, labels=[*"ab"] * 30, groups=[f"patient {i // 4}" for i in range(60)])
    split = divide_labelled(dataset)
    assert not set(split.training.groups or ()) & set(split.test.groups or ())
    assert set(split.test.classes) == {"a", "b"}


def test_the_division_depends_on_the_images_and_the_seed_alone() -> None:
    dataset = images(40, labels=[*"ab"] * 20)
    turned = dataset.subset(range(39, -1, -1))
    assert divide_labelled(turned).test.ids == divide_labelled(dataset).test.ids
    assert divide_labelled(dataset, seed=1).test.ids != divide_labelled(dataset).test.ids


def test_equal_images_are_on_one_side() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 8, 8), dtype=np.uint8)
    twice = from_arrays(np.concatenate([pixels, pixels]), labels=[*"ab"] * 20)
    for seed in range(5):
        split = divide_labelled(twice, seed=seed)
        assert not set(split.training.image_digests) & set(split.test.image_digests)


def test_a_test_set_that_holds_training_images_is_refused_by_their_bytes() -> None:
    training = images(20, labels=[*"ab"] * 10)
    shared = from_arrays(
        np.stack([training.native(3)[..., 0], np.full((8, 8), 9, np.uint8)]), labels=[*"ab"], ids=["x", "y"]
    )
    with pytest.raises(DataError) as refused:
        divide_labelled(training, test_set=shared)
    assert training.ids[3] in str(refused.value)
    assert "'x'" in str(refused.value)


def test_a_test_set_of_the_same_groups_is_refused() -> None:
    training = images(20, labels=[*"ab"] * 10, groups=["p"] * 10 + ["q"] * 10)
    other = images(4, 1, labels=[*"abab"], groups=[*"qrrr"])
    with pytest.raises(DataError, match="q"):
        divide_labelled(training, test_set=other)


def test_a_test_set_of_its_own_judges_alone() -> None:
    split = divide_labelled(images(20, labels=[*"ab"] * 10), test_set=images(6, 1, labels=[*"ab"] * 3))
    assert (len(split.training), len(split.test), split.given) == (20, 6, True)


def test_a_tested_class_without_training_images_is_refused_and_named() -> None:
    with pytest.raises(DataError, match="'c'"):
        divide_labelled(images(20, labels=[*"ab"] * 10), test_set=images(6, 1, labels=[*"abc"] * 2))


def test_a_class_of_one_group_trains_and_is_named_as_untested() -> None:
    labels = ["a"] * 20 + ["b"] * 20 + ["c"] * 3
    dataset = images(43, labels=labels, groups=[str(i // 4) for i in range(40)] + ["last"] * 3)
    split = divide_labelled(dataset)
    assert split.untested == ("c",)
    assert split.facts["untested"] == ["c"]


def test_small_classes_are_left_out_by_their_training_images() -> None:
    dataset = images(64, labels=["a"] * 30 + ["b"] * 30 + ["c"] * 4)
    split = divide_labelled(dataset, min_class_size=10)
    assert split.classes == ("a", "b")
    assert split.left_out == {"c": 3}
    assert "c" not in (split.test.labels or ())
    with pytest.raises(DataError, match="min_class_size"):
        divide_labelled(dataset, min_class_size=100)


def test_missing_labels_are_counted() -> None:
    dataset = images(20, labels=[*"ab"] * 10)
    with pytest.raises(DataError, match="2 of 20"):
        divide_labelled(replace(dataset, labels=("", " ", *(dataset.labels or ())[2:])))


def test_one_group_cannot_be_divided() -> None:
    with pytest.raises(TooFewSamplesError):
        divide_labelled(images(20, labels=[*"ab"] * 10, groups=["p"] * 20))


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1])
def test_a_share_that_leaves_a_side_empty_is_refused(share: float) -> None:
    with pytest.raises(UsageError):
        divide_labelled(images(20, labels=[*"ab"] * 10), test=share)


def test_equal_features_without_images_are_on_one_side() -> None:
    rows = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    split = divide_labelled(from_arrays(features=np.concatenate([rows, rows]), labels=[*"ab"] * 20))
    training, test = ({row.tobytes() for row in np.asarray(side.features)} for side in (split.training, split.test))
    assert not training & test
