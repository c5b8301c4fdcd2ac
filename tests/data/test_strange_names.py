"""Names that are no UTF-8, or hold control characters: every text of a dataset can be printed and stored."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from dsim.data import open_dataset
from dsim.errors import DataError, readable, storable
from dsim.files.documents import json_text


@pytest.fixture
def old(tmp_path: Path, write) -> Path:
    """A folder as an archive from an old system unpacks: its name, a class and a file hold bytes of Latin-1."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/pr\xe9"))
    for name in ("x/1.png", "x/2.png", "y/1.png"):
        write(f"new/{name}")
    os.rename(tmp_path / "new/x/1.png", os.fsencode(tmp_path) + b"/new/x/caf\xe9.png")
    os.rename(tmp_path / "new/y", os.fsencode(tmp_path) + b"/new/\xff")
    try:
        os.rename(tmp_path / "new", folder)
    except OSError:
        pytest.skip("this file system takes names in UTF-8 only")
    return folder


def test_every_text_of_the_dataset_can_be_stored(old: Path) -> None:
    dataset = open_dataset(old)
    texts = (dataset.name, dataset.location, *dataset.ids, *(dataset.labels or ()), *dataset.notes)
    assert all(storable(text) for text in texts)
    assert dataset.name == r"pr\xe9"
    assert dataset.ids == (r"\xff/1", "x/2", r"x/caf\xe9")
    assert dataset.labels == (r"\xff", "x", "x")
    assert len(dataset.images_fingerprint) == 64


def test_the_location_opens_it_again(old: Path) -> None:
    dataset = open_dataset(old)
    assert open_dataset(dataset.reference).images_fingerprint == dataset.images_fingerprint


def test_errors_and_their_fixes_can_be_printed(old: Path) -> None:
    (old / "z").mkdir()
    (old / "z/a.png").write_bytes(b"no image")
    with pytest.raises(DataError) as caught:
        open_dataset(old)
    assert storable(str(caught.value))
    assert r"pr\xe9" in str(caught.value)


def test_control_characters_do_not_reach_the_terminal(tmp_path: Path, write) -> None:
    write("a\x1b[31m/b\x07.png")
    dataset = open_dataset(tmp_path / "a\x1b[31m")
    assert (dataset.name, dataset.ids) == (r"a\x1b[31m", (r"b\x07",))
    assert open_dataset(dataset.reference).ids == dataset.ids
    with pytest.raises(DataError) as caught:
        open_dataset(tmp_path / "a\x1b[31m/none")
    assert "\x1b" not in str(caught.value)


def test_documents_hold_such_paths_and_give_them_back() -> None:
    text = json_text({"path": "caf\udce9"})
    assert storable(text)
    assert json.loads(text) == {"path": "caf\udce9"}
    assert readable("naïve\n\t…") == "naïve\n\t…"
