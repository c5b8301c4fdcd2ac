"""CSV manifests: columns, relative paths, and paths that lead out of the table's folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dsim.data import open_dataset
from dsim.errors import DataError


@pytest.fixture
def table(tmp_path: Path, write):
    for name in ("set/x/a.png", "set/x/b.png", "set/m/a.png", "set/m/b.png", "outside.png"):
        write(name)

    def writer(text: str, name: str = "set/cells.csv") -> Path:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return writer


def test_every_column_is_used(table) -> None:
    path = table("path,label,mask,group,split\nx/b.png,pos,m/b.png,p2,test\nx/a.png,neg,m/a.png,p1,train\n")
    dataset = open_dataset(path)
    assert (dataset.name, dataset.ids) == ("cells", ("x/a", "x/b"))
    assert (dataset.labels, dataset.groups, dataset.splits) == (("neg", "pos"), ("p1", "p2"), ("train", "test"))
    assert dataset.masked
    assert dataset.mask(0).shape == (12, 16)


def test_only_the_path_is_needed_and_a_byte_order_mark_is_no_hindrance(table) -> None:
    dataset = open_dataset(table("\ufeffpath , note\nx/a.png,\n"))
    assert (dataset.ids, dataset.labels, dataset.masked) == (("x/a",), None, False)


def test_a_folder_with_manifest_csv_is_read_by_it(table, tmp_path: Path) -> None:
    table("path\nx/a.png\n", "set/manifest.csv")
    dataset = open_dataset(tmp_path / "set")
    assert (dataset.name, dataset.format, len(dataset)) == ("set", "manifest", 1)


def test_a_misspelt_column_is_noted_with_the_nearest_name(table) -> None:
    assert open_dataset(table("path,lable\nx/a.png,pos\n")).notes == (
        "column 'lable' is not used. Did you mean 'label'?",
    )


@pytest.mark.parametrize("path", ["../outside.png", "x/../../outside.png", "..\\outside.png"])
def test_a_path_that_leaves_the_folder_is_refused(table, path: str) -> None:
    with pytest.raises(DataError, match=r"cells\.csv, line 2: .* leaves the table's folder") as caught:
        open_dataset(table(f"path\n{path}\n"))
    assert "copy the file below" in str(caught.value)


def test_absolute_paths_and_links_that_leave_are_refused(table, tmp_path: Path) -> None:
    (tmp_path / "set/link.png").symlink_to(tmp_path / "outside.png")
    for path in (tmp_path / "outside.png", "link.png"):
        with pytest.raises(DataError, match="leaves the table's folder"):
            open_dataset(table(f"path\n{path}\n"))
    with pytest.raises(DataError, match="leaves the table's folder"):
        open_dataset(table("path,mask\nx/a.png,../outside.png\n"))


def test_an_absolute_path_within_the_folder_is_fine(table, tmp_path: Path) -> None:
    assert open_dataset(table(f"path\n{tmp_path / 'set/x/a.png'}\n")).ids == ("x/a",)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("file\nx/a.png\n", "no column 'path'; its first line names 'file'"),
        ("path;label\nx/a.png;1\n", "'path;label'"),
        ("path\nx/none.png\n", "line 2: there is no file 'x/none.png'"),
        ("path,label\n,pos\n", "line 2: the column 'path' is empty"),
        ("path\n", "has no rows"),
        ("path,path\nx/a.png,x/b.png\n", "names a column twice"),
        ("path\nx/a.png\nx/a.png\n", "line 3: 'x/a.png' stands on line 2 too"),
        ("path,group\nx/a.png,1\nx/b.png,\n", "b.png has no group"),
        ('path\n"x/a.png\n', "cannot read the table"),
    ],
)
def test_bad_tables_name_the_file_and_the_line(table, text: str, wanted: str) -> None:
    with pytest.raises(DataError) as caught:
        open_dataset(table(text))
    assert wanted in caught.value.message
    assert caught.value.hint


def test_rows_that_differ_in_their_masks_name_one_object_each(table, write) -> None:
    for name, left in (("set/m/1.png", 0), ("set/m/2.png", 8)):
        mask = np.zeros((12, 16), np.uint8)
        mask[2:6, left : left + 4] = 255
        write(name, mask)
    dataset = open_dataset(table("path,label,mask\nx/a.png,l,m/1.png\nx/a.png,l,m/2.png\nx/b.png,l,m/1.png\n"))
    assert (dataset.ids, dataset.masked) == (("x/a", "x/b"), True)
    assert (int(dataset.mask(0)[3, 1]), int(dataset.mask(0)[3, 9])) == (1, 2)
    assert set(np.unique(dataset.mask(1))) == {0, 1}
    assert any("one mask per object" in note for note in dataset.notes)
    for rows in (
        "x/a.png,l,m/1.png\nx/a.png,k,m/2.png\n",
        "x/a.png,l,m/1.png\nx/a.png,l,m/1.png\n",
        "x/a.png,l,\n" * 2,
    ):
        with pytest.raises(DataError, match=r"line 3: 'x/a\.png' stands on line 2 too"):
            open_dataset(table(f"path,label,mask\n{rows}"))


def test_findings_of_one_image_are_told_how_to_be_one_label(table) -> None:
    with pytest.raises(DataError) as caught:
        open_dataset(table("path,label\nx/a.png,nodule\nx/a.png,mass\n"))
    assert "line 3" in caught.value.message
    assert "line 2" in caught.value.message
    assert "nodule+mass" in (caught.value.hint or "")


def test_a_table_that_is_no_text(table, tmp_path: Path) -> None:
    (tmp_path / "set/cells.csv").write_bytes(np.arange(200, dtype=np.uint8).tobytes())
    with pytest.raises(DataError, match=r"cannot read the table .*cells\.csv"):
        open_dataset(tmp_path / "set/cells.csv")


@pytest.mark.parametrize("cell", ["nan", "NaN", "<NA>", "NaT"])
def test_a_label_that_is_missing_is_no_class(tmp_path: Path, write, cell: str) -> None:
    """As pandas writes it where it was told so."""
    for name in "ab":
        write(f"{name}.png")
    (tmp_path / "t.csv").write_text(f"path,label\na.png,1\nb.png,{cell}\n")
    with pytest.raises(DataError, match=r"b\.png has no label"):
        open_dataset(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text(f"path,label\na.png,{cell}\nb.png,{cell}\n")
    assert open_dataset(tmp_path / "t.csv").labels is None
