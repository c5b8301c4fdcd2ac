"""DICOM as archives ship it: headers that lack parts, other endings, padding, palettes, stills."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
    UltrasoundImageStorage,
)

from dsim.cli.main import main
from dsim.data import from_arrays, open_dataset
from dsim.data.formats import decode, dicom
from dsim.data.formats.pixels import PADDING
from dsim.errors import UnreadableImageError

SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]


def image(array: np.ndarray, kind: UID = CTImageStorage, series: str = "1.2.3", **tags: Any) -> Dataset:
    """A data set without meta information."""
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = kind, "1.2.9"
    data.Modality, data.SeriesInstanceUID = "CT", series
    data.Rows, data.Columns = array.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 8 * array.itemsize
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, int(array.dtype.kind == "i")
    data.PixelData = array.tobytes()
    data["PixelData"].VR = "OW" if array.itemsize > 1 else "OB"
    for tag, value in tags.items():
        setattr(data, tag, value)
    return data


def save(path: Path, data: Dataset, syntax: UID = ExplicitVRLittleEndian) -> Path:
    """A whole file, with preamble and meta information."""
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
    return path


def save_bare(path: Path, data: Dataset, syntax: UID, preamble: bool) -> Path:
    """A file that does not state its transfer syntax, nor, without ``preamble``, that it is DICOM."""
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = CTImageStorage
    if preamble:
        data.preamble = bytes(128)
    else:
        del data.file_meta
    pydicom.dcmwrite(
        path,
        data,
        implicit_vr=syntax.is_implicit_VR,
        little_endian=syntax.is_little_endian,
        enforce_file_format=False,
    )
    return path


@pytest.fixture
def values(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 4000, (6, 8)).astype(np.uint16)


@pytest.mark.parametrize("preamble", [True, False], ids=["preamble", "bare"])
@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
def test_a_transfer_syntax_that_is_not_stated_is_found(tmp_path: Path, values, syntax: UID, preamble: bool) -> None:
    stored = values.astype(">u2") if syntax == ExplicitVRBigEndian else values
    path = save_bare(tmp_path / "a.dcm", image(stored), syntax, preamble)
    dataset = open_dataset(path)
    np.testing.assert_array_equal(dataset.native(0)[..., 0], values)
    assert dataset.ids == ("a",)


def test_several_frames_without_a_stated_syntax(tmp_path: Path, rng) -> None:
    frames = rng.integers(0, 256, (3, 6, 8), dtype=np.uint8)
    data = image(frames[0], NumberOfFrames=3)
    data.PixelData = frames.tobytes()
    dataset = open_dataset(save_bare(tmp_path / "a.dcm", data, ImplicitVRLittleEndian, True))
    for index, frame in enumerate(frames):
        np.testing.assert_array_equal(dataset.native(index)[..., 0], frame)


def test_compressed_pixels_of_unstated_syntax_are_refused_with_the_fix(tmp_path: Path, values) -> None:
    path = save(tmp_path / "a.dcm", image(values))
    data = pydicom.dcmread(path)
    data.compress(RLELossless, generate_instance_uid=False)
    del data.file_meta.TransferSyntaxUID
    pydicom.dcmwrite(path, data, implicit_vr=False, little_endian=True, enforce_file_format=False)
    with pytest.raises(UnreadableImageError, match=r"a\.dcm states no TransferSyntaxUID") as caught:
        open_dataset(path)
    assert "uncompressed" in (caught.value.hint or "")


@pytest.mark.parametrize("preamble", [True, False], ids=["preamble", "bare"])
def test_what_old_exports_leave_out_is_what_it_can_only_mean(tmp_path: Path, values, preamble: bool) -> None:
    data = image(values)
    for name in ("SamplesPerPixel", "PhotometricInterpretation", "PixelRepresentation", "BitsStored", "HighBit"):
        delattr(data, name)
    data["PixelData"].VR = "OW"
    path = save_bare(tmp_path / "a.dcm", data, ImplicitVRLittleEndian, preamble)
    np.testing.assert_array_equal(open_dataset(path).native(0)[..., 0], values)


@pytest.mark.parametrize("lacking", ["Rows", "BitsAllocated"])
def test_what_is_needed_and_lacks_is_named(tmp_path: Path, values, lacking: str) -> None:
    data = image(values)
    delattr(data, lacking)
    with pytest.raises(UnreadableImageError, match=rf"a\.dcm: its header lacks {lacking}"):
        open_dataset(save(tmp_path / "a.dcm", data))


def test_more_frames_than_a_compressed_file_can_hold_are_refused(tmp_path: Path, values) -> None:
    """A list of 10^9 frames would fill the memory before the first is read."""
    path = save(tmp_path / "a.dcm", image(values))
    data = pydicom.dcmread(path)
    data.compress(RLELossless, generate_instance_uid=False)
    for frames in (10**9, 2):
        data.NumberOfFrames = frames
        data.save_as(path)
        with pytest.raises(UnreadableImageError, match=r"a\.dcm: it should hold .* frames, and holds 1"):
            open_dataset(path)


@pytest.mark.parametrize("length", [12, 40, 200, 400])
def test_a_bare_file_that_breaks_off_is_refused(tmp_path: Path, values, length: int) -> None:
    path = save_bare(tmp_path / "a.dcm", image(np.tile(values, (5, 5))), ImplicitVRLittleEndian, False)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(UnreadableImageError, match=r"a\.dcm"):
        open_dataset(path)


def test_other_files_are_not_taken_for_bare_dicom(rng) -> None:
    """Two elements that follow one another are rare; noise is none."""
    for _ in range(2000):
        assert not dicom.is_dicom(rng.bytes(200))
    for text in (b"", b"\x08", b"\x08\0\x05\0", b"\x08\0" * 100, b"hello, no image at all", bytes(1024)):
        assert not dicom.is_dicom(text)


@pytest.mark.parametrize("ending", [".dicom", ".IMA", ".dic", ".DCM", "", ".31", ".img2"])
def test_dicom_is_told_by_its_first_bytes_not_by_its_ending(tmp_path: Path, values, ending: str) -> None:
    path = save(tmp_path / "scans" / f"a{ending}", image(values))
    for place in (path, path.parent):
        np.testing.assert_array_equal(open_dataset(place).native(0)[..., 0], values)


def test_pictures_of_other_endings_are_read_and_what_is_none_is_not(tmp_path: Path, write) -> None:
    for name in ("a.jfif", "b.jpe", "c.dib", "d.tmp"):
        suffix = {"a.jfif": "jpg", "b.jpe": "jpg", "c.dib": "bmp", "d.tmp": "png"}[name]
        write(f"p/{name}.{suffix}").rename(tmp_path / "p" / name)
    (tmp_path / "p/BMP.log").write_text("BM25 scores of the run, P5 4 and so on")
    (tmp_path / "p/p.lst").write_text("P5 of the run")
    write("p/preview.tif").rename(tmp_path / "p/raw.nef")
    dataset = open_dataset(tmp_path / "p")
    assert dataset.ids == ("a", "b", "c", "d")
    assert any("BMP.log" in note and "raw.nef" in note for note in dataset.notes)


def test_a_pipe_is_refused_at_once(tmp_path: Path, write) -> None:
    import os

    write("p/a.png")
    os.mkfifo(tmp_path / "p/z.png")
    os.mkfifo(tmp_path / "p/y.unknown")
    with pytest.raises(UnreadableImageError, match=r"z\.png: it is not a regular file"):
        open_dataset(tmp_path / "p")
    assert open_dataset(tmp_path / "p", skip_unreadable=True).ids == ("a",)
    assert decode.is_image(tmp_path / "p/y.unknown") is False


# Padding ----------------------------------------------------------------------------------------------------------

Y, X = np.mgrid[:32, :32]
OUTSIDE = (X - 16) ** 2 + (Y - 16) ** 2 > 15**2


def scan(rng: np.random.Generator, padding: int) -> np.ndarray:
    array = rng.integers(-900, 900, (32, 32)).astype(np.int16)
    array[OUTSIDE] = padding
    return array


@pytest.mark.parametrize("value", [-32768, 32768, -2000, 63536])
def test_padding_does_not_set_the_range_and_is_black(tmp_path: Path, rng, value: int) -> None:
    """The range is that of the pixels that were measured; 32768 and 63536 are signed values written as unsigned."""
    signed = int(np.array(value % 2**16, np.uint16).view(np.int16))
    array = scan(rng, signed)
    data = image(array, PixelPaddingValue=signed)
    data["PixelPaddingValue"].VR = "SS"
    if value > 0:
        data["PixelPaddingValue"].VR, data["PixelPaddingValue"].value = "US", value
    dataset = open_dataset(save(tmp_path / "a.dcm", data))
    measured = from_arrays([array[~OUTSIDE][:, None].astype(np.float32)]).treatment.scales["float32x1"]
    assert dataset.treatment.scales["float32x1"] == measured
    pixels = dataset.pixels(0)[..., 0]
    assert (pixels[OUTSIDE] == 0).all()
    assert pixels[~OUTSIDE].max() == 1
    assert (dataset.native(0)[..., 0][OUTSIDE] == np.float32(PADDING)).all()
    assert "padding read as background (1 of 1 images)" in dataset.notes


def test_a_range_of_padding_of_monochrome1_is_black_too(tmp_path: Path, rng) -> None:
    array = rng.integers(500, 3000, (8, 8)).astype(np.uint16)
    array[:2] = np.arange(16).reshape(2, 8)
    tags = {"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 20, "BitsStored": 12, "HighBit": 11}
    path = save(tmp_path / "m.dcm", image(array, PhotometricInterpretation="MONOCHROME1", **tags))
    pixels = open_dataset(path).pixels(0)[..., 0]
    assert (pixels[:2] == 0).all()
    assert pixels[2:].ravel()[np.argmin(array[2:])] == 1


def test_padding_of_8_bits_is_0(tmp_path: Path) -> None:
    array = np.array([[255, 10], [200, 255]], np.uint8)
    path = save(tmp_path / "m.dcm", image(array, PixelPaddingValue=255))
    np.testing.assert_array_equal(open_dataset(path).pixels(0)[..., 0], [[0, 10], [200, 0]])


def test_an_image_of_padding_only_is_black_and_changes_no_range(tmp_path: Path, rng) -> None:
    for name, array in (("a", scan(rng, -2000)), ("b", np.full((32, 32), -2000, np.int16))):
        save(tmp_path / "two" / f"{name}.dcm", image(array, series=f"1.{ord(name)}", PixelPaddingValue=-2000))
    dataset = open_dataset(tmp_path / "two")
    assert (
        dataset.treatment.scales["float32x1"].low
        == open_dataset(tmp_path / "two/a.dcm").treatment.scales["float32x1"].low
    )
    assert not dataset.pixels(1).any()
    assert not open_dataset(tmp_path / "two/b.dcm").pixels(0).any()


# Palettes ---------------------------------------------------------------------------------------------------------


def palette(table: np.ndarray, first: int = 0) -> dict[str, Any]:
    names = ("Red", "Green", "Blue")
    tags: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    tags |= {f"{name}PaletteColorLookupTableDescriptor": [len(table) % 2**16, first, 16] for name in names}
    return tags | {
        f"{name}PaletteColorLookupTableData": table[:, i].astype("<u2").tobytes() for i, name in enumerate(names)
    }


def test_a_dark_frame_of_a_palette_is_as_dark_as_its_table_says(tmp_path: Path) -> None:
    """Whether 16 bits are used is a fact of the table, not of the colours that occur in one image."""
    table = np.stack([np.arange(256) * 257] * 2 + [np.zeros(256)], axis=1)
    dark = np.array([[0, 1], [2, 3]], np.uint8)
    path = save(tmp_path / "p.dcm", image(dark, UltrasoundImageStorage, **palette(table)))
    np.testing.assert_array_equal(open_dataset(path).native(0), np.stack([dark, dark, dark * 0], axis=-1))


def test_a_gray_palette_is_one_channel_and_indices_below_the_first_are_the_first(tmp_path: Path) -> None:
    table = np.stack([np.array([100, 200, 30, 40]) << 8] * 3, axis=1)
    path = save(tmp_path / "p.dcm", image(np.array([[9, 10], [12, 99]], np.uint8), **palette(table, first=10)))
    np.testing.assert_array_equal(open_dataset(path).native(0), [[[100], [100]], [[30], [40]]])


# Stills -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [UltrasoundImageStorage, DigitalXRayImageStorageForPresentation, CTImageStorage])
def test_images_of_a_series_without_places_and_of_unequal_sizes_are_stills(tmp_path: Path, rng, kind: UID) -> None:
    arrays = [rng.integers(0, 256, (rows, 8), dtype=np.uint8) for rows in (6, 10, 6)]
    for number, array in enumerate(arrays):
        save(tmp_path / "s" / f"{number}.dcm", image(array, kind, InstanceNumber=number))
    dataset = open_dataset(tmp_path / "s")
    assert dataset.ids == ("0", "1", "2")
    for index, array in enumerate(arrays):
        np.testing.assert_array_equal(dataset.native(index)[..., 0], array)


def test_views_of_equal_sizes_are_stills_and_need_no_numbers(tmp_path: Path, rng) -> None:
    for name in "ab":
        save(tmp_path / "s" / f"{name}.dcm", image(np.full((4, 6), 3, np.uint8), UltrasoundImageStorage))
    assert open_dataset(tmp_path / "s").ids == ("a", "b")


def test_folders_of_stills_are_classes_even_where_each_is_one_series(tmp_path: Path) -> None:
    for label in ("ill", "well"):
        for number in range(3):
            data = image(
                np.full((4, 6), 3, np.uint8), UltrasoundImageStorage, f"1.2.{len(label)}", InstanceNumber=number
            )
            save(tmp_path / label / f"{number}.dcm", data)
    dataset = open_dataset(tmp_path)
    assert dataset.labels == ("ill",) * 3 + ("well",) * 3


def test_headers_that_are_not_strict_cost_no_warnings_on_the_command_line(
    tmp_path: Path, values, capsys: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save(
            tmp_path / "a.dcm",
            image(values, series="1.2.three", ImagePositionPatient=["0", "0", "0.12345678901234567"]),
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(SystemExit) as left:
            main(["data", "inspect", str(tmp_path)])
    assert left.value.code == 0
    assert "arn" not in capsys.readouterr().err
