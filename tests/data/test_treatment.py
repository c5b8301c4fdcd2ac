"""How stored numbers become intensities: as SimSearch 2.2 for deep images, never a silent clip to white."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsim.data import Dataset, from_arrays
from dsim.data.backings import ArraysBacking
from dsim.data.treatment import AS_IS, CONSTANT, EXTREMES, PERCENTILES, TREATMENT_VERSION, Treatment, measure_scales
from dsim.errors import DataError


def deep(rng: np.random.Generator, count: int = 6, channels: int = 1, top: int = 4096) -> list[np.ndarray]:
    """Images of different sizes and brightness, 12 bits in 16."""
    shapes = [(20 + k, 30, channels) for k in range(count)]
    return [rng.integers(50 * k, top - 100 * k, shape).astype(np.uint16) for k, shape in enumerate(shapes)]


def refuse_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def image(self: ArraysBacking, index: int) -> Any:
        raise AssertionError("an image was read")

    monkeypatch.setattr(ArraysBacking, "image", image)


def test_8_bit_is_untouched_and_nothing_is_read_to_decide(rng, monkeypatch) -> None:
    images = rng.integers(0, 256, (3, 8, 9, 3), dtype=np.uint8)
    dataset = from_arrays(images)
    np.testing.assert_array_equal(dataset.pixels(1), images[1])
    assert dataset.pixels(1).dtype == np.uint8
    fresh = from_arrays(images)
    refuse_to_read(monkeypatch)
    assert fresh.treatment == Treatment()


def test_16_bit_is_scaled_by_percentiles_of_the_percentiles_of_all_images(rng) -> None:
    """SimSearch 2.2, computed here in the plainest way."""
    images = deep(rng, channels=2)
    dataset = from_arrays(images)
    for channel in range(2):
        fifth = [np.percentile(image[..., channel], 5) for image in images]
        ninety_fifth = [np.percentile(image[..., channel], 95) for image in images]
        low, high = np.percentile(fifth, 0.5), np.percentile(ninety_fifth, 99.5)
        for index, image in enumerate(images):
            expected = np.clip((image[..., channel] - low) / (high - low), 0, 1)
            np.testing.assert_allclose(dataset.pixels(index)[..., channel], expected, atol=1e-6)
    assert dataset.pixels(0).dtype == np.float32
    assert dataset.treatment.scales["uint16x2"].rules == (PERCENTILES, PERCENTILES)


def test_12_bits_in_16_are_neither_black_nor_white(rng) -> None:
    dataset = from_arrays(deep(rng))
    for index in range(len(dataset)):
        pixels = dataset.pixels(index)
        assert 0.3 < pixels.mean() < 0.7
        assert (pixels == 1).mean() < 0.07


def test_one_scale_for_all_images_keeps_their_order_of_brightness(rng) -> None:
    images = [rng.integers(level, level + 40, (8, 8)).astype(np.uint16) for level in (9, 99, 999)]
    means = [from_arrays(images).pixels(index).mean() for index in range(3)]
    assert means == sorted(means)
    assert means[2] - means[0] > 0.5


@pytest.mark.parametrize("dtype", ["int16", "int32", "uint32", "int64"])
def test_other_integers_are_scaled_too_negative_ones_included(rng, dtype: str) -> None:
    images = (rng.normal(0, 1000, (4, 16, 16)) + (5000 if dtype[0] == "u" else 0)).astype(dtype)
    pixels = from_arrays(images).pixels(0)
    assert (pixels.dtype, pixels.min(), pixels.max()) == (np.float32, 0, 1)


def test_floats_in_0_to_1_stay_and_others_are_scaled(rng) -> None:
    unit = rng.random((3, 8, 8)).astype(np.float32)
    dataset = from_arrays(unit)
    np.testing.assert_array_equal(dataset.pixels(2)[..., 0], unit[2])
    assert dataset.treatment.scales["float32x1"].rules == (AS_IS,)
    wide = from_arrays(unit * 300 - 100)
    assert wide.treatment.scales["float32x1"].rules == (PERCENTILES,)
    assert 0 <= wide.pixels(0).min() < wide.pixels(0).max() <= 1


def test_booleans_become_black_and_white(rng) -> None:
    images = rng.random((2, 8, 8)) > 0.5
    np.testing.assert_array_equal(from_arrays(images).pixels(0)[..., 0], np.where(images[0], 255, 0))


def test_each_depth_and_number_of_channels_has_its_own_scale(rng) -> None:
    eight = rng.integers(0, 256, (8, 8), dtype=np.uint8)
    gray, colour = deep(rng, 1)[0], deep(rng, 1, 3, 60000)[0]
    dataset = from_arrays([eight, gray, colour, rng.random((8, 8))])
    assert sorted(dataset.treatment.scales) == ["float64x1", "uint16x1", "uint16x3"]
    np.testing.assert_array_equal(dataset.pixels(0)[..., 0], eight)
    alone = from_arrays([gray])
    np.testing.assert_array_equal(dataset.pixels(1), alone.pixels(0))


def test_a_constant_dataset_becomes_0_not_nan() -> None:
    dataset = from_arrays(np.full((3, 8, 8), 700, np.uint16))
    assert dataset.treatment.scales["uint16x1"].rules == (CONSTANT,)
    np.testing.assert_array_equal(dataset.pixels(0), np.zeros((8, 8, 1)))


def test_sparse_signal_above_a_flat_background_is_not_lost(rng) -> None:
    """Where 95 % of every image is background, the percentiles coincide: the extremes span the range instead."""
    images = np.full((4, 40, 40), 100, np.uint16)
    images[:, 5:10, 5:10] = 3000
    dataset = from_arrays(images)
    assert dataset.treatment.scales["uint16x1"].rules == (EXTREMES,)
    assert dataset.pixels(0).max() == 1
    assert dataset.pixels(0).mean() < 0.1


def test_what_is_clipped_to_white_is_told(rng) -> None:
    images = rng.integers(100, 200, (5, 50, 50)).astype(np.uint16)
    images[2, :5, :25] = 9000
    dataset = from_arrays(images)
    assert dataset.treatment.scales["uint16x1"].bright == 1
    assert "in 1 of 5 images over 1 % is brighter" in dataset.treatment.notes()[0]


def test_nan_is_refused_and_the_image_named(rng) -> None:
    images = rng.random((3, 8, 8))
    images[1, 2, 3] = np.nan
    with pytest.raises(DataError, match=r"image 1 of mine holds pixels that are not finite"):
        _ = from_arrays(images, name="mine").treatment


def test_nan_from_a_backing_that_does_not_check_is_refused(rng) -> None:
    class Careless(ArraysBacking):
        def image(self, index: int) -> Any:
            return self.images[index][:, :, None]

    images = rng.random((2, 8, 8))
    images[1] = np.inf
    dataset = Dataset("mine", ("a", "b"), Careless(tuple(images)))
    with pytest.raises(DataError, match="image 'b' in memory holds NaN or infinity"):
        _ = dataset.treatment


def test_the_second_time_nothing_is_decoded(rng, private_cache: Path, monkeypatch) -> None:
    images = deep(rng, channels=3)
    first = from_arrays(images, name="a").treatment
    refuse_to_read(monkeypatch)
    assert from_arrays(images, name="b").treatment == first
    assert len(list((private_cache / "treatments").iterdir())) == 1


def test_other_images_are_measured_anew(rng) -> None:
    images = deep(rng)
    first = from_arrays(images).treatment
    images[0] = images[0] * 2
    assert from_arrays(images).treatment != first


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"scales": {"uint16x1": {"low": 1}}}', '{"scales": 3}'])
def test_a_damaged_memory_is_measured_again(rng, private_cache: Path, damage: str) -> None:
    images = deep(rng)
    first = from_arrays(images).treatment
    remembered = next((private_cache / "treatments").iterdir())
    remembered.write_text(damage)
    assert from_arrays(images).treatment == first
    assert json.loads(remembered.read_text()) == first.describe()


def test_a_cache_that_cannot_be_written_costs_only_time(rng, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("DSIM_CACHE", str(tmp_path / "file"))
    assert from_arrays(deep(rng)).treatment.scales


def test_a_dataset_that_does_not_tell_its_depth_is_looked_at(rng) -> None:
    images = deep(rng)
    told = from_arrays(images)
    untold = replace(told, dtypes=None)
    assert untold.treatment == told.treatment
    assert replace(from_arrays(np.zeros((2, 8, 8), np.uint8)), dtypes=None).treatment == Treatment()


def test_the_description_is_json_and_carries_the_version(rng) -> None:
    description = from_arrays(deep(rng)).treatment.describe()
    assert json.loads(json.dumps(description)) == description
    assert description["version"] == TREATMENT_VERSION
    assert description["scales"]["uint16x1"]["images"] == 6


def test_an_image_of_a_kind_that_was_not_measured_is_refused(rng) -> None:
    with pytest.raises(DataError, match="uint16x1 channels appeared"):
        Treatment().apply(deep(rng)[0])


def test_scales_do_not_depend_on_the_order_of_the_images(rng) -> None:
    images = deep(rng)
    there = measure_scales(from_arrays(images), range(6))
    back = measure_scales(from_arrays(images[::-1]), range(6))
    assert there == back


def test_a_subset_keeps_the_scaling_of_its_whole(rng) -> None:
    """Parts for training and for tests would else be scaled each by its own images."""
    whole = from_arrays(deep(rng), groups=list("aabbcc"))
    part = whole.subset([4, 1, 5]).renamed("part")
    alone = from_arrays([whole.native(i) for i in (4, 1, 5)])
    assert alone.treatment != whole.treatment
    for treated in (part, part.subset([1, 0]), replace(part, groups=None)):
        assert treated.treatment == whole.treatment
    np.testing.assert_array_equal(part.pixels(0), whole.pixels(4))
    np.testing.assert_array_equal(part.subset([2, 1]).pixels(1), whole.pixels(1))


def test_a_subset_that_is_scaled_otherwise_is_told_by_its_fingerprint(rng) -> None:
    """What was computed from the same images alone must not be taken for it; in another order they are the same."""
    whole = from_arrays(deep(rng))
    part = whole.subset([4, 1, 5])
    alone = replace(from_arrays([whole.native(i) for i in (4, 1, 5)]), ids=part.ids)
    assert alone.image_digests == part.image_digests
    assert alone.images_fingerprint != part.images_fingerprint
    assert part.subset([2, 0, 1]).images_fingerprint == part.images_fingerprint
    assert whole.subset([*range(6)][::-1]).images_fingerprint == whole.images_fingerprint


def test_a_subset_of_8_bits_is_told_by_its_images_alone(rng) -> None:
    images = list(rng.integers(0, 256, (3, 8, 8), dtype=np.uint8))
    mixed = from_arrays([*images, *deep(rng, 2)])
    for whole in (mixed, mixed.subset([0, 1, 2, 4]), from_arrays(images)):
        part = whole.subset([2, 0])
        assert part.whole is None
        assert part.images_fingerprint == replace(from_arrays([images[2], images[0]]), ids=part.ids).images_fingerprint
