"""DICOM: series in their order, values of their modality, masks, and every kind of damage; checked against pydicom."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_modality_lut
from pydicom.pixels.decoders.base import Decoder
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLosslessSV1,
    RLELossless,
    RTStructureSetStorage,
    generate_uid,
)

from dsim.data import open_dataset
from dsim.data.formats.pixels import Slot
from dsim.data.volumes import ordered
from dsim.errors import DataError, UnreadableImageError

Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """``save("p1/1.dcm", array, z=5.0, InstanceNumber=1, ...)``: one DICOM file below tmp_path."""
    count = itertools.count()

    def saver(name: str, array: np.ndarray, z: float | None = None, syntax: Any = ExplicitVRLittleEndian, **tags: Any):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        uid = f"1.2.3.{next(count)}"
        data = Dataset()
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = syntax
        data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = CTImageStorage
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = uid
        bits = array.dtype.itemsize * 8
        colour = array.ndim == 3 and array.shape[-1] == 3
        data.SeriesInstanceUID = "1.2.3"
        data.Rows, data.Columns = array.shape[:2] if colour or array.ndim == 2 else array.shape[1:]
        data.SamplesPerPixel = 3 if colour else 1
        data.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
        data.BitsAllocated = data.BitsStored = bits
        data.HighBit, data.PixelRepresentation = bits - 1, int(array.dtype.kind == "i")
        if colour:
            data.PlanarConfiguration = 0
        elif array.ndim == 3:
            data.NumberOfFrames = len(array)
        if z is not None:
            data.ImagePositionPatient, data.ImageOrientationPatient = [0, 0, z], [1, 0, 0, 0, 1, 0]
        data.PixelData = array.tobytes()
        for tag, value in tags.items():
            setattr(data, tag, value)
        data.save_as(path, enforce_file_format=True)
        return path

    return saver


@pytest.fixture
def scan(rng: np.random.Generator) -> np.ndarray:
    """(z, rows, columns), stored."""
    return rng.integers(0, 3000, (6, 5, 8)).astype(np.uint16)


CT = {"RescaleSlope": 1, "RescaleIntercept": -1024}


def save_series(save: Save, folder: str, scan: np.ndarray, ending: str = ".dcm", **tags: Any) -> None:
    """Slices of one series whose file names and numbers do not tell their order."""
    shuffled = [3, 0, 5, 1, 4, 2]
    for name, z in enumerate(z for z in shuffled if z < len(scan)):
        save(f"{folder}/{name}{ending}", scan[z], z=-40 + 2.5 * z, InstanceNumber=name + 1, **{**CT, **tags})


# Series -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".dcm", "", ".31"])
def test_shuffled_files_of_a_series_are_one_volume_in_the_order_of_their_places(
    tmp_path: Path, save, scan, ending: str
) -> None:
    save_series(save, "ct/p1", scan, ending)
    save_series(save, "ct/p2", scan[:4], ending)
    for folder in ("p1", "p2"):
        (tmp_path / "ct" / folder / "readme").write_text("no image")
    dataset = open_dataset(tmp_path / "ct")
    assert dataset.ids == tuple(f"p1#{z}" for z in range(6)) + tuple(f"p2#{z}" for z in range(4))
    assert dataset.groups == ("p1",) * 6 + ("p2",) * 4
    assert dataset.labels is None
    for z in range(6):
        np.testing.assert_array_equal(dataset.native(z)[..., 0], scan[z].astype(np.float32) - 1024)
    assert dataset.native(0).min() < 0
    assert dataset.dtypes == ("float32",) * 10
    assert open_dataset(tmp_path / "ct", slices=2).ids == ("p1#1", "p1#4", "p2#1", "p2#3")


def test_values_are_those_of_pydicom(tmp_path: Path, save, scan) -> None:
    path = save("a.dcm", scan[0].astype(np.int16), RescaleSlope=0.5, RescaleIntercept=-100)
    theirs = pydicom.dcmread(path)
    np.testing.assert_allclose(
        open_dataset(path).native(0)[..., 0], apply_modality_lut(theirs.pixel_array, theirs), rtol=1e-6
    )


def test_a_folder_that_is_a_series_is_a_dataset(tmp_path: Path, save, scan) -> None:
    save_series(save, "p1", scan)
    dataset = open_dataset(tmp_path / "p1", slices="central")
    assert (dataset.ids, dataset.groups) == (("volume#3",), None)
    before = dataset.images_fingerprint
    (tmp_path / "p1").rename(tmp_path / "p2")
    assert open_dataset(tmp_path / "p2", slices="central").images_fingerprint == before


def test_several_series_of_one_folder_are_told_apart(tmp_path: Path, save, scan) -> None:
    for index in range(4):
        for series in ("7", "8"):
            save(f"p1/{index}-{series}.dcm", scan[index], z=index, SeriesInstanceUID=f"1.2.{series}")
    dataset = open_dataset(tmp_path)
    assert dataset.ids == tuple(f"p1/1.2.{series}#{z}" for series in "78" for z in range(4))
    assert sorted(set(dataset.groups or ())) == ["p1/1.2.7", "p1/1.2.8"]


def test_single_images_keep_their_names_and_classes(tmp_path: Path, save, scan) -> None:
    for name in ("ill/1", "ill/2", "well/3"):
        save(f"{name}.dcm", scan[0], SeriesInstanceUID=generate_uid(entropy_srcs=[name]))
    dataset = open_dataset(tmp_path)
    assert (dataset.ids, dataset.labels) == (("ill/1", "ill/2", "well/3"), ("ill", "ill", "well"))
    assert dataset.groups is None


def test_without_places_the_instance_numbers_order(tmp_path: Path, save, scan) -> None:
    for name, number in enumerate((10, 2, 1)):
        save(f"p/{name}.dcm", scan[number % 6], InstanceNumber=number)
    dataset = open_dataset(tmp_path / "p")
    for index, number in enumerate((1, 2, 10)):
        np.testing.assert_array_equal(dataset.native(index)[..., 0], scan[number % 6])
    assert "series volume: 7 slices seem to be missing between its 3" in dataset.notes


def test_without_either_the_order_is_unknown(tmp_path: Path, save, scan) -> None:
    for name in "ab":
        save(f"p/{name}.dcm", scan[0])
    with pytest.raises(DataError, match=r"series .*p has neither parallel positions nor an InstanceNumber"):
        open_dataset(tmp_path / "p")


def test_order_runs_along_the_normal_whatever_the_directions() -> None:
    """Sagittal slices: rows run to posterior, columns to the feet; the normal points to the left."""
    places = [12.0, -3.0, 4.5]
    slots = [Slot("s", position=(x, 7.0, 9.0), orientation=(0, 1, 0, 0, 0, -1)) for x in places]
    found = [places[index] for index in ordered(slots, "s").indices]
    assert found in (sorted(places), sorted(places, reverse=True))
    assert found == sorted(places, key=lambda x: np.dot(np.cross((0, 1, 0), (0, 0, -1)), (x, 7, 9)))


def test_missing_slices_are_counted_in_a_note(tmp_path: Path, save, scan) -> None:
    for z in (0, 1, 2, 4, 5, 8):
        save(f"p/{z}.dcm", scan[0], z=z * 2.5, InstanceNumber=z)
    notes = open_dataset(tmp_path / "p").notes
    assert "series volume: 3 slices seem to be missing between its 6" in notes


def test_several_images_of_each_place_are_time_points(tmp_path: Path, save, scan) -> None:
    for number in range(6):
        save(f"p/{number}.dcm", scan[number], z=number % 3, InstanceNumber=number)
    with pytest.raises(DataError, match="has 2 time points"):
        open_dataset(tmp_path / "p")
    dataset = open_dataset(tmp_path / "p", time=1)
    for index in range(3):
        np.testing.assert_array_equal(dataset.native(index)[..., 0], scan[3 + index])
    (tmp_path / "p/5.dcm").unlink()
    with pytest.raises(DataError, match="1 to 2 images at one place"):
        open_dataset(tmp_path / "p", time=1)


def test_slices_of_unequal_shapes_are_refused(tmp_path: Path, save, scan) -> None:
    save("p/1.dcm", scan[0], z=1)
    save("p/2.dcm", scan[0][:3], z=2)
    with pytest.raises(DataError, match=r"slices of unequal shapes \(height x width\): 3 x 8, 5 x 8"):
        open_dataset(tmp_path / "p")


def test_other_axes_run_through_the_series(tmp_path: Path, save, scan) -> None:
    save_series(save, "p", scan)
    dataset = open_dataset(tmp_path / "p", axis="y")
    np.testing.assert_array_equal(dataset.native(2)[..., 0], scan[::-1, 2].astype(np.float32) - 1024)
    assert len(dataset) == 5


def test_a_file_of_several_frames_is_a_volume(tmp_path: Path, save, scan) -> None:
    path = save("cine.dcm", scan)
    dataset = open_dataset(path, slices=2)
    assert dataset.ids == ("cine#1", "cine#4")
    np.testing.assert_array_equal(dataset.native(1)[..., 0], scan[4])


# Values -----------------------------------------------------------------------------------------------------------


def test_monochrome1_is_inverted_within_what_can_be_stored(tmp_path: Path, save, rng) -> None:
    eight = rng.integers(0, 256, (5, 8), dtype=np.uint8)
    twelve = rng.integers(0, 4096, (5, 8)).astype(np.uint16)
    one = save("a.dcm", eight, PhotometricInterpretation="MONOCHROME1")
    two = save("b.dcm", twelve, PhotometricInterpretation="MONOCHROME1", BitsStored=12, HighBit=11, **CT)
    first, second = open_dataset(one), open_dataset(two)
    np.testing.assert_array_equal(first.native(0)[..., 0], 255 - eight)
    assert (first.native(0).dtype, first.dtypes) == (np.uint8, ("uint8",))
    np.testing.assert_array_equal(second.native(0)[..., 0], 4095 - 1024 - twelve.astype(float))
    assert "MONOCHROME1 turned into black-is-zero (1 of 1 images)" in first.notes


def test_colours_palettes_and_ybr_become_rgb(tmp_path: Path, save, rng) -> None:
    colours = rng.integers(0, 256, (5, 8, 3), dtype=np.uint8)
    np.testing.assert_array_equal(open_dataset(save("rgb.dcm", colours)).native(0), colours)
    ybr = save("ybr.dcm", colours, PhotometricInterpretation="YBR_FULL")
    np.testing.assert_array_equal(open_dataset(ybr).native(0), pydicom.dcmread(ybr).pixel_array * 0 + expected(ybr))
    table = rng.integers(0, 256, (3, 256)).astype(np.uint16) << 8
    names = ("Red", "Green", "Blue")
    tags = {f"{name}PaletteColorLookupTableData": table[i].tobytes() for i, name in enumerate(names)}
    tags |= {f"{name}PaletteColorLookupTableDescriptor": [256, 0, 16] for name in names}
    indices = colours[..., 0].copy()
    palette = save("palette.dcm", indices, PhotometricInterpretation="PALETTE COLOR", **tags)
    dataset = open_dataset(palette)
    np.testing.assert_array_equal(dataset.native(0), np.moveaxis(table[:, indices] >> 8, 0, -1))
    assert dataset.dtypes == ("uint8",)


def expected(path: Path) -> np.ndarray:
    """RGB of a YBR_FULL file by the matrix of the standard (PS3.3 C.7.6.3.1.2)."""
    raw = np.frombuffer(pydicom.dcmread(path).PixelData, np.uint8).reshape(5, 8, 3).astype(float)
    y, blue, red = raw[..., 0], raw[..., 1] - 128, raw[..., 2] - 128
    rgb = np.stack([y + 1.402 * red, y - 0.344136 * blue - 0.714136 * red, y + 1.772 * blue], axis=-1)
    return np.clip(np.floor(rgb + 0.5), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_other_transfer_syntaxes(tmp_path: Path, save, scan, syntax) -> None:
    path = save("a.dcm", np.tile(scan[0], (20, 20)), syntax=syntax)
    np.testing.assert_array_equal(open_dataset(path).native(0)[:5, :8, 0], scan[0])


def test_compressed_pixels_are_decoded(tmp_path: Path, save, scan) -> None:
    path = compress(save("a.dcm", scan[0]))
    np.testing.assert_array_equal(open_dataset(path).native(0)[..., 0], scan[0])


def compress(path: Path) -> Path:
    data = pydicom.dcmread(path)
    data.compress(RLELossless, generate_instance_uid=False)
    data.save_as(path)
    return path


def test_a_missing_decoder_is_named_with_what_to_install(tmp_path: Path, save, scan, monkeypatch) -> None:
    path = compress(save("a.dcm", scan[0]))
    data = pydicom.dcmread(path)
    data.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    data.save_as(path)
    monkeypatch.setattr(Decoder, "is_available", False)
    with pytest.raises(
        UnreadableImageError, match=r"is compressed by JPEG Lossless.*, which needs a decoder"
    ) as caught:
        open_dataset(path)
    assert "pip install pylibjpeg" in (caught.value.hint or "")


# Masks and labels -------------------------------------------------------------------------------------------------


def test_masks_of_a_series_lie_beside_it_file_by_file(tmp_path: Path, save, scan) -> None:
    save_series(save, "images/p1", scan)
    masks = (scan > 1500).astype(np.uint8)
    for name, z in enumerate([3, 0, 5, 1, 4, 2]):
        save(f"masks/p1/{name}.dcm", masks[z], SeriesInstanceUID="1.9")
    (tmp_path / "labels.csv").write_text("file,label,group\np1,ill,patient-1\n")
    dataset = open_dataset(tmp_path)
    for z in range(6):
        np.testing.assert_array_equal(dataset.mask(z), masks[z])
    assert (dataset.labels, dataset.groups) == (("ill",) * 6, ("patient-1",) * 6)


# What is refused --------------------------------------------------------------------------------------------------


def test_a_truncated_file_is_refused_when_it_is_opened(tmp_path: Path, save, scan) -> None:
    for name in ("plain", "packed"):
        path = save(f"{name}.dcm", np.tile(scan[0], (10, 10)))
        whole = (compress(path) if name == "packed" else path).read_bytes()
        for length in (0, 100, 140, 300, 500, len(whole) // 2, len(whole) - 9, len(whole) - 1):
            path.write_bytes(whole[:length])
            with pytest.raises(UnreadableImageError, match=f"{name}.dcm"):
                open_dataset(path)


def test_objects_without_pixels_are_passed_over_and_alone_refused(tmp_path: Path, save, scan) -> None:
    save_series(save, "p", scan)
    data = pydicom.dcmread(tmp_path / "p/0.dcm")
    del data.PixelData, data.Rows
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = RTStructureSetStorage
    data.save_as(tmp_path / "p/plan.dcm")
    dataset = open_dataset(tmp_path / "p")
    assert len(dataset) == 6
    assert "passed over 1 DICOM files without pixels, the first plan.dcm" in dataset.notes
    with pytest.raises(UnreadableImageError, match=r"plan\.dcm is a RT Structure Set Storage: it holds no pixels"):
        open_dataset(tmp_path / "p/plan.dcm")


def test_zero_frames_and_bombs_are_refused(tmp_path: Path, save, scan) -> None:
    path = save("a.dcm", scan[0])
    with pytest.raises(UnreadableImageError, match="decompression bomb"):
        open_dataset(path, max_pixels=30)
    with pytest.raises(UnreadableImageError, match="zero slices"):
        open_dataset(save("b.dcm", scan[0], NumberOfFrames=0))
