"""Labels of one image: file names that every disk can hold; numbers of doubt, against simulation and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from dsim.files.sample_names import file_names
from dsim.prelabel.labels import boundary_entropy, entropy, expected_dice


def test_the_expected_dice_is_that_of_masks_drawn_from_the_probabilities() -> None:
    rng = np.random.default_rng(0)
    for sharpness in (3, 8, 20):
        smooth = ndimage.gaussian_filter(rng.random((40, 40)), 3)
        p = (1 / (1 + np.exp(-sharpness * (smooth - 0.5) / smooth.std()))).astype(np.float32)
        mask = p >= 0.5
        drawn = rng.random((400, 40, 40)) < p
        dice = 2 * (drawn & mask).sum((1, 2)) / (drawn.sum((1, 2)) + mask.sum())
        assert expected_dice(p, mask) == pytest.approx(dice.mean(), abs=0.003)


def test_the_ends_of_the_expected_dice() -> None:
    mask = np.eye(4, dtype=bool)
    assert expected_dice(mask.astype(np.float32), mask) == 1
    assert expected_dice(np.zeros((4, 4), np.float32), np.zeros((4, 4), bool)) == 1
    assert expected_dice(np.full((4, 4), 0.4, np.float32), np.zeros((4, 4), bool)) == 0


def test_large_images_are_summed_in_double() -> None:
    """A float32 sum would stop growing."""
    p = np.full((5000, 5000), 0.9, np.float32)
    assert expected_dice(p, p >= 0.5) == pytest.approx(1.8 / 1.9, rel=1e-6)


def test_entropy_is_in_bits() -> None:
    p = np.array([0, 1, 0.5, 0.1], np.float32)
    np.testing.assert_allclose(entropy(p), [0, 0, 1, 0.468996], atol=1e-6)


def test_only_pixels_near_the_outline_count() -> None:
    mask = np.zeros((50, 50), bool)
    mask[20:30, 20:30] = True
    p = mask.astype(np.float32)
    assert boundary_entropy(p, mask) == 0
    far = p.copy()
    far[:5] = 0.5
    assert boundary_entropy(far, mask) == 0
    near = p.copy()
    near[18:32, 18:32] = 0.5
    # Within two steps of the edge: the diamond around the square, less its core of 6 x 6, all of it in doubt but the
    # corners that the patch of 14 x 14 has beyond the diamond.
    assert boundary_entropy(near, mask) == 1


def test_a_mask_without_outline_has_no_entropy_there() -> None:
    assert np.isnan(boundary_entropy(np.zeros((9, 9), np.float32), np.zeros((9, 9), bool)))
    assert np.isnan(boundary_entropy(np.ones((9, 9), np.float32), np.ones((9, 9), bool)))


def test_ordinary_ids_are_names() -> None:
    ids = ["a", "b/a", "b/c.1", "stack#003", "Zelle ä", "x-2"]
    assert list(file_names(ids)) == ids


@pytest.mark.parametrize(
    ("id", "name"),
    [
        ("../up", "_/up"),
        ("/etc/x", "etc/x"),
        ("a//b", "a/b"),
        ("a:b?c", "a_b_c"),
        ("con", "_con"),
        ("d/NUL.x", "d/_NUL.x"),
        (".hidden", "_hidden"),
        ("end. ", "end"),
        ("", "_"),
        ("a\nb", "a_b"),
    ],
)
def test_ids_that_cannot_be_names_become_some(id: str, name: str) -> None:
    assert file_names([id]) == (name,)


def test_names_that_clash_on_some_disks_get_numbers() -> None:
    assert file_names(["A", "a", "Ab", "aB", "AB"]) == ("A", "a-2", "Ab", "aB-2", "AB-3")


def test_an_accent_written_in_two_ways_is_one_name() -> None:
    assert file_names(["\u00e4", "a\u0308"]) == ("\u00e4", "a\u0308-2")


def test_a_made_up_name_takes_no_sample_s_own() -> None:
    assert file_names(["A", "a", "a-2"]) == ("A", "a-3", "a-2")
