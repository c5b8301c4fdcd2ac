"""Masks beside their images: found by their endings, with a note, and never silently taken for images."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dsim.data import open_dataset
from dsim.data.readers.mask_pixels import looks_like_mask
from dsim.data.readers.masks_beside_images import find_beside
from tests.data.test_image_mask_folders import follow, refusal

Plant = Callable[..., Path]


@pytest.mark.parametrize(
    "mask",
    [
        *("{}_mask", "{}-mask", "{}_masks", "{}_Mask", "{}_seg", "{}_segmentation", "{}_gt", "{}_label", "{}_cp_masks"),
        *(
            "{}_annotation",
            "{}_annotations",
            "{} mask",
            "{}.mask",
            "mask_{}",
            "seg_{}",
            "{}_ground_truth",
            "{}_manual1",
        ),
    ],
)
def test_masks_by_ending_or_beginning(plant: Plant, mask: str) -> None:
    root = plant(*(f"{s}.png" for s in "ab"), *(f"!{mask.format(s)}.png" for s in "ab"))
    dataset = open_dataset(root)
    assert (dataset.ids, dataset.masked, dataset.labels) == (("a", "b"), True, None)
    assert {int(dataset.mask(0)[0, 0]), int(dataset.mask(0)[4, 5])} == {0, 255}
    assert any("2 images with masks" in note and "a.png" in note for note in dataset.notes)


def test_image_and_mask_may_both_say_what_they_are(plant: Plant) -> None:
    assert open_dataset(plant("1_img.png", "!1_mask.png", "2_img.png", "!2_mask.png")).ids == ("1_img", "2_img")
    root = plant("s/p/image.png", "!s/p/mask.png", "s/q/image.png", "!s/q/mask.png") / "s"
    dataset = open_dataset(root)
    assert (dataset.ids, dataset.masked, dataset.labels) == (("p/image", "q/image"), True, None)


def test_class_folders_keep_their_labels_and_a_second_mask_is_a_second_object(plant: Plant, write) -> None:
    for label in ("benign", "malignant"):
        plant(*(f"{label}/{label} ({i}).png" for i in (1, 2)), *(f"!{label}/{label} ({i})_mask.png" for i in (1, 2)))
    other = np.zeros((12, 16), np.uint8)
    other[0:2, 0:2] = 255
    root = write("benign/benign (1)_mask_1.png", other).parents[1]
    dataset = open_dataset(root)
    assert dataset.labels == ("benign", "benign", "malignant", "malignant")
    assert dataset.masked is True
    assert (int(dataset.mask(0)[4, 5]), int(dataset.mask(0)[0, 0])) == (1, 2)
    assert set(np.unique(dataset.mask(1))) == {0, 1}
    assert any("one mask per object" in note for note in dataset.notes)


def test_images_without_masks_stay_images(plant: Plant) -> None:
    dataset = open_dataset(plant("a.png", "!a_mask.png", "b.png"))
    assert (dataset.ids, list(dataset.annotated)) == (("a", "b"), [0])


def test_a_mask_by_name_without_its_image_is_told_or_refused(plant: Plant) -> None:
    root = plant("a_mask.png", "b.png")
    dataset = open_dataset(root)
    assert dataset.ids == ("a_mask", "b")
    assert any("a_mask.png" in note for note in dataset.notes)
    plant("!b_mask.png")
    error = refusal(root)
    assert str(root / "a_mask.png") in error.message
    assert len(follow(error)) == 3


def test_one_mask_for_the_images_of_a_case_is_for_people_to_settle(plant: Plant) -> None:
    root = plant(*(f"p{i}/p{i}_{k}.png" for i in (1, 2) for k in ("t1", "t2")), "!p1/p1_seg.png", "!p2/p2_seg.png")
    error = refusal(root)
    assert str(root / "p1/p1_seg.png") in error.message
    assert "p1_t1.png, p1_t2.png" in error.message
    dataset = follow(error)
    assert (dataset.ids, dataset.masked) == (("p1/p1_t1", "p2/p2_t1"), True)


def test_photographs_with_the_ending_of_a_mask_are_refused(plant: Plant) -> None:
    root = plant("a.png", "a_label.png", "b.png", "b_label.png")
    error = refusal(root)
    assert str(root / "a_label.png") in error.message
    assert follow(error, 0).masked is True
    assert len(follow(error, 1)) == 4


def test_two_masks_by_different_people_are_refused(plant: Plant) -> None:
    root = plant("a.png", "!a_mask.png", "!a_seg.png", "b.png", "!b_mask.png", "!b_seg.png")
    error = refusal(root)
    assert "a_mask.png" in error.message
    assert "a_seg.png" in error.message
    dataset = open_dataset(f"{root}[masks=*_mask]")
    assert (dataset.ids, dataset.masked) == (("a", "b"), True)
    assert any("a_seg.png" in note for note in dataset.notes)


def test_masks_by_an_ending_that_nobody_knows_are_refused(plant: Plant) -> None:
    root = plant(*(f"{s}.png" for s in "abc"), *(f"!{s}_1stHO.png" for s in "abc"))
    error = refusal(root)
    assert "'_1stHO'" in error.message
    dataset = follow(error, 0)
    assert (dataset.ids, dataset.masked) == (("a", "b", "c"), True)
    assert len(follow(error, 1)) == 6


def test_masks_that_differ_from_their_images_by_the_kind_of_file(plant: Plant) -> None:
    root = plant(*(f"{s}.jpg" for s in "abc"), *(f"!{s}.png" for s in "abc"))
    error = refusal(root)
    assert str(root / "a.png") in error.message
    dataset = follow(error)
    assert (dataset.ids, dataset.masked) == (("a", "b", "c"), True)
    error = refusal(f"{root}[masks=none]")
    assert str(root / "a.jpg") in error.message


def test_pairs_of_photographs_are_photographs(plant: Plant) -> None:
    assert len(open_dataset(plant(*(f"{eye}_{side}.png" for eye in "abc" for side in ("left", "right"))))) == 6
    assert len(open_dataset(plant(*(f"v/{s}.png" for s in "abc"), *(f"v/{s}_later.png" for s in "abc")) / "v")) == 6


def test_what_looks_like_a_mask(rng: np.random.Generator) -> None:
    labels = np.repeat(np.repeat(np.arange(400, dtype=np.uint16).reshape(20, 20), 8, 0), 8, 1)
    edge = np.where(rng.random((64, 64)) < 0.02, rng.integers(0, 256, (64, 64)), 255)
    assert looks_like_mask(labels[:, :, None])
    assert looks_like_mask(edge[:, :, None])
    assert not looks_like_mask(rng.integers(0, 256, (64, 64, 3)))
    assert not looks_like_mask(np.add.outer(np.arange(64), np.arange(64))[:, :, None])


def test_many_files_named_like_masks_are_judged_one_by_one_not_pair_by_pair(tmp_path: Path) -> None:
    # 2000 of them took 20 seconds while each was compared with all others.
    files = [tmp_path / f"img{number:05d}_label.png" for number in range(4000)]
    begun = time.process_time()
    beside = find_beside(files, tmp_path)
    assert len(beside.strays) == len(beside.images) == 4000
    assert time.process_time() - begun < 5
