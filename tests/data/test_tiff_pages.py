"""Pages of a TIFF that are no samples, display tables that are no colours, and chains of pages without an end."""

from __future__ import annotations

import os
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile

from dsim.data import open_dataset
from dsim.data.formats import decode
from dsim.errors import UnreadableImageError

IMAGEJ = "ImageJ=1.53t\nmin=0.0\nmax=255.0\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "slide.tif"


@pytest.fixture
def slide(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (128, 160, 3), dtype=np.uint8)


def test_thumbnail_label_and_macro_of_a_slide_are_left_out_and_named(path: Path, slide: np.ndarray) -> None:
    head = "Aperio Image Library v11.2.1\r\n"
    with tifffile.TiffWriter(path) as writer:
        size = "160x128 [0,0 160x128] (16x16) JPEG/RGB Q=70|AppMag = 20"
        writer.write(slide, photometric="rgb", tile=(16, 16), description=head + size, metadata=None)
        writer.write(slide[::4, ::4], photometric="rgb", description=head + "160x128 -> 40x32 - |", metadata=None)
        writer.write(slide[:20, :20], photometric="rgb", subfiletype=1, description=head + "label 20x20", metadata=None)
        writer.write(slide[:20], photometric="rgb", subfiletype=9, description=head + "macro 160x20", metadata=None)
    dataset = open_dataset(path)
    assert len(dataset) == 1
    np.testing.assert_array_equal(dataset.native(0), slide)
    assert "pages left out: label, macro, thumbnail (1 of 1 images)" in dataset.notes


@pytest.mark.parametrize(("bits", "named"), [(1, "smaller version"), (4, "transparency mask")])
@pytest.mark.parametrize("first", [True, False])
def test_pages_that_a_bit_marks_as_no_sample_are_left_out(
    path: Path, slide: np.ndarray, bits: int, named: str, first: bool
) -> None:
    gray = slide[..., 0]
    other = gray > 9 if bits == 4 else gray[::3, ::3]
    pages = [(gray, 0), (other, bits)]
    with tifffile.TiffWriter(path) as writer:
        for page, kind in pages if first else pages[::-1]:
            writer.write(page, subfiletype=kind, metadata=None)
    (header,) = decode.headers(path)
    assert header.traits == (f"pages left out: {named}",)
    np.testing.assert_array_equal(decode.read(path)[..., 0], gray)
    np.testing.assert_array_equal(decode.read_mask(path), gray)


def test_levels_of_a_pyramid_are_left_out_where_no_bit_marks_them(path: Path, slide: np.ndarray) -> None:
    with tifffile.TiffWriter(path) as writer:
        for step in (1, 2, 4):
            writer.write(slide[::step, ::step], photometric="rgb", tile=(16, 16), metadata=None)
    assert len(decode.headers(path)) == 1
    np.testing.assert_array_equal(decode.read(path), slide)


def test_levels_in_sub_directories_of_ome_are_left_out(path: Path, slide: np.ndarray) -> None:
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(slide, photometric="rgb", subifds=2, tile=(16, 16))
        for step in (2, 4):
            writer.write(slide[::step, ::step], photometric="rgb", subfiletype=1, tile=(16, 16))
        writer.write(slide[:32, :32], photometric="rgb", metadata={"Name": "macro image"})
    (header,) = decode.headers(path)
    assert header.traits == ("pages left out: macro, smaller version",)
    np.testing.assert_array_equal(decode.read(path), slide)


def test_pages_of_several_sizes_without_a_mark_are_samples(path: Path, slide: np.ndarray) -> None:
    with tifffile.TiffWriter(path) as writer:
        for page in (slide, slide[:70, :80], slide[:50]):
            writer.write(page, photometric="rgb", subfiletype=2, metadata=None)
    assert len(decode.headers(path)) == 3


def test_where_all_pages_are_marked_all_are_samples(path: Path, slide: np.ndarray) -> None:
    tifffile.imwrite(path, slide, photometric="rgb", subfiletype=1)
    assert len(decode.headers(path)) == 1


