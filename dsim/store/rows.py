"""Arrays that stay in their file: rows are read when they are asked for, and never all at once unless wanted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    import h5py
    from numpy.typing import NDArray

#: Bytes that a block of rows holds unless told otherwise.
_BLOCK = 2**23


class Rows(Protocol):
    """What an array and rows in a file have in common; ``numpy.asarray`` reads them all."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, key: Any, /) -> Any: ...

    def __array__(self, dtype: Any = None, /) -> NDArray[Any]: ...


@dataclass(frozen=True)
class FileRows:
    """One array of an HDF5 file, by rows. It can be pickled and holds no open file.

    Indexing reads what is asked for: one row, a slice, or a list of positions in any order, with repetition.
    """

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, path: Path, array: h5py.Dataset) -> FileRows:
        """The rows of an array of an opened file."""
        return cls(path, array.name, tuple(array.shape), array.dtype)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray[Any]:
        with self._opened() as file:
            array = file[self.name]
            if isinstance(key, slice | int | np.integer):
                return np.asarray(array[key])
            positions = np.arange(len(self))[np.asarray(key)]
            found = np.empty((len(positions), *self.shape[1:]), dtype=self.dtype)
            # In blocks: HDF5 itself takes seconds for some thousand single rows, and refuses them out of order.
            step = rows_per_block(array)
            for start in np.unique(positions // step) * step:
                here = np.flatnonzero((positions >= start) & (positions < start + step))
                found[here] = array[start : start + step][positions[here] - start]
            return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("rows in a file cannot become an array without being read")
        whole = self[:]
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def _opened(self) -> h5py.File:
        import h5py

        return h5py.File(self.path, "r", locking=False)


def blocks(array: Any, rows: int = 0) -> Iterator[Any]:
    """Consecutive slices of an array, of ``rows`` rows each; by default of some megabytes.

    >>> [block.tolist() for block in blocks(np.arange(5), 2)]
    [[0, 1], [2, 3], [4]]
    """
    step = rows or rows_per_block(array)
    return (array[start : start + step] for start in range(0, len(array), step))


def rows_per_block(array: Any) -> int:
    """Rows that make some megabytes."""
    size = int(array.dtype.itemsize * np.prod(array.shape[1:], dtype=np.int64))
    return max(1, _BLOCK // max(1, size))
