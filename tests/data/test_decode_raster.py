"""Decoding PNG, JPEG, GIF, BMP, WebP and PNM: every mode and depth has one right result."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from dsim.data.formats import decode
from dsim.errors import DataError, UnreadableImageError

RAMP = [value for index in range(256) for value in (index, index, index)]


@pytest.fixture
def gray(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (20, 30), dtype=np.uint8)


@pytest.fixture
def colour(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_png_keeps_its_16_bits_and_drops_only_alpha(tmp_path: Path, rng, channels: int) -> None:
    stored = np.ascontiguousarray(rng.integers(0, 65536, (20, 30, channels), dtype=np.uint16).squeeze())
    path = tmp_path / "deep.png"
    path.write_bytes(imagecodecs.png_encode(stored))
    kept = stored.reshape(20, 30, channels)[..., : {1: 1, 2: 1, 3: 3, 4: 3}[channels]]
    pixels = decode.read(path)
    assert pixels.dtype == np.uint16
    np.testing.assert_array_equal(pixels, kept)
    header = decode.headers(path)[0]
    assert (header.dtype, "alpha dropped" in header.traits) == ("uint16", channels in (2, 4))


def test_rgb_and_gray_are_read_as_stored(tmp_path: Path, gray, colour) -> None:
    for name, array in (("g.png", gray), ("c.png", colour), ("c.bmp", colour), ("c.ppm", colour), ("g.pgm", gray)):
        Image.fromarray(array).save(tmp_path / name)
        np.testing.assert_array_equal(decode.read(tmp_path / name), array.reshape(20, 30, -1), err_msg=name)
    Image.fromarray(colour).save(tmp_path / "c.webp", lossless=True)
    np.testing.assert_array_equal(decode.read(tmp_path / "c.webp"), colour)


def test_alpha_is_dropped_not_composited_and_recorded(tmp_path: Path, gray, colour) -> None:
    invisible = np.zeros((20, 30, 1), np.uint8)
    Image.fromarray(np.dstack([colour, invisible])).save(tmp_path / "rgba.png")
    Image.merge("LA", [Image.fromarray(gray), Image.fromarray(invisible[..., 0])]).save(tmp_path / "la.png")
    np.testing.assert_array_equal(decode.read(tmp_path / "rgba.png"), colour)
    np.testing.assert_array_equal(decode.read(tmp_path / "la.png")[..., 0], gray)
    for name in ("rgba.png", "la.png"):
        assert decode.headers(tmp_path / name)[0].traits == ("alpha dropped",)


def test_palette_becomes_its_colours_and_a_gray_palette_one_channel(tmp_path: Path, gray) -> None:
    palette = Image.fromarray(gray % 3).convert("P")
    palette.putpalette([0, 0, 0, 200, 10, 20, 1, 2, 3])
    palette.save(tmp_path / "p.png", transparency=0)
    expected = np.array([[0, 0, 0], [200, 10, 20], [1, 2, 3]], np.uint8)[gray % 3]
    np.testing.assert_array_equal(decode.read(tmp_path / "p.png"), expected)
    ramp = Image.fromarray(gray).convert("P")
    ramp.putpalette(RAMP)
    ramp.save(tmp_path / "ramp.png")
    np.testing.assert_array_equal(decode.read(tmp_path / "ramp.png"), gray[..., None])


def test_bilevel_is_0_and_255(tmp_path: Path, gray) -> None:
    for name in ("b.png", "b.bmp", "b.pbm"):
        Image.fromarray(gray).point(lambda v: 255 * (v > 127), "1").save(tmp_path / name)
        np.testing.assert_array_equal(decode.read(tmp_path / name)[..., 0], np.where(gray > 127, 255, 0))


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "red.jpg", quality=100)
    pixels = decode.read(tmp_path / "red.jpg")
    assert pixels.shape == (8, 8, 3)
    assert (pixels[..., 0] > 250).all()
    assert (pixels[..., 1:] < 5).all()


@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_exif_orientation_is_applied(tmp_path: Path, colour, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / f"turned.{suffix}"
    Image.fromarray(colour).save(path, exif=exif, **({"lossless": True} if suffix == "webp" else {}))
    np.testing.assert_array_equal(decode.read(path), np.rot90(colour, -1))
    header = decode.headers(path)[0]
    assert (header.height, header.width) == (30, 20)
    assert "turned upright by its EXIF orientation" in header.traits


def test_exif_orientation_is_applied_to_16_bits(tmp_path: Path, rng) -> None:
    stored = rng.integers(0, 65536, (20, 30), dtype=np.uint16)
    exif = Image.Exif()
    exif[0x0112] = 8
    Image.fromarray(stored).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(decode.read(tmp_path / "turned.png")[..., 0], np.rot90(stored))
    assert decode.headers(tmp_path / "turned.png")[0].height == 30


def test_every_frame_of_a_gif_is_an_image(tmp_path: Path, rng) -> None:
    frames = rng.integers(0, 256, (5, 20, 30), dtype=np.uint8)
    images = [Image.fromarray(frame) for frame in frames]
    images[0].save(tmp_path / "film.gif", save_all=True, append_images=images[1:])
    assert len(decode.headers(tmp_path / "film.gif")) == 5
    for index, frame in enumerate(frames):
        np.testing.assert_array_equal(decode.read(tmp_path / "film.gif", index), frame[..., None])


def test_a_rewritten_animation_is_not_read_from_memory(tmp_path: Path) -> None:
    path = tmp_path / "film.gif"
    for value in (10, 200):
        images = [Image.new("L", (4, 4), value), Image.new("L", (4, 4), value + 1)]
        images[0].save(path, save_all=True, append_images=images[1:])
        os.utime(path, ns=(value, value))
        assert decode.read(path, 0).max() == value


def test_deep_pnm_gray_is_16_bit_and_deep_colour_is_refused(tmp_path: Path, rng) -> None:
    values = rng.integers(0, 65536, (20, 30), dtype=np.uint16)
    (tmp_path / "d.pgm").write_bytes(b"P5\n# by hand\n30 20\n65535\n" + values.astype(">u2").tobytes())
    np.testing.assert_array_equal(decode.read(tmp_path / "d.pgm")[..., 0], values)
    (tmp_path / "d.ppm").write_bytes(b"P6\n# 255\n10 20\n65535\n" + values.astype(">u2").tobytes())
    with pytest.raises(UnreadableImageError, match=r"d\.ppm is a 16-bit colour PNM"):
        decode.read(tmp_path / "d.ppm")


def test_the_format_is_told_by_content_not_by_name(tmp_path: Path, colour) -> None:
    Image.fromarray(colour).save(tmp_path / "a.bmp")
    (tmp_path / "a.bmp").rename(tmp_path / "a.png")
    np.testing.assert_array_equal(decode.read(tmp_path / "a.png"), colour)


# Masks ------------------------------------------------------------------------------------------------------------


def test_a_palette_mask_gives_indices(tmp_path: Path, gray) -> None:
    mask = Image.fromarray(gray % 3).convert("P")
    mask.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    mask.save(tmp_path / "m.png")
    np.testing.assert_array_equal(decode.read_mask(tmp_path / "m.png"), gray % 3)


def test_a_palette_mask_whose_black_comes_later_keeps_black_as_background(tmp_path: Path, gray) -> None:
    mask = Image.fromarray(gray % 2).convert("P")
    mask.putpalette([255, 0, 0, 0, 0, 0])
    mask.save(tmp_path / "m.png")
    np.testing.assert_array_equal(decode.read_mask(tmp_path / "m.png") != 0, gray % 2 == 0)


def test_a_coloured_mask_gives_one_integer_per_colour_and_0_for_black(tmp_path: Path, gray) -> None:
    table = np.array([[0, 0, 0], [255, 0, 0], [0, 0, 7]], np.uint8)
    Image.fromarray(table[gray % 3]).save(tmp_path / "m.png")
    np.testing.assert_array_equal(decode.read_mask(tmp_path / "m.png"), np.array([0, 255 << 16, 7])[gray % 3])
    Image.fromarray(np.dstack([gray] * 3)).save(tmp_path / "g.png")
    np.testing.assert_array_equal(decode.read_mask(tmp_path / "g.png"), gray)


def test_a_jpeg_mask_of_two_levels_is_cut_at_half_height(tmp_path: Path) -> None:
    mask = np.zeros((32, 32), np.uint8)
    mask[8:20, 5:27] = 255
    Image.fromarray(mask).save(tmp_path / "m.jpg", quality=40)
    assert len(np.unique(decode.read(tmp_path / "m.jpg"))) > 2
    np.testing.assert_array_equal(decode.read_mask(tmp_path / "m.jpg"), mask)


def test_a_mask_of_several_channels_is_refused(tmp_path: Path, rng) -> None:
    path = tmp_path / "m.png"
    path.write_bytes(imagecodecs.png_encode(rng.integers(0, 65536, (8, 8, 3), dtype=np.uint16)))
    with pytest.raises(DataError, match="store") as caught:
        decode.read_mask(path)
    assert "one gray channel" in str(caught.value)


# Bombs ------------------------------------------------------------------------------------------------------------


def test_a_png_that_promises_too_many_pixels_is_refused_before_decoding(tmp_path: Path, write) -> None:
    path = write("bomb.png")
    data = bytearray(path.read_bytes())
    data[16:24] = (200_000).to_bytes(4, "big") + (200_000).to_bytes(4, "big")
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    path.write_bytes(data)
    for attempt in (decode.headers, decode.read):
        with pytest.raises(UnreadableImageError, match=r"bomb\.png says it holds 200000 x 200000") as caught:
            attempt(path)
        assert "max_pixels" in (caught.value.hint or "")


def test_the_limit_counts_all_frames_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("L", (10, 10), value) for value in range(5)]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    assert len(decode.headers(tmp_path / "film.gif", max_pixels=500)) == 5
    with pytest.raises(UnreadableImageError, match="decompression bomb"):
        decode.headers(tmp_path / "film.gif", max_pixels=499)


def test_large_but_allowed_images_do_not_wake_pillows_own_limit(tmp_path: Path) -> None:
    """Warnings are errors here: Pillow warns above 89 million pixels."""
    Image.new("1", (10_000, 9_000)).save(tmp_path / "large.png")
    assert decode.headers(tmp_path / "large.png", max_pixels=10**8)[0].width == 10_000


def test_what_is_no_image_says_so(tmp_path: Path) -> None:
    for content, reason in ((b"", "it is empty"), (b"hello world, no image", "not an image of a known format")):
        (tmp_path / "x.png").write_bytes(content)
        with pytest.raises(UnreadableImageError, match=reason) as caught:
            decode.headers(tmp_path / "x.png")
        assert "x.png" in caught.value.message
        assert "--skip-unreadable" in (caught.value.hint or "")
