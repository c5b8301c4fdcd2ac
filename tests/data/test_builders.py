"""Datasets from arrays and from torch."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from PIL import Image

import dsim
from dsim.data import from_torch
from dsim.errors import DataError, NeedError, UnreadableImageError
from dsim.registry import Need


def test_arrays_with_everything(rng) -> None:
    images = rng.integers(0, 256, (3, 8, 9), dtype=np.uint8)
    dataset = dsim.from_arrays(
        images, features=np.eye(3), labels=[1, 0, 1], masks=images > 3, attributes={"kind": "cells"},
        groups=np.array(["p", "p", "q"]), ids=["x", "y", "z"], model="zoo:lite0unet.nuclei.r1", name="mine",
    )  # fmt: skip
    assert (dataset.name, dataset.ids, dataset.labels, dataset.groups) == (
        "mine", ("x", "y", "z"), ("1", "0", "1"), ("p", "p", "q"),
    )  # fmt: skip
    assert all(dataset.has(need) for need in Need)
    np.testing.assert_array_equal(dataset.mask(1) != 0, images[1] > 3)
    np.testing.assert_array_equal(dataset.pixels(2)[..., 0], images[2])


def test_a_list_may_mix_sizes_and_channels(rng) -> None:
    shapes = [(4, 5), (6, 7, 3), (8, 9, 5)]
    dataset = dsim.from_arrays([rng.integers(0, 256, shape, dtype=np.uint8) for shape in shapes])
    assert [dataset.pixels(i).shape for i in range(3)] == [(4, 5, 1), (6, 7, 3), (8, 9, 5)]


def test_features_alone() -> None:
    dataset = dsim.from_arrays(features=np.eye(4), labels=list("abab"))
    assert (len(dataset), dataset.has(Need.IMAGES)) == (4, False)
    with pytest.raises(NeedError, match="given as features only"):
        dataset.native(0)


def test_the_fingerprint_sees_values_shape_and_dtype(rng) -> None:
    images = rng.integers(0, 256, (2, 8, 9), dtype=np.uint8)
    changed = images.copy()
    changed[1, 2, 3] ^= 1
    variants = [images, changed, images.reshape(2, 9, 8), images.astype(np.uint16), images.view(np.int8)]
    assert len({dsim.from_arrays(variant).images_fingerprint for variant in variants}) == 5
    strided = np.repeat(images, 2, axis=2)[:, :, ::2]
    assert dsim.from_arrays(strided).images_fingerprint == dsim.from_arrays(images).images_fingerprint


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, "neither images nor features"),
        ({"images": np.zeros((2, 8))}, r"shape \(2, 8\)"),
        ({"images": np.zeros((2, 8, 8, 8))}, "is not known"),
        ({"images": [np.zeros((8, 8)), np.zeros((8,))]}, r"images\[1\] has the shape"),
        ({"images": np.zeros((2, 8, 8)), "labels": [1]}, "2 samples but 1 labels"),
        ({"images": np.zeros((2, 8, 8)), "features": np.eye(3)}, "2 samples but 3 features"),
        ({"images": np.zeros((2, 8, 8)), "masks": np.zeros((2, 8, 9), int)}, r"masks\[0\] has the shape"),
        ({"images": np.zeros((2, 8, 8)), "masks": np.zeros((1, 8, 8), int)}, "2 images but 1 masks"),
        ({"images": np.zeros((2, 8, 8)), "ids": ["a", "a"]}, "duplicate sample ids, the first 'a'"),
        ({"images": np.zeros((0, 8, 8))}, "is empty"),
        ({"features": np.zeros((2, 2)), "masks": np.zeros((2, 8, 8), int)}, "masks but no images"),
        ({"features": np.zeros(3)}, r"shape \(3,\), not numbers"),
        ({"features": np.array([[np.inf]])}, "NaN or infinity"),
    ],
)
def test_arrays_that_do_not_fit(given: dict[str, Any], wanted: str) -> None:
    with pytest.raises(DataError, match=wanted) as caught:
        dsim.from_arrays(**given)
    assert caught.value.hint


def test_a_mask_of_fractions_is_refused() -> None:
    dataset = dsim.from_arrays(np.zeros((1, 4, 4), np.uint8), masks=np.full((1, 4, 4), 0.5))
    with pytest.raises(DataError, match="holds fractions"):
        dataset.mask(0)


# torch ------------------------------------------------------------------------------------------------------------


class Pairs:
    """A map-style dataset, as torch asks for: __len__ and __getitem__."""

    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        return self.items[index]


def test_tensors_become_channels_last_and_labels_are_read(rng) -> None:
    import torch
    from torch.utils.data import TensorDataset

    images = torch.from_numpy(rng.random((3, 3, 8, 9), dtype=np.float32))
    dataset = from_torch(TensorDataset(images, torch.tensor([2, 0, 2])), name="t")
    assert (dataset.name, dataset.labels, dataset.pixels(0).shape) == ("t", ("2", "0", "2"), (8, 9, 3))
    np.testing.assert_array_equal(dataset.pixels(1), np.moveaxis(images[1].numpy(), 0, -1))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(dataset)).native(2), dataset.native(2))


def test_pil_images_with_targets_and_classes(rng) -> None:
    arrays = rng.integers(0, 256, (2, 8, 9, 4), dtype=np.uint8)
    items = Pairs([(Image.fromarray(array), 5) for array in arrays])
    items.targets, items.classes = [1, 0], ["cat", "dog"]  # type: ignore[attr-defined]
    dataset = dsim.from_torch(items)
    assert dataset.labels == ("dog", "cat")
    np.testing.assert_array_equal(dataset.pixels(0), arrays[0, :, :, :3])


def test_images_without_labels(rng) -> None:
    arrays = list(rng.integers(0, 256, (2, 8, 9), dtype=np.uint8))
    dataset = dsim.from_torch(Pairs(arrays))
    assert dataset.labels is None
    assert len(set(dataset.image_digests)) == 2
    with pytest.raises(NeedError):
        dataset.mask(0)


def test_random_transforms_are_noticed(rng) -> None:
    class Augmented(Pairs):
        def __getitem__(self, index: int) -> Any:
            return rng.integers(0, 256, (8, 8), dtype=np.uint8)

    with pytest.raises(DataError, match="other pixels each time") as caught:
        dsim.from_torch(Augmented([1, 2]))
    assert "random transforms" in (caught.value.hint or "")


def test_what_is_no_torch_dataset() -> None:
    with pytest.raises(DataError, match="map-style"):
        dsim.from_torch(iter([]))
    with pytest.raises(DataError, match="is empty"):
        dsim.from_torch(Pairs([]))


def test_an_item_that_cannot_be_read_is_named() -> None:
    class Broken(Pairs):
        def __getitem__(self, index: int) -> Any:
            if index:
                raise OSError("disk on fire")
            return np.zeros((4, 4), np.uint8)

    with pytest.raises(UnreadableImageError, match="item 1 of torch: disk on fire"):
        dsim.from_torch(Broken([0, 1])).pixels(1)
