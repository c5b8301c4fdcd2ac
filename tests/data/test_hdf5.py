"""HDF5: read row by row, features without images, nothing outside the file."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from dsim.data import from_arrays, open_dataset
from dsim.data.readers import hdf5
from dsim.errors import DataError, NeedError, UnreadableImageError
from dsim.registry import Need


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    def saver(**arrays: Any) -> Path:
        path = tmp_path / "cells.h5"
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file.create_dataset(name, data=array)
        return path

    return saver


@pytest.fixture
def images(rng) -> np.ndarray:
    return rng.integers(0, 65536, (4, 8, 9), dtype=np.uint16)


def refused(path: Path, wanted: str, **options: int) -> None:
    with pytest.raises(DataError) as caught:
        open_dataset(path, **options)  # type: ignore[arg-type]
    assert wanted in caught.value.message
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_all_parts_are_read(save, images) -> None:
    path = save(images=images, labels=["a", "b", "a", "b"], masks=images > 9, groups=[1, 1, 2, 2], features=np.eye(4))
    dataset = open_dataset(path)
    assert (dataset.labels, dataset.groups) == (("a", "b", "a", "b"), ("1", "1", "2", "2"))
    assert (dataset.format, dataset.masked, dataset.dtypes) == ("HDF5", True, ("uint16",) * 4)
    np.testing.assert_array_equal(dataset.native(2)[..., 0], images[2])
    np.testing.assert_array_equal(dataset.mask(2) != 0, images[2] > 9)
    np.testing.assert_array_equal(dataset.features, np.eye(4))


def test_the_identity_is_that_of_the_arrays(save, images) -> None:
    path = save(images=images, labels=[1, 2, 3, 4])
    assert open_dataset(path).images_fingerprint == from_arrays(images).images_fingerprint


def test_features_alone_are_a_dataset(save) -> None:
    dataset = open_dataset(save(features=np.ones((5, 3), np.float32), labels=np.arange(5)))
    assert (len(dataset), dataset.has(Need.FEATURES), dataset.has(Need.IMAGES)) == (5, True, False)
    with pytest.raises(NeedError):
        dataset.pixels(0)


def test_rows_are_read_one_by_one_and_no_file_stays_open(save, images) -> None:
    dataset = open_dataset(save(images=images))
    dataset.native(0)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(dataset)).native(1)[..., 0], images[1])
    with h5py.File(dataset.location, "r+"):
        pass


@pytest.mark.parametrize(
    ("arrays", "wanted"),
    [
        ({"x": [1]}, "has no images; it holds x"),
        ({"images": np.zeros((2, 8, 8, 8))}, "is not known"),
        ({"images": np.zeros((2, 8, 8)), "masks": np.zeros((3, 8, 8))}, "does not fit images"),
        ({"features": np.ones((2, 2)), "masks": np.zeros((3, 8, 8))}, "masks but no images"),
        ({"images": np.zeros((2, 8, 8)), "labels": np.zeros((2, 2))}, "labels in"),
    ],
)
def test_arrays_that_do_not_fit(save, arrays: dict[str, Any], wanted: str) -> None:
    refused(save(**arrays), wanted)


def test_features_must_be_finite_numbers(save) -> None:
    with pytest.raises(DataError, match="'cells' hold NaN"):
        open_dataset(save(features=[[1.0, np.nan]]))


def test_images_that_promise_too_many_pixels(save) -> None:
    refused(save(images=np.zeros((1, 50, 50))), "says it holds 50 x 50", max_pixels=2000)


def test_a_group_is_no_array(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "g.h5", "w") as file:
        file.create_group("images")
    refused(tmp_path / "g.h5", "images in")


def test_links_external_storage_and_virtual_data_cannot_lead_to_another_file(tmp_path: Path, images) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["images"] = images
    (tmp_path / "raw.bin").write_bytes(images.tobytes())
    path = tmp_path / "cells.h5"

    def link(file: h5py.File) -> None:
        file["images"] = h5py.ExternalLink("other.h5", "images")

    def external(file: h5py.File) -> None:
        raw = [(str(tmp_path / "raw.bin"), 0, images.nbytes)]
        file.create_dataset("images", shape=images.shape, dtype=images.dtype, external=raw)

    def virtual(file: h5py.File) -> None:
        layout = h5py.VirtualLayout(images.shape, images.dtype)
        layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "images", images.shape)
        file.create_virtual_dataset("images", layout)

    for make in (link, external, virtual):
        path.unlink(missing_ok=True)
        with h5py.File(path, "w") as file:
            make(file)
        refused(path, "images in")


def test_every_cut_of_a_file_is_refused_or_whole(save, images) -> None:
    path = save(images=images)
    data = path.read_bytes()
    for length in np.linspace(0, len(data) - 1, 30, dtype=int):
        path.write_bytes(data[:length])
        with pytest.raises(UnreadableImageError, match="cells"):
            open_dataset(path).native(3)


def test_a_row_that_cannot_be_read_names_the_file(save, images, monkeypatch) -> None:
    dataset = open_dataset(save(images=images))
    Path(dataset.location).write_bytes(b"gone")
    with pytest.raises(UnreadableImageError, match=r"images 1 of .*cells\.h5"):
        dataset.native(1)
    assert hdf5.accepts(Path(dataset.location))
