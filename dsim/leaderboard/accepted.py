"""Strangers' results that were accepted: their documents are kept, and checked and judged anew for every board."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsim.errors import DataError
from dsim.files import write_text
from dsim.leaderboard.adding import addition
from dsim.leaderboard.documents import read_json
from dsim.leaderboard.rows import Board

_DIGITS = 8


@dataclass(frozen=True)
class Accepted:
    """The documents in a folder, each under its own name behind the first digits of its sha256."""

    folder: Path

    def merge(self, board: Board, new: Sequence[Path], note: Callable[[str], None]) -> Board:
        """The board with the rows of the new documents, and of those that were accepted before.

        A new one that does not fit raises DataError, and none is kept; an earlier one is passed over, and that is said.
        """
        for path in new:
            board = self._added(board, path, path.name, note)
        for path in new:
            text = path.read_text("utf-8")
            write_text(self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]}-{path.name}", text)
        for path, name in self._earlier(new):
            try:
                board = self._added(board, path, name, note)
            except DataError as error:
                note(f"what was added from {name} is left out: {error.message}")
        return board

    def _added(self, board: Board, path: Path, name: str, note: Callable[[str], None]) -> Board:
        found = addition(board, read_json(path), name)
        for text in found.notes:
            note(f"{name}: {text}")
        if found.added:
            note(f"{name}: added {', '.join(found.added)}")
        return found.board

    def _earlier(self, new: Sequence[Path]) -> Iterator[tuple[Path, str]]:
        """Files and names of documents that were accepted before."""
        digests = {hashlib.sha256(path.read_bytes()).hexdigest()[:_DIGITS] for path in new}
        for path in sorted(self.folder.glob("*.json")):
            if path.name[:_DIGITS] not in digests:
                yield path, path.name[_DIGITS + 1 :]
