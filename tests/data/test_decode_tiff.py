"""Decoding TIFF: photometrics, depths, planes, stacks, OME axes."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile

from dsim.data.formats import decode
from dsim.errors import UnreadableImageError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "image.tif"


def deep(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(0, 65536, shape, dtype=np.uint16)


def shallow(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "zstd"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "float32", "float64"])
def test_gray_of_any_depth_is_read_as_stored(path: Path, rng, dtype: str, compression: str | None) -> None:
    stored = (rng.random((20, 30)) * 200).astype(dtype)
    tifffile.imwrite(path, stored, compression=compression)
    pixels = decode.read(path)
    assert (pixels.dtype, decode.headers(path)[0].dtype) == (np.dtype(dtype), dtype)
    np.testing.assert_array_equal(pixels[..., 0], stored)


def test_half_floats_become_single_and_big_endian_becomes_native(path: Path, rng) -> None:
    tifffile.imwrite(path, rng.random((8, 8)).astype(np.float16))
    assert decode.read(path).dtype == np.float32
    assert decode.headers(path)[0].dtype == "float32"
    stored = deep(rng, 8, 8)
    tifffile.imwrite(path, stored.astype(">u2"), byteorder=">")
    np.testing.assert_array_equal(decode.read(path)[..., 0], stored)


def test_rgb_contiguous_and_planar_give_channels_last(path: Path, rng) -> None:
    stored = deep(rng, 20, 30, 3)
    tifffile.imwrite(path, stored, photometric="rgb")
    np.testing.assert_array_equal(decode.read(path), stored)
    tifffile.imwrite(path, np.moveaxis(stored, 2, 0), photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(decode.read(path), stored)


def test_declared_alpha_is_dropped_and_other_channels_are_kept(path: Path, rng) -> None:
    stored = deep(rng, 20, 30, 4)
    tifffile.imwrite(path, stored, photometric="rgb", extrasamples=["unassalpha"])
    np.testing.assert_array_equal(decode.read(path), stored[..., :3])
    tifffile.imwrite(
        path, stored[..., :2], photometric="minisblack", planarconfig="contig", extrasamples=["assocalpha"]
    )
    np.testing.assert_array_equal(decode.read(path), stored[..., :1])
    five = deep(rng, 20, 30, 5)
    tifffile.imwrite(path, five, photometric="minisblack", planarconfig="contig")
    np.testing.assert_array_equal(decode.read(path), five)


@pytest.mark.parametrize(("dtype", "white"), [("uint8", 255), ("uint16", 65535)])
def test_white_is_zero_is_inverted_and_recorded(path: Path, rng, dtype: str, white: int) -> None:
    stored = rng.integers(0, white + 1, (20, 30)).astype(dtype)
    tifffile.imwrite(path, stored, photometric="miniswhite")
    np.testing.assert_array_equal(decode.read(path)[..., 0], white - stored)
    assert decode.headers(path)[0].traits == ("white-is-zero turned into black-is-zero",)


@pytest.mark.parametrize(("photometric", "on"), [("minisblack", 255), ("miniswhite", 0)])
def test_bilevel_is_0_and_255(path: Path, rng, photometric: str, on: int) -> None:
    stored = rng.random((20, 30)) > 0.5
    tifffile.imwrite(path, stored, photometric=photometric)
    np.testing.assert_array_equal(decode.read(path)[..., 0], np.where(stored, on, 255 - on))


def test_four_bits_are_stretched_to_eight(path: Path) -> None:
    """16 gray levels 0..15 must not look like a black 8-bit image."""
    tags = [(256, 3, 1, 8), (257, 3, 1, 2), (258, 3, 1, 4), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 200),
            (277, 3, 1, 1), (278, 3, 1, 2), (279, 4, 1, 8)]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0)
    values = np.arange(16, dtype=np.uint8)
    path.write_bytes(head.ljust(200, b"\0") + (values[::2] << 4 | values[1::2]).tobytes())
    np.testing.assert_array_equal(decode.read(path)[..., 0], (values * 17).reshape(2, 8))


def test_palette_gives_colours_as_image_and_indices_as_mask(path: Path, rng) -> None:
    indices = shallow(rng, 20, 30)
    colours = deep(rng, 3, 256)
    tifffile.imwrite(path, indices, photometric="palette", colormap=colours)
    np.testing.assert_array_equal(decode.read(path), (colours >> 8).astype(np.uint8).T[indices])
    colours[:, 0] = 0
    tifffile.imwrite(path, indices, photometric="palette", colormap=colours)
    np.testing.assert_array_equal(decode.read_mask(path), indices)


def test_cmyk_becomes_rgb_and_deep_cmyk_is_refused(path: Path, rng) -> None:
    tifffile.imwrite(path, np.full((4, 4, 4), (0, 255, 255, 0), np.uint8), photometric="separated")
    np.testing.assert_array_equal(decode.read(path), np.full((4, 4, 3), (255, 0, 0)))
    tifffile.imwrite(path, deep(rng, 4, 4, 4), photometric="separated")
    with pytest.raises(UnreadableImageError, match="CMYK of 4 x uint16"):
        decode.read(path)


def test_ycbcr_jpeg_looks_as_pillow_sees_it(path: Path) -> None:
    from PIL import Image

    ramp = np.linspace(0, 255, 32).astype(np.uint8)
    colour = np.dstack(np.broadcast_arrays(ramp[:, None], ramp[None], np.uint8(80)))
    tifffile.imwrite(path, colour, photometric="ycbcr", compression="jpeg")
    with Image.open(path) as image:
        assert np.abs(decode.read(path).astype(int) - np.asarray(image.convert("RGB"))).max() < 8


def test_orientation_is_applied(path: Path, rng) -> None:
    stored = shallow(rng, 20, 30)
    tifffile.imwrite(path, stored, extratags=[(274, "H", 1, 6, True)])
    np.testing.assert_array_equal(decode.read(path)[..., 0], np.rot90(stored, -1))
    assert (decode.headers(path)[0].height, decode.headers(path)[0].width) == (30, 20)


def test_each_page_is_an_image_and_pages_may_differ(path: Path, rng) -> None:
    pages = [shallow(rng, 20, 30), deep(rng, 10, 12, 3), shallow(rng, 20, 30)]
    with tifffile.TiffWriter(path) as writer:
        for page in pages:
            writer.write(page, photometric="rgb" if page.ndim == 3 else "minisblack")
    headers = decode.headers(path)
    assert len(headers) == 3
    read = [decode.read(path, index) for index in range(3)]
    assert sorted(pixels.shape for pixels in read) == [(10, 12, 3), (20, 30, 1), (20, 30, 1)]
    for header, pixels in zip(headers, read, strict=True):
        assert (header.height, header.width, header.dtype) == (*pixels.shape[:2], pixels.dtype.name)


@pytest.mark.parametrize("axes", ["TCYX", "CTYX", "ZTCYX"])
def test_ome_channels_stay_together_and_other_axes_are_samples(path: Path, rng, axes: str) -> None:
    sizes = {"T": 4, "C": 3, "Z": 2, "Y": 20, "X": 30}
    stored = deep(rng, *(sizes[axis] for axis in axes))
    tifffile.imwrite(path, stored, ome=True, metadata={"axes": axes})
    counted = [axis for axis in axes if axis not in "CYX"]
    expected = np.moveaxis(stored, axes.index("C"), -1).reshape(-1, 20, 30, 3)
    headers = decode.headers(path)
    assert len(headers) == len(expected) == np.prod([sizes[axis] for axis in counted])
    for index, pixels in enumerate(expected):
        np.testing.assert_array_equal(decode.read(path, index), pixels)
    assert headers[0].traits == (f"axes {axes}: {len(expected)} samples, channels: 3",)


def test_ome_rgb_with_planes(path: Path, rng) -> None:
    stored = shallow(rng, 4, 2, 20, 30, 3)
    tifffile.imwrite(path, stored, ome=True, metadata={"axes": "TZYXS"}, photometric="rgb")
    np.testing.assert_array_equal(decode.read(path, 5), stored[2, 1])


@pytest.mark.parametrize("truncate", [False, True])
def test_imagej_stacks_with_one_page_or_many(path: Path, rng, truncate: bool) -> None:
    stored = deep(rng, 4, 2, 20, 30)
    tifffile.imwrite(path, stored, imagej=True, metadata={"axes": "ZCYX"}, truncate=truncate)
    assert len(decode.headers(path)) == 4
    np.testing.assert_array_equal(decode.read(path, 3), np.moveaxis(stored[3], 0, -1))


def test_ome_metadata_cannot_lead_to_another_file(tmp_path: Path, rng) -> None:
    """An OME-TIFF may name files elsewhere; they are not read, and that is recorded."""
    tifffile.imwrite(tmp_path / "secret.tif", deep(rng, 20, 30))
    xml = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="30" SizeY="20" SizeC="1"'
        ' SizeZ="2" SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>'
        '<TiffData IFD="0" FirstZ="0"><UUID FileName="secret.tif">urn:uuid:1</UUID></TiffData>'
        '<TiffData IFD="0" FirstZ="1"><UUID FileName="own.ome.tif">urn:uuid:2</UUID></TiffData></Pixels></Image></OME>'
    )
    own = deep(rng, 20, 30)
    tifffile.imwrite(tmp_path / "own.ome.tif", own, description=xml, metadata=None)
    headers = decode.headers(tmp_path / "own.ome.tif")
    assert len(headers) == 1
    assert headers[0].traits == ("OME metadata that needs other files is not used",)
    np.testing.assert_array_equal(decode.read(tmp_path / "own.ome.tif")[..., 0], own)


def test_a_tiff_that_promises_too_many_pixels_is_refused_before_decoding(path: Path) -> None:
    tifffile.imwrite(path, np.zeros((400, 400), np.uint8), compression="zlib")
    for attempt in (decode.headers, lambda p, limit: decode.read(p, 0, limit)):
        with pytest.raises(UnreadableImageError, match=r"image\.tif says it holds 400 x 400"):
            attempt(path, 159_999)
    assert decode.headers(path, 160_000)


def test_values_that_are_no_intensities_are_refused(path: Path, rng) -> None:
    tifffile.imwrite(path, rng.random((4, 4)).astype(np.complex64))
    with pytest.raises(UnreadableImageError, match="complex64"):
        decode.read(path)
    tifffile.imwrite(path, np.array([[0.5, np.nan]], np.float32))
    with pytest.raises(UnreadableImageError, match=r"image\.tif holds pixels that are not finite"):
        decode.read(path)
