"""Windows of images: equal to the image that is decoded whole, whatever the file's layout, in less memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from dsim.data import Dataset, from_arrays, image_sizes, open_dataset, open_windows
from dsim.data.formats import decode, tiff_windows
from dsim.errors import NeedError, UnreadableImageError

#: Column, row, width, height; within one tile, over many, at the corners, whole.
WINDOWS = [(0, 0, 1, 1), (5, 3, 20, 30), (40, 60, 90, 51), (149, 110, 1, 1), (0, 0, 150, 111)]
LAYOUTS: dict[str, dict[str, Any]] = {
    "contiguous": {},
    "strips": {"rowsperstrip": 7},
    "compressed strips": {"rowsperstrip": 16, "compression": "zlib", "predictor": True},
    "one strip": {"compression": "lzw", "rowsperstrip": 111},
    "tiles": {"tile": (32, 48), "compression": "zstd"},
    "plain tiles": {"tile": (16, 16)},
}


def stored(rng: np.random.Generator, *shape: int, dtype: str = "uint16") -> np.ndarray:
    return rng.integers(0, 256, shape).astype(dtype)


def check_windows(path: Path, index: int = 0) -> None:
    whole = decode.read(path, index)
    windows = decode.open_windows(path, index, 2**20, 2**20)
    assert windows is not None
    assert (windows.height, windows.width) == whole.shape[:2]
    for x, y, width, height in WINDOWS:
        found = windows.read(x, y, width, height)
        assert found.dtype == whole.dtype
        np.testing.assert_array_equal(found, whole[y : y + height, x : x + width])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("channels", [(), (3,), (5,)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_windows_equal_the_whole(tmp_path: Path, rng, layout: str, channels: tuple[int, ...], dtype: str) -> None:
    kind = "rgb" if channels == (3,) else "minisblack"
    options = {"photometric": kind, **({"planarconfig": "contig"} if channels else {}), **LAYOUTS[layout]}
    tifffile.imwrite(tmp_path / "image.tif", stored(rng, 111, 150, *channels, dtype=dtype), **options)
    check_windows(tmp_path / "image.tif")


@pytest.mark.parametrize("tile", [None, (32, 32)])
def test_windows_of_separate_planes_and_big_endian(tmp_path: Path, rng, tile: tuple[int, int] | None) -> None:
    options = {"photometric": "rgb", "planarconfig": "separate", "compression": "zlib", "tile": tile}
    tifffile.imwrite(tmp_path / "image.tif", stored(rng, 3, 111, 150), byteorder=">", **options)
    check_windows(tmp_path / "image.tif")


def test_windows_of_stacks_axes_and_white_is_zero(tmp_path: Path, rng) -> None:
    tifffile.imwrite(tmp_path / "ome.ome.tif", stored(rng, 2, 4, 111, 150), metadata={"axes": "ZCYX"}, tile=(64, 64))
    tifffile.imwrite(tmp_path / "imagej.tif", stored(rng, 3, 111, 150), imagej=True, metadata={"axes": "TYX"})
    tifffile.imwrite(tmp_path / "white.tif", stored(rng, 111, 150), photometric="miniswhite", rowsperstrip=9)
    tifffile.imwrite(tmp_path / "alpha.tif", stored(rng, 111, 150, 4), photometric="rgb", extrasamples=["unassalpha"])
    for name, index in (("ome.ome.tif", 1), ("imagej.tif", 2), ("white.tif", 0), ("alpha.tif", 0)):
        check_windows(tmp_path / name, index)


def test_jpeg_tiles_are_decoded_as_in_the_whole(tmp_path: Path, rng) -> None:
    smooth = np.repeat(np.repeat(stored(rng, 14, 19, 3, dtype="uint8"), 8, 0), 8, 1)[:111, :150]
    tifffile.imwrite(tmp_path / "image.tif", smooth, photometric="rgb", compression="jpeg", tile=(32, 48))
    check_windows(tmp_path / "image.tif")


def test_images_that_are_turned_or_coloured_by_a_table_are_read_whole(tmp_path: Path, rng) -> None:
    tifffile.imwrite(tmp_path / "turned.tif", stored(rng, 60, 40), extratags=[(274, "H", 1, 6, True)])
    table = np.arange(768, dtype=np.uint16).reshape(3, 256) * 85
    tifffile.imwrite(
        tmp_path / "palette.tif", stored(rng, 60, 40, dtype="uint8"), photometric="palette", colormap=table
    )
    for name in ("turned.tif", "palette.tif"):
        assert decode.open_windows(tmp_path / name, 0, 2**20, 2**20) is None


def test_only_the_tiles_of_a_window_are_decoded_and_once(tmp_path: Path, rng, monkeypatch: Any) -> None:
    tifffile.imwrite(tmp_path / "image.tif", stored(rng, 111, 150), tile=(32, 48), compression="zlib")
    decoded: list[int] = []
    monkeypatch.setattr(
        tiff_windows.Segments,
        "put",
        lambda self, page, number, segment, put=tiff_windows.Segments.put: (
            decoded.append(number),
            put(self, page, number, segment),
        ),
    )
    windows = decode.open_windows(tmp_path / "image.tif", 0, 2**20, 2**20)
    assert windows is not None
    for _ in range(2):
        windows.read(40, 10, 20, 30)
    assert decoded == [0, 1, 4, 5]
    assert windows.held_bytes == 4 * 32 * 48 * 2


def test_held_segments_stay_below_their_limit() -> None:
    segments = tiff_windows.Segments(100)
    for number in range(5):
        segments.put(0, number, np.zeros((1, 1, 40, 1), np.uint8))
    assert segments.nbytes == 80
    assert [segments.get(0, number) is not None for number in range(5)] == [False, False, False, True, True]
    segments.put(0, 9, np.zeros((1, 1, 400, 1), np.uint8))
    assert segments.nbytes == 400


@pytest.fixture
def large(tmp_path: Path, rng) -> Dataset:
    """Two images, one of them large enough to be read by parts."""
    (tmp_path / "set").mkdir()
    tifffile.imwrite(tmp_path / "set" / "a.tif", stored(rng, 30, 40))
    tifffile.imwrite(tmp_path / "set" / "b.tif", stored(rng, 2100, 2050), tile=(256, 256), compression="zlib")
    return open_dataset(tmp_path / "set")


def test_a_large_image_of_a_dataset_is_read_by_parts_through_subsets(large: Dataset) -> None:
    whole, reader = large.native(1), open_windows(large.subset([1]), 0)
    assert (reader.height, reader.width, reader.channels, reader.dtype) == (2100, 2050, 1, np.dtype("uint16"))
    np.testing.assert_array_equal(reader.read(1000, 1900, 300, 150), whole[1900:2050, 1000:1300])
    assert reader.held_bytes < whole.nbytes / 4
    assert image_sizes(large, [1, 0]) == [(2100, 2050), (30, 40)]


def test_a_damaged_part_is_an_error_that_names_the_file(large: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "set" / "b.tif"
    with tifffile.TiffFile(path) as tif:
        offset, count = tif.pages[0].dataoffsets[-1], tif.pages[0].databytecounts[-1]
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * count)
    reader = open_windows(large, 1)
    with pytest.raises(UnreadableImageError, match=r"b\.tif"):
        reader.read(2040, 2090, 10, 10)


def test_features_alone_have_no_windows() -> None:
    with pytest.raises(NeedError):
        open_windows(from_arrays(features=np.zeros((2, 3))), 0)
