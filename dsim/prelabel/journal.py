"""The journal of a folder of pre-labels: one line per finished image, added when its files are written.

A run that was interrupted goes on behind the last line. The first line says of which model, target and settings the
folder is, so that nothing else is ever mixed in; a line before each image's files says that they are about to be
written, so that files which are there already are known to be the user's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dsim.data import JOURNAL
from dsim.errors import DsimError

#: Below the folder of the pre-labels; hidden from annotation tools and from readers of images.
PLACE = JOURNAL

Line = dict[str, Any]


class Journal:
    """The journal in a folder, as it was left; nothing is written before ``start`` or ``add``.

    Raises DsimError where it cannot be read.

    Attributes
    ----------
    facts : of the first line; None without a journal.
    replaces : whether the run was allowed to overwrite. ``closed`` : whether all was finished.
    begun : numbers of images whose files were about to be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / PLACE
        self.facts: Mapping[str, Any] | None = None
        self.replaces = self.closed = False
        self.begun: set[int] = set()
        #: Where in the file the line of each finished image begins; the lines themselves may be large.
        self._places: dict[int, int] = {}
        self._end = 0
        for place, line in self._lines():
            self._take(place, line)

    def start(self, facts: Mapping[str, Any], replaces: bool) -> None:
        """Begin anew; an older journal is lost. Raises DsimError where the disk refuses."""
        self.facts, self.replaces, self.closed = facts, replaces, False
        self.begun, self._places, self._end = set(), {}, 0
        with _disk_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_bytes(b"")
        self._append({"facts": dict(facts), "replaces": replaces})

    def begin(self, index: int, files: Sequence[str]) -> None:
        """Note that these files of an image, paths below the folder, are about to be written.

        Raises DsimError where the disk refuses.
        """
        self.begun.add(index)
        # Before the files, for good: without this line they would be taken for the user's.
        self._append({"begun": index, "files": [*files]}, sync=True)

    def add(self, index: int, line: Line) -> None:
        """Note that the files of this image are written; ``line`` is what shall be known of them.

        Raises DsimError where the disk refuses.
        """
        self._places[index] = self._append({"done": index, **line})

    def close(self) -> None:
        """Note that all is finished. Raises DsimError where the disk refuses."""
        self._append({"closed": True})
        self.closed = True

    def finished(self) -> list[int]:
        """Return the images that are finished and whose files are all still there, in their order.

        Raises DsimError where the journal cannot be read.
        """
        return [index for index, line in self.read() if all((self.folder / file).exists() for file in line["files"])]

    def read(self) -> Iterator[tuple[int, Line]]:
        """Yield (index, line) of every finished image in the order of the dataset; one line is held at a time.

        Raises DsimError where the journal cannot be read.
        """
        if not self._places:
            return
        with _disk_errors(self.path), self.path.open("rb") as file:
            for index in sorted(self._places):
                file.seek(self._places[index])
                yield index, json.loads(file.readline())

    def discard(self, more: Sequence[str]) -> None:
        """Remove every file that was begun, and ``more``; nothing without a journal.

        Raises DsimError where the disk refuses.
        """
        if self.facts is None:
            return
        home = self.folder.resolve()
        begun = (file for _, line in self._lines() if "begun" in line for file in line["files"])
        for path in (self.folder / file for file in (*begun, *more)):
            # A journal that somebody wrote by hand must not reach outside.
            if path.resolve().is_relative_to(home):
                with _disk_errors(path):
                    path.unlink(missing_ok=True)

    def _append(self, line: Line, sync: bool = False) -> int:
        """Write a line behind the last whole one, through to the disk with ``sync``; returns where it begins."""
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        place = self._end
        with _disk_errors(self.path), self.path.open("rb+") as file:
            # What a full disk or a killed process left of a line is cut off.
            file.truncate(place)
            file.seek(place)
            file.write(text)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        self._end = place + len(text)
        return place

    def _lines(self) -> Iterator[tuple[int, Line]]:
        """(where it begins, line) of all whole lines; what comes after a damaged one is not trusted."""
        if not self.path.exists():
            return
        self._end = 0
        with _disk_errors(self.path), self.path.open("rb") as file:
            for text in file:
                try:
                    line = json.loads(text)
                except ValueError:
                    return
                if not text.endswith(b"\n") or not isinstance(line, dict):
                    return
                place, self._end = self._end, self._end + len(text)
                yield place, line

    def _take(self, place: int, line: Line) -> None:
        if "facts" in line:
            self.facts, self.replaces = line["facts"], bool(line["replaces"])
        elif "begun" in line:
            self.begun.add(line["begun"])
        elif "done" in line:
            self._places[line["done"]] = place
        self.closed = "closed" in line


class _disk_errors:
    """Turns an OSError into an error of dsim that names the file and the fix."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise DsimError(
                f"cannot write {self._path}: {error.strerror or error}",
                hint="free disk space, or choose a folder that can be written",
            ) from error
