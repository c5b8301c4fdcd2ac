"""The log of a session: actions in an SQLite file, each on the disk before it is acknowledged, none ever changed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import NamedTuple

from dsim.errors import DataError, DsimError, StoreError, UsageError
from dsim_simsearch.session.actions import Action, from_dict

#: Of the file; a larger one was written by a newer dsim.
VERSION = 1
#: "dsim" in ASCII: marks the file as ours.
_APPLICATION = 0x6473696D
_TABLE = """
CREATE TABLE actions (rev INTEGER PRIMARY KEY, time TEXT NOT NULL, kind TEXT NOT NULL, action TEXT NOT NULL) STRICT;
CREATE TRIGGER actions_stay BEFORE UPDATE ON actions BEGIN SELECT RAISE(ABORT, 'the log is never changed'); END;
CREATE TRIGGER actions_remain BEFORE DELETE ON actions BEGIN SELECT RAISE(ABORT, 'the log is never shortened'); END;
"""


class Entry(NamedTuple):
    """One line of the log: its number from 1 on, when it was written (UTC, ISO 8601), and the action."""

    rev: int
    time: str
    action: Action


class StaleActionError(UsageError):
    """An action was made for an older state of the session than the present one."""

    def __init__(self, expected: int, actual: int) -> None:
        super().__init__(
            f"the action is for revision {expected} of the session, which is at {actual} now",
            hint="read the state again, then repeat the action",
        )
        self.actual = actual


class ActionLog:
    """The log in a file; threads may share one.

    ``append`` returns when the action is on the disk (WAL, synchronous FULL): a process that is killed afterwards loses
    nothing, one that is killed before leaves no half action. Raises DataError for a file that is no log or that a newer
    dsim wrote, StoreError where the disk refuses.

    Parameters
    ----------
    path : of the file; a new one is made where ``create``. ``writing`` : False to read only.

    >>> import tempfile
    >>> from dsim_simsearch.session.actions import SetBackground
    >>> with ActionLog(Path(tempfile.mkdtemp()) / "session.sqlite", create=True) as log:
    ...     log.append(SetBackground(3)), [entry.action for entry in log.read()]
    (1, [SetBackground(count=3)])
    """

    def __init__(self, path: Path, *, create: bool = False, writing: bool = True) -> None:
        if not create and not path.is_file():
            raise DataError(f"there is no log {path}", hint="give the folder of a session, NAME.dsimroi")
        self.path, self._lock = path, RLock()
        mode = "rwc" if create else "rw" if writing else "ro"
        with self._errors():
            self._connection = self._connect(mode)
            try:
                if create:
                    self._begin()
                self._refuse_others()
            except BaseException:
                self._connection.close()
                raise

    def __enter__(self) -> ActionLog:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def append(self, action: Action, rev: int | None = None) -> int:
        """Write an action through to the disk and return its number.

        ``rev`` : the number of the last action that its author saw; StaleActionError where it is not the last one now.
        None takes whatever is there. Raises StoreError where the disk refuses.
        """
        text = json.dumps(action.to_dict(), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self._lock, self._errors(), self._transaction():
            last = self._last()
            if rev is not None and rev != last:
                raise StaleActionError(rev, last)
            row = (last + 1, now, action.kind, text)
            self._connection.execute("INSERT INTO actions (rev, time, kind, action) VALUES (?, ?, ?, ?)", row)
        return last + 1

    @property
    def rev(self) -> int:
        """The number of the last action; 0 for an empty log."""
        with self._lock, self._errors():
            return self._last()

    def read(self, after: int = 0) -> list[Entry]:
        """Return the lines behind the one of that number, in order. Raises DataError for an unknown action."""
        with self._lock, self._errors():
            query = "SELECT rev, time, action FROM actions WHERE rev > ? ORDER BY rev"
            rows = self._connection.execute(query, (after,)).fetchall()
        return [Entry(rev, time, from_dict(json.loads(text))) for rev, time, text in rows]

    def close(self) -> None:
        """Close the file; what was appended is there already."""
        with self._lock:
            self._connection.close()

    def _connect(self, mode: str) -> sqlite3.Connection:
        uri = f"{self.path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=10)
        if mode != "ro":
            connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _begin(self) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        if not self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            self._connection.executescript(
                f"BEGIN; {_TABLE} PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;"
            )

    def _refuse_others(self) -> None:
        [application] = self._connection.execute("PRAGMA application_id").fetchone()
        [version] = self._connection.execute("PRAGMA user_version").fetchone()
        if application != _APPLICATION:
            raise DataError(f"{self.path} is no log of a session", hint="give the folder of a session, NAME.dsimroi")
        if version > VERSION:
            raise DataError(
                f"{self.path} was written by a newer version of dsim (log {version}, this one reads {VERSION})",
                hint="update dsim; nothing was changed",
            )

    def _last(self) -> int:
        return int(self._connection.execute("SELECT coalesce(max(rev), 0) FROM actions").fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        # IMMEDIATE: the number of the last action is read when nobody else can write any more.
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except DsimError:
            raise
        except sqlite3.DatabaseError as error:
            raise StoreError(
                f"cannot use the log {self.path}: {error}",
                hint="free disk space, or copy the session to a local disk; a damaged file is restored from a backup",
            ) from error
