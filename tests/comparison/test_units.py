"""Units: one array where every image is its own, and the same divisions as of a list."""

from __future__ import annotations

import numpy as np
import pytest

from dsim.comparison.draws import joined, random_split, units_of
from dsim.data.memory import from_arrays


@pytest.mark.parametrize("share", [0, 1, 4, 9, 10, 12])
def test_single_images_are_divided_like_units_of_one(share: int) -> None:
    """The array only saves time and memory: draws of earlier runs stay what they were."""
    units = units_of(from_arrays(features=np.zeros((10, 2))))
    assert isinstance(units, np.ndarray)
    of_array = random_split(units, share, np.random.default_rng(1))
    of_list = random_split(list(units), share, np.random.default_rng(1))
    for one, other in zip(of_array, of_list, strict=True):
        np.testing.assert_array_equal(one, other)
    assert sorted(np.concatenate(of_array)) == list(range(10))
    assert min(map(len, of_array)) > 0


@pytest.mark.parametrize("grouped", [False, True])
def test_merged_units_count_on_from_the_first(grouped: bool) -> None:
    first = units_of(from_arrays(features=np.zeros((3, 2))))
    second = units_of(from_arrays(features=np.zeros((4, 2)), groups=list("ppqq") if grouped else None))
    found = joined(first, second, 3)
    assert [unit.tolist() for unit in found][:3] == [[0], [1], [2]]
    assert [unit.tolist() for unit in found][3:] == ([[3, 4], [5, 6]] if grouped else [[3], [4], [5], [6]])
