"""One record as one HDF5 file: key, attributes, arrays, and a checksum over all of them; and its arrays by rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dsim.errors import StoreError
from dsim.files.deferred_errors import DeferringFile

if TYPE_CHECKING:
    import h5py
    from numpy.typing import NDArray


#: Bytes that a block of rows holds by default.
_BLOCK = 2**23


class Rows(Protocol):
    """An array, or rows in a file, of shape (n, ...); ``numpy.asarray`` reads them all."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, key: Any, /) -> Any: ...

    def __array__(self, dtype: Any = None, /) -> NDArray[Any]: ...


@dataclass(frozen=True)
class FileRows:
    """Rows of one array (n, ...) of an HDF5 file. They can be pickled, and hold no open file.

    Indexing reads what is asked for: one row, a slice, or a list of positions in any order, with repetition.
    """

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, path: Path, array: h5py.Dataset) -> FileRows:
        """Return the rows of an array (n, ...) of an opened file."""
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
            step = _rows_per_block(array)
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
    """Return consecutive slices (b, ...) of an array (n, ...), of ``rows`` rows each; by default of some megabytes.

    >>> [block.tolist() for block in blocks(np.arange(5), 2)]
    [[0, 1], [2, 3], [4]]
    """
    step = rows or _rows_per_block(array)
    return (array[start : start + step] for start in range(0, len(array), step))


def _rows_per_block(array: Any) -> int:
    """Rows that make some megabytes."""
    size = int(array.dtype.itemsize * np.prod(array.shape[1:], dtype=np.int64))
    return max(1, _BLOCK // max(1, size))


SCHEMA = 1


class Corrupt(Exception):
    """A file is not the whole, unaltered record that its name promises."""


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what a full or read-only disk does (OSError, and RuntimeError of HDF5) into StoreError."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise StoreError(
            f"cannot write {path}: {getattr(error, 'strerror', None) or error}",
            hint="free some space (dsim cache prune) or choose another folder: DSIM_CACHE=FOLDER",
        ) from error


class Writer:
    """A writer of arrays (n, ...) into a new file, whole or row by row; errors name ``target``, its place to be."""

    def __init__(self, path: Path, target: Path, kind: str, key: str, attributes: str) -> None:
        import h5py

        self._target = target
        self._disk = DeferringFile(path)
        self._file = h5py.File(self._disk, "w")
        self._file.attrs["schema"] = SCHEMA
        self._file.attrs["kind"] = kind
        # As datasets: an HDF5 attribute holds at most 64 kB, and the ids of a large dataset are more.
        for name, text in {"key": key, "attributes": attributes}.items():
            self._file.create_dataset(name, data=text, dtype=h5py.string_dtype())
        self._arrays = self._file.create_group("arrays")
        self._texts = [key, attributes]
        self._hashes: dict[str, Any] = {}

    def write(self, name: str, array: NDArray[Any]) -> None:
        """Store a whole numeric array (n, ...). Raises StoreError where it holds no numbers, or the disk is full."""
        array = _numeric(name, array)
        with self._writing():
            self._arrays.create_dataset(name, data=array)
        self._hashes[name] = hashlib.sha256(_bytes(array))

    def append(self, name: str, rows: NDArray[Any]) -> None:
        """Add rows (b, ...) to an array that grows, in constant memory. Raises StoreError as ``write`` does."""
        rows = _numeric(name, rows)
        if name not in self._hashes:
            self._start(name, rows)
        array = self._arrays[name]
        rows = rows.astype(array.dtype, copy=False)
        with self._writing():
            array.resize(len(array) + len(rows), axis=0)
            array[len(array) - len(rows) :] = rows
        self._hashes[name].update(_bytes(rows))

    def _start(self, name: str, rows: NDArray[Any]) -> None:
        tail = rows.shape[1:]
        # A chunk per batch: few enough to be cheap, small enough to be streamed.
        chunks = (max(1, len(rows)), *tail)
        with self._writing():
            self._arrays.create_dataset(name, (0, *tail), rows.dtype, maxshape=(None, *tail), chunks=chunks)
        self._hashes[name] = hashlib.sha256()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with disk_errors(self._target):
            yield
            self._disk.check()

    def finish(self) -> None:
        """Seal the file with its checksum and close it. Raises OSError where the disk refuses."""
        hashes = {name: state.hexdigest() for name, state in self._hashes.items()}
        self._file.attrs["sha256"] = _checksum(self._texts, self._arrays, hashes)
        self._close()
        self._disk.check()

    def abandon(self) -> None:
        """Close the file as it is; it holds no checksum and is never taken for whole."""
        self._close()

    def _close(self) -> None:
        try:
            self._file.close()
        finally:
            self._disk.close()


