"""Promises of the ledger: a finished job is found again, another recipe takes up nothing, damage is no result."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsim.errors import DsimError
from dsim.store import Ledger, key_of


def test_a_finished_job_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, key_of({"epochs": 1}))
    ledger.add(("a/b", 0), {"dice": 0.25, "each": {"x": 1.0}})
    assert ledger.find(("a/b", 0)) == {"dice": 0.25, "each": {"x": 1.0}}
    assert ledger.missing([("a/b", 0), ("a/b", 1)]) == [("a/b", 1)]
    assert ledger.read() == {("a/b", 0): {"dice": 0.25, "each": {"x": 1.0}}}


def test_names_that_look_alike_as_files_are_told_apart(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, key_of({}))
    ledger.add(("a/b", 0), {"of": "slash"})
    ledger.add(("a b", 0), {"of": "blank"})
    assert ledger.find(("a/b", 0)) == {"of": "slash"}
    assert ledger.find(("a b", 0)) == {"of": "blank"}


def test_another_recipe_takes_up_nothing(tmp_path: Path) -> None:
    Ledger(tmp_path, key_of({"epochs": 1})).add(("a", 0), {"dice": 0.5})
    assert Ledger(tmp_path, key_of({"epochs": 2})).read() == {}


def test_the_key_does_not_depend_on_the_order_of_the_facts() -> None:
    assert key_of({"a": 1, "b": [2, 3]}) == key_of({"b": [2, 3], "a": 1}) != key_of({"a": 1, "b": [3, 2]})


@pytest.mark.parametrize("text", ["", "{", "[]", '{"key": "other", "job": ["a", 0], "record": {}}'])
def test_a_damaged_or_foreign_file_is_no_finished_job(tmp_path: Path, text: str) -> None:
    ledger = Ledger(tmp_path, key_of({}))
    ledger.add(("a", 0), {"dice": 0.5})
    ledger.file(("a", 0), ".json").write_text(text)
    assert ledger.find(("a", 0)) is None
    assert ledger.read() == {}


def test_a_full_disk_is_an_error_and_keeps_what_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(tmp_path, key_of({}))
    ledger.add(("a", 0), {"dice": 0.5})

    def full(self: Path, text: str, **how: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(DsimError, match="No space left on device"):
        ledger.add(("b", 0), {"dice": 0.5})
    with pytest.raises(DsimError, match="No space left on device"):
        ledger.add(("a", 0), {"dice": 0.75})
    monkeypatch.undo()
    assert ledger.read() == {("a", 0): {"dice": 0.5}}
    assert [path.suffix for path in ledger.place.iterdir()] == [".json"]
