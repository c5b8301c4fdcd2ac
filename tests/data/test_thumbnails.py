"""Thumbnails show what is in an image: its mask by its outline, and dark ones bright enough to see."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dsim.data import brightened, from_arrays, open_dataset, save_grid, thumbnail


def test_a_thumbnail_shows_the_image_and_the_outline_of_its_mask() -> None:
    images = np.full((1, 64, 32, 3), (200, 100, 50), np.uint8)
    masks = np.zeros((1, 64, 32), np.uint8)
    masks[0, 16:48, 8:24] = 1
    plain = np.asarray(thumbnail(from_arrays(images), 0, 64))
    assert plain.shape == (64, 32, 3)
    assert (plain == (200, 100, 50)).all()
    outlined = np.asarray(thumbnail(from_arrays(images, masks=masks), 0, 64))
    changed = (outlined != plain).any(axis=2)
    assert changed[16, 8:24].all()
    assert changed[16:48, 23].all()
    assert changed.sum() == 2 * 32 + 2 * 14


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_any_number_of_channels_and_depth_can_be_drawn(rng, channels: int) -> None:
    images = rng.integers(0, 65536, (2, 8, 6, channels)).astype(np.uint16)
    picture = np.asarray(thumbnail(from_arrays(images), 0, 8))
    assert picture.shape == (8, 6, 3)
    assert picture.std() > 20


def shown(images: np.ndarray, **options: bool) -> np.ndarray:
    """The first image as it is shown, (h, w, 3), in its own size."""
    return np.asarray(thumbnail(from_arrays(images[None]), 0, max(images.shape[:2]), **options))


def test_dark_fluorescence_is_shown_bright() -> None:
    data = replace(open_dataset("phantoms:fluorescence-dim[count=3,size=64]"), masked=False)
    for index in range(3):
        plain, bright = (np.asarray(thumbnail(data, index, 64, brighten=one)) for one in (False, True))
        assert np.percentile(plain, 90) < 0.5 * 255, "or the phantom has changed"
        assert np.percentile(bright, 98.5) > 240
        assert bright.min() == 0


def test_gray_images_of_little_contrast_are_not_dark(rng: np.random.Generator) -> None:
    image = rng.integers(100, 140, (40, 40, 3)).astype(np.uint8)
    assert (shown(image) == image).all()


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 25), (np.float32, 0.1)])
def test_a_dark_image_keeps_its_order_and_its_hues(rng: np.random.Generator, dtype: type, top: float) -> None:
    image = (rng.uniform(0, 1, (40, 40, 3)) * [top, top / 2, 0]).astype(dtype)
    found = shown(image).astype(float)
    assert found[..., 0].max() > 250
    assert np.argsort(found.mean(axis=(0, 1))).tolist() == [2, 1, 0]
    assert found[..., 1].mean() == pytest.approx(found[..., 0].mean() / 2, rel=0.1)


def test_an_image_that_is_not_dark_is_shown_as_it_is(rng: np.random.Generator) -> None:
    image = rng.integers(0, 180, (40, 40, 3)).astype(np.uint8)
    assert (shown(image) == image).all()
    assert (shown(np.zeros((8, 8, 3), np.uint8)) == 0).all()
    assert (shown(np.full((8, 8, 3), 40, np.uint8)) == 40).all(), "nothing to see: no range to stretch"


def test_a_few_bright_pixels_do_not_keep_the_rest_in_the_dark(rng: np.random.Generator) -> None:
    image = rng.integers(0, 30, (100, 100, 1)).astype(np.uint8)
    image[0, 0] = 255
    assert np.median(shown(image)) > 2 * np.median(image)


def test_only_sheets_with_brighter_images_say_so_and_judges_see_images_as_they_are(tmp_path) -> None:
    dark = from_arrays(np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1))
    light = from_arrays(np.arange(0, 256, 4, dtype=np.uint8).reshape(1, 8, 8, 1))
    assert brightened([thumbnail(light, 0), thumbnail(dark, 0)])
    assert not brightened([thumbnail(light, 0), thumbnail(dark, 0, brighten=False)])
    save_grid(dark, tmp_path / "grid.png", columns=1, side=8)
    from PIL import Image

    assert sorted(Image.open(tmp_path / "grid.png").convert("L").get_flattened_data())[:64] == list(range(64))
