"""Arrays in ``.npz``, named as MedMNIST does (``train_images``, ``train_labels``, ``val_...``, ``test_...``) or plainly
(``images``, ``labels``, ``class_names``, ``masks``, ``groups``). Pickled objects are never loaded.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from dsim.data.arrays import CHANNELS_FIRST, Stack, dtype_as_read, mask_stack_of, stack_of, texts
from dsim.data.backings import RowsBacking
from dsim.data.dataset import Dataset
from dsim.data.formats.pixels import naming, refuse_bomb
from dsim.data.ids import numbered
from dsim.data.options import ReadOptions
from dsim.errors import DataError
from dsim.registry import format_bracketed

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
    asked for. Where slices are chosen, (n, D, H, W) are volumes, each of them a group.
    Raises DataError for shapes that do not fit, pickled objects and decompression bombs;
    UnreadableImageError for a damaged file.
    """
    with naming(path):
        declared = _declared(path)
    splits = [split for split in _SPLITS if f"{split}_images" in declared]
    prefixes = [f"{split}_" for split in splits] or [""]
    parts = [_Part.of(path, prefix, declared, options) for prefix in prefixes]
    labelled = all(part.labels is not None for part in parts)
    return Dataset(
        name=options.name or path.stem,
        ids=tuple(i for part in parts for i in part.ids()),
        backing=_NpzBacking(path, tuple(part.rows for part in parts)),
        labels=tuple(label for part in parts for label in part.each(part.labels or ())) if labelled else None,
        groups=_groups(path, declared, parts, bool(splits)),
        splits=tuple(part.prefix[:-1] for part in parts for _ in part.ids()) if splits else None,
        masked=tuple(part.masked for part in parts for _ in part.ids()),
        dtypes=tuple(part.dtype for part in parts for _ in part.ids()),
        location=str(path),
        format=format_bracketed("npz", options.cut.options),
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )


@dataclass(frozen=True)
class _Rows:
    """The samples of one split: ``count`` rows of ``<prefix>images``, of each of which the ``slices`` are samples.

    ``slices`` is None where each row is an image; ``first`` are the arrays whose channels come first.
    """

    prefix: str
    count: int
    slices: tuple[int, ...] | None = None
    first: tuple[str, ...] = ()

    @property
    def samples(self) -> int:
        return self.count * (1 if self.slices is None else len(self.slices))

    def take(self, array: NDArray[Any], name: str, index: int) -> NDArray[Any]:
        """Return one image or mask of the array, (H, W[, C])."""
        import numpy as np

        if self.slices is None:
            row: NDArray[Any] = array[index]
            return np.moveaxis(row, 0, -1) if name in self.first else row
        volume, place = divmod(index, len(self.slices))
        plane: NDArray[Any] = array[volume, self.slices[place]]
        return plane


@dataclass(frozen=True)
class _NpzBacking(RowsBacking):
    """Rows of the arrays ``<prefix>images`` (n, h, w[, c]) and ``<prefix>masks`` (n, h, w) of an archive."""

    parts: tuple[_Rows, ...]

    def _row(self, name: str, index: int) -> NDArray[Any]:
        for part in self.parts:
            if index < part.samples:
                return part.take(self._array(part.prefix + name), name, index)
            index -= part.samples
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

    rows: _Rows
    dtype: str
    masked: bool
    labels: tuple[str, ...] | None
    notes: tuple[str, ...]

    @classmethod
    def of(cls, path: Path, prefix: str, declared: Declared, options: ReadOptions) -> _Part:
        key, masks = f"{prefix}images", f"{prefix}masks"
        if key not in declared:
            raise DataError(
                f"{path} has no images; it holds {', '.join(sorted(declared)) or 'nothing'}",
                hint="name the arrays images and labels, or train_images, train_labels, ... as MedMNIST does",
            )
        shape, dtype = declared[key]
        stack, slices = _stack(shape, f"{key} in {path}", options)
        refuse_bomb(f"{key} in {path}", *stack.size, options.max_pixels)
        first: tuple[str, ...] = ("images",) if stack.channels_first else ()
        if masks in declared:
            wanted = declared[masks][0]
            wanted = wanted[:1] + wanted[2:] if slices is not None and wanted[:2] == shape[:2] else wanted
            first += ("masks",) if mask_stack_of(wanted, stack, f"{masks} in {path}").channels_first else ()
        labels, notes = _labels(path, prefix, declared)
        notes += (CHANNELS_FIRST,) if stack.channels_first else ()
        if slices is not None:
            notes += (f"{len(slices)} of the {shape[1]} slices of each of {shape[0]} volumes, along the first axis",)
        return cls(_Rows(prefix, shape[0], slices, first), dtype_as_read(dtype), masks in declared, labels, notes)

    @property
    def prefix(self) -> str:
        return self.rows.prefix

    def ids(self) -> Iterable[str]:
        """Return the ids of all samples: positions, behind the split, and before the slice of a volume."""
        volumes = numbered(self.rows.count, self.prefix.replace("_", "/"))
        if self.rows.slices is None:
            return volumes
        digits = len(str(max(self.rows.slices, default=0)))
        return [f"{volume}#{place:0{digits}d}" for volume in volumes for place in self.rows.slices]

    def each(self, values: Iterable[str]) -> Iterable[str]:
        """Yield the value of every sample, from those of the rows."""
        slices = range(1) if self.rows.slices is None else self.rows.slices
        return (value for value in values for _ in slices)


def _stack(shape: tuple[int, ...], what: str, options: ReadOptions) -> tuple[Stack, tuple[int, ...] | None]:
    """How images are stored, and which slices of volumes (n, D, H, W) are samples; None where there are no volumes."""
    cut = options.cut
    if len(shape) != 4 or not cut.options or options.channels is not None:
        cut.refuse(what, "holds single images")
        return stack_of(shape, what, options.channels), None
    if cut.axis != "z" or cut.time is not None:
        raise DataError(f"the volumes of {what} are cut along their first axis only", hint="leave axis and time out")
    return stack_of((shape[0], *shape[2:]), what), cut.positions(shape[1])


def _labels(path: Path, prefix: str, declared: Declared) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    key = f"{prefix}labels"
    if key not in declared:
        return None, ()
    shape = declared[key][0]
    if len(shape) == 2 and shape[1] > 1:
        return None, (f"labels are not used: each image has {shape[1]} of them",)
    names = texts(_load(path, "class_names"), "class_names") if "class_names" in declared else None
    return texts(_load(path, key), f"{key} in {path}", names), ()


def _groups(path: Path, declared: Declared, parts: Sequence[_Part], split: bool) -> tuple[str, ...] | None:
    """The groups that are given, else volumes: their slices are not independent. One alone divides nothing."""
    if "groups" in declared and not split:
        given = texts(_load(path, "groups"), f"groups in {path}")
        return tuple(group for part in parts for group in part.each(given))
    if all(part.rows.slices is None for part in parts) or sum(part.rows.count for part in parts) == 1:
        return None
    return tuple(sample.partition("#")[0] for part in parts for sample in part.ids())


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
    if member.file_size < math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{member.filename} holds {member.file_size:,} bytes, too few for its shape {shape}")
    if member.file_size > max(_BOMB_BYTES, _BOMB_RATIO * member.compress_size):
        raise DataError(
            f"{member.filename} in {path} unpacks {member.compress_size:,} bytes to {member.file_size:,}: "
            "a decompression bomb",
            hint="if you trust it, save it uncompressed: numpy.savez, or as HDF5",
        )
    return shape, dtype