# Stacks -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def stack(path: Path) -> Path:
    """Pages that do not lie one behind the other, written long ago."""
    with tifffile.TiffWriter(path) as writer:
        for value in range(40):
            writer.write(np.full((4, 4), value, np.uint8), contiguous=False, metadata=None)
    os.utime(path, ns=(1, 1))
    return path


def test_the_pages_of_a_stack_are_parsed_once_not_for_each_image(stack: Path, monkeypatch) -> None:
    """Otherwise the time of reading a stack grows with the square of its pages."""
    times: list[object] = []
    parse = tifffile.TiffFile.__init__
    monkeypatch.setattr(
        tifffile.TiffFile, "__init__", lambda *args, **named: times.append(args) or parse(*args, **named)
    )
    dataset = open_dataset(stack)
    assert [int(dataset.native(index).max()) for index in range(40)] == list(range(40))
    assert len(times) == 1
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda index: int(dataset.native(index).max()), range(40)))
    assert found == list(range(40))
    assert len(times) <= 4


def test_a_stack_that_is_written_anew_is_parsed_anew(stack: Path) -> None:
    assert decode.read(stack, 3).max() == 3
    with tifffile.TiffWriter(stack) as writer:
        for value in range(40, 80):
            writer.write(np.full((4, 4), value, np.uint8), contiguous=False, metadata=None)
    assert decode.read(stack, 3).max() == 43


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are listed under /proc only")
def test_a_parsed_stack_is_closed_between_images(stack: Path) -> None:
    decode.read(stack, 3)
    assert str(stack) not in {os.path.realpath(entry) for entry in Path("/proc/self/fd").iterdir()}


# Display tables ---------------------------------------------------------------------------------------------------


def test_intensities_under_a_display_table_of_imagej_are_kept(path: Path, rng) -> None:
    gray = rng.integers(0, 256, (32, 40), dtype=np.uint8)
    green = np.zeros((3, 256), np.uint16)
    green[1] = np.arange(256) * 257
    for table in ({"photometric": "palette", "colormap": green}, {"photometric": "miniswhite"}):
        tifffile.imwrite(path, gray, metadata=None, description=IMAGEJ, **table)
        np.testing.assert_array_equal(decode.read(path), gray[..., None])
        assert decode.headers(path)[0].traits == ("ImageJ's display table not applied",)


def test_a_palette_of_another_program_stays_colours(path: Path, rng) -> None:
    indices = rng.integers(0, 256, (32, 40), dtype=np.uint8)
    table = rng.integers(0, 2**16, (3, 256)).astype(np.uint16)
    tifffile.imwrite(path, indices, photometric="palette", colormap=table, metadata=None, description="made by hand")
    np.testing.assert_array_equal(decode.read(path), (table >> 8).astype(np.uint8).T[indices])


# Chains -----------------------------------------------------------------------------------------------------------


def page(next_page: int) -> bytes:
    tags = [(256, 4, 1, 8), (257, 4, 1, 8), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 400),
            (277, 3, 1, 1), (278, 4, 1, 8), (279, 4, 1, 64)]  # fmt: skip
    return (
        struct.pack("<H", len(tags))
        + b"".join(struct.pack("<HHII", *tag) for tag in tags)
        + struct.pack("<I", next_page)
    )


@pytest.mark.parametrize("ring", [(8,), (150, 8), (150, 150)], ids=["itself", "the first", "the second"])
def test_a_ring_of_pages_is_refused_at_once(path: Path, ring: tuple[int, ...]) -> None:
    data = bytearray(500)
    data[:8] = b"II*\0" + struct.pack("<I", 8)
    for place, following in zip((8, 150), ring, strict=False):
        data[place : place + len(page(0))] = page(following)
    path.write_bytes(data)
    with pytest.raises(UnreadableImageError, match=r"slide\.tif.* ring"):
        decode.headers(path)
