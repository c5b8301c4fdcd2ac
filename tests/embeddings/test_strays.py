"""Images that do not belong to their dataset: found, and counted beside those of chance."""

from __future__ import annotations

import numpy as np
import pytest

import dsim
from dsim.embeddings import Cloud, find_strays, place_images
from dsim.embeddings.placement import conformal_p_within, mean_to_others
from dsim.files.documents import check


def cloud(name: str, points: np.ndarray, seed: int = 0) -> Cloud:
    pixels = np.random.default_rng(seed).integers(0, 255, (len(points), 8, 8, 3)).astype(np.uint8)
    return Cloud(dsim.from_arrays(pixels, name=name), points)


def around(x: float, n: int, seed: int) -> np.ndarray:
    return np.array([x, 0.0]) + np.random.default_rng(seed).standard_normal((n, 2))


def test_an_image_of_a_dataset_is_compared_with_the_rest_of_it() -> None:
    known = cloud("a", around(0, 6, 1))
    single = Cloud(known.dataset.subset([2], "one"), known.points[[2]])
    found = place_images(single, [known])
    assert found.mean[0, 0] == pytest.approx(mean_to_others(known.points)[2])
    assert found.p[0, 0] == pytest.approx(conformal_p_within(known.points)[2])


def test_two_samples_of_one_cloud_have_as_many_strays_as_chance_gives() -> None:
    mine, other = cloud("mine", around(0, 200, 1)), cloud("other", around(0, 200, 2), seed=5)
    found = find_strays(mine, [other], np.random.default_rng(0))
    nearer = sum(stray.nearer for stray in found.found)
    assert nearer == pytest.approx(found.expected_nearer, abs=30)
    assert nearer > 20


def test_without_other_datasets_only_the_farthest_are_found() -> None:
    found = find_strays(cloud("mine", around(0, 40, 1)), [], np.random.default_rng(0))
    assert len(found.found) == 2
    told = found.document("dsim.asap-strays/1", "mine", "m")
    assert told["nearer_to_another"] == {"found": 0, "expected": None}
    check(told, "dsim.asap-strays/1", "the study", "")


def test_images_that_all_coincide_are_no_strays_of_each_other() -> None:
    found = find_strays(cloud("mine", np.zeros((30, 2))), [cloud("other", np.ones((3, 2)))], np.random.default_rng(0))
    assert found.found == ()
