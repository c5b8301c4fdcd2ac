"""Arrays kept under the digest of all that they depend on: one immutable HDF5 file per key.

A file is written under a temporary name, synced, and renamed, so that a reader sees all of it or nothing; its checksum
is verified at every reading. Processes may share one store.
"""

from __future__ import annotations

import contextlib
import os
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from dsim.errors import StoreError
from dsim.files.documents import canonical_json, digest
from dsim.store.array_file import Corrupt, Writer, disk_errors, open_rows, read

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsim.store.array_file import FileRows

T = TypeVar("T")
QUARANTINE = "quarantine"
PART = ".part"
_KIND = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True)
class Record:
    """The record of a key: numeric arrays (n, ...) by name, and JSON attributes."""

    arrays: dict[str, NDArray[Any]]
    attributes: dict[str, Any]


@dataclass(frozen=True)
class OpenRecord:
    """Like Record, with arrays (n, ...) that are read by rows; they were verified when the record was opened."""

    arrays: dict[str, FileRows]
    attributes: dict[str, Any]


@dataclass(frozen=True)
class ContentStore:
    """A folder of records, ``root/kind/ab/abcdef....h5``.

    Parameters
    ----------
    root : created when the first record is written.
    note : called with a text, once for each fault that does not stop the work.
    """

    root: Path
    note: Callable[[str], None] = lambda text: None

    def path(self, kind: str, key: Mapping[str, Any]) -> Path:
        """Return the path at which the record of this key lies, or would lie.

        Raises ValueError for a kind that cannot name a folder.
        """
        if not _KIND.fullmatch(kind) or kind == QUARANTINE:
            raise ValueError(f"{kind!r} is not a kind of record: use lower-case letters, digits and hyphens")
        name = digest(dict(key))
        return self.root / kind / name[:2] / f"{name}.h5"

    def get(self, kind: str, key: Mapping[str, Any]) -> Record | None:
        """Return the record of this key, verified; None where there is none, or where it cannot be trusted.

        Its arrays are (n, ...).

        Raises ValueError as ``path`` does.
        """
        found = self._get(kind, key, read)
        return None if found is None else Record(*found)

    def open(self, kind: str, key: Mapping[str, Any]) -> OpenRecord | None:
        """Return the record as ``get``, in little memory: its arrays are verified now, and read when asked for.

        Raises ValueError as ``path`` does.
        """
        found = self._get(kind, key, open_rows)
        return None if found is None else OpenRecord(*found)

    def _get(self, kind: str, key: Mapping[str, Any], reader: Callable[[Path, str], T]) -> T | None:
        path = self.path(kind, key)
        if not path.exists():
            return None
        try:
            found = reader(path, canonical_json(dict(key)))
        except FileNotFoundError:  # pruned by another process a moment ago
            return None
        except PermissionError as error:
            self.note(f"cannot read {path} ({error}); computing again")
            return None
        except Corrupt as error:
            self._quarantine(path, error)
            return None
        # The time of last use, for prune; a read-only store keeps the time of writing.
        with contextlib.suppress(OSError):
            os.utime(path)
        return found

    def put(
        self, kind: str, key: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], attributes: Mapping[str, Any]
    ) -> None:
        """Store a record of arrays (n, ...); raises StoreError where the disk refuses."""
        with self.writer(kind, key, attributes) as writer:
            for name, array in arrays.items():
                writer.write(name, array)

    def try_put(
        self, kind: str, key: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], attributes: Mapping[str, Any]
    ) -> bool:
        """Store a record of arrays (n, ...), or note that the disk refuses; return whether it was stored."""
        try:
            self.put(kind, key, arrays, attributes)
        except StoreError as error:
            self.note(f"not kept in the cache: {error}")
            return False
        return True

    @contextmanager
    def writer(self, kind: str, key: Mapping[str, Any], attributes: Mapping[str, Any]) -> Iterator[Writer]:
        """Write a record of arrays (n, ...) piece by piece; it appears, whole, when the context ends without an error.

        StoreError where the disk does not take it. A process that is killed leaves a ``.part`` file, which is never
        read and which ``prune`` removes.
        """
        path = self.path(kind, key)
        part = path.with_name(f".{path.stem}.{uuid.uuid4().hex}{PART}")
        try:
            with disk_errors(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                writer = Writer(part, path, kind, canonical_json(dict(key)), canonical_json(dict(attributes)))
            try:
                yield writer
            except BaseException:
                writer.abandon()
                raise
            with disk_errors(path):
                writer.finish()
                _publish(part, path)
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)

    def _quarantine(self, path: Path, reason: Exception) -> None:
        refuge = self.root / QUARANTINE / f"{path.parent.parent.name}-{path.stem}.{uuid.uuid4().hex[:8]}.h5"
        try:
            refuge.parent.mkdir(exist_ok=True)
            os.replace(path, refuge)
        except OSError:
            self.note(f"{path} is corrupt ({reason}) and cannot be moved away; computing again")
        else:
            self.note(f"{path} is corrupt ({reason}); moved to {refuge}, computing again")


def _publish(part: Path, path: Path) -> None:
    """Make the finished file durable, then visible."""
    _sync(part, os.O_RDWR)
    os.replace(part, path)
    if os.name == "posix":
        _sync(path.parent, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
