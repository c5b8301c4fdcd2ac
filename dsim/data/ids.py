"""Ids of samples: numbered by position, and unique."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from dsim.errors import DataError


@dataclass(frozen=True, eq=False)
class Numbered(Sequence[str]):
    """Ids by position, made when they are asked for: a million of them as a tuple take 60 MB.

    It equals the tuple of the same texts.
    """

    total: int
    prefix: str = ""

    def __len__(self) -> int:
        return self.total

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        if isinstance(index, slice):
            return tuple(map(self._text, range(self.total)[index]))
        return self._text(range(self.total)[index])

    def __iter__(self) -> Iterator[str]:
        return map(self._text, range(self.total))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Numbered):
            return (self.total, self.prefix) == (other.total, other.prefix)
        return isinstance(other, tuple) and len(other) == self.total and all(map(operator.eq, self, other))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def _text(self, position: int) -> str:
        digits = len(str(max(0, self.total - 1)))
        return f"{self.prefix}{position:0{digits}d}"


def numbered(count: int, prefix: str = "") -> Numbered:
    """Return ids by position, padded so that they sort as they count.

    >>> numbered(11)[8:]
    ('08', '09', '10')
    """
    return Numbered(count, prefix)


def refuse_duplicates(name: str, ids: Sequence[str]) -> None:
    """Raise DataError where two samples of the dataset of this name have one id."""
    if isinstance(ids, Numbered) or len(set(ids)) == len(ids):
        return
    seen: set[str] = set()
    twice = sorted({i for i in ids if i in seen or seen.add(i)})  # type: ignore[func-returns-value]
    raise DataError(
        f"dataset {name!r} has {len(twice)} duplicate sample ids, the first {twice[0]!r}",
        hint="give each sample its own stem",
    )
