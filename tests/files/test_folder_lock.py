"""Promise: of several runs in one folder one writes at a time; the others wait, and nothing stays behind."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dsim.errors import DsimError
from dsim.files.folder_lock import LOCK_NAME, exclusive, exclusive_file

# Reads a number, waits, writes it plus one: two writers at once would lose an increment.
_COUNT = """
import sys, time
from pathlib import Path
from dsim.files.folder_lock import exclusive
folder = Path(sys.argv[1])
for _ in range(20):
    with exclusive(folder):
        number = int((folder / "count").read_text())
        time.sleep(0.001)
        (folder / "count").write_text(str(number + 1))
"""


def test_several_processes_write_one_after_the_other(tmp_path):
    (tmp_path / "count").write_text("0")
    runs = [subprocess.Popen([sys.executable, "-c", _COUNT, str(tmp_path)]) for _ in range(3)]
    assert [run.wait(60) for run in runs] == [0, 0, 0]
    assert (tmp_path / "count").read_text() == "60"
    assert [path.name for path in tmp_path.iterdir()] == ["count"]


def test_one_who_waits_says_so_once_and_goes_on_when_the_other_has_finished(tmp_path):
    notes, order = [], []
    entered, leave = threading.Event(), threading.Event()

    def first():
        with exclusive(tmp_path):
            entered.set()
            leave.wait(10)
            order.append("first")

    def second():
        with exclusive(tmp_path, lambda text: (notes.append(text), leave.set())):
            order.append("second")

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    entered.wait(10)
    threads[1].start()
    for thread in threads:
        thread.join(20)
    assert order == ["first", "second"]
    assert len(notes) == 1
    assert str(tmp_path) in notes[0]


def test_a_command_may_call_another_one_that_holds_the_same_folder(tmp_path):
    with exclusive(tmp_path), exclusive(tmp_path):
        assert (tmp_path / LOCK_NAME).exists()
    assert not (tmp_path / LOCK_NAME).exists()


def test_what_a_killed_run_left_locks_nothing(tmp_path):
    (tmp_path / LOCK_NAME).touch()
    with exclusive(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DsimError, match="file") as raised, exclusive(tmp_path / "file" / "out"):
        pass
    assert raised.value.hint


def test_an_error_of_the_work_passes_and_the_folder_is_free_again(tmp_path):
    with pytest.raises(OSError, match="of the work"), exclusive(tmp_path):
        raise OSError("of the work")
    assert not list(Path(tmp_path).iterdir())


def test_a_folder_that_nothing_was_written_to_is_gone_again(tmp_path):
    with exclusive(tmp_path / "new" / "out"):
        assert (tmp_path / "new" / "out").is_dir()
    assert not list(tmp_path.iterdir())
    with exclusive(tmp_path / "new" / "out"):
        (tmp_path / "new" / "out" / "result").touch()
    assert [path.name for path in (tmp_path / "new" / "out").iterdir()] == ["result"]


def test_files_of_one_folder_are_held_one_by_one(tmp_path):
    notes = []
    with exclusive_file(tmp_path / "a.json"):
        thread = threading.Thread(target=lambda: _write(tmp_path / "b.json", notes))
        thread.start()
        thread.join(10)
    assert (tmp_path / "b.json").exists()
    assert not notes


def _write(path, notes):
    with exclusive_file(path, notes.append):
        path.touch()
