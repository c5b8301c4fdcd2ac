"""Where the channels of arrays are: inferred from a short axis, else asked for; volumes; missing labels; size."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from dsim.data import from_arrays, open_dataset
from dsim.data.arrays import CHANNELS_FIRST, stack_of, texts
from dsim.data.dataset import Dataset
from dsim.errors import DataError, UsageError

Save = Callable[..., Path]


def save_npz(path: Path, **arrays: Any) -> Path:
    np.savez(path.with_suffix(".npz"), **arrays)
    return path.with_suffix(".npz")


def save_hdf5(path: Path, **arrays: Any) -> Path:
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return path.with_suffix(".h5")


BOTH = pytest.mark.parametrize("save", [save_npz, save_hdf5])


@pytest.mark.parametrize("channels", [1, 3, 5, 16])
@BOTH
def test_channels_that_come_first_are_put_last_and_that_is_noted(
    tmp_path: Path, rng, save: Save, channels: int
) -> None:
    images = rng.integers(0, 256, (3, 32, 40, channels), dtype=np.uint8)
    masks = rng.integers(0, 2, (3, 1, 32, 40), dtype=np.uint8)
    first = np.moveaxis(images, -1, 1)
    opened = open_dataset(save(tmp_path / "a", images=first, masks=masks))
    for dataset in (opened, from_arrays(first, masks=masks), from_arrays(list(first), masks=list(masks))):
        for index in range(3):
            np.testing.assert_array_equal(dataset.native(index), images[index])
            np.testing.assert_array_equal(dataset.mask(index), masks[index, 0])
        assert dataset.notes == (CHANNELS_FIRST,)
        assert dataset.images_fingerprint == from_arrays(images).images_fingerprint or channels == 1


def test_the_splits_of_an_archive_are_each_judged(tmp_path: Path, rng) -> None:
    images = rng.integers(0, 256, (2, 32, 40, 3), dtype=np.uint8)
    path = save_npz(tmp_path / "a", train_images=np.moveaxis(images, -1, 1), test_images=images)
    dataset = open_dataset(path)
    np.testing.assert_array_equal(dataset.native(0), images[0])
    np.testing.assert_array_equal(dataset.native(2), images[0])


@pytest.mark.parametrize(
    ("shape", "first"),
    [
        ((9, 64, 64, 5), False), ((9, 64, 64, 48), False), ((9, 8, 9, 5), False), ((9, 3, 64, 4), False),
        ((9, 5, 64, 64), True), ((9, 32, 64, 64), True), ((9, 2, 5, 7), True),
        ((9, 28, 28, 28), None), ((9, 40, 64, 64), None), ((9, 64, 5, 64), None),
    ],
)  # fmt: skip
def test_the_short_axis_holds_the_channels(shape: tuple[int, ...], first: bool | None) -> None:
    if first is not None:
        assert stack_of(shape, "images").channels_first is first
        return
    with pytest.raises(DataError, match="images has the shape") as caught:
        stack_of(shape, "images")
    for option in ("channels=first", "channels=last", "slices="):
        assert option in (caught.value.hint or "")


@BOTH
def test_where_no_axis_is_short_the_option_decides(tmp_path: Path, rng, save: Save) -> None:
    images = rng.integers(0, 256, (2, 12, 13, 14), dtype=np.uint8)
    path = save(tmp_path / "a", images=images)
    with pytest.raises(DataError, match="is not known"):
        open_dataset(path)
    last, first = open_dataset(f"{path}[channels=last]"), open_dataset(path, channels="first")
    np.testing.assert_array_equal(last.native(1), images[1])
    np.testing.assert_array_equal(first.native(1), np.moveaxis(images[1], 0, -1))
    np.testing.assert_array_equal(open_dataset(first.reference).native(1), first.native(1))
    np.testing.assert_array_equal(from_arrays(images, channels="first").native(1), first.native(1))


def test_channels_are_refused_where_they_change_nothing(tmp_path: Path, write) -> None:
    write("p/a.png")
    for place in (tmp_path / "p", tmp_path / "p/a.png", "phantoms:xray[count=2,size=32]"):
        with pytest.raises(DataError, match="channels=last"):
            open_dataset(place, channels="last")
    with pytest.raises(UsageError, match="channels cannot be 'middle'"):
        open_dataset(tmp_path / "p", channels="middle")


# Volumes ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def volumes(tmp_path: Path, rng) -> tuple[Path, np.ndarray]:
    images = rng.integers(0, 256, (5, 8, 8, 8), dtype=np.uint8)
    labels = np.arange(5)[:, None] % 2
    train = {"train_images": images[:3], "train_labels": labels[:3], "train_masks": images[:3] // 200}
    val = {"val_images": images[3:], "val_labels": labels[3:], "val_masks": images[3:] // 200}
    return save_npz(tmp_path / "med3d", **train, **val), images


def test_volumes_are_refused_with_the_way_and_read_by_slices(volumes: tuple[Path, np.ndarray]) -> None:
    path, images = volumes
    with pytest.raises(DataError, match=r"train_images.*\(3, 8, 8, 8\)") as caught:
        open_dataset(path)
    assert "slices=central" in (caught.value.hint or "")
    dataset = open_dataset(f"{path}[slices=2]")
    assert dataset.ids == tuple(f"train/{v}#{z}" for v in range(3) for z in (2, 6)) + tuple(
        f"val/{v}#{z}" for v in range(2) for z in (2, 6)
    )
    assert dataset.groups == tuple(sample.partition("#")[0] for sample in dataset.ids)
    assert dataset.labels == tuple("0011001100")
    assert dataset.splits == ("train",) * 6 + ("val",) * 4
    for index in range(10):
        plane = images[index // 2, (2, 6)[index % 2]]
        np.testing.assert_array_equal(dataset.native(index)[..., 0], plane)
        np.testing.assert_array_equal(dataset.mask(index), plane // 200)
    assert "2 of the 8 slices of each of 3 volumes, along the first axis" in dataset.notes


@pytest.mark.parametrize("options", [{"axis": "y"}, {"time": 1}])
def test_volumes_in_arrays_are_cut_along_their_first_axis_only(volumes: tuple[Path, np.ndarray], options: Any) -> None:
    with pytest.raises(DataError, match="first axis"):
        open_dataset(volumes[0], **options)


def test_slices_of_single_images_are_refused(tmp_path: Path) -> None:
    path = save_npz(tmp_path / "a", images=np.zeros((3, 8, 8), np.uint8))
    with pytest.raises(DataError, match="holds single images"):
        open_dataset(path, slices="central")


# Labels -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels",
    [
        np.array([0, np.nan, 1]),
        [0.0, float("nan"), 1.0],
        ["a", float("nan"), "b"],
        ["a", None, "b"],
        np.array([[0], [np.nan], [1]]),
        np.array(["a", "nan", "b"]),
        np.array([b"a", b"nan", b"b"]),
    ],
)
def test_a_missing_label_is_no_class_and_its_row_is_named(labels: Any) -> None:
    with pytest.raises(DataError, match=r"labels has no value .* 1 of 3 rows: 1, counted from 0") as caught:
        from_arrays(np.zeros((3, 8, 8), np.uint8), labels=labels)
    assert "leave these images out" in (caught.value.hint or "")


@BOTH
def test_missing_labels_of_a_file_are_named_with_it(tmp_path: Path, save: Save) -> None:
    labels = np.full(9, np.nan)
    labels[0] = 1
    path = save(tmp_path / "a", images=np.zeros((9, 8, 8), np.uint8), labels=labels)
    with pytest.raises(DataError, match=r"labels in .*a\.(npz|h5) .* 8 of 9 rows: 1, 2, 3 and 5 more"):
        open_dataset(path)


def test_names_that_only_look_like_missing_ones_are_classes() -> None:
    assert texts(["nano", "None", "NA", "n/a"], "labels") == ("nano", "None", "NA", "n/a")


# Size -------------------------------------------------------------------------------------------------------------


def opened(place: Path | str, **options: Any) -> Dataset:
    return open_dataset(place, **options)


@pytest.mark.parametrize("written", ["4000", "50x80"])
def test_the_largest_size_is_part_of_the_notation_and_stays_with_the_dataset(
    tmp_path: Path, write, written: str
) -> None:
    path = write("p/a.png", np.zeros((50, 80), np.uint8))
    with pytest.raises(DataError) as caught:
        opened(path, max_pixels=3999)
    for way in ("--max-pixels 4000", "[max_pixels=4000]", "max_pixels=4000)"):
        assert way in (caught.value.hint or "")
    dataset = opened(f"{path}[max_pixels={written}]", max_pixels=10)
    assert dataset.native(0).shape == (50, 80, 1)
    assert (dataset.name, dataset.options) == ("a", "[max_pixels=4000]")
    assert opened(dataset.reference).ids == ("a",)
    for wrong in ("0", "many", "1x2x3", "-5"):
        with pytest.raises(UsageError, match="max_pixels cannot be"):
            opened(f"{path}[max_pixels={wrong}]")


def test_more_rows_than_a_file_holds_are_refused_before_they_are_counted(tmp_path: Path) -> None:
    """10^10 ids would fill the memory, and no pixel has been read yet."""
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (10000000000, 28, 28), }".ljust(117) + "\n"
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr(
            "images.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + bytes(99)
        )
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file.create_dataset("images", shape=(10**10, 28, 28), dtype="u1", chunks=(1, 28, 28))
    for name in ("a.npz", "b.h5"):
        with pytest.raises(DataError, match=name) as caught:
            open_dataset(tmp_path / name)
        assert caught.value.hint
