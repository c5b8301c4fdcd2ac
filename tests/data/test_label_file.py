"""Labels of a table that lies anywhere, such as the page of a map writes: ``PATH[labels=FILE.csv]``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsim.data import open_dataset
from dsim.errors import DataError


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """Four images without labels."""
    folder = tmp_path / "cells"
    folder.mkdir()
    for number, name in enumerate(("a", "b", "-c", "d")):
        Image.fromarray(np.full((8, 8), 10 * number, np.uint8)).save(folder / f"{name}.png")
    return folder


def table(folder: Path, text: str) -> Path:
    path = folder / "labels.csv"
    path.write_text(text, "utf-8")
    return path


def test_a_table_labels_the_images_of_any_dataset(cells: Path, tmp_path: Path) -> None:
    path = table(tmp_path, "file,label,group\na,red,s1\nb.png,white,s1\n-c,red,s2\nd,white,s2\n")
    dataset = open_dataset(f"{cells}[labels={path}]")
    assert dict(zip(dataset.ids, dataset.labels or (), strict=True)) == {
        "-c": "red",
        "a": "red",
        "b": "white",
        "d": "white",
    }
    assert dataset.groups == ("s2", "s1", "s1", "s2")
    assert open_dataset(dataset.reference).labels == dataset.labels


def test_images_without_a_label_are_left_out_and_counted(cells: Path, tmp_path: Path) -> None:
    path = table(tmp_path, "file,label\na,red\nb,\nd,white\n")
    dataset = open_dataset(f"{cells}[labels={path}]")
    assert (dataset.ids, dataset.labels) == (("a", "d"), ("red", "white"))
    assert any("2 of 4" in note for note in dataset.notes)


def test_of_a_table_of_several_datasets_the_own_lines_count(cells: Path, tmp_path: Path) -> None:
    path = table(tmp_path, "file,dataset,label\na,cells,red\na,other,white\nz,other,white\n")
    assert open_dataset(f"{cells}[labels={path}]").labels == ("red",)
    with pytest.raises(DataError, match="cells=PATH"):
        open_dataset(f"mine={cells}[labels={path}]")


def test_a_name_that_was_guarded_against_spreadsheets_is_understood(cells: Path, tmp_path: Path) -> None:
    path = table(tmp_path, "file,label\n'-c,red\n")
    assert open_dataset(f"{cells}[labels={path}]").ids == ("-c",)


def test_the_table_may_lie_in_the_folder_of_the_images(cells: Path) -> None:
    table(cells, "file,label\na,red\nb,white\n")
    assert open_dataset(f"{cells}[labels=labels.csv]").labels == ("red", "white")


def test_phantoms_can_be_labelled_too(tmp_path: Path) -> None:
    path = table(tmp_path, "file,label\n00001,odd\n00002,even\n")
    dataset = open_dataset(f"x=phantoms:xray[count=4,size=16,labels={path}]")
    assert (dataset.name, dataset.ids, dataset.labels) == ("x", ("00001", "00002"), ("odd", "even"))
    assert open_dataset(dataset.reference).labels == ("odd", "even")


def test_a_number_is_still_a_level_of_folders(cells: Path) -> None:
    (cells / "one").mkdir()
    (cells / "a.png").rename(cells / "one" / "a.png")
    with pytest.raises(DataError, match="level"):
        open_dataset(f"{cells}[labels=1]")


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        ("file,label\na,red\nq,red\n", "'q'"),
        ("file,label\na,red\na.png,white\n", "line 2"),
        ("file,label\na,\n", "no image"),
        ("name,label\na,red\n", "file"),
    ],
)
def test_a_wrong_table_is_refused_with_what_is_wrong(cells: Path, tmp_path: Path, text: str, culprit: str) -> None:
    with pytest.raises(DataError, match=culprit):
        open_dataset(f"{cells}[labels={table(tmp_path, text)}]")


def test_a_table_that_is_not_there_is_named(cells: Path) -> None:
    with pytest.raises(DataError, match="mine"):
        open_dataset(f"{cells}[labels=mine.csv]")
