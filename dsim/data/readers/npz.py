"""Arrays in ``.npz``, named as MedMNIST does (``train_images``, ``train_labels``, ``val_...``, ``test_...``) or plainly
(``images``, ``labels``, ``class_names``, ``masks``, ``groups``). Pickled objects are never loaded.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from dsim.data.arrays import check_masks, check_stack, dtype_as_read, texts
from dsim.data.backings import RowsBacking
from dsim.data.dataset import Dataset
from dsim.data.formats.pixels import naming, refuse_bomb
from dsim.data.ids import numbered
from dsim.data.options import ReadOptions
from dsim.errors import DataError

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    Declared = Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]

_SPLITS = ("test", "train", "val")  # in the order of the ids
#: Images do not compress a hundredfold, and small files do no harm.
_BOMB_RATIO, _BOMB_BYTES = 100, 2**30
_LOADING = Lock()


def accepts(path: Path) -> bool:
    """Return whether this is a ``.npz`` file."""
    return path.suffix.lower() == ".npz" and path.is_file()


def read(path: Path, options: ReadOptions) -> Dataset:
    """Return the dataset of the file; ids are positions, behind ``train/``, ``val/``, ``test/`` where there are splits.

    The shapes are read from the archive's headers; an array (n, H, W[, C]) is loaded whole when its first image is
    asked for. Raises DataError for shapes that do not fit, pickled objects and decompression bombs;
    UnreadableImageError for a damaged file.
    """
    options.cut.refuse(path, "holds single images")
    with naming(path):
        declared = _declared(path)
    splits = [split for split in _SPLITS if f"{split}_images" in declared]
    prefixes = [f"{split}_" for split in splits] or [""]
    parts = [_Part.of(path, prefix, declared, options) for prefix in prefixes]
    labelled = all(part.labels is not None for part in parts)
    return Dataset(
        name=options.name or path.stem,
        ids=tuple(i for part in parts for i in numbered(part.count, part.prefix.replace("_", "/"))),
        backing=_NpzBacking(path, tuple((part.prefix, part.count) for part in parts)),
        labels=tuple(label for part in parts for label in part.labels or ()) if labelled else None,
        groups=_groups(path, declared) if not splits else None,
        splits=tuple(part.prefix[:-1] for part in parts for _ in range(part.count)) if splits else None,
        masked=tuple(part.masked for part in parts for _ in range(part.count)),
        dtypes=tuple(part.dtype for part in parts for _ in range(part.count)),
        location=str(path),
        format="npz",
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )


@dataclass(frozen=True)
class _NpzBacking(RowsBacking):
    """Rows of the arrays ``<prefix>images`` (n, h, w[, c]) and ``<prefix>masks`` (n, h, w) of an archive."""

    parts: tuple[tuple[str, int], ...]

    def _row(self, name: str, index: int) -> NDArray[Any]:
        for prefix, count in self.parts:
            if index < count:
                row: NDArray[Any] = self._array(prefix + name)[index]
                return row
            index -= count
        raise IndexError(index)

    def _array(self, key: str) -> NDArray[Any]:
        with _LOADING:
            if key not in self._loaded:
                self._loaded[key] = _load(self.path, key)
            return self._loaded[key]

    @cached_property
    def _loaded(self) -> dict[str, NDArray[Any]]:
        return {}

    def __getstate__(self) -> dict[str, Any]:
        # Other processes load for themselves rather than receive gigabytes.
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class _Part:
    """The arrays of one split, or of the whole archive."""

    prefix: str
    count: int
    dtype: str
    masked: bool
    labels: tuple[str, ...] | None
    notes: tuple[str, ...]

    @classmethod
    def of(cls, path: Path, prefix: str, declared: Declared, options: ReadOptions) -> _Part:
        key = f"{prefix}images"
        if key not in declared:
            raise DataError(
                f"{path} has no images; it holds {', '.join(sorted(declared)) or 'nothing'}",
                hint="name the arrays images and labels, or train_images, train_labels, ... as MedMNIST does",
            )
        shape, dtype = declared[key]
        check_stack(shape, f"{key} in {path}")
        refuse_bomb(f"{key} in {path}", shape[1], shape[2], shape[3] if len(shape) == 4 else 1, options.max_pixels)
        masks = f"{prefix}masks"
        if masks in declared:
            check_masks(declared[masks][0], shape, f"{masks} in {path}")
        labels, notes = _labels(path, prefix, declared)
        return cls(prefix, shape[0], dtype_as_read(dtype), masks in declared, labels, notes)


def _labels(path: Path, prefix: str, declared: Declared) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    key = f"{prefix}labels"
    if key not in declared:
        return None, ()
    shape = declared[key][0]
    if len(shape) == 2 and shape[1] > 1:
        return None, (f"labels are not used: each image has {shape[1]} of them",)
    names = texts(_load(path, "class_names"), "class_names") if "class_names" in declared else None
    return texts(_load(path, key), f"{key} in {path}", names), ()


def _groups(path: Path, declared: Declared) -> tuple[str, ...] | None:
    return texts(_load(path, "groups"), f"groups in {path}") if "groups" in declared else None


def _load(path: Path, key: str) -> NDArray[Any]:
    import numpy as np

    with naming(f"{key} in {path}"), np.load(path, allow_pickle=False) as archive:
        array: NDArray[Any] = archive[key]
        return array


def _declared(path: Path) -> Declared:
    """Shape and dtype of every array, from the headers alone; refuses pickles and decompression bombs."""
    found: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.filename.endswith(".npy"):
                found[member.filename[:-4]] = _header(path, archive, member)
    return found


def _header(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[tuple[int, ...], np.dtype[Any]]:
    import numpy as np

    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, _, dtype = readers[version](file)
    if dtype.hasobject:
        raise DataError(
            f"{member.filename} in {path} holds pickled objects, which could run code when loaded",
            hint="save plain arrays: labels as numpy.array(labels, dtype=str), images as one numpy.stack(images)",
        )
    if member.file_size > max(_BOMB_BYTES, _BOMB_RATIO * member.compress_size):
        raise DataError(
            f"{member.filename} in {path} unpacks {member.compress_size:,} bytes to {member.file_size:,}: "
            "a decompression bomb",
            hint="if you trust it, save it uncompressed: numpy.savez, or as HDF5",
        )
    return shape, dtype
