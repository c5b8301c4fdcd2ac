"""A run over a target: what it writes, that it goes on where it stopped, and that nothing is lost or mixed."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

import dsim
from dsim.errors import DataError, DsimError, MeasureError, NeedError, UsageError
from dsim.files.documents import check
from dsim.prelabel import Model, Settings, prelabel
from dsim.runtime import Runtime, Silent

Bright = Callable[..., Model]
Write = Callable[[Mapping[str, NDArray[Any]]], Path]


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but the journal, whose order is that of the work."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and ".work" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def table(out: Path) -> list[dict[str, str]]:
    with (out / "uncertainty.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def mask(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image)


class NoteRecorder(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


# What is written --------------------------------------------------------------------------------------------------


def test_every_image_has_its_files_under_its_own_name_and_at_its_own_size(
    cells: Path, tmp_path: Path, bright: Bright
) -> None:
    out = tmp_path / "out"
    target = dsim.open_dataset(cells)
    found = prelabel(target, bright(), out)
    for index, id in enumerate(target.ids):
        np.testing.assert_array_equal(mask(out / f"masks/{id}.png"), (target.native(index)[:, :, 0] >= 127.5) * 255)
        assert (out / f"geojson/{id}.geojson").exists()
        assert (out / f"rois/{id}.zip").exists() == (id != "empty")
    assert found.files == ("coco.json", "uncertainty.csv", "overlays.png", "prelabel.json")
    assert all((out / name).exists() for name in found.files)
    assert not (out / "probabilities").exists()
    assert (found.new, found.empty) == (5, 1)


def test_the_summary_holds_to_its_schema_and_counts_what_is_there(cells: Path, tmp_path: Path, bright: Bright) -> None:
    found = prelabel(dsim.open_dataset(cells), bright(), tmp_path / "out")
    document = json.loads((tmp_path / "out" / "prelabel.json").read_text("utf-8"))
    assert document == found.to_dict()
    check(document, "dsim.prelabel/1", "prelabel.json", "")
    coco = json.loads((tmp_path / "out" / "coco.json").read_text("utf-8"))
    assert len(coco["annotations"]) == found.objects == sum(int(row["objects"]) for row in table(tmp_path / "out"))
    assert [image["file_name"] for image in coco["images"]] == ["a.png", "b.png", "c.png", "d.png", "empty.png"]
    assert coco["images"][4] == {
        "id": 5,
        "file_name": "empty.png",
        "width": 30,
        "height": 30,
        "mask": "masks/empty.png",
    }


def test_the_table_begins_with_the_most_doubtful(cells: Path, tmp_path: Path, bright: Bright) -> None:
    prelabel(dsim.open_dataset(cells), bright(), tmp_path / "out")
    rows = table(tmp_path / "out")
    expected = [float(row["expected_dice"]) for row in rows]
    assert expected == sorted(expected)
    assert sorted(row["id"] for row in rows) == ["a", "b", "c", "d", "empty"]
    empty = next(row for row in rows if row["id"] == "empty")
    # Nothing is marked and nothing is likely: that is no doubt.
    assert (empty["expected_dice"], empty["boundary_entropy"], empty["objects"]) == ("1.00000", "", "0")


def test_a_threshold_a_label_and_maps_can_be_asked_for(cells: Path, tmp_path: Path, bright: Bright) -> None:
    out = tmp_path / "out"
    target = dsim.open_dataset(cells)
    prelabel(target, bright(), out, settings=Settings(0.8, "nucleus", "png"), sheet=0)
    gray = target.native(0)[:, :, 0]
    np.testing.assert_array_equal(mask(out / "masks/a.png"), (gray / np.float32(255) >= np.float32(0.8)) * 255)
    np.testing.assert_allclose(mask(out / "probabilities/a.png") / 65535, gray / 255, atol=1e-5)
    assert json.loads((out / "coco.json").read_text())["categories"][0]["name"] == "nucleus"
    assert not (out / "overlays.png").exists()


def test_masks_beside_images_make_a_dataset(tmp_path: Path, write_images: Write, bright: Bright) -> None:
    """The folder of pre-labels can be the parent of images/: then dsim reads both as one annotated dataset."""
    from dsim.data import Dataset

    home = write_images({"images/a.png": np.full((9, 9), 200, np.uint8), "images/sub/b.png": np.eye(9, dtype=np.uint8)})
    prelabel(dsim.open_dataset(home / "images"), bright(), home)
    again: Dataset = dsim.open_dataset(home)
    assert again.masked
    assert again.ids == ("a", "sub/b")
    assert again.mask(0).all()


def test_subfolders_and_names_that_clash_are_kept_apart(tmp_path: Path, write_images: Write, bright: Bright) -> None:
    white, black = np.full((8, 8), 255, np.uint8), np.zeros((8, 8), np.uint8)
    home = write_images({"x/a.png": white, "y/a.png": black, "y/A.png": white})
    recorder = NoteRecorder()
    found = prelabel(dsim.open_dataset(home), bright(), tmp_path / "out", runtime=Runtime(progress=recorder))
    assert mask(tmp_path / "out/masks/x/a.png").all()
    assert {row["id"]: row["mask"] for row in table(tmp_path / "out")} == {
        "x/a": "masks/x/a.png",
        "y/A": "masks/y/A.png",
        "y/a": "masks/y/a-2.png",
    }
    assert not mask(tmp_path / "out/masks/y/a-2.png").any()
    assert found.notes == tuple(recorder.notes)
    assert "1 images have names" in found.notes[0]


def test_pages_have_files_of_their_own(tmp_path: Path, bright: Bright) -> None:
    import io
    import zipfile

    import roifile

    folder = tmp_path / "stacks"
    folder.mkdir()
    pages = np.zeros((3, 12, 10), np.uint8)
    pages[2, 3:6, 4:7] = 255
    tifffile.imwrite(folder / "s.tif", pages, photometric="minisblack")
    prelabel(dsim.open_dataset(folder), bright(), tmp_path / "out")
    assert sorted(files(tmp_path / "out" / "masks")) == ["s#0.png", "s#1.png", "s#2.png"]
    images = json.loads((tmp_path / "out/coco.json").read_text())["images"]
    assert [(image["file_name"], image["page"]) for image in images] == [("s.tif", 0), ("s.tif", 1), ("s.tif", 2)]
    with zipfile.ZipFile(io.BytesIO((tmp_path / "out/rois/s#2.zip").read_bytes())) as archive:
        [roi] = [roifile.ImagejRoi.frombytes(archive.read(name)) for name in archive.namelist()]
    assert roi.position == 3


# Going on ---------------------------------------------------------------------------------------------------------


def test_an_interrupted_run_goes_on_and_ends_as_if_it_had_not_been(cells: Path, tmp_path: Path, bright: Bright) -> None:
    target = dsim.open_dataset(cells)
    whole, broken = tmp_path / "same" / "out", tmp_path / "broken" / "out"
    prelabel(target, bright(), whole)
    recorder = NoteRecorder()
    with pytest.raises(KeyboardInterrupt):
        prelabel(target, bright(dies_after=2), broken, runtime=Runtime(progress=recorder))
    assert recorder.notes == ["2 of 5 images are labelled; the same command goes on from there"]
    assert not (broken / "coco.json").exists()
    second = bright()
    found = prelabel(target, second, broken)
    assert second.segmenter.asked == ["c", "d", "empty"]  # type: ignore[attr-defined]
    assert found.new == 3
    ours, theirs = files(broken), files(whole)
    # How many were new in the last run, and where, differ.
    ours.pop("prelabel.json"), theirs.pop("prelabel.json")
    assert ours == theirs


def test_deep_images_that_are_left_are_scaled_as_the_whole_target(tmp_path: Path, bright: Bright) -> None:
    """Percentiles of those that are left would be others."""
    folder = tmp_path / "deep"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name, brightest in (("a", 60_000), ("b", 9_000), ("c", 500)):
        Image.fromarray((rng.random((20, 20)) * brightest).astype(np.uint16)).save(folder / f"{name}.png")
    target = dsim.open_dataset(folder)
    prelabel(target, bright(), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        prelabel(target, bright(dies_after=1), tmp_path / "broken")
    prelabel(dsim.open_dataset(folder), bright(), tmp_path / "broken")
    assert files(tmp_path / "broken/masks") == files(tmp_path / "whole/masks")
    assert files(tmp_path / "broken")["overlays.png"] == files(tmp_path / "whole")["overlays.png"]


def test_a_finished_run_is_not_done_again_and_touches_nothing(cells: Path, tmp_path: Path, bright: Bright) -> None:
    target, out = dsim.open_dataset(cells), tmp_path / "out"
    prelabel(target, bright(), out)
    Image.fromarray(np.full((40, 56), 255, np.uint8)).save(out / "masks/a.png")
    (out / "coco.json").write_text("corrected by hand")
    before = files(out)
    again = bright()
    found = prelabel(target, again, out)
    assert again.segmenter.asked == []  # type: ignore[attr-defined]
    assert found.new == 0
    assert files(out) == before


def test_a_mask_that_was_deleted_is_made_again(cells: Path, tmp_path: Path, bright: Bright) -> None:
    target, out = dsim.open_dataset(cells), tmp_path / "out"
    prelabel(target, bright(), out)
    before = files(out)
    (out / "masks/b.png").unlink()
    again = bright()
    prelabel(target, again, out)
    assert again.segmenter.asked == ["b"]  # type: ignore[attr-defined]
    assert files(out) == before


@pytest.mark.parametrize("cut", [1, 30])
def test_a_journal_that_breaks_off_loses_one_image_only(cells: Path, tmp_path: Path, bright: Bright, cut: int) -> None:
    target, out = dsim.open_dataset(cells), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        prelabel(target, bright(dies_after=3), out)
    journal = out / ".work/prelabel.jsonl"
    journal.write_bytes(journal.read_bytes()[:-cut])
    again = bright()
    prelabel(target, again, out)
    assert again.segmenter.asked == ["c", "d", "empty"]  # type: ignore[attr-defined]
    assert len(json.loads((out / "coco.json").read_text())["images"]) == 5


def test_a_full_disk_keeps_what_is_finished(
    cells: Path, tmp_path: Path, bright: Bright, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    from dsim.annotations import masks

    target, out = dsim.open_dataset(cells), tmp_path / "out"
    write = masks.write_mask

    def full(path: Path, values: NDArray[np.bool_]) -> None:
        if path.stem == "c":
            with masks.replacing(path) as temporary:
                temporary.write_bytes(b"half")
                raise OSError(errno.ENOSPC, "No space left on device")
        write(path, values)

    monkeypatch.setattr(masks, "write_mask", full)
    with pytest.raises(DsimError, match=r"cannot write .*c\.png: No space left on device") as caught:
        prelabel(target, bright(), out)
    assert caught.value.hint == "free disk space, or choose another folder"
    assert sorted(files(out / "masks")) == ["a.png", "b.png"]
    monkeypatch.setattr(masks, "write_mask", write)
    again = bright()
    prelabel(target, again, out)
    assert again.segmenter.asked == ["c", "d", "empty"]  # type: ignore[attr-defined]


# Nothing is overwritten or mixed ----------------------------------------------------------------------------------


def test_another_model_another_target_and_other_settings_are_refused(
    cells: Path, tmp_path: Path, bright: Bright
) -> None:
    target, out = dsim.open_dataset(cells), tmp_path / "out"
    prelabel(target, bright(), out)
    before = files(out)
    with pytest.raises(DataError, match=r"pre-labels by another model: bright \(sha256 aaaaaaaaaaaa\), not bbbb"):
        prelabel(target, bright("b" * 64), out)
    with pytest.raises(DataError, match="pre-labels of other images: cells"):
        prelabel(target.subset([0, 1]), bright(), out)
    with pytest.raises(DataError, match=r"made otherwise: threshold 0\.5, not 0\.6, label 'foreground', not 'nucleus'"):
        prelabel(target, bright(), out, settings=Settings(0.6, "nucleus"))
    assert files(out) == before


def test_the_label_is_what_the_model_marks_unless_another_is_asked_for(
    cells: Path, tmp_path: Path, bright: Bright
) -> None:
    target, nuclei = dsim.open_dataset(cells), replace(bright(), marks="nuclei")
    found = prelabel(target, nuclei, tmp_path / "out")
    assert found.label == "nuclei"
    document = json.loads((tmp_path / "out/prelabel.json").read_text())
    assert (document["settings"]["label"], document["model"]["marks"]) == ("nuclei", "nuclei")
    assert json.loads((tmp_path / "out/coco.json").read_text())["categories"][0]["name"] == "nuclei"
    assert '"nuclei"' in (tmp_path / "out/geojson/a.geojson").read_text()
    assert prelabel(target, nuclei, tmp_path / "mine", settings=Settings(label="cells")).label == "cells"
    assert prelabel(target, bright(), tmp_path / "unknown").label == "foreground"


def test_overwriting_begins_anew_and_leaves_nothing_of_the_older_run(
    cells: Path, tmp_path: Path, bright: Bright
) -> None:
    target, out = dsim.open_dataset(cells), tmp_path / "out"
    prelabel(target, bright(), out, settings=Settings(probabilities="png"))
    (out / "masks/mine.txt").write_text("keep")
    part = target.subset([0, 1])
    prelabel(part, bright("b" * 64), out, overwrite=True)
    assert sorted(files(out)) == [
        *("coco.json", "geojson/a.geojson", "geojson/b.geojson", "masks/a.png", "masks/b.png", "masks/mine.txt"),
        *("overlays.png", "prelabel.json", "rois/a.zip", "rois/b.zip", "uncertainty.csv"),
    ]
    assert json.loads((out / "prelabel.json").read_text())["model"]["sha256"] == "b" * 64


def test_masks_that_somebody_drew_are_not_overwritten(cells: Path, tmp_path: Path, bright: Bright) -> None:
    target, out = dsim.open_dataset(cells), tmp_path / "out"
    (out / "masks").mkdir(parents=True)
    (out / "masks/c.png").write_bytes(b"mine")
    (out / "masks/d.png").write_bytes(b"mine")
    model = bright()
    with pytest.raises(DataError, match=r"masks/c\.png is there already \(and 1 more files\)") as caught:
        prelabel(target, model, out)
    assert "--overwrite" in str(caught.value.hint)
    assert model.segmenter.asked == []  # type: ignore[attr-defined]
    assert not (out / ".work").exists()
    prelabel(target, model, out, overwrite=True)
    assert (out / "masks/c.png").read_bytes() != b"mine"


def test_masks_drawn_while_a_run_was_interrupted_are_not_overwritten(
    cells: Path, tmp_path: Path, bright: Bright
) -> None:
    target, out = dsim.open_dataset(cells), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        prelabel(target, bright(dies_after=2), out)
    (out / "masks/d.png").write_bytes(b"mine")
    with pytest.raises(DataError, match=r"masks/d\.png is there already"):
        prelabel(target, bright(), out)


def test_an_interrupted_overwriting_goes_on_without_being_asked_again(
    cells: Path, tmp_path: Path, bright: Bright
) -> None:
    target, out = dsim.open_dataset(cells), tmp_path / "out"
    (out / "masks").mkdir(parents=True)
    (out / "masks/d.png").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        prelabel(target, bright(dies_after=2), out, overwrite=True)
    prelabel(target, bright(), out)
    assert (out / "masks/d.png").read_bytes() != b"old"


def test_a_journal_written_by_hand_reaches_nothing_outside(cells: Path, tmp_path: Path, bright: Bright) -> None:
    target, out = dsim.open_dataset(cells), tmp_path / "out"
    prelabel(target, bright(), out)
    precious = tmp_path / "precious.txt"
    precious.write_text("keep")
    with (out / ".work/prelabel.jsonl").open("a") as journal:
        journal.write('{"begun":0,"files":["../precious.txt"]}\n')
    prelabel(target, bright(), out, overwrite=True)
    assert precious.exists()


# What is refused, and what is said --------------------------------------------------------------------------------


def test_a_folder_within_the_target_is_refused(cells: Path, bright: Bright) -> None:
    with pytest.raises(DataError, match="lies within the target"):
        prelabel(dsim.open_dataset(cells), bright(), cells / "out")
    assert not (cells / "out").exists()


def test_a_folder_that_cannot_be_written_is_told_before_any_work(cells: Path, tmp_path: Path, bright: Bright) -> None:
    (tmp_path / "file").write_text("")
    model = bright()
    with pytest.raises(DsimError, match="cannot write"):
        prelabel(dsim.open_dataset(cells), model, tmp_path / "file" / "out")
    assert model.segmenter.asked == []  # type: ignore[attr-defined]


def test_a_model_that_gives_no_probabilities_is_refused(tmp_path: Path, bright: Bright) -> None:
    from dataclasses import replace

    class Broken:
        trained_on = ()

        def predict_many(self, dataset: Any, indices: Any = None, *, workers: int = 2) -> Any:
            yield 0, np.full((4, 4), np.nan, np.float32)

    target = dsim.from_arrays(np.zeros((1, 4, 4), np.uint8), name="x")
    with pytest.raises(MeasureError, match=r"gives no probabilities for 0\.png: from nan to nan"):
        prelabel(target, replace(bright(), segmenter=Broken()), tmp_path / "out")


def test_features_alone_and_a_threshold_that_tells_nothing_are_refused(tmp_path: Path, bright: Bright) -> None:
    with pytest.raises(NeedError, match="has no images, and pre-labelling needs them"):
        prelabel(dsim.from_arrays(features=np.zeros((3, 2)), name="x"), bright(), tmp_path / "out")
    target = dsim.from_arrays(np.zeros((1, 4, 4), np.uint8), name="x")
    with pytest.raises(UsageError, match="threshold of 1"):
        prelabel(target, bright(), tmp_path / "out", settings=Settings(1.0))


def test_a_target_that_the_model_was_trained_on_is_said(cells: Path, tmp_path: Path, bright: Bright) -> None:
    target = dsim.open_dataset(cells)
    whole = {"name": "pool", "images_fingerprint": target.images_fingerprint}
    part = {"name": "pool", "images_fingerprint": "0", "image_digests": [*target.image_digests[:2], "1"]}
    other = {"name": "pool", "images_fingerprint": "0", "image_digests": ["1"]}
    said = []
    for number, entry in enumerate((whole, part, other)):
        recorder = NoteRecorder()
        model = bright(trained_on=[entry])
        found = prelabel(target, model, tmp_path / str(number), runtime=Runtime(progress=recorder))
        assert recorder.notes == ([found.seen] if found.seen else [])
        said.append(found.seen and found.seen.split(" images")[0])
    assert said == ["bright was trained on all 5", "bright was trained on 2 of 5", None]


def test_arrays_can_be_labelled_too(tmp_path: Path, bright: Bright) -> None:
    target = dsim.from_arrays(np.full((2, 5, 6), 255, np.uint8), name="x")
    prelabel(target, bright(), tmp_path / "out")
    assert mask(tmp_path / "out/masks/1.png").shape == (5, 6)


def test_runs_at_once_in_one_folder_wait_and_do_not_mix(cells: Path, tmp_path: Path, bright: Bright) -> None:
    """A job that was queued twice: the second takes what the first has written."""
    target, out, recorder = dsim.open_dataset(cells), tmp_path / "out", NoteRecorder()
    start = threading.Barrier(3)

    def run() -> Any:
        start.wait()
        return prelabel(target, bright(), out, sheet=0, runtime=Runtime(progress=recorder))

    with ThreadPoolExecutor(3) as threads:
        found = [future.result() for future in [threads.submit(run) for _ in range(3)]]
    assert sorted(each.new for each in found) == [0, 0, 5]
    assert len({each.rows[0]["id"] for each in found}) == 1
    assert [note for note in recorder.notes if str(out) in note and "waiting" in note]
    once = tmp_path / "once"
    prelabel(target, bright(), once, sheet=0)
    same = [name for name in files(once) if name != "prelabel.json"]  # which names its folder
    assert [files(out)[name] for name in same] == [files(once)[name] for name in same]


def test_all_images_of_a_partly_annotated_target_are_labelled(tmp_path: Path, bright: Bright) -> None:
    """The usual state before pre-labelling: a few images were annotated by hand."""
    images = [np.full((8, 9), value, np.uint8) for value in (10, 200, 90)]
    target = dsim.from_arrays(images, masks=[None, images[1], None], name="partly")
    found = prelabel(target, bright(), tmp_path / "out", sheet=3)
    assert (found.new, found.objects) == (3, 1)
    assert [note for note in found.notes if "1 of 3" in note]
    np.testing.assert_array_equal(target.mask(1), images[1])
