"""The way back: whatever a run writes is read as masks of the same data, by the same reader, exact to the pixel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from dsim.data import Dataset, open_dataset
from dsim.errors import DataError, UnreadableImageError
from dsim.prelabel import Model, Settings, prelabel

Bright = Callable[..., Model]


def stack(seed: int, depth: int = 4, height: int = 20, width: int = 28) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (depth, height, width)).astype(np.uint8)


def write_dicom(path: Path, pixels: NDArray[np.uint8], place: float | None = None, series: str = "1.2.3") -> None:
    """One file of one frame, or of several where pixels are (n, h, w)."""
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    data = pydicom.Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = CTImageStorage
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{abs(hash(path.name)) % 10**6}"
    data.SeriesInstanceUID = series
    data.Rows, data.Columns = pixels.shape[-2:]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation = 7, 0
    if pixels.ndim == 3:
        data.NumberOfFrames = len(pixels)
    if place is not None:
        data.ImagePositionPatient, data.ImageOrientationPatient = [0, 0, place], [1, 0, 0, 0, 1, 0]
    data.PixelData = pixels.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)


def write_series(folder: Path, pixels: NDArray[np.uint8], series: str = "1.2.3") -> None:
    """Slices whose file names run against their places."""
    for z, plane in enumerate(pixels):
        write_dicom(folder / f"{series[-1]}-{len(pixels) - z}.dcm", plane, float(z), series)


def write_volume(path: Path, values: NDArray[Any]) -> None:
    import nibabel

    path.parent.mkdir(parents=True, exist_ok=True)
    # Axes that run to the right and to the front: shown, both are turned round.
    nibabel.save(nibabel.Nifti1Image(values, np.diag([1.0, 1.0, 2.0, 1.0])), path)


def write_stack(path: Path, pixels: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pixels, photometric="minisblack")


def write_picture(path: Path, pixels: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def of_pictures(images: Path) -> None:
    write_picture(images / "a.png", stack(0)[0])
    write_picture(images / "deep/er/b.c.tif", stack(1)[0])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(stack(2)[0]).save(images / "turned.png", exif=exif)


def of_stacks(images: Path) -> None:
    write_stack(images / "z.tif", stack(0, depth=11))
    write_stack(images / "sub/z.tif", stack(1))
    write_picture(images / "sub/flat.png", stack(2)[0])


def of_one_stack(images: Path) -> None:
    write_stack(images / "cell.tif", stack(0))


def of_volumes(images: Path) -> None:
    write_volume(images / "p1.nii.gz", stack(0))
    write_volume(images / "site/p2.nii", stack(1, depth=9, height=12))


def of_flat_volumes(images: Path) -> None:
    write_volume(images / "p1.nii.gz", stack(0)[:, :, :1])


def of_time_points(images: Path) -> None:
    write_volume(images / "p1.nii", np.stack([stack(0), stack(1)], axis=-1))


def of_frames(images: Path) -> None:
    write_dicom(images / "loop.dcm", stack(0))
    write_dicom(images / "still.dcm", stack(1)[0], series="1.2.4")


def of_one_series(images: Path) -> None:
    write_series(images, stack(0))


def of_series_by_patient(images: Path) -> None:
    write_series(images / "p1", stack(0))
    write_series(images / "p2", stack(1, depth=3), "1.2.5")


def of_series_in_one_folder(images: Path) -> None:
    write_series(images / "p1", stack(0), "1.2.4")
    write_series(images / "p1", stack(1), "1.2.5")


def of_names_that_some_disks_refuse(images: Path) -> None:
    write_picture(images / "what?.png", stack(0)[0])
    write_picture(images / "con.png", stack(1)[0])
    write_stack(images / "Cell:1.tif", stack(2))
    write_stack(images / "cell:1.tif", stack(3))
    write_picture(images / "A.png", stack(4)[0])
    write_picture(images / "a.png", stack(5)[0])


def there_and_back(folder: Path, model: Model, options: str = "") -> tuple[Dataset, Dataset]:
    """The target, and the dataset of the folder that holds its images and their pre-labels."""
    target = open_dataset(f"{folder / 'images'}{options}")
    prelabel(target, model, folder, sheet=2)
    return target, open_dataset(f"{folder}{options}")


def assert_same(target: Dataset, back: Dataset) -> None:
    assert back.ids == target.ids
    assert back.masked is True
    for index in range(len(target)):
        np.testing.assert_array_equal(back.native(index), target.native(index))
        pixels = target.pixels(index)[:, :, 0]
        wanted = pixels >= (128 if pixels.dtype == np.uint8 else 0.5)
        np.testing.assert_array_equal(back.mask(index) != 0, wanted, err_msg=target.ids[index])


@pytest.mark.parametrize(
    ("write", "options"),
    [
        (of_pictures, ""),
        (of_stacks, ""),
        (of_stacks, "[slices=2]"),
        (of_one_stack, ""),
        (of_one_stack, "[axis=y]"),
        (of_one_stack, "[axis=x,slices=3]"),
        (of_volumes, ""),
        (of_volumes, "[axis=y,slices=central]"),
        (of_flat_volumes, ""),
        (of_time_points, "[time=1]"),
        (of_frames, ""),
        (of_one_series, ""),
        (of_series_by_patient, ""),
        (of_series_by_patient, "[slices=2]"),
        (of_series_in_one_folder, ""),
        (of_names_that_some_disks_refuse, ""),
    ],
)
def test_pre_labels_are_read_as_masks_of_the_same_images(
    tmp_path: Path, bright: Bright, write: Callable[[Path], None], options: str
) -> None:
    write(tmp_path / "images")
    assert_same(*there_and_back(tmp_path, bright(), options))


def test_pictures_on_volumes_are_said_to_lie_as_dsim_shows_the_slices(tmp_path: Path, bright: Bright) -> None:
    of_volumes(tmp_path / "images")
    target, back = there_and_back(tmp_path, bright())
    assert [note for note in back.notes if f"{len(target)} of {len(target)}" in note and "shows" in note]


def test_the_masks_of_some_slices_leave_the_others_without(tmp_path: Path, bright: Bright) -> None:
    of_one_stack(tmp_path / "images")
    there_and_back(tmp_path, bright(), "[slices=2]")
    back = open_dataset(tmp_path)
    assert [back.ids[index] for index in back.annotated] == ["cell#1", "cell#3"]


def test_masks_of_all_slices_are_read_across_them(tmp_path: Path, bright: Bright) -> None:
    of_one_stack(tmp_path / "images")
    _, along = there_and_back(tmp_path, bright())
    across = open_dataset(f"{tmp_path}[axis=y]")
    np.testing.assert_array_equal(across.mask(3)[::-1], [along.mask(z)[3] for z in range(4)])


def test_masks_that_the_options_name_are_read_too(tmp_path: Path, bright: Bright) -> None:
    of_stacks(tmp_path / "data/img")
    target = open_dataset(tmp_path / "data/img")
    prelabel(target, bright(), tmp_path / "data/by-model", sheet=0)
    assert_same(target, open_dataset(f"{tmp_path / 'data'}[images=img,masks=by-model/masks]"))


@pytest.mark.parametrize(
    ("name", "pixels", "wanted"),
    [
        ("cell#9.png", stack(0)[0], "4 slices"),
        ("cell#1.png", stack(0)[0, :-1], "19 x 28"),
        ("cell#1.tif", stack(0), "holds 4"),
        ("cell#y01.png", stack(0)[:, 1], "axis=y"),
    ],
)
def test_a_mask_that_is_of_no_slice_is_refused(
    tmp_path: Path, name: str, pixels: NDArray[np.uint8], wanted: str
) -> None:
    of_one_stack(tmp_path / "images")
    (write_stack if pixels.ndim == 3 else write_picture)(tmp_path / "masks" / name, pixels)
    with pytest.raises(DataError) as caught:
        open_dataset(tmp_path)
    assert name in caught.value.message
    assert wanted in str(caught.value)


def test_a_slice_has_one_mask(tmp_path: Path) -> None:
    of_one_stack(tmp_path / "images")
    write_stack(tmp_path / "masks/cell.tif", stack(1))
    write_picture(tmp_path / "masks/cell#1.png", stack(1)[0])
    with pytest.raises(DataError, match=r"cell\.tif and .*cell#1\.png"):
        open_dataset(tmp_path)


def test_numbers_behind_the_name_of_a_single_image_are_its_objects(tmp_path: Path) -> None:
    write_picture(tmp_path / "images/cell.png", np.zeros((8, 8), np.uint8))
    for number in (1, 2, 10):
        mask = np.zeros((8, 8), np.uint8)
        mask[number % 8] = 255
        write_picture(tmp_path / f"masks/cell#{number}.png", mask)
    assert open_dataset(tmp_path).mask(0)[:, 0].tolist() == [0, 1, 3, 0, 0, 0, 0, 0]


def test_pictures_of_the_stems_of_dicom_files_are_their_masks(tmp_path: Path) -> None:
    """As radiographs are annotated: a DICOM file and a PNG beside it; and a series, file by file."""
    of_series_by_patient(tmp_path / "images")
    write_dicom(tmp_path / "images/loop.dcm", stack(2), series="1.2.9")
    write_stack(tmp_path / "masks/loop.tif", stack(3) & 1)
    drawn = {f"loop#{z}": mask & 1 for z, mask in enumerate(stack(3))}
    for folder, series, depth in (("p1", 3, 4), ("p2", 5, 3)):
        for z in range(depth):
            drawn[f"{folder}#{z}"] = stack(10 * series + z)[0] & 1
            write_picture(tmp_path / f"masks/{folder}/{series}-{depth - z}.png", drawn[f"{folder}#{z}"])
    dataset = open_dataset(tmp_path)
    assert sorted(dataset.ids) == sorted(drawn)
    for index, id in enumerate(dataset.ids):
        np.testing.assert_array_equal(dataset.mask(index), drawn[id], err_msg=id)


def test_the_mask_of_a_slice_that_cannot_be_read_may_be_skipped(tmp_path: Path) -> None:
    of_one_stack(tmp_path / "images")
    for number in (1, 2):
        write_picture(tmp_path / f"masks/cell#{number}.png", stack(1)[0])
    (tmp_path / "masks/cell#1.png").write_bytes(b"no")
    with pytest.raises(UnreadableImageError, match="cell#1"):
        open_dataset(tmp_path)
    dataset = open_dataset(tmp_path, skip_unreadable=True)
    assert (list(dataset.annotated), len(dataset), len(dataset.skipped)) == ([2], 4, 1)


def test_pre_labels_with_probability_maps_are_read_too(tmp_path: Path, bright: Bright) -> None:
    of_stacks(tmp_path / "images")
    target = open_dataset(tmp_path / "images")
    prelabel(target, bright(), tmp_path, settings=Settings(probabilities="png"), sheet=0)
    assert_same(target, open_dataset(tmp_path))
