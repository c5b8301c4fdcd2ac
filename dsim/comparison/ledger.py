"""Finished pairs: looked up before a comparison, written down while it runs."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING

from dsim.comparison.cells import Cell
from dsim.runtime import Runtime

if TYPE_CHECKING:
    from dsim.store.cells import CellStore

#: A commit flushes to disk and so costs milliseconds: pairs are written in bundles, and whatever happens at the end.
_SECONDS_BETWEEN_WRITES = 0.5


class CellLedger:
    """A context in which finished pairs are kept: also those before an interrupt."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._pending: dict[str, Cell] = {}
        self._written = time.monotonic()

    @cached_property
    def _store(self) -> CellStore:
        from dsim.store.cells import CellStore

        return CellStore(self._runtime.cache / "cells.sqlite", self._runtime.progress.note)

    def known(self, keys: Sequence[str]) -> dict[str, Cell]:
        """Those of the pairs that were computed before."""
        return {key: Cell.from_dict(stored) for key, stored in self._store.get_many(keys).items()}

    def add(self, key: str, cell: Cell) -> None:
        """Keep a finished pair. A failure is not kept: its cause may be mended by tomorrow."""
        if math.isnan(cell.value):
            return
        self._pending[key] = cell
        if time.monotonic() - self._written > _SECONDS_BETWEEN_WRITES:
            self._write()

    def _write(self) -> None:
        if self._pending:
            self._store.put_many({key: cell.to_dict() for key, cell in self._pending.items()})
        self._pending = {}
        self._written = time.monotonic()

    def __enter__(self) -> CellLedger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write()
