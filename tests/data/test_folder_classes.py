"""Folders as classes, splits and groups; notes name those that are lost; linked folders are read as real ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dsim.data import open_dataset
from dsim.errors import DataError, UnknownNameError, UsageError
from tests.data.test_image_mask_folders import refusal

Plant = Callable[..., Path]


def images(*folders: str) -> list[str]:
    return [f"{folder}/{number}.png" for folder in folders for number in (1, 2)]


def test_splits_above_classes_give_both(plant: Plant) -> None:
    dataset = open_dataset(plant(*images("train/x", "train/y", "test/x", "test/y")))
    assert dataset.labels == ("x", "x", "y", "y") * 2
    assert dataset.splits == ("test",) * 4 + ("train",) * 4
    assert (dataset.ids[0], dataset.format) == ("test/x/1", "class folders")


def test_splits_within_classes_give_both(plant: Plant) -> None:
    dataset = open_dataset(plant(*images("x/train", "x/test", "y/train", "y/test")))
    assert dataset.labels == ("x",) * 4 + ("y",) * 4
    assert dataset.splits == ("test", "test", "train", "train") * 2


def test_an_empty_class_is_noted_and_the_others_stay(plant: Plant) -> None:
    dataset = open_dataset(plant(*images("x", "y"), "z/"))
    assert dataset.classes == ("x", "y")
    assert any("z/" in note for note in dataset.notes)


@pytest.mark.parametrize(
    "files",
    [
        images("x/p1", "y/p1"),
        ["a.png", *images("x", "y")],
        images("train", "test", "extra"),
        images("images/x", "images/y"),
    ],
    ids=["deeper", "beside images", "some are splits", "below images"],
)
def test_folders_that_are_read_as_nothing_are_noted(plant: Plant, files: list[str]) -> None:
    dataset = open_dataset(plant(*files))
    assert dataset.labels is None
    (note,) = dataset.notes
    assert files[-1].removeprefix("images/").split("/")[0] in note


def test_the_note_tells_the_option_that_reads_them(plant: Plant) -> None:
    root = plant(*images("x/p1", "y/p2"))
    (note,) = open_dataset(root).notes
    assert f"'{root}[labels=1]'" in note
    assert f"'{root}[labels=1,groups=2]'" in note
    dataset = open_dataset(f"{root}[labels=1,groups=2]")
    assert (dataset.labels, dataset.groups) == (("x", "x", "y", "y"), ("p1", "p1", "p2", "p2"))
    assert dataset.notes == ()
    assert open_dataset(dataset.reference).labels == dataset.labels


def test_labels_can_be_declined(plant: Plant) -> None:
    dataset = open_dataset(f"{plant(*images('p1', 'p2'))}[labels=0,groups=1]")
    assert (dataset.labels, dataset.groups) == (None, ("p1", "p1", "p2", "p2"))


def test_the_name_of_a_dataset_does_not_hold_what_folders_mean(plant: Plant) -> None:
    root = plant(*images("x", "y"))
    assert open_dataset(f"{root}[labels=1]").name == root.name


def test_a_level_that_is_not_there_names_the_image(plant: Plant) -> None:
    root = plant("a.png", *images("x"))
    assert str(root / "a.png") in refusal(f"{root}[labels=1]").message


def test_wrong_options_of_folders(plant: Plant, write) -> None:
    root = plant(*images("img"), *(f"!{file}" for file in images("gt")))
    assert "'img'" in refusal(f"{root}[images=imgs,masks=gt]").message
    assert str(root / "gt") in refusal(f"{root}[images=img,masks=gt/*_mask]").message
    assert "first" in refusal(f"{root}[labels=first]").message
    with pytest.raises(UsageError, match="masks"):
        open_dataset(f"{root}[masks=*_a*]")
    with pytest.raises(UnknownNameError, match="'masks'"):
        open_dataset(f"{root}[mask=gt]")
    (root / "manifest.csv").write_text("path\nimg/1.png\n")
    assert "manifest" in refusal(f"{root}[masks=gt]").message
    assert "one file" in refusal(f"{write('one.png')}[masks=none]").message


def test_patterns_pair_what_differs_in_name(plant: Plant) -> None:
    root = plant(*(f"images/{i}_training.tif" for i in (21, 22)), *(f"!1st_manual/{i}_manual1.gif" for i in (21, 22)))
    dataset = open_dataset(f"{root}[images=images/*_training,masks=1st_manual/*_manual1]")
    assert (dataset.ids, dataset.masked) == (("21_training", "22_training"), True)
    error = refusal(f"{root}[images=images,masks=1st_manual]")
    assert "21_manual1.gif" in error.message


# Links ----------------------------------------------------------------------------------------------------------------


def test_linked_folders_are_read_like_real_ones(plant: Plant, tmp_path: Path) -> None:
    plant(*images("real/x", "real/y"))
    (tmp_path / "set").mkdir()
    for label in "xy":
        (tmp_path / "set" / label).symlink_to(tmp_path / "real" / label)
    real, linked = open_dataset(tmp_path / "real"), open_dataset(tmp_path / "set")
    assert (linked.ids, linked.labels) == (real.ids, real.labels)
    assert linked.images_fingerprint == real.images_fingerprint


def test_a_link_that_leads_back_is_not_followed_and_noted(plant: Plant, tmp_path: Path) -> None:
    plant(*images("x", "y"))
    (tmp_path / "x/again").symlink_to(tmp_path)
    (tmp_path / "y/self").symlink_to(tmp_path / "y")
    dataset = open_dataset(tmp_path)
    assert dataset.ids == ("x/1", "x/2", "y/1", "y/2")
    assert any("x/again" in note and "y/self" in note for note in dataset.notes)


def test_a_link_that_leads_nowhere_is_named(plant: Plant, tmp_path: Path) -> None:
    plant(*images("x"))
    (tmp_path / "x/gone.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(DataError, match=r"gone\.png"):
        open_dataset(tmp_path)
