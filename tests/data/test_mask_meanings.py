"""Masks whose numbers could mean two things: what is stored is kept, or refused with the fix, and a note says it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image

from dsim.data import open_dataset
from dsim.data.dataset import Dataset
from dsim.data.formats import decode, raster
from dsim.data.formats.masks import mask_of_lossy
from dsim.data.formats.pixels import as_mask
from dsim.errors import DataError, UnreadableImageError

IMAGEJ = "ImageJ=1.53t\n"
SHAPE = np.zeros((32, 40), bool)
SHAPE[8:20, 10:30] = True
BINARY = np.where(SHAPE, 255, 0).astype(np.uint8)
CLASSES = np.where(SHAPE, 85, 0).astype(np.uint8)
CLASSES[8:20, 20:30] = 170


@pytest.fixture
def opened(tmp_path: Path, write) -> Callable[[str, Callable[[Path], Any]], Dataset]:
    """``opened("a.tif", save)``: an image and the mask that ``save`` writes, as a dataset."""

    def opener(name: str, save: Callable[[Path], Any]) -> Dataset:
        write("set/images/a.png", np.zeros((32, 40), np.uint8))
        (tmp_path / "set/masks").mkdir(exist_ok=True)
        save(tmp_path / "set/masks" / name)
        return open_dataset(tmp_path / "set")

    return opener


# Display tables ---------------------------------------------------------------------------------------------------


def test_masks_with_the_inverting_table_of_imagej_keep_what_is_stored(opened) -> None:
    """Fiji shows 255 as black, and calls it the object."""
    tiff = {"photometric": "miniswhite", "metadata": None}
    dataset = opened("a.tif", lambda path: tifffile.imwrite(path, BINARY, description=IMAGEJ, **tiff))
    np.testing.assert_array_equal(dataset.mask(0), BINARY)
    assert "masks: inverting display table: stored values kept (1 of 1 files)" in dataset.notes


def test_an_inverting_table_in_a_png_is_a_display_table_too(opened) -> None:
    def save(path: Path) -> None:
        image = Image.fromarray(BINARY).convert("P")
        image.putpalette([value for index in range(255, -1, -1) for value in (index, index, index)])
        image.save(path)

    np.testing.assert_array_equal(opened("a.png", save).mask(0), BINARY)


def test_white_is_zero_of_other_programs_is_turned_and_told(opened) -> None:
    dataset = opened("a.tif", lambda path: tifffile.imwrite(path, 255 - BINARY, photometric="miniswhite"))
    np.testing.assert_array_equal(dataset.mask(0), BINARY)
    assert "masks: white-is-zero turned into black-is-zero (1 of 1 files)" in dataset.notes


def test_labels_with_a_display_table_keep_their_numbers(opened, rng) -> None:
    """The table is one of many colours; its black may stand anywhere."""
    table = rng.integers(0, 2**16, (3, 256)).astype(np.uint16)
    table[:, 85] = 0
    tiff = {"photometric": "palette", "colormap": table, "metadata": None}
    dataset = opened("a.tif", lambda path: tifffile.imwrite(path, CLASSES, description=IMAGEJ, **tiff))
    np.testing.assert_array_equal(dataset.mask(0), CLASSES)


def test_a_mask_that_means_one_thing_is_not_decoded_to_open_a_dataset(opened, monkeypatch) -> None:
    """Datasets of thousands of palette masks are opened by their headers."""

    def save(path: Path) -> None:
        image = Image.fromarray(CLASSES // 85).convert("P")
        image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
        image.save(path)

    with monkeypatch.context() as patch:
        patch.setattr(raster, "read_mask", lambda *args: pytest.fail("a mask was decoded"))
        dataset = opened("a.png", save)
    np.testing.assert_array_equal(dataset.mask(0), CLASSES // 85)


# Transparency -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shade", [255, 100, 0])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("suffix", ["png", "tif", "webp", "deep.png"])
def test_a_shape_drawn_in_transparency_is_the_mask(opened, mode: str, shade: int, suffix: str) -> None:
    layers = np.dstack([np.full_like(BINARY, shade)] * (len(mode) - 1) + [BINARY])

    def save(path: Path) -> None:
        if suffix == "deep.png":
            path.write_bytes(imagecodecs.png_encode(layers.astype(np.uint16) * 257))
        elif suffix == "tif" and mode == "LA":
            tifffile.imwrite(path, layers, photometric="minisblack", planarconfig="contig", extrasamples=["unassalpha"])
        elif suffix == "webp":  # without "exact", WebP forgets the colours of what is transparent
            Image.fromarray(layers, mode).convert("RGBA").save(path, lossless=True, exact=True)
        else:
            Image.fromarray(layers, mode).save(path)

    dataset = opened(f"a.{suffix.removeprefix('deep.')}", save)
    np.testing.assert_array_equal(dataset.mask(0) != 0, SHAPE)
    assert "masks: shape taken from its transparency (1 of 1 files)" in dataset.notes


def test_transparent_palette_entries_of_one_colour_are_background(opened) -> None:
    def save(path: Path) -> None:
        image = Image.fromarray(SHAPE.astype(np.uint8)).convert("P")
        image.putpalette([9, 9, 9] * 2)
        image.putdata((~SHAPE).astype(np.uint8).ravel().tolist())
        image.save(path, transparency=bytes([255, 0]))

    np.testing.assert_array_equal(opened("a.png", save).mask(0) != 0, SHAPE)


def test_colours_of_what_is_opaque_are_classes(opened) -> None:
    colours = np.full((32, 40, 3), 255, np.uint8)
    colours[8:20, 10:20], colours[8:20, 20:30] = (255, 0, 0), (0, 255, 0)
    mask = opened("a.png", lambda path: Image.fromarray(np.dstack([colours, BINARY])).save(path)).mask(0)
    np.testing.assert_array_equal(mask != 0, SHAPE)
    assert set(np.unique(mask)) == {0, 255 << 16, 255 << 8}


def test_alpha_that_agrees_with_the_colours_or_hides_nothing_changes_nothing(opened) -> None:
    for alpha in (BINARY, np.full_like(BINARY, 255), np.where(SHAPE, 255, 200).astype(np.uint8)):
        layers = np.dstack([CLASSES, alpha])
        dataset = opened("a.png", lambda path, layers=layers: Image.fromarray(layers, "LA").save(path))
        np.testing.assert_array_equal(dataset.mask(0), CLASSES)
        assert not any("masks:" in note for note in dataset.notes)


def test_two_backgrounds_are_refused_with_the_fix(opened) -> None:
    """White where transparent, black and gray where not: either could be the background."""
    layers = np.dstack([np.where(SHAPE, CLASSES - 85, 255).astype(np.uint8), BINARY])
    with pytest.raises(UnreadableImageError, match=r"a\.png") as caught:
        opened("a.png", lambda path: Image.fromarray(layers, "LA").save(path))
    assert "without transparency" in (caught.value.hint or "")


# Lossy formats ----------------------------------------------------------------------------------------------------


def lossy(array: np.ndarray, quality: int, format: str = "JPEG") -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, format, quality=quality)
    return np.asarray(Image.open(buffer))


@pytest.mark.parametrize("suffix", ["jpg", "webp", "tif"])
def test_grays_of_a_lossy_mask_are_classes_and_that_is_told(opened, suffix: str) -> None:
    def save(path: Path) -> None:
        if suffix == "tif":
            tifffile.imwrite(path, CLASSES, compression="jpeg", compressionargs={"level": 95})
        else:
            Image.fromarray(CLASSES).save(path, quality=95)

    dataset = opened(f"a.{suffix}", save)
    mask = dataset.mask(0)
    np.testing.assert_allclose(np.unique(mask), [0, 85, 170], atol=1)
    assert (np.abs(mask.astype(int) - CLASSES) > 1).mean() < 0.01
    assert "masks: grays of a lossy format taken as classes (1 of 1 files)" in dataset.notes


@pytest.mark.parametrize("quality", [30, 75, 95])
@pytest.mark.parametrize("level", [255, 0])
def test_two_levels_and_none_stay_what_they_are(quality: int, level: int) -> None:
    array = np.where(SHAPE, level, 0).astype(np.uint8)
    array[25, ::3] = level  # single pixels
    for channels in (array, np.dstack([array] * 3), np.dstack([array, array * 0, array * 0])):
        np.testing.assert_array_equal(mask_of_lossy(lossy(array, quality), "m")[0], array)
        assert mask_of_lossy(lossy(channels, quality), "m")[1] == ()


def test_edges_between_far_grays_do_not_become_the_gray_between_them() -> None:
    array = np.zeros((64, 64), np.uint8)
    array[:20], array[40:, :20] = 255, 128
    mask, _ = mask_of_lossy(lossy(array, 90), "m")
    assert not (mask[:30] == 128).any()
    assert (mask != array).mean() < 0.01


def soft(rng: np.random.Generator) -> np.ndarray:
    return np.repeat(np.arange(0, 250, 4, dtype=np.uint8)[None], 64, axis=0)


def coloured(rng: np.random.Generator) -> np.ndarray:
    array = np.zeros((64, 64, 3), np.uint8)
    array[8:30, 8:30], array[34:60, 34:60] = (255, 0, 0), (0, 255, 0)
    return array


def thin(rng: np.random.Generator) -> np.ndarray:
    array = np.zeros((64, 64), np.uint8)
    array[::9] = 85
    return array


@pytest.mark.parametrize(
    "array",
    [soft, coloured, thin, lambda rng: SHAPE.astype(np.uint8), lambda rng: rng.integers(0, 256, (32, 40), np.uint8)],
    ids=["soft", "coloured", "thin", "0 and 1", "photograph"],
)
def test_what_compression_has_spoilt_is_refused_with_the_fix(opened, rng, array) -> None:
    with pytest.raises(UnreadableImageError, match=r"a\.jpg") as caught:
        opened("a.jpg", lambda path: Image.fromarray(array(rng)).save(path, quality=90))
    assert "PNG" in (caught.value.hint or "")


# Depth, colours, scaling ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint16", "int16", "uint32", "float32", "float64"])
def test_deep_and_float_labels_keep_their_numbers(opened, dtype: str) -> None:
    labels = (CLASSES.astype(dtype) * 11).astype(dtype)
    np.testing.assert_array_equal(opened("a.tif", lambda path: tifffile.imwrite(path, labels)).mask(0), labels)


def test_large_float_labels_do_not_overflow() -> None:
    np.testing.assert_array_equal(as_mask(np.array([[0.0, 2.0**40]]), "m"), [[0, 2**40]])


def test_a_colour_mask_with_soft_edges_is_refused_and_one_of_many_objects_is_not(rng) -> None:
    with pytest.raises(DataError, match=r"mask m has \d+ colours") as caught:
        as_mask(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8), "m")
    assert "one gray channel" in (caught.value.hint or "")
    objects = rng.integers(1, 256, (20, 20, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    assert len(np.unique(as_mask(objects, "m"))) == 400


def nifti(path: Path, stored: np.ndarray, slope: float, inter: float) -> Path:
    image = nibabel.Nifti1Image(stored, np.eye(4))
    image.header.set_data_dtype(stored.dtype)
    image.header.set_slope_inter(slope, inter)
    nibabel.save(image, path)
    # nibabel scales what it saves: put the stored numbers back.
    data = bytearray(path.read_bytes())
    data[352:] = stored.tobytes(order="F")
    data[112:120] = np.array([slope, inter], "<f4").tobytes()
    path.write_bytes(data)
    return path


VOLUME = np.zeros((6, 5, 3), np.int16)
VOLUME[2:4, 1:3], VOLUME[4, 4, 1] = 1, 2


@pytest.mark.parametrize(("slope", "inter"), [(1, -1024), (0.5, 0), (2, 0), (1, 1)])
def test_labels_under_the_scaling_of_a_scan_are_kept_as_stored(tmp_path: Path, slope: float, inter: float) -> None:
    path = nifti(tmp_path / "m.nii", VOLUME, slope, inter)
    for z in range(3):
        assert sorted(np.unique(decode.read_mask(path, z))) == sorted(np.unique(VOLUME[:, :, z]))
        assert (decode.read_mask(path, z) != 0).sum() == (VOLUME[:, :, z] != 0).sum()
    assert decode.mask_headers(path)[0].traits == ("stored classes kept, the header's scaling is not applied",)


def test_labels_that_a_writer_spread_over_all_integers_are_scaled_back(tmp_path: Path) -> None:
    """As nibabel does with floats that are saved as int16; the middle class is stored as 0."""
    spread = np.array([-32768, 0, 32767], np.int16)[VOLUME]
    path = nifti(tmp_path / "m.nii", spread, 2 / 65535, 2 * 32768 / 65535)
    found = [decode.read_mask(path, z) for z in range(3)]
    assert [(mask == 1).sum() for mask in found] == [(VOLUME[:, :, z] == 1).sum() for z in range(3)]
    assert {int(label) for mask in found for label in np.unique(mask)} == {0, 1, 2}


def test_labels_whose_background_is_not_known_are_refused(tmp_path: Path) -> None:
    path = nifti(tmp_path / "m.nii", VOLUME + np.int16(7), 0.3, 0)
    for act in (decode.mask_headers, decode.read_mask):
        with pytest.raises(UnreadableImageError, match=r"m\.nii") as caught:
            act(path)
        assert "unscaled integers" in (caught.value.hint or "")


# Orientation ------------------------------------------------------------------------------------------------------


def test_exif_behind_the_pixels_turns_header_and_pixels_alike(tmp_path: Path, rng) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    array = rng.integers(0, 256, (20, 30), dtype=np.uint8)
    Image.fromarray(array).save(tmp_path / "a.png", exif=exif)
    data = (tmp_path / "a.png").read_bytes()
    start = data.index(b"eXIf") - 4
    chunk = data[start : start + 12 + int.from_bytes(data[start : start + 4], "big")]
    end = data.index(b"IEND") - 4
    (tmp_path / "b.png").write_bytes(data[:start] + data[start + len(chunk) : end] + chunk + data[end:])
    for name in ("a.png", "b.png"):
        np.testing.assert_array_equal(decode.read(tmp_path / name)[..., 0], np.rot90(array, -1))
        np.testing.assert_array_equal(decode.read_mask(tmp_path / name), np.rot90(array, -1))
        assert (decode.headers(tmp_path / name)[0].height, decode.headers(tmp_path / name)[0].width) == (30, 20)


def turned(path: Path, array: np.ndarray, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, exif=exif)


#: How stored pixels look upright, by orientation.
UPRIGHT = {1: lambda a: a, 3: lambda a: np.rot90(a, 2), 5: np.transpose, 6: lambda a: np.rot90(a, -1),
           7: lambda a: np.rot90(a, 2).T, 8: np.rot90}  # fmt: skip


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
@pytest.mark.parametrize("drawn", ["both tagged", "on stored pixels", "upright", "only the mask tagged"])
def test_a_mask_lies_on_its_turned_photo_whichever_way_it_was_drawn(
    tmp_path: Path, rng, orientation: int, drawn: str
) -> None:
    stored = rng.integers(1, 255, (20, 30), dtype=np.uint8)
    look = UPRIGHT[orientation](stored)
    photo, mask = tmp_path / "p/images/a.png", tmp_path / "p/masks/a.png"
    pixels, tags = {
        "both tagged": (stored, (orientation, orientation)),
        "on stored pixels": (stored, (orientation, 1)),
        "upright": (look, (orientation, 1)),
        "only the mask tagged": (stored, (1, orientation)),
    }[drawn]
    turned(photo, stored, tags[0])
    turned(mask, pixels, tags[1])
    dataset = open_dataset(tmp_path / "p")
    np.testing.assert_array_equal(dataset.mask(0), dataset.native(0)[..., 0])
    noted = any("stored pixels they fit" in note for note in dataset.notes)
    assert noted == (drawn in ("on stored pixels", "only the mask tagged"))


@pytest.mark.parametrize(("orientation", "shape"), [(3, (20, 30)), (6, (20, 20))])
def test_an_orientation_that_sizes_cannot_tell_is_noted(tmp_path: Path, rng, orientation: int, shape: Any) -> None:
    turned(tmp_path / "p/images/a.png", rng.integers(0, 255, shape, dtype=np.uint8), orientation)
    mask = rng.integers(0, 2, shape, dtype=np.uint8)
    turned(tmp_path / "p/masks/a.png", mask, 1)
    dataset = open_dataset(tmp_path / "p")
    np.testing.assert_array_equal(dataset.mask(0), mask)
    assert any("taken as drawn on upright images" in note for note in dataset.notes)


def test_a_mask_of_another_size_is_refused_whatever_the_orientation(tmp_path: Path, rng) -> None:
    turned(tmp_path / "p/images/a.png", rng.integers(0, 255, (20, 30), dtype=np.uint8), 6)
    turned(tmp_path / "p/masks/a.png", rng.integers(0, 2, (20, 31), dtype=np.uint8), 1)
    with pytest.raises(DataError, match=r"mask .*a\.png is 20 x 31 pixels"):
        open_dataset(tmp_path / "p")


def test_a_turned_mask_has_another_fingerprint(tmp_path: Path, rng) -> None:
    stored = rng.integers(0, 255, (20, 30), dtype=np.uint8)
    found = []
    for name, orientation in (("p", 6), ("q", 8)):
        turned(tmp_path / name / "images/a.png", stored, orientation)
        turned(tmp_path / name / "masks/a.png", stored, 1)
        found.append(open_dataset(tmp_path / name).masks_fingerprint)
    assert found[0] != found[1]
