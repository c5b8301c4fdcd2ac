"""Windows of prepared images: mirrored beyond the border, equal however the file is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from dsim.data import from_arrays, open_dataset
from dsim.plugin import Runtime, UsageError
from dsim_simsearch.images import PreparedImages
from dsim_simsearch.preparation import measure_channels


@pytest.mark.parametrize(
    ("x", "y", "width", "height"), [(3, 4, 9, 7), (-5, -3, 40, 30), (20, 10, 60, 70), (-90, 60, 9, 9)]
)
def test_a_window_is_cut_of_the_mirrored_image(x: int, y: int, width: int, height: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (23, 31, 3), dtype=np.uint8)
    dataset = from_arrays([pixels])
    images = PreparedImages(dataset, measure_channels(dataset, Runtime()).prepare([0, 2]))
    mirrored = np.pad(images.preparation.apply(pixels), ((0, 0), (100, 100), (100, 100)), mode="symmetric")
    found = images.window(0, x, y, width, height)
    assert (found.dtype, images.channels, images.shape(0)) == (np.float32, 2, (23, 31))
    np.testing.assert_array_equal(found, mirrored[:, 100 + y : 100 + y + height, 100 + x : 100 + x + width])


def test_a_large_file_gives_the_same_windows_as_the_array(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 4096, (2100, 2050), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "large.tif", pixels, tile=(256, 256), compression="zlib")
    dataset = open_dataset(tmp_path)
    facts, whole = (measure_channels(some, Runtime()) for some in (dataset, from_arrays([pixels])))
    np.testing.assert_array_equal([facts.low, facts.high, facts.clipped], [whole.low, whole.high, whole.clipped])
    one, other = (PreparedImages(some, facts.prepare()) for some in (dataset, from_arrays([pixels])))
    for window in ((-20, -10, 60, 50), (2000, 2080, 90, 60), (600, 700, 300, 20)):
        np.testing.assert_array_equal(one.window(0, *window), other.window(0, *window))


def test_images_are_found_by_id() -> None:
    dataset = from_arrays(np.zeros((2, 8, 8), np.uint8), ids=["a", "b"])
    images = PreparedImages(dataset, measure_channels(dataset, Runtime()).prepare())
    assert [images.index("b"), images.index("a"), len(images)] == [1, 0, 2]
    with pytest.raises(UsageError, match="'c'"):
        images.index("c")
