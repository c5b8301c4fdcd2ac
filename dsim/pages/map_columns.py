"""Values of each image of a map besides its place: categories and numbers that the page colours and filters by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dsim.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: The column whose values the page lets its reader change, and the columns that go with it into ``labels.csv``.
LABEL, BESIDE_LABEL = "label", ("group", "split")
#: Names that the page itself gives to columns of its CSV files.
RESERVED = ("file", "dataset", "x", "y")


@dataclass(frozen=True)
class MapColumn:
    """A value of each image of a map.

    Parameters
    ----------
    name : heading in the page. ``label`` is the column that the page's reader may change; ``group`` and ``split`` go
        into ``labels.csv`` with it. ``file``, ``dataset``, ``x`` and ``y`` are the page's own.
    kind : ``category``, whose values are texts, or ``number``.
    values : n texts, empty where there is none; or n numbers, NaN where there is none.
    help : a sentence that says what the values mean.

    Raises
    ------
    DataError : the kind is another, a name is reserved, or the values are not of the kind.

    >>> MapColumn("label", "category", ["a", "b", ""]).values[2]
    ''
    """

    name: str
    kind: Literal["category", "number"]
    values: Sequence[str] | NDArray[np.float64]
    help: str = ""

    def __post_init__(self) -> None:
        for fault in self._faults():
            raise DataError(f"the column {self.name!r} of the map {fault}", hint="see dsim.pages.MapColumn")

    def _faults(self) -> Iterator[str]:
        import numpy as np

        if not self.name or self.name in RESERVED:
            yield f"needs another name than {', '.join(map(repr, RESERVED))}"
        if self.kind not in ("category", "number"):
            yield f"is of the kind {self.kind!r}: must be 'category' or 'number'"
        if self.kind == "number" and np.asarray(self.values).dtype.kind not in "fiub":
            yield "holds texts: numbers are expected"
        if self.kind == "number" and np.isinf(np.asarray(self.values, float)).any():
            yield "holds an infinity: numbers must be finite, or NaN where there is none"
        if self.kind == "category" and not all(isinstance(value, str) for value in self.values):
            yield "holds other values than texts"


def category_order(name: str) -> tuple[bool, int, str, str]:
    """Return the key by which categories are sorted: numbers in their order, then texts, and no text at all last.

    >>> sorted(["b", "10", "", "9", "A"], key=category_order)
    ['9', '10', 'A', 'b', '']
    """
    digits = len(name) if name.isdecimal() else 1 << 30
    return not name, digits, name.casefold(), name
