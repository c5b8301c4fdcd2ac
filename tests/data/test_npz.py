"""Arrays in .npz: both ways of naming, lazy, never a pickle, no bombs."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from dsim.data import from_arrays, open_dataset
from dsim.data.readers import npz
from dsim.errors import DataError, UnreadableImageError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cells.npz"


@pytest.fixture
def images(rng) -> np.ndarray:
    return rng.integers(0, 256, (12, 8, 9, 3), dtype=np.uint8)


def refused(path: Path, *wanted: str) -> None:
    with pytest.raises(DataError) as caught:
        open_dataset(path)
    for part in (*wanted, path.name):
        assert part in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_plain_names(path: Path, images, save) -> None:
    masks = (images[..., 0] > 100).astype(np.uint8)
    save(path, images=images, labels=np.arange(12) % 2, class_names=np.array(["no", "yes"]), masks=masks,
         groups=np.arange(12) // 4)  # fmt: skip
    dataset = open_dataset(path)
    assert (dataset.name, dataset.format, dataset.ids[:2], dataset.masked) == ("cells", "npz", ("00", "01"), True)
    assert dataset.labels == ("no", "yes") * 6
    assert dataset.groups == tuple("000011112222")
    np.testing.assert_array_equal(dataset.pixels(11), images[11])
    np.testing.assert_array_equal(dataset.mask(3), masks[3])


def test_medmnist_names_give_splits(path: Path, images) -> None:
    parts = {"train": images[:6, ..., 0], "val": images[6:8, ..., 0], "test": images[8:, ..., 0]}
    arrays = {f"{split}_images": part for split, part in parts.items()}
    labels = {f"{split}_labels": np.full((len(part), 1), 7) for split, part in parts.items()}
    np.savez_compressed(path, **arrays, **labels)
    dataset = open_dataset(path)
    assert list(dataset.ids) == sorted(dataset.ids)
    assert dataset.ids[0] == "test/0"
    assert dataset.splits == ("test",) * 4 + ("train",) * 6 + ("val",) * 2
    assert dataset.labels == ("7",) * 12
    np.testing.assert_array_equal(dataset.pixels(5)[..., 0], parts["train"][1])


def test_multi_labels_are_not_used_and_that_is_noted(path: Path, images) -> None:
    np.savez(path, images=images, labels=np.zeros((12, 14), int))
    dataset = open_dataset(path)
    assert dataset.labels is None
    assert dataset.notes == ("labels are not used: each image has 14 of them",)


def test_pixels_have_the_identity_of_the_same_arrays_in_memory(path: Path, images) -> None:
    np.savez_compressed(path, images=images)
    assert open_dataset(path).images_fingerprint == from_arrays(images).images_fingerprint


def test_opening_reads_headers_only_and_pickles_travel_light(path: Path, images, monkeypatch) -> None:
    np.savez(path, images=images)
    with monkeypatch.context() as patch:
        patch.setattr(npz, "_load", lambda *args: pytest.fail("an array was loaded"))
        dataset = open_dataset(path)
        assert dataset.treatment.scales == {}
    before = len(pickle.dumps(dataset))
    dataset.pixels(0)
    assert len(pickle.dumps(dataset)) == before
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(dataset)).pixels(2), images[2])


def test_a_folder_that_holds_just_the_archive_gives_its_name(tmp_path: Path, images) -> None:
    (tmp_path / "busi_cls").mkdir()
    np.savez(tmp_path / "busi_cls/data.npz", images=images)
    (tmp_path / "busi_cls/META.json").write_text("{}")
    assert open_dataset(tmp_path / "busi_cls").name == "busi_cls"


@pytest.mark.parametrize("key", ["images", "labels"])
def test_pickled_objects_are_refused_with_the_fix(path: Path, images, key: str) -> None:
    arrays = {"images": images, "labels": np.arange(12)}
    objects = np.empty(12, dtype=object)
    objects[:] = list(arrays[key])
    np.savez(path, **{**arrays, key: objects})
    refused(path, f"{key}.npy", "pickled objects")


@pytest.mark.parametrize(
    ("arrays", "wanted"),
    [
        ({"x": np.zeros((2, 8, 8), np.uint8)}, "has no images; it holds x"),
        ({"images": np.zeros((2, 8), np.uint8)}, "has the shape (2, 8)"),
        ({"images": np.zeros((2, 8, 8, 8), np.uint8)}, "is not known"),
        ({"images": np.zeros((2, 8, 8), np.uint8), "masks": np.zeros((2, 8, 9), np.uint8)}, "does not fit images"),
        ({"images": np.zeros((2, 8, 8), np.uint8), "labels": [0, 3], "class_names": ["a", "b"]}, "from 0 to 3"),
        ({"train_images": np.zeros((2, 8, 8), np.uint8), "train_labels": np.zeros((2, 1, 1))}, "(2, 1, 1), not (n,)"),
    ],
)
def test_arrays_that_do_not_fit(path: Path, arrays: dict[str, np.ndarray], wanted: str) -> None:
    np.savez(path, **arrays)
    refused(path, wanted)


def test_labels_of_another_number_than_images(path: Path, images) -> None:
    np.savez(path, images=images, labels=[1, 2])
    with pytest.raises(DataError, match="'cells' has 12 samples but 2 labels"):
        open_dataset(path)


def test_images_that_promise_too_many_pixels(path: Path) -> None:
    np.savez(path, images=np.zeros((1, 50, 50), np.uint8))
    with pytest.raises(UnreadableImageError, match="says it holds 50 x 50"):
        open_dataset(path, max_pixels=2000)


def test_an_archive_that_unpacks_a_hundredfold_is_a_bomb(path: Path, monkeypatch) -> None:
    monkeypatch.setattr(npz, "_BOMB_BYTES", 10_000)
    np.savez_compressed(path, images=np.zeros((64, 64, 64), np.uint8))
    refused(path, "images.npy", "decompression bomb")


def test_every_cut_of_an_archive_is_refused(path: Path, images) -> None:
    np.savez_compressed(path, images=images, labels=np.arange(12))
    data = path.read_bytes()
    for length in np.linspace(0, len(data) - 1, 30, dtype=int):
        path.write_bytes(data[:length])
        refused(path)


def test_damage_within_an_array_surfaces_when_it_is_read(path: Path, rng) -> None:
    np.savez_compressed(path, images=rng.integers(0, 256, (50, 64, 64), dtype=np.uint8))
    data = bytearray(path.read_bytes())
    data[150_000:150_050] = bytes(50)
    path.write_bytes(data)
    dataset = open_dataset(path)
    with pytest.raises(UnreadableImageError, match=r"images in .*cells\.npz"):
        dataset.pixels(0)
