"""Folders of images and of masks, side by side: read under any common name with a note, or refused with the fix."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dsim.data import Dataset, open_dataset
from dsim.data.readers.name_conventions import folder_role
from dsim.errors import DataError

Plant = Callable[..., Path]
STEMS = ("a", "b", "c")


def paired(images: str, masks: str, image: str = "{}", mask: str = "{}") -> list[str]:
    return [f"{images}/{image.format(s)}.png" for s in STEMS] + [f"!{masks}/{mask.format(s)}.png" for s in STEMS]


def has_right_masks(dataset: Dataset) -> bool:
    """Every image has a mask, and no mask is an image."""
    return dataset.masked is True and {int(dataset.mask(0)[0, 0]), int(dataset.mask(0)[4, 5])} == {0, 255}


def refusal(path: Path | str) -> DataError:
    with pytest.raises(DataError) as caught:
        open_dataset(path)
    assert caught.value.hint
    return caught.value


def follow(error: DataError, which: int = 0) -> Dataset:
    """Do what a fix tells: open the path with options that it writes."""
    words = shlex.split((error.hint or "").replace(";", " "))
    return open_dataset([word for word in words if "[" in word][which])


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        *(("img", "mask"), ("image", "label"), ("Images", "Masks"), ("IMGS", "GT"), ("raw", "ground_truth")),
        *(("photos", "annotations"), ("input", "target"), ("x", "segmentation"), ("JPEGImages", "SegmentationClass")),
        *(("train_images", "train_labels"), ("Data_Training_Input", "Data_Training_GroundTruth"), ("cells", "masks")),
    ],
)
def test_pairs_of_folders_by_common_names(plant: Plant, images: str, masks: str) -> None:
    dataset = open_dataset(plant(*paired(images, masks)))
    assert dataset.ids == STEMS
    assert (dataset.labels, dataset.format) == (None, "images and masks")
    assert has_right_masks(dataset)
    (note,) = dataset.notes
    assert f"{images}/ + {masks}/" in note
    assert "3" in note


def test_the_folders_that_dsim_names_need_no_note(plant: Plant) -> None:
    assert open_dataset(plant(*paired("images", "masks"))).notes == ()


@pytest.mark.parametrize(
    ("image", "mask"),
    [("{}", "{}_mask"), ("{}", "mask_{}"), ("{}_img", "{}_seg"), ("image_{}", "label_{}"), ("{}", "{}_segmentation")],
)
def test_stems_may_differ_by_what_marks_a_mask(plant: Plant, image: str, mask: str) -> None:
    dataset = open_dataset(plant(*paired("img", "gt", image, mask)))
    assert dataset.ids == tuple(image.format(s) for s in STEMS)
    assert has_right_masks(dataset)


def test_nnunet_case_ids_splits_and_images_without_labels(plant: Plant) -> None:
    plant(*paired("imagesTr", "labelsTr", "{}_0000"), "imagesTs/d_0000.png")
    dataset = open_dataset(plant())
    assert dataset.ids == ("test/d", "train/a", "train/b", "train/c")
    assert dataset.splits == ("test", "train", "train", "train")
    assert list(dataset.annotated) == [1, 2, 3]


def test_nnunet_channels_are_chosen(plant: Plant) -> None:
    root = plant(*paired("imagesTr", "labelsTr", "{}_0000"), *(f"imagesTr/{s}_0001.png" for s in STEMS))
    assert "2 channels" in refusal(root).message
    first, second = follow(refusal(root)), open_dataset(f"{root}[channel=1]")
    assert first.ids == second.ids == STEMS
    assert first.images_fingerprint != second.images_fingerprint
    assert "0000, 0001" in str(refusal(f"{root}[channel=7]"))


def test_numbers_of_four_digits_are_no_channels_where_masks_have_them_too(plant: Plant) -> None:
    assert open_dataset(plant(*paired("img", "mask", "{}_0000", "{}_0000"))).ids == ("a_0000", "b_0000", "c_0000")


@pytest.mark.parametrize(
    ("images", "masks"),
    [("{}/images", "{}/masks"), ("images/{}", "masks/{}"), ("{}_img", "{}_mask"), ("img_dir/{}", "ann_dir/{}")],
)
def test_splits_above_below_or_in_the_names_of_pairs(plant: Plant, images: str, masks: str) -> None:
    files = [f for s in ("train", "val") for f in paired(images.format(s), masks.format(s))]
    dataset = open_dataset(plant(*files))
    assert dataset.ids == tuple(f"{s}/{stem}" for s in ("train", "val") for stem in STEMS)
    assert dataset.splits == ("train",) * 3 + ("val",) * 3
    assert has_right_masks(dataset)


def test_a_split_without_masks_is_to_be_annotated(plant: Plant) -> None:
    dataset = open_dataset(plant(*paired("train/img", "train/mask"), "test/img/d.png"))
    assert dataset.ids == ("test/d", "train/a", "train/b", "train/c")
    assert dataset.splits == ("test", "train", "train", "train")
    assert list(dataset.annotated) == [1, 2, 3]


def test_images_beside_their_folder_of_masks(plant: Plant) -> None:
    dataset = open_dataset(plant("a.png", "b.png", "!masks/a.png", "!masks/b.png"))
    assert dataset.ids == ("a", "b")
    assert has_right_masks(dataset)


def test_masks_within_the_folder_of_images(plant: Plant) -> None:
    dataset = open_dataset(plant("images/a.png", "images/b.png", "!images/masks/a.png", "!images/masks/b.png"))
    assert dataset.ids == ("images/a", "images/b")
    assert has_right_masks(dataset)


def test_labels_that_are_text_are_no_masks(plant: Plant) -> None:
    root = plant("images/a.png", "labels/")
    (root / "labels/a.txt").write_text("0 0.5 0.5 0.1 0.1")
    assert open_dataset(root).masked is False


def test_photographs_under_the_name_of_masks_are_refused_with_both_ways(plant: Plant) -> None:
    root = plant(*(f"{folder}/{stem}.png" for folder in ("image", "label") for stem in STEMS))
    error = refusal(root)
    assert str(root / "label/a.png") in error.message
    assert follow(error, 0).masked
    assert follow(error, 1).ids == STEMS
    assert follow(error, 2).labels == ("image",) * 3 + ("label",) * 3


def test_names_of_a_pair_without_common_stems_are_refused(plant: Plant) -> None:
    root = plant("image/a.png", "image/b.png", "!label/c.png", "!label/d.png")
    error = refusal(root)
    assert str(root / "label/c.png") in error.message
    assert [len(follow(error, which)) for which in (0, 1)] == [2, 4]


def test_several_folders_of_masks_are_for_people_to_choose(plant: Plant) -> None:
    root = plant(*paired("images", "lung masks"), *(f"!infection masks/{s}.png" for s in STEMS))
    error = refusal(root)
    assert "infection masks/" in error.message
    dataset = open_dataset(f"{root}[images=images,masks=lung masks]")
    assert dataset.ids == STEMS
    assert has_right_masks(dataset)


def test_masks_of_a_name_that_nobody_knows_are_refused(plant: Plant) -> None:
    root = plant(*paired("cells", "nuclei"))
    error = refusal(root)
    assert str(root / "nuclei") in error.message
    assert has_right_masks(follow(error, 0))
    assert follow(error, 1).classes == ("cells", "nuclei")


def test_classes_of_photographs_with_the_same_stems_stay_classes(plant: Plant) -> None:
    root = plant(*(f"{folder}/{stem}.png" for folder in ("benign", "malignant") for stem in STEMS))
    assert open_dataset(root).classes == ("benign", "malignant")


def test_classes_with_folders_of_their_own_are_refused_with_the_option(plant: Plant) -> None:
    root = plant(*(f for c in ("sick", "well") for f in paired(f"{c}/images", f"{c}/masks")))
    error = refusal(root)
    assert "2 datasets" in error.message
    dataset = follow(error)
    assert dataset.labels == ("sick",) * 3 + ("well",) * 3
    assert has_right_masks(dataset)
    assert len(open_dataset(root / "sick")) == 3


def test_what_is_left_out_is_counted(plant: Plant) -> None:
    plant(*paired("images", "masks"), "overlays/a.png", "overlays/b.png")
    (note,) = open_dataset(plant("whole.png")).notes[1:]
    assert "2 images in overlays/" in note


def test_masks_beside_images_in_the_folder_of_images(plant: Plant) -> None:
    dataset = open_dataset(plant(*(f"images/{s}.png" for s in STEMS), *(f"!images/{s}_mask.png" for s in STEMS)))
    assert (dataset.ids, dataset.format) == (STEMS, "images and masks")
    assert has_right_masks(dataset)
    assert any("images/a.png + a_mask.png" in note for note in dataset.notes)


def test_masks_of_unknown_names_beside_images_are_refused_or_named(plant: Plant) -> None:
    root = plant(*(f"images/{s}.png" for s in STEMS), *(f"!nuclei/{s}.png" for s in STEMS))
    (note,) = open_dataset(root).notes
    way = next(word for word in shlex.split(note) if "[" in word)
    assert has_right_masks(open_dataset(way))
    plant(*(f"!images/{s}_1stHO.png" for s in STEMS))
    assert has_right_masks(follow(refusal(root)))


def test_two_images_of_one_stem_are_refused(plant: Plant) -> None:
    root = plant("images/a.png", "images/a.bmp", "!masks/a.png")
    assert "'a'" in refusal(root).message
    assert "'a'" in refusal(f"{root}[images=images,masks=masks]").message


def test_a_slip_in_the_name_of_a_mask_is_named(plant: Plant) -> None:
    root = plant("img/cell_1.png", "img/cell_2.png", "!mask/cell_1.png", "!mask/cel_2.png")
    error = refusal(root)
    assert str(root / "mask/cel_2.png") in error.message
    assert "'cell_2'" in str(error)


# One mask per object ------------------------------------------------------------------------------------------------

DSB = [f"{i}/images/{i}.png" for i in ("p", "q")] + [f"!{i}/masks/{k}.png" for i in ("p", "q") for k in ("x", "y")]


def test_a_folder_per_image_with_a_mask_per_object(plant: Plant, write) -> None:
    root = plant(*DSB)
    other = np.zeros((12, 16), np.uint8)
    other[0:2, 0:2] = 255
    write("p/masks/y.png", other)
    dataset = open_dataset(root)
    assert dataset.ids == ("p", "q")
    mask = dataset.mask(0)
    assert (mask[4, 5], mask[0, 0], mask[11, 15]) == (1, 2, 0)
    assert any("one mask per object" in note for note in dataset.notes)
    np.testing.assert_array_equal(open_dataset(root / "p").mask(0), mask)


def test_a_folder_per_image_with_one_mask_under_any_name_keeps_its_numbers(plant: Plant) -> None:
    dataset = open_dataset(
        plant(*(f"p{i}/image/scan.png" for i in "12"), *(f"!p{i}/label/drawn {i}.png" for i in "12"))
    )
    assert dataset.ids == ("p1/scan", "p2/scan")
    assert has_right_masks(dataset)
    assert len(dataset.notes) == 1


def test_folders_per_image_without_masks_are_the_unannotated_part(plant: Plant) -> None:
    files = [f.replace("!", "!train/") if f.startswith("!") else f"train/{f}" for f in DSB]
    dataset = open_dataset(plant(*files, "test/r/images/r.png"))
    assert dataset.ids == ("test/r", "train/p", "train/q")
    assert list(dataset.annotated) == [1, 2]
    assert dataset.splits == ("test", "train", "train")


def test_objects_in_folders_named_by_their_image_or_numbered(plant: Plant) -> None:
    root = plant("images/p.png", "images/q.png", "!masks/p/1.png", "!masks/p/2.png", "!masks/q/1.png")
    assert [int(open_dataset(root).mask(i).max()) for i in (0, 1)] == [2, 1]
    root = plant("s/img/p.png", "s/img/q.png", "!s/gt/p_1.png", "!s/gt/p_2.png", "!s/gt/q_1.png") / "s"
    assert open_dataset(root).ids == ("p", "q")


@pytest.mark.parametrize("name", ["benign", "y", "overlays", "patient_label_free_x", "targets_and_masks"])
def test_names_that_say_nothing_certain(name: str) -> None:
    role = folder_role(name)
    assert role is None or role.part
