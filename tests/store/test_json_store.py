"""The store of cells: quick, shared by processes, and never a reason for a comparison to fail."""

from __future__ import annotations

import math
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from dsim.store import JsonStore


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def cells(tmp_path: Path, notes: list[str]) -> JsonStore:
    return JsonStore(tmp_path / "cache" / "cells.sqlite", notes.append, patience=0.1)


def test_records_come_back_and_unknown_keys_are_absent(cells: JsonStore, notes: list[str]) -> None:
    assert cells.get_many(["a"]) == {}
    assert not cells.path.exists(), "looking must not create anything"
    assert cells.put_many({"a": {"value": 1.5}, "b": {"note": "ä"}})
    assert cells.get_many(["a", "b", "c"]) == {"a": {"value": 1.5}, "b": {"note": "ä"}}
    assert cells.get("a") == {"value": 1.5}
    assert cells.get("c") is None
    assert notes == []


def test_nan_survives(cells: JsonStore) -> None:
    cells.put_many({"a": {"value": math.nan}})
    assert math.isnan(cells.get_many(["a"])["a"]["value"])


def test_more_keys_than_sqlite_takes_variables(cells: JsonStore) -> None:
    items = {f"k{index}": {"value": index} for index in range(3000)}
    cells.put_many(items)
    assert cells.get_many([*items, "absent"]) == items


def test_a_transaction_is_stored_whole_or_not_at_all(cells: JsonStore) -> None:
    cells.put_many({"a": {}})
    with pytest.raises(TypeError):
        cells.put_many({"b": {}, "c": {"value": object()}})
    assert cells.get_many(["a", "b", "c"]).keys() == {"a"}


@pytest.mark.parametrize("content", [b"not a database, but long enough to be one" * 100, b""])
def test_a_corrupt_file_is_a_miss_and_is_created_anew(cells: JsonStore, notes: list[str], content: bytes) -> None:
    cells.path.parent.mkdir()
    cells.path.write_bytes(content)
    assert cells.get_many(["a"]) == {}
    assert cells.put_many({"a": {"value": 1}})
    assert cells.get("a") == {"value": 1}
    quarantined = list((cells.path.parent / "quarantine").glob("*"))
    assert len(quarantined) == len(notes) == (1 if content else 0)


def test_writing_to_a_corrupt_file_moves_it_away_and_succeeds(cells: JsonStore, notes: list[str]) -> None:
    cells.path.parent.mkdir()
    cells.path.write_bytes(b"garbage" * 1000)
    assert cells.put_many({"a": {"value": 1}})
    assert cells.get("a") == {"value": 1}
    assert "corrupt" in notes[0]


def test_a_page_damaged_in_the_middle_is_noticed(cells: JsonStore, notes: list[str]) -> None:
    cells.put_many({f"k{index}": {"text": "x" * 200} for index in range(500)})
    content = bytearray(cells.path.read_bytes())
    content[4096:20480] = b"\xff" * (20480 - 4096)
    cells.path.write_bytes(content)
    assert cells.get_many([f"k{index}" for index in range(500)]) == {}
    assert "corrupt" in notes[0]


def test_a_record_that_is_no_object_is_a_miss(cells: JsonStore) -> None:
    cells.put_many({"a": {}})
    with sqlite3.connect(cells.path) as connection:
        connection.execute("UPDATE cells SET value = '{\"cut'")
    connection.close()
    assert cells.get_many(["a"]) == {}


def test_a_locked_file_is_a_miss_with_a_note(cells: JsonStore, notes: list[str]) -> None:
    cells.put_many({"a": {}})
    holder = sqlite3.connect(cells.path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    assert cells.get_many(["a"]) == {}
    assert not cells.put_many({"b": {}})
    holder.execute("ROLLBACK")
    holder.close()
    assert len(notes) == 2
    assert "locked" in notes[0]
    assert cells.get_many(["a"]) == {"a": {}}


def test_a_folder_that_cannot_be_made_is_a_note(tmp_path: Path, notes: list[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    cells = JsonStore(tmp_path / "file" / "cells.sqlite", notes.append)
    assert not cells.put_many({"a": {}})
    assert cells.get_many(["a"]) == {}
    assert "going on without it" in notes[0]


def test_processes_may_hammer_one_file(cells: JsonStore) -> None:
    code = """
        import sys
        from pathlib import Path
        from dsim.store.json_store import JsonStore
        def fail(text): raise SystemExit(text)
        cells = JsonStore(Path(sys.argv[1]), fail, patience=60)
        for turn in range(25):
            cells.put_many({f"{sys.argv[2]}-{turn}": {"value": turn}, "shared": {"value": 7}})
            if cells.get("shared") != {"value": 7}:
                fail("lost")
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(cells.path)]
    running = [subprocess.Popen([*command, str(name)], stderr=subprocess.PIPE) for name in range(4)]
    for process in running:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    keys = [f"{name}-{turn}" for name in range(4) for turn in range(25)]
    assert len(cells.get_many(keys)) == 100
