"""Many tiny immutable records in one SQLite file: finished cells, known digests.

It only saves time: whatever is wrong with the file, the caller computes again, after a note.
"""

from __future__ import annotations

import json
import os
import sqlite3
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsim.store.content import QUARANTINE

#: Seconds to wait for another process that writes.
_PATIENCE = 10.0
#: SQLite takes at most 999 variables in old builds.
_CHUNK = 500
_SCHEMA = "CREATE TABLE IF NOT EXISTS cells (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"


@dataclass(frozen=True)
class JsonStore:
    """JSON objects by key.

    Parameters
    ----------
    path : the SQLite file; created when the first record is written.
    note : called with a text for each fault that does not stop the work.
    patience : seconds to wait for another process that writes.
    """

    path: Path
    note: Callable[[str], None] = lambda text: None
    patience: float = _PATIENCE

    def get_many(self, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return the records that are known among these keys."""
        wanted = list(dict.fromkeys(keys))
        found: dict[str, dict[str, Any]] = {}
        if not wanted or not self.path.exists():
            return found
        with self._forgiving("read"), closing(self._connect("rw")) as connection:
            for start in range(0, len(wanted), _CHUNK):
                chunk = wanted[start : start + _CHUNK]
                marks = ",".join("?" * len(chunk))
                rows = connection.execute(f"SELECT key, value FROM cells WHERE key IN ({marks})", chunk)
                found.update((key, value) for key, text in rows if (value := _decode(text)) is not None)
        return found

    def get(self, key: str) -> dict[str, Any] | None:
        """Return the record of one key; None where it is not known."""
        return self.get_many([key]).get(key)

    def put_many(self, items: Mapping[str, Mapping[str, Any]]) -> bool:
        """Store records, all of them or none; return whether it was done.

        Raises TypeError where a record is not JSON.
        """
        rows = [(key, json.dumps(dict(value))) for key, value in items.items()]
        # Twice, because a corrupt file is moved away at the first attempt.
        return self._write(rows) or (not self.path.exists() and self._write(rows))

    def _write(self, rows: list[tuple[str, str]]) -> bool:
        with self._forgiving("write"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect("rwc")) as connection, connection:
                connection.execute(_SCHEMA)
                connection.executemany("INSERT OR REPLACE INTO cells VALUES (?, ?)", rows)
            return True
        return False

    def _connect(self, mode: str) -> sqlite3.Connection:
        # One connection per call: nothing to share between threads or to inherit in a fork.
        return sqlite3.connect(f"{self.path.absolute().as_uri()}?mode={mode}", uri=True, timeout=self.patience)

    @contextmanager
    def _forgiving(self, action: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.OperationalError, OSError) as error:
            if not _is_missing_table(error):
                self.note(f"cannot {action} {self.path} ({error}); going on without it")
        except sqlite3.DatabaseError as error:
            self._quarantine(error)

    def _quarantine(self, reason: Exception) -> None:
        refuge = self.path.parent / QUARANTINE / f"{self.path.stem}.{uuid.uuid4().hex[:8]}{self.path.suffix}"
        try:
            refuge.parent.mkdir(exist_ok=True)
            os.replace(self.path, refuge)
            # Left behind, it would be rolled back into the new file.
            self.path.with_name(f"{self.path.name}-journal").unlink(missing_ok=True)
        except OSError:
            self.note(f"{self.path} is corrupt ({reason}) and cannot be moved away; going on without it")
        else:
            self.note(f"{self.path} is corrupt ({reason}); moved to {refuge}, computing again")


def _decode(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _is_missing_table(error: Exception) -> bool:
    """An empty database: another process created the file a moment ago, and will fill it."""
    return "no such table" in str(error)
