"""Phantoms on disk are whole, identical to those in memory, and never at the cost of anyone's files."""

from __future__ import annotations

import csv
import json
import re

import numpy as np
import pytest
from PIL import Image

from dsim.data import Dataset, open_dataset
from dsim.data.phantoms import names, open_phantom, write
from dsim.data.phantoms import writer as writing
from dsim.errors import DataError, DsimError, UsageError


def small(name="relief", **options):
    return open_phantom(name, count=2, size=24, **options)


def files_below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", names())
def test_pixels_and_masks_come_back_identical(name, tmp_path):
    data = small(name)
    (folder,) = write([data], tmp_path / "out")
    for i, sample in enumerate(data.ids):
        stored = np.asarray(Image.open(folder / "images" / f"{sample}.png"))
        assert np.array_equal(stored.reshape(data.native(i).shape), data.native(i))
        assert np.array_equal(np.asarray(Image.open(folder / "masks" / f"{sample}.png")), data.mask(i))


@pytest.mark.parametrize("name", ["fluorescence", "histology"])
def test_deep_images_keep_all_16_bits(name, tmp_path):
    import imagecodecs

    data = small(name, depth=16)
    (folder,) = write([data], tmp_path / "out")
    stored = imagecodecs.png_decode((folder / "images" / "00000.png").read_bytes())
    assert stored.dtype == np.uint16
    assert np.array_equal(stored.reshape(data.native(0).shape), data.native(0))


def test_the_reader_of_images_and_masks_finds_everything_again(tmp_path):
    data = open_phantom("dermoscopy", count=5, size=24)
    (folder,) = write([data], tmp_path / "out")
    found = open_dataset(folder)
    assert (found.name, found.ids, found.labels, found.groups) == (data.name, data.ids, data.labels, data.groups)
    assert found.masked
    for i in range(5):
        assert np.array_equal(found.pixels(i), data.pixels(i))
        assert np.array_equal(found.mask(i) > 0, data.mask(i) > 0)


def test_the_tables_tell_labels_groups_and_truth(tmp_path):
    datasets = [small("xray"), small("xray-bedside")]
    write(datasets, tmp_path / "out")
    with (tmp_path / "out" / "xray" / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["file"], row["label"], row["group"]) for row in rows] == [
        (f"{sample}.png", label, group)
        for sample, label, group in zip(datasets[0].ids, datasets[0].labels, datasets[0].groups, strict=True)
    ]
    meta = json.loads((tmp_path / "out" / "META.json").read_text())
    assert meta["true_source"] == {"xray-bedside": "xray"}
    assert json.loads((tmp_path / "out" / "xray" / "META.json").read_text())["recipe"]["size"] == 24


def test_an_existing_folder_is_refused_unless_overwriting_and_then_replaced_as_a_whole(tmp_path):
    out = tmp_path / "out"
    write([small("relief"), small("fundus")], out)
    with pytest.raises(UsageError, match="exists") as caught:
        write([small("xray")], out)
    assert "--overwrite" in str(caught.value)
    write([small("xray")], out, overwrite=True)
    assert {path.split("/")[0] for path in files_below(out)} == {"META.json", "xray"}


def test_an_empty_folder_is_as_good_as_none(tmp_path):
    (tmp_path / "out").mkdir()
    write([small()], tmp_path / "out")
    assert (tmp_path / "out" / "relief" / "labels.csv").is_file()


@pytest.mark.parametrize("stray", ["notes.txt", "relief/images/mine.tif", "relief/extra/00000.png"])
def test_overwriting_deletes_nothing_that_was_not_written_here(stray, tmp_path):
    out = tmp_path / "out"
    write([small()], out)
    (out / stray).parent.mkdir(exist_ok=True)
    (out / stray).write_text("mine")
    with pytest.raises(DataError, match=re.escape(stray)):
        write([small("xray")], out, overwrite=True)
    assert (out / stray).read_text() == "mine"
    assert (out / "relief" / "labels.csv").is_file()


@pytest.mark.parametrize("marker", [None, "{}", "[1", '{"generator": "someone"}'])
def test_overwriting_touches_no_folder_that_is_not_ours(marker, tmp_path):
    (tmp_path / "a.txt").write_text("mine")
    if marker is not None:
        (tmp_path / "META.json").write_text(marker)
    with pytest.raises(DataError, match="not a folder of phantoms"):
        write([small()], tmp_path, overwrite=True)
    assert (tmp_path / "a.txt").read_text() == "mine"


def test_a_file_in_the_way_is_not_overwritten(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(DataError, match="not a folder of phantoms"):
        write([small()], tmp_path / "out", overwrite=True)
    assert (tmp_path / "out").read_text() == "mine"


def test_the_current_folder_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="current folder"):
        write([small()], tmp_path)


def failing_after(count, monkeypatch):
    real, done = writing._write_png, []

    def write_png(pixels, path):
        done.append(path)
        if len(done) > count:
            raise OSError(28, "No space left on device")
        real(pixels, path)

    monkeypatch.setattr(writing, "_write_png", write_png)


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    failing_after(5, monkeypatch)
    with pytest.raises(DsimError, match="No space left"):
        write([small("relief"), small("xray")], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_while_overwriting_leaves_the_old_as_it_was(tmp_path, monkeypatch):
    out = tmp_path / "out"
    write([small()], out)
    before = files_below(tmp_path)
    failing_after(1, monkeypatch)
    with pytest.raises(DsimError, match="No space left"):
        write([small("xray")], out, overwrite=True)
    assert files_below(tmp_path) == before


def test_a_failed_renaming_brings_the_old_back(tmp_path, monkeypatch):
    out = tmp_path / "out"
    write([small()], out)
    before = files_below(tmp_path)
    real = writing.os.replace

    def replace(source, goal):
        if source.name == "new":
            raise OSError(13, "Permission denied")
        real(source, goal)

    monkeypatch.setattr(writing.os, "replace", replace)
    with pytest.raises(DsimError, match="Permission denied"):
        write([small("xray")], out, overwrite=True)
    assert files_below(tmp_path) == before


def test_names_that_clash_or_leave_the_folder_are_refused(tmp_path):
    with pytest.raises(UsageError, match="two phantoms are named 'relief'"):
        write([small(), small()], tmp_path / "out")
    for name in ("../relief", "a/b", "..", "."):
        with pytest.raises(UsageError, match="cannot be a folder's name"):
            write([small().renamed(name)], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_only_phantoms_are_written(tmp_path):
    with pytest.raises(UsageError, match="'numbers'"):
        write([Dataset(name="numbers", ids=("a",), features=np.zeros((1, 2)))], tmp_path / "out")
