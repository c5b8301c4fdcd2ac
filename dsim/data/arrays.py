"""What arrays of images, labels and masks must look like, wherever they come from."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

from dsim.errors import DataError

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

_CHANNELS = (1, 2, 3, 4)


def check_stack(shape: Sequence[int], what: str) -> None:
    """Refuse arrays that are no stack of images: (n, H, W) or (n, H, W, C) is one."""
    if len(shape) not in (3, 4) or 0 in shape[1:]:
        raise DataError(
            f"{what} has the shape {tuple(shape)}, not (n, height, width) or (n, height, width, channels)",
            hint="stack the images along the first axis, with the channels last",
        )
    if len(shape) == 4 and shape[1] in _CHANNELS and shape[3] not in _CHANNELS:
        raise DataError(
            f"{what} has the shape {tuple(shape)}: its channels come first",
            hint="put them last: numpy.moveaxis(images, 1, -1)",
        )


def check_masks(shape: Sequence[int], images: Sequence[int], what: str) -> None:
    """Refuse masks that do not fit a stack of images."""
    if tuple(shape[:3]) != tuple(images[:3]) or len(shape) not in (3, 4):
        raise DataError(
            f"{what} has the shape {tuple(shape)}, which does not fit images of {tuple(images)}",
            hint="give one mask per image, of the image's height and width",
        )


def texts(values: NDArray[Any] | Sequence[Any], what: str, names: Sequence[str] | None = None) -> tuple[str, ...]:
    """One text per sample; with ``names``, integers are positions in it. A trailing axis of length one is dropped.

    >>> texts([[1], [0]], "labels", ["cat", "dog"])
    ('dog', 'cat')
    """
    import numpy as np

    array = np.asarray(values)
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if array.ndim != 1:
        raise DataError(f"{what} has the shape {array.shape}, not (n,)", hint=f"give one of the {what} per image")
    if names is None or array.dtype.kind not in "iu":
        return tuple(_text(value) for value in array.tolist())
    if array.size and not 0 <= array.min() <= array.max() < len(names):
        raise DataError(
            f"{what} runs from {array.min()} to {array.max()}, but there are {len(names)} class names",
            hint="number the classes from 0, in the order of their names",
        )
    return tuple(str(names[int(value)]) for value in array)


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


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
    """Ids by position, padded so that they sort as they count.

    >>> numbered(11)[8:]
    ('08', '09', '10')
    """
    return Numbered(count, prefix)


def dtype_as_read(dtype: Any) -> str:
    """The dtype that ``as_pixels`` will give to stored pixels of this one."""
    import numpy as np

    name = str(np.dtype(dtype).name)
    return {"bool": "uint8", "float16": "float32"}.get(name, name)
