"""Preparation: the range of each channel is the paper's, to the last digit, whatever the images' depth and size."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dsim.data import from_arrays
from dsim.plugin import DataError, Runtime, UsageError
from dsim_simsearch import preparation
from dsim_simsearch.preparation import Preparation, measure_channels


def drawn(dtype: str, channels: int = 3, count: int = 5) -> list[np.ndarray]:
    """Images of different sizes with correlated channels, unlike in brightness."""
    rng = np.random.default_rng(0)
    images = []
    for number in range(count):
        base = rng.gamma(2, 20 + 5 * number, (30 + number, 41, 1))
        images.append((base + rng.gamma(2, 10, (30 + number, 41, channels))).clip(0, 250).astype(dtype))
    return images


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_ranges_shares_and_correlation_are_those_of_numpy(dtype: str, channels: int, monkeypatch) -> None:
    monkeypatch.setattr(preparation, "_BLOCK", 1000)  # several strips an image
    images = drawn(dtype, channels)
    facts = measure_channels(from_arrays(images), Runtime())
    flat = [image.reshape(-1, channels).astype(np.float64) for image in images]
    low = np.percentile([np.percentile(pixels, 5, axis=0) for pixels in flat], 0.5, axis=0)
    high = np.percentile([np.percentile(pixels, 95, axis=0) for pixels in flat], 99.5, axis=0)
    np.testing.assert_allclose(facts.percentiles[2, :, 0], np.percentile(flat[2], 5, axis=0), rtol=1e-12)
    np.testing.assert_allclose([facts.low, facts.high], [low, high], rtol=1e-12)
    everything = np.concatenate(flat)
    np.testing.assert_allclose(facts.clipped, ((everything < low) | (everything > high)).mean(0), rtol=1e-12)
    tables = [np.corrcoef(pixels.T).reshape(channels, channels) for pixels in flat]
    np.testing.assert_allclose(facts.correlation, np.mean(tables, axis=0), atol=1e-9)
    prepared = facts.prepare().apply(images[1])
    expected = np.clip((images[1].astype(np.float64) - low) / (high - low), 0, 1)
    assert prepared.dtype == np.float32
    np.testing.assert_allclose(prepared, np.moveaxis(expected, 2, 0), atol=2e-6)


def test_chosen_channels_keep_their_order_and_survive_json() -> None:
    images = drawn("uint16")
    facts = measure_channels(from_arrays(images), Runtime())
    chosen = facts.prepare([2, 0])
    np.testing.assert_array_equal(chosen.apply(images[0]), facts.prepare().apply(images[0])[[2, 0]])
    assert Preparation.from_dict(json.loads(json.dumps(chosen.to_dict()))) == chosen
    assert facts.names == ("red", "green", "blue")


def test_only_the_given_images_are_measured() -> None:
    images = drawn("uint8")
    some = measure_channels(from_arrays(images), Runtime(), [1, 3])
    alone = measure_channels(from_arrays([images[1], images[3]]), Runtime())
    np.testing.assert_array_equal([some.low, some.high], [alone.low, alone.high])


def test_sparse_signal_spans_its_extremes_and_a_constant_channel_becomes_0() -> None:
    image = np.zeros((50, 50, 2), dtype=np.uint16)
    image[20:23, 20:23, 0] = 900
    image[..., 1] = 7
    facts = measure_channels(from_arrays([image]), Runtime())
    assert (facts.low.tolist(), facts.high.tolist()) == ([0, 7], [900, 7])
    prepared = facts.prepare().apply(image)
    assert (prepared[0].max(), prepared[1].max()) == (1, 0)
    assert np.isnan(facts.correlation[0, 1])


def test_pixels_that_were_never_measured_do_not_count() -> None:
    images = drawn("float32", 2)
    padded = [np.pad(image, ((9, 0), (0, 0), (0, 0)), constant_values=np.finfo(np.float32).min) for image in images]
    blank = np.full((4, 4, 2), np.finfo(np.float32).min)
    plain, masked = (measure_channels(from_arrays(some), Runtime()) for some in (images, [*padded, blank]))
    np.testing.assert_array_equal([plain.low, plain.high], [masked.low, masked.high])
    np.testing.assert_allclose(plain.correlation, masked.correlation)
    assert masked.prepare().apply(padded[0])[:, :9].max() == 0


def test_images_of_other_channels_or_depth_are_refused_by_name() -> None:
    images = drawn("uint8")
    for other, word in ((images[0][..., :1], "channels"), (images[0].astype(np.uint16), "uint16")):
        with pytest.raises(DataError, match="odd") as caught:
            measure_channels(from_arrays([*images[:2], other], ids=["a", "b", "odd"]), Runtime())
        assert word in str(caught.value)
    prepared = measure_channels(from_arrays(images), Runtime()).prepare()
    with pytest.raises(DataError, match="odd"):
        prepared.apply(images[0][..., :2], "odd")


@pytest.mark.parametrize("channels", [[], [3], [0, 0], [-1]])
def test_channels_that_there_are_not_are_refused(channels: list[int]) -> None:
    facts = measure_channels(from_arrays(drawn("uint8", count=1)), Runtime())
    with pytest.raises(UsageError, match="channels"):
        facts.prepare(channels)
