"""Checks of arrays of images, masks, labels and features, wherever they come from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.errors import DataError
from dsim.runtime import default_cache
from dsim.store import FileRows, blocks

if TYPE_CHECKING:
    from typing import Any

    import h5py
    from numpy.typing import NDArray

    from dsim.store import JsonStore, Rows


#: So many channels are usual, and so many pixels are not.
_CHANNELS = (1, 2, 3, 4)
#: Texts of values that are missing, in numpy and pandas.
MISSING = frozenset({"nan", "NaN", "NaT", "<NA>"})
CHANNELS_FIRST = "channels come first in the arrays, and were put last"


@dataclass(frozen=True)
class Stack:
    """How a stack of images is stored: its ``shape`` with the channels last, (n, H, W[, C]), and where they are."""

    shape: tuple[int, ...]
    channels_first: bool = False

    @property
    def size(self) -> tuple[int, int, int]:
        """Height, width and channels of an image (h, w, c)."""
        return self.shape[1], self.shape[2], self.shape[3] if len(self.shape) == 4 else 1

    def image(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Return one image as it is stored, (H, W[, C]) or (C, H, W), with its channels last."""
        import numpy as np

        return np.moveaxis(stored, 0, -1) if self.channels_first else stored


def stack_of(shape: Sequence[int], what: str, channels: str | None = None) -> Stack:
    """Return how a stack of images (n, H, W), (n, H, W, C) or (n, C, H, W) is stored; its shape is given.

    The channels are the axis of 1 to 4 (the last one, where both ends are); else the last one, where it is shortest, or
    the first one, where it is at most half as long as the others; or ``first`` or ``last``, as given.
    Raises DataError for another shape, and where no axis is so short.

    >>> stack_of((9, 5, 64, 64), "images")
    Stack(shape=(9, 64, 64, 5), channels_first=True)
    """
    if len(shape) not in (3, 4) or 0 in shape[1:]:
        raise DataError(
            f"{what} has the shape {tuple(shape)}, not (n, height, width) or (n, height, width, channels)",
            hint="stack the images along the first axis, with the channels last",
        )
    stored = tuple(int(size) for size in shape)
    if len(stored) == 3:
        return Stack(stored)
    first = {"first": True, "last": False}.get(channels or "", _channels_first(stored))
    if first is None:
        raise DataError(
            f"{what} has the shape {stored}: which axis holds the channels, or whether they are volumes, is not known",
            hint="say where the channels are, PATH[channels=first] or PATH[channels=last], in Python channels='first'; "
            f"volumes (n, depth, height, width) of .npz are cut by PATH[slices=central] or [slices={stored[1]}] (all)",
        )
    return Stack((stored[0], *stored[2:], stored[1]), True) if first else Stack(stored)


def _channels_first(shape: tuple[int, ...]) -> bool | None:
    """Whether the channels come first by their number; None where that is not known."""
    first, middle, last = shape[1:]
    if last in _CHANNELS or first in _CHANNELS:
        return last not in _CHANNELS
    if last < min(first, middle):
        return False
    return True if 2 * first <= min(middle, last) else None


def mask_stack_of(shape: Sequence[int], images: Stack, what: str) -> Stack:
    """Return how masks (n, H, W), (n, H, W, C) or (n, C, H, W) of these images are stored; their shape is given.

    Raises DataError where they do not fit the images.
    """
    stored = tuple(int(size) for size in shape)
    if len(stored) == 4 and stored[1:3] != images.shape[1:3] and stored[2:] == images.shape[1:3]:
        stored, first = (stored[0], *stored[2:], stored[1]), True
    else:
        first = False
    if stored[:3] != images.shape[:3] or len(stored) not in (3, 4):
        raise DataError(
            f"{what} has the shape {tuple(shape)}, which does not fit images of {images.shape}",
            hint="give one mask per image, of the image's height and width",
        )
    return Stack(stored, first)


