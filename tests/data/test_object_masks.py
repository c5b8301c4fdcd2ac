"""One mask per object: numbered in order, read when asked for, all files in the fingerprint."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from dsim.data.assembly import assemble
from dsim.data.dataset import Dataset
from dsim.data.options import ReadOptions
from dsim.data.volumes import Item
from dsim.errors import DataError, UnreadableImageError


def square(top: int, left: int) -> np.ndarray:
    mask = np.zeros((12, 16), np.uint8)
    mask[top : top + 4, left : left + 4] = 255
    return mask


@pytest.fixture
def cells(tmp_path: Path, write) -> dict[str, Path]:
    write("i.png")
    return {"one": write("m/1.png", square(0, 0)), "two": write("m/2.png", square(2, 2))}


def dataset_of(tmp_path: Path, *masks: Path) -> Dataset:
    item = Item("i", tmp_path / "i.png", mask=masks)
    return assemble([item], name="d", location=tmp_path, format="objects", options=ReadOptions())


def test_objects_are_numbered_and_the_later_is_seen(tmp_path: Path, cells) -> None:
    mask = dataset_of(tmp_path, *cells.values()).mask(0)
    assert (mask[0, 0], mask[2, 2], mask[5, 5], mask[11, 15]) == (1, 2, 2, 0)
    assert (np.count_nonzero(mask == 1), np.count_nonzero(mask == 2)) == (12, 16)


def test_a_single_object_is_number_one_whatever_its_gray(tmp_path: Path, cells) -> None:
    assert set(np.unique(dataset_of(tmp_path, cells["one"]).mask(0))) == {0, 1}


def test_every_file_enters_the_fingerprint(tmp_path: Path, cells, write) -> None:
    before = dataset_of(tmp_path, *cells.values())
    alone = dataset_of(tmp_path, cells["one"])
    images, masks = before.images_fingerprint, {before.masks_fingerprint, alone.masks_fingerprint}
    write("m/2.png", square(3, 3))
    after = dataset_of(tmp_path, *cells.values())
    assert len(masks | {after.masks_fingerprint}) == 3
    assert after.images_fingerprint == images


def test_objects_travel_to_another_process(tmp_path: Path, cells) -> None:
    data = dataset_of(tmp_path, *cells.values())
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(data)).mask(0), data.mask(0))


def test_a_damaged_or_ill_sized_object_is_named(tmp_path: Path, cells, write) -> None:
    write("m/2.png", np.zeros((3, 3), np.uint8))
    with pytest.raises(DataError, match=r"m/2\.png"):
        dataset_of(tmp_path, *cells.values())
    cells["two"].write_bytes(b"no")
    with pytest.raises(UnreadableImageError, match=r"m/2\.png"):
        dataset_of(tmp_path, *cells.values())