def read(path: Path, key: str | None = None) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays (n, ...) and attributes of a file, verified; raises Corrupt, or OSError where it does not open.

    With ``key``, the file must hold the record of exactly this key.
    """
    with _verifying(path) as file:
        arrays = {name: np.asarray(array[()]) for name, array in file["arrays"].items()}
        hashes = {name: hashlib.sha256(_bytes(array)).hexdigest() for name, array in arrays.items()}
        return arrays, _verified(file, hashes, key)


def open_rows(path: Path, key: str | None = None) -> tuple[dict[str, FileRows], dict[str, Any]]:
    """Return rows (n, ...) that are read when asked for, and attributes; verified in blocks, in little memory.

    Raises as ``read`` does: Corrupt, or OSError.
    """
    with _verifying(path) as file:
        found = {name: FileRows.of(path, array) for name, array in file["arrays"].items()}
        hashes = {name: _hash_in_blocks(array) for name, array in file["arrays"].items()}
        return found, _verified(file, hashes, key)


@contextmanager
def _verifying(path: Path) -> Iterator[h5py.File]:
    import h5py

    try:
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except (FileNotFoundError, PermissionError):
        raise
    # Damaged HDF5 structures surface as any of these, depending on which part of the file is hit.
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError) as error:
        raise Corrupt(str(error)) from error


def _verified(file: h5py.File, hashes: dict[str, str], key: str | None) -> dict[str, Any]:
    """The attributes of a file whose arrays have these hashes; Corrupt unless it is what it was when it was sealed."""
    if int(file.attrs["schema"]) != SCHEMA:
        raise Corrupt(f"schema {file.attrs['schema']}, not {SCHEMA}")
    texts = [file[name].asstr()[()] for name in ("key", "attributes")]
    if _checksum(texts, file["arrays"], hashes) != file.attrs["sha256"]:
        raise Corrupt("its checksum does not match")
    if key is not None and texts[0] != key:
        raise Corrupt("it holds the record of another key")
    attributes: dict[str, Any] = json.loads(texts[1])
    return attributes


def _hash_in_blocks(array: h5py.Dataset) -> str:
    state = hashlib.sha256()
    if array.ndim == 0:
        state.update(_bytes(np.asarray(array[()])))
        return state.hexdigest()
    for block in blocks(array):
        state.update(_bytes(np.ascontiguousarray(block)))
    return state.hexdigest()


def _checksum(texts: list[str], arrays: Any, hashes: dict[str, str]) -> str:
    """sha256 over key, attributes, and name, dtype, shape and content of every array."""
    parts = [[name, arrays[name].dtype.str, list(arrays[name].shape), hashes[name]] for name in sorted(hashes)]
    return hashlib.sha256(json.dumps([texts, parts]).encode()).hexdigest()


def _numeric(name: str, array: NDArray[Any]) -> NDArray[Any]:
    array = np.asarray(array)
    if array.dtype.kind not in "biufc":
        raise StoreError(
            f"array {name!r} has dtype {array.dtype}, and only numbers are kept as arrays",
            hint="keep texts as attributes",
        )
    return array.copy(order="C") if not array.flags.c_contiguous else array


def _bytes(array: NDArray[Any]) -> memoryview | bytes:
    """The content without a copy; a view of nothing cannot be cast."""
    return array.data.cast("B") if array.size and array.ndim else array.tobytes()
