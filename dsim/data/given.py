"""Features that are given with a dataset: arrays, or rows of a file; checked, hashed and handed out in blocks."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.errors import DataError
from dsim.runtime import default_cache
from dsim.store.array_file import FileRows, blocks

if TYPE_CHECKING:
    from typing import Any

    import h5py

    from dsim.store.array_file import Rows
    from dsim.store.json_store import JsonStore


@dataclass(frozen=True)
class GivenRows(FileRows):
    """Features in the user's own file, which was surveyed when the dataset was opened.

    ``stamp`` is the state of the file then: a file that changed since is refused, since its fingerprint would lie.
    """

    sha256: str
    stamp: tuple[int, ...]

    def _opened(self) -> h5py.File:
        if _stamp(self.path) != self.stamp:
            raise DataError(f"{self.path} has changed since it was opened", hint="open the dataset again")
        return super()._opened()


@dataclass(frozen=True)
class Survey:
    """What one pass over features tells: their fingerprint, and whether all are finite."""

    sha256: str
    finite: bool


def check_features(features: Rows, name: str) -> None:
    """Refuse features that are not finite numbers (n, d)."""
    import numpy as np

    _refuse_shape(features, name)
    _refuse_not_finite(all(bool(np.isfinite(block).all()) for block in blocks(features)), name)


def _refuse_shape(features: Any, name: str) -> None:
    """Refuse what is not an array of numbers (n, d); only the header is looked at."""
    if len(features.shape) != 2 or features.dtype.kind not in "fiu":
        raise DataError(
            f"features of dataset {name!r} are {features.dtype} of shape {tuple(features.shape)}, not numbers (n, d)",
            hint="give one row of numbers per image",
        )


def _refuse_not_finite(finite: bool, name: str) -> None:
    if not finite:
        raise DataError(f"features of dataset {name!r} hold NaN or infinity", hint="remove those rows or replace them")


def survey(features: Any) -> Survey:
    """Fingerprint (shape, dtype and values) and finiteness of features, in memory that does not grow with them."""
    import numpy as np

    state = hashlib.sha256(f"{tuple(features.shape)}{features.dtype.str}".encode())
    finite = True
    for block in blocks(features):
        block = np.ascontiguousarray(block)
        state.update(block.tobytes())
        finite = finite and bool(np.isfinite(block).all())
    return Survey(state.hexdigest(), finite)


def given_rows(array: h5py.Dataset, path: Path, name: str) -> GivenRows:
    """The features of an opened HDF5 file; DataError where they are not finite numbers (n, d).

    The first opening reads them once. What was found is remembered as long as the file stays as it is.
    """
    _refuse_shape(array, name)
    stamp = _stamp(path)
    key = json.dumps(["features", str(path.resolve()), array.name, *stamp])
    known = _memory().get(key)
    found = Survey(str(known["sha256"]), bool(known["finite"])) if known else survey(array)
    if known is None and _stamp(path) == stamp:
        _memory().put_many({key: {"sha256": found.sha256, "finite": found.finite}})
    _refuse_not_finite(found.finite, name)
    plain = FileRows.of(path, array)
    return GivenRows(path, plain.name, plain.shape, plain.dtype, found.sha256, stamp)


def fingerprint(features: Rows) -> str:
    """sha256 of features with their shape and dtype; the same for an array and for equal rows of a file."""
    return features.sha256 if isinstance(features, GivenRows) else survey(features).sha256


def _stamp(path: Path) -> tuple[int, ...]:
    """Changes whenever the file is written to or replaced: the time of change cannot be set by anyone."""
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _memory() -> JsonStore:
    from dsim.store.json_store import JsonStore

    return JsonStore(default_cache() / "known.sqlite")
