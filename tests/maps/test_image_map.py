"""An image map keeps points, names and labels of its images together, and refuses what does not fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dsim.data import from_arrays
from dsim.errors import DataError
from dsim.maps import ImageMap


def small_map() -> ImageMap:
    """Two datasets, of three and two images; the first has labels."""
    first = from_arrays(np.zeros((3, 8, 8), np.uint8), labels=["a", "b", "a"], name="first")
    second = from_arrays(np.ones((2, 8, 8), np.uint8), name="second")
    return ImageMap.of([first, second], np.arange(10.0).reshape(5, 2), {"density": np.full(5, np.nan)})


def test_the_images_of_a_dataset_follow_each_other_with_their_labels() -> None:
    chart = small_map()
    assert len(chart) == 5
    assert chart.labels == ("a", "b", "a", "", "")
    assert [rows.tolist() for rows in chart.members] == [[0, 1, 2], [3, 4]]


@pytest.mark.parametrize(
    "change",
    [
        {"points": np.zeros((4, 2))},
        {"points": np.full((5, 2), np.nan)},
        {"owners": np.zeros(5, dtype=np.intp)},
        {"labels": ("a",)},
        {"columns": {"density": np.zeros(4)}},
    ],
    ids=["fewer points", "not finite", "a dataset without images", "fewer labels", "a short column"],
)
def test_a_map_whose_parts_do_not_fit_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(DataError):
        replace(small_map(), **change)


def test_a_map_without_a_model_has_no_features(tmp_path: object) -> None:
    from dsim.runtime import Runtime

    with pytest.raises(DataError):
        small_map().features(Runtime())
