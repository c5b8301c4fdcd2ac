"""What the log acknowledged is there whatever happens to the process; nobody changes it; two authors cannot cross."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dsim.errors import DataError, StoreError
from dsim_simsearch.session.actions import SetBackground
from dsim_simsearch.session.log import ActionLog, StaleActionError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session.sqlite"


def counts(path: Path) -> list[int]:
    with ActionLog(path, writing=False) as log:
        return [entry.action.to_dict()["count"] for entry in log.read()]


def test_actions_are_numbered_and_read_back_after_reopening(path: Path) -> None:
    with ActionLog(path, create=True) as log:
        assert [log.append(SetBackground(count)) for count in (4, 5)] == [1, 2]
    with ActionLog(path) as log:
        assert (log.rev, log.append(SetBackground(6), rev=2)) == (2, 3)
        assert [(entry.rev, entry.action) for entry in log.read(after=1)] == [
            (2, SetBackground(5)),
            (3, SetBackground(6)),
        ]
    assert counts(path) == [4, 5, 6]


def test_an_action_for_an_older_revision_is_refused_and_writes_nothing(path: Path) -> None:
    with ActionLog(path, create=True) as log:
        log.append(SetBackground(4), rev=0)
        with pytest.raises(StaleActionError) as caught:
            log.append(SetBackground(5), rev=0)
        assert caught.value.actual == 1
        assert log.append(SetBackground(6), rev=1) == 2


def test_of_many_authors_of_one_revision_one_wins(path: Path) -> None:
    with ActionLog(path, create=True) as log:

        def write(count: int) -> bool:
            try:
                log.append(SetBackground(count), rev=0)
            except StaleActionError:
                return False
            return True

        with ThreadPoolExecutor(8) as threads:
            assert sum(threads.map(write, range(1, 9))) == 1
        assert len(log.read()) == 1


@pytest.mark.parametrize("statement", ["UPDATE actions SET kind = 'x'", "DELETE FROM actions"])
def test_the_log_can_only_grow(path: Path, statement: str) -> None:
    with ActionLog(path, create=True) as log:
        log.append(SetBackground(4))
    connection = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)
    connection.close()
    assert counts(path) == [4]


def test_a_newer_log_and_another_database_are_refused_unchanged(path: Path) -> None:
    with ActionLog(path, create=True):
        pass
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(DataError) as caught:
        ActionLog(path)
    assert "newer" in caught.value.message
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA application_id = 7")
    connection.close()
    with pytest.raises(DataError) as caught:
        ActionLog(path)
    assert path.name in caught.value.message


def test_a_file_that_is_no_database_is_an_error_of_dsim(path: Path) -> None:
    path.write_bytes(b"no database at all, but long enough to be looked at" * 40)
    with pytest.raises(StoreError) as caught:
        ActionLog(path)
    assert path.name in caught.value.message
    with pytest.raises(DataError):
        ActionLog(path.with_name("absent"))


def test_a_folder_without_permission_to_write_can_be_read(path: Path) -> None:
    with ActionLog(path, create=True) as log:
        log.append(SetBackground(4))
    path.parent.chmod(0o555)
    try:
        assert counts(path) == [4]
    finally:
        path.parent.chmod(0o755)


WRITER = """
import sys
from pathlib import Path
from dsim_simsearch.session.actions import SetBackground
from dsim_simsearch.session.log import ActionLog
log = ActionLog(Path(sys.argv[1]))
while True:
    rev = log.rev + 1
    log.append(SetBackground(rev))
    print(rev, flush=True)
"""


def test_a_process_that_is_killed_loses_nothing_that_was_acknowledged(path: Path) -> None:
    """Killed by SIGKILL again and again in the midst of writing: every number that it printed is in the log."""
    with ActionLog(path, create=True):
        pass
    for attempt in range(4):
        command = [sys.executable, "-c", WRITER, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            first = child.stdout.readline()
            time.sleep(0.02 * attempt)
            os.kill(child.pid, signal.SIGKILL)
            rest = child.stdout.read()
        acknowledged = [int(line) for line in (first + rest).splitlines(keepends=True) if line.endswith("\n")]
        there = counts(path)
        assert there == list(range(1, len(there) + 1))
        assert acknowledged[-1] <= len(there) <= acknowledged[-1] + 1
