"""Datasets joined to one: every image as in its own dataset, told apart by name."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from dsim import from_arrays
from dsim.data import Dataset, join
from dsim.errors import DataError, NeedError


def stack(n: int, dtype: str = "uint8", high: int = 255, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, high, (n, 8, 9, 1)).astype(dtype)


@pytest.fixture
def shallow() -> Dataset:
    return from_arrays(stack(3), name="shallow", labels=list("abc"), groups=list("xxy"), masks=stack(3)[..., 0] > 99)


@pytest.fixture
def deep() -> Dataset:
    return from_arrays(stack(4, "uint16", 4000, seed=1), name="deep", labels=list("abcd"))


def test_every_image_is_as_in_its_own_dataset(shallow: Dataset, deep: Dataset) -> None:
    """Strangers must not be scaled by the percentiles of the dataset that they are put into."""
    both = pickle.loads(pickle.dumps(join([shallow.subset([2, 0]), deep], "both")))
    expected = [shallow.pixels(2), shallow.pixels(0), *(deep.pixels(index) for index in range(4))]
    for index, pixels in enumerate(expected):
        np.testing.assert_array_equal(both.pixels(index), pixels)
    assert both.ids[1:3] == ("shallow/0", "deep/0")


def test_what_every_part_has_is_kept(shallow: Dataset, deep: Dataset) -> None:
    both = join([shallow, deep], "both")
    assert both.labels == tuple("abcabcd")
    assert both.groups == ("shallow/x", "shallow/x", "shallow/y", "deep/0", "deep/1", "deep/2", "deep/3")
    assert list(both.annotated) == [0, 1, 2]
    twice = join([shallow, shallow.renamed("again")], "twice")
    np.testing.assert_array_equal(twice.mask(4), shallow.mask(1))


def test_the_fingerprint_tells_which_dataset_scaled_an_image(deep: Dataset) -> None:
    alone = from_arrays([deep.native(0), deep.native(1)], name="deep")
    assert join([alone], "x").images_fingerprint != join([deep.subset([0, 1])], "x").images_fingerprint
    assert join([deep], "x").images_fingerprint == join([deep], "y").images_fingerprint


def test_what_cannot_be_joined_is_refused(shallow: Dataset) -> None:
    with pytest.raises(DataError, match="duplicate"):
        join([shallow, shallow.subset([0])], "x")
    with pytest.raises(DataError, match="empty"):
        join([], "x")
    with pytest.raises(NeedError, match="no images"):
        join([from_arrays(features=np.zeros((2, 3)), name="numbers")], "x")