def texts(values: NDArray[Any] | Sequence[Any], what: str, names: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return one text per sample of values (n,) or (n, 1); with ``names``, integers are positions in it.

    Raises DataError for another shape, for values that are missing (NaN, None), and for integers that are not positions
    in ``names``.

    >>> texts([[1], [0]], "labels", ["cat", "dog"])
    ('dog', 'cat')
    """
    import numpy as np

    array = np.asarray(values)
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if array.ndim != 1:
        raise DataError(f"{what} has the shape {array.shape}, not (n,)", hint=f"give one of the {what} per image")
    if array.dtype.kind not in "iub":
        _refuse_missing(array.tolist(), what)
    if names is None or array.dtype.kind not in "iu":
        return tuple(_text(value) for value in array.tolist())
    if array.size and not 0 <= array.min() <= array.max() < len(names):
        raise DataError(
            f"{what} runs from {array.min()} to {array.max()}, but there are {len(names)} class names",
            hint="number the classes from 0, in the order of their names",
        )
    return tuple(str(names[int(value)]) for value in array)


def _refuse_missing(values: Sequence[object], what: str) -> None:
    """Raise DataError that names the rows without a value: as a text, "nan" would be a class of its own."""
    rows = [row for row, value in enumerate(values) if value is None or _text(value) in MISSING]
    if rows:
        named = ", ".join(map(str, rows[:3])) + (f" and {len(rows) - 3} more" if len(rows) > 3 else "")
        raise DataError(
            f"{what} has no value (NaN or None) in {len(rows)} of {len(values)} rows: {named}, counted from 0",
            hint="leave these images out, or name what they are, such as 'unknown'",
        )


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def dtype_as_read(dtype: Any) -> str:
    """Return the name of the dtype that ``as_pixels`` gives to stored pixels, (h, w) or (h, w, c), of this one."""
    import numpy as np

    name = str(np.dtype(dtype).name)
    return {"bool": "uint8", "float16": "float32"}.get(name, name)


@dataclass(frozen=True)
class GivenRows(FileRows):
    """Features (n, d) in the user's file, which was surveyed when the dataset was opened.

    ``stamp`` is the state of the file then: reading raises DataError for a file that changed since, since its
    fingerprint would lie.
    """

    sha256: str
    stamp: tuple[int, ...]

    def _opened(self) -> h5py.File:
        if _stamp(self.path) != self.stamp:
            raise DataError(f"{self.path} has changed since it was opened", hint="open the dataset again")
        return super()._opened()


@dataclass(frozen=True)
class Survey:
    """The result of one pass over features (n, d): their fingerprint, and whether all are finite."""

    sha256: str
    finite: bool


def check_features(features: Rows, name: str) -> None:
    """Raise DataError unless features are finite numbers (n, d)."""
    import numpy as np

    _refuse_shape(features, name)
    _refuse_not_finite(all(bool(np.isfinite(block).all()) for block in blocks(features)), name)


def _refuse_shape(features: Any, name: str) -> None:
    """Raise DataError unless this is an array of numbers (n, d); only the header is looked at."""
    if len(features.shape) != 2 or features.dtype.kind not in "fiu":
        raise DataError(
            f"features of dataset {name!r} are {features.dtype} of shape {tuple(features.shape)}, not numbers (n, d)",
            hint="give one row of numbers per image",
        )


def _refuse_not_finite(finite: bool, name: str) -> None:
    if not finite:
        raise DataError(f"features of dataset {name!r} hold NaN or infinity", hint="remove those rows or replace them")


def survey(features: Any) -> Survey:
    """Return the fingerprint (of shape, dtype and values) and the finiteness of features (n, d).

    They are read in blocks: memory does not grow with them.
    """
    import numpy as np

    state = hashlib.sha256(f"{tuple(features.shape)}{features.dtype.str}".encode())
    finite = True
    for block in blocks(features):
        block = np.ascontiguousarray(block)
        state.update(block.tobytes())
        finite = finite and bool(np.isfinite(block).all())
    return Survey(state.hexdigest(), finite)


def given_rows(array: h5py.Dataset, path: Path, name: str, cache: Path | None = None) -> GivenRows:
    """Return the features (n, d) of an opened HDF5 file. Raises DataError where they are not finite numbers.

    The first opening reads them once. Their fingerprint is remembered in ``cache`` (None: the default cache) as long as
    the file stays as it is.
    """
    _refuse_shape(array, name)
    stamp = _stamp(path)
    key = json.dumps(["features", str(path.resolve()), array.name, *stamp])
    memory = _memory(cache)
    known = memory.get(key)
    found = Survey(str(known["sha256"]), bool(known["finite"])) if known else survey(array)
    if known is None and _stamp(path) == stamp:
        memory.put_many({key: {"sha256": found.sha256, "finite": found.finite}})
    _refuse_not_finite(found.finite, name)
    plain = FileRows.of(path, array)
    return GivenRows(path, plain.name, plain.shape, plain.dtype, found.sha256, stamp)


def fingerprint(features: Rows) -> str:
    """Return the sha256 of features (n, d), their shape and dtype; an array and equal rows of a file have the same."""
    return features.sha256 if isinstance(features, GivenRows) else survey(features).sha256


def _stamp(path: Path) -> tuple[int, ...]:
    """Changes whenever the file is written to or replaced: the time of change cannot be set by anyone."""
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _memory(cache: Path | None) -> JsonStore:
    from dsim.store import JsonStore

    return JsonStore((cache or default_cache()) / "known.sqlite")
