"""Transforms: equal to timm's and torchvision's, one channel policy, ids that survive a round trip."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dsim.errors import DataError, UnknownNameError, UsageError
from dsim.features import NetworkInput, Square, parse_transform


def noise(height: int, width: int, channels: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


SHAPES = [(40, 60), (61, 33), (300, 251), (32, 32), (224, 500)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("filter_name", ["bicubic", "bilinear"])
@pytest.mark.parametrize("mode", ["center", "squash"])
def test_network_input_equals_timm_to_the_bit(shape: tuple[int, int], filter_name: str, mode: str) -> None:
    timm_data = pytest.importorskip("timm.data")
    peer = timm_data.create_transform(
        (3, 64, 64), is_training=False, interpolation=filter_name, crop_pct=0.875, crop_mode=mode
    )
    pixels = noise(*shape, 3)
    ours = NetworkInput(64, 73, filter=filter_name, mode=mode).apply(pixels)
    np.testing.assert_array_equal(ours, peer(Image.fromarray(pixels)).numpy())


@pytest.mark.parametrize("shape", SHAPES)
def test_network_input_equals_torchvision_to_the_bit(shape: tuple[int, int]) -> None:
    presets = pytest.importorskip("torchvision.transforms._presets")
    pixels = noise(*shape, 3)
    peer = presets.ImageClassification(crop_size=64, resize_size=80)
    ours = NetworkInput(64, 80, filter="bilinear").apply(pixels)
    np.testing.assert_array_equal(ours, peer(Image.fromarray(pixels)).numpy())


def test_float_images_give_what_their_8_bit_version_gives() -> None:
    pixels = noise(50, 70, 3)
    floats = (pixels / 255).astype(np.float32)
    for transform in (
        Square(32, 1),
        Square(32),
        NetworkInput(32, 40, filter="bilinear", mean=(0.0,) * 3, std=(1.0,) * 3),
    ):
        # Half a gray level: the 8-bit path rounds after resampling.
        np.testing.assert_allclose(transform.apply(floats), transform.apply(pixels), atol=1.01 / 255)


def test_one_channel_is_repeated() -> None:
    tensor = Square(16, 3).apply(noise(20, 30, 1))
    assert tensor.shape == (3, 16, 16)
    np.testing.assert_array_equal(tensor[0], tensor[2])


def test_three_channels_become_one_by_luma_601() -> None:
    pixels = noise(16, 16, 3)
    expected = (pixels / 255) @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(Square(16, 1).apply(pixels)[0], expected, atol=1e-6)
    pillow = np.asarray(Image.fromarray(pixels).convert("L")) / 255
    np.testing.assert_allclose(Square(16, 1).apply(pixels)[0], pillow, atol=1.01 / 255)


@pytest.mark.parametrize("channels", [2, 4, 7])
def test_other_numbers_of_channels_become_their_mean(channels: int) -> None:
    pixels = noise(16, 16, channels)
    expected = pixels.mean(axis=2) / 255
    for wanted in (1, 3):
        for plane in Square(16, wanted).apply(pixels):
            np.testing.assert_allclose(plane, expected, atol=1e-6)


def test_reduction_is_antialiased() -> None:
    """A fine checkerboard averages to gray; plain sampling would keep black and white."""
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)[:, :, None]
    for pixels in (board, (board / 255).astype(np.float32)):
        inner = Square(8, 1).apply(pixels)[:, 1:-1, 1:-1]
        np.testing.assert_allclose(inner, 0.5, atol=0.01)


@pytest.mark.parametrize("filter_name", ["bicubic", "lanczos"])
def test_values_stay_in_the_unit_interval(filter_name: str) -> None:
    pixels = np.where(noise(20, 20, 1) > 127, 1, 0).astype(np.float32)
    tensor = Square(47, 1, filter_name).apply(pixels)
    assert tensor.min() == 0
    assert tensor.max() == 1


def test_minmax_fills_the_unit_interval_and_a_constant_image_becomes_zero() -> None:
    faint = (noise(20, 20, 3) // 8 + 90).astype(np.uint8)
    stretched = Square(20, 3, minmax=True).apply(faint)
    assert (stretched.min(), stretched.max()) == (0, 1)
    assert not Square(20, 3, minmax=True).apply(np.full((20, 20, 3), 7, np.uint8)).any()


def test_results_are_contiguous_float32_and_the_input_is_untouched() -> None:
    pixels = noise(40, 40, 3)
    before = pixels.copy()
    for transform in (Square(40), Square(16, 1, minmax=True), NetworkInput(16, 20)):
        tensor = transform.apply(pixels)
        assert tensor.dtype == np.float32
        assert tensor.flags.c_contiguous
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize(
    "transform",
    [
        Square(64),
        Square(8, 1, "lanczos", minmax=True),
        NetworkInput(),
        NetworkInput(8, 9, (0.1,), (0.25,), "bilinear", "squash"),
        NetworkInput(224, 235, mean=(1 / 3, 0.1, 1e-7), std=(1.0, 2.0, 3.0)),
    ],
)
def test_the_id_survives_a_round_trip(transform: Square | NetworkInput) -> None:
    assert parse_transform(transform.id) == transform
    assert parse_transform(transform.id).id == transform.id


def test_ids_tell_every_difference() -> None:
    variants = [Square(8), Square(9), Square(8, 1), Square(8, filter="box"), Square(8, minmax=True)]
    assert len({variant.id for variant in variants}) == len(variants)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("squar@1[side=8]", UnknownNameError, "Did you mean 'square@1'"),
        ("square@2[side=8]", UnknownNameError, "no transform named 'square@2'"),
        ("square@1[side=8,chanels=1]", UnknownNameError, "Did you mean 'channels'"),
        ("square@1[channels=1]", UsageError, "lacks 'side'"),
        ("square@1[side=big]", UsageError, "'side' of transform 'square@1' cannot be 'big'"),
        ("square@1[side=0]", UsageError, "at least 1"),
        ("square@1[side=8,channels=2]", UsageError, "1 or 3"),
        ("square@1[side=8,minmax=yes]", UsageError, "cannot be 'yes'"),
        ("network@1[side=9,resize=8]", UsageError, "between 1 and resize"),
        ("network@1[side=8,resize=9,mean=0.5]", UsageError, "mean has 1 channels but std 3"),
        ("network@1[side=8,resize=9,mode=border]", UnknownNameError, "center, squash"),
    ],
)
def test_a_wrong_id_is_refused_with_the_reason(text: str, error: type[UsageError], message: str) -> None:
    with pytest.raises(error) as caught:
        parse_transform(text)
    assert message in str(caught.value)


def test_an_image_without_pixels_is_refused() -> None:
    with pytest.raises(DataError, match="no pixels"):
        Square(8).apply(np.zeros((0, 4, 3), np.uint8))
