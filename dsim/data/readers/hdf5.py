"""HDF5 with ``images`` (n, H, W[, C]) or ``features`` (n, d), and any of ``labels``, ``masks``, ``groups``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.data.arrays import CHANNELS_FIRST, Stack, dtype_as_read, given_rows, mask_stack_of, stack_of, texts
from dsim.data.backings import RowsBacking
from dsim.data.dataset import Dataset
from dsim.data.file_list import list_files, subfolders
from dsim.data.formats.pixels import naming, refuse_bomb
from dsim.data.ids import numbered
from dsim.data.options import Arrangement, ReadOptions
from dsim.data.readers import npz
from dsim.errors import DataError

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray


#: Images do not compress a thousandfold, and small files do no harm.
_BOMB_RATIO, _BOMB_BYTES = 1000, 2**30
_NAMES = ("images", "features", "labels", "masks", "groups")


def accepts(path: Path) -> bool:
    """Return whether this is an ``.h5`` or ``.hdf5`` file."""
    return path.suffix.lower() in (".h5", ".hdf5") and path.is_file()


def read(path: Path, options: ReadOptions) -> Dataset:
    """Return the dataset of the file; ids are positions.

    Images (n, H, W[, C]), masks (n, H, W) and features (n, d) stay in the file, and are read by rows when they are
    asked for. Raises DataError for shapes that do not fit, for links to other files, and where neither images nor
    features are there; UnreadableImageError for a damaged file.
    """
    options.cut.refuse(path, "holds single images")
    with naming(path), _opened(path) as file:
        found = {name: file[name] for name in _NAMES if name in file}
        if "images" not in found and "features" not in found:
            raise DataError(
                f"{path} has no images; it holds {', '.join(sorted(file)) or 'nothing'}",
                hint="name the datasets images, labels, masks, features, groups",
            )
        for name in found:
            _refuse_foreign(file, name, path)
            _refuse_empty_promise(file[name], f"{name} in {path}")
        return _dataset(found, _stacks(found, path, options), path, options)


@dataclass(frozen=True)
class _Hdf5Backing(RowsBacking):
    """Rows of ``images`` and ``masks``; the file is opened for each row, and closed. ``first``: channels come first."""

    first: tuple[str, ...] = ()

    def _row(self, name: str, index: int) -> NDArray[Any]:
        import numpy as np

        with naming(f"{name} {index} of {self.path}"), _opened(self.path) as file:
            row: NDArray[Any] = file[name][index]
            return np.moveaxis(row, 0, -1) if name in self.first else row


def _opened(path: Path) -> Any:
    import h5py

    return h5py.File(path, "r", locking=False)


def _dataset(found: dict[str, Any], stacks: dict[str, Stack], path: Path, options: ReadOptions) -> Dataset:
    first = tuple(key for key, stack in stacks.items() if stack.channels_first)
    name = options.name or path.stem
    images, features = found.get("images"), found.get("features")
    count = len(found["images" if images is not None else "features"])
    columns = {key: texts(found[key][:], f"{key} in {path}") for key in ("labels", "groups") if key in found}
    return Dataset(
        name=name,
        ids=numbered(count),
        backing=None if images is None else _Hdf5Backing(path, first),
        labels=columns.get("labels"),
        groups=columns.get("groups"),
        features=None if features is None else given_rows(features, path, name, options.cache),
        masked="masks" in found,
        dtypes=None if images is None else (dtype_as_read(images.dtype),) * count,
        location=str(path),
        format="HDF5",
        notes=(CHANNELS_FIRST,) if "images" in first else (),
    )


def _stacks(found: dict[str, Any], path: Path, options: ReadOptions) -> dict[str, Stack]:
    """How images and masks are stored."""
    if "images" not in found:
        Arrangement(channels=options.channels).refuse_channels(path, "holds no images")
        if "masks" in found:
            raise DataError(f"{path} has masks but no images", hint="add the dataset images")
        return {}
    images = stack_of(found["images"].shape, f"images in {path}", options.channels)
    refuse_bomb(f"images in {path}", *images.size, options.max_pixels)
    if "masks" not in found:
        return {"images": images}
    return {"images": images, "masks": mask_stack_of(found["masks"].shape, images, f"masks in {path}")}


def _refuse_foreign(file: Any, name: str, path: Path) -> None:
    """A dataset must lie in this file: links and external storage could name any file of the machine."""
    import h5py

    item = file[name]
    if not isinstance(item, h5py.Dataset):
        raise DataError(
            f"{name} in {path} is a group", hint="store it as one dataset, images stacked along the first axis"
        )
    own_link = isinstance(file.get(name, getlink=True), h5py.HardLink | h5py.SoftLink)
    if not own_link or item.file.filename != file.filename or item.external or item.is_virtual:
        raise DataError(f"{name} in {path} lies in another file", hint="copy the data into the file itself")


def _refuse_empty_promise(array: Any, what: str) -> None:
    """Rows that were never written, or that unpack a thousandfold, would fill the memory by their number alone."""
    promised, held = int(array.nbytes), int(array.id.get_storage_size())
    if promised > max(_BOMB_BYTES, _BOMB_RATIO * held):
        raise DataError(
            f"{what} promises {promised:,} bytes, and the file holds {held:,} of them: "
            "a decompression bomb, or rows that were never filled",
            hint="if you trust it, save only the rows that were filled, uncompressed",
        )


def accepts_container(path: Path) -> bool:
    """Return whether this folder holds exactly one file of arrays, and neither folders nor images."""
    if not path.is_dir() or subfolders(path):
        return False
    return len(_containers(path)) == 1 and not list_files(path, recursive=False).images


def read_container(path: Path, options: ReadOptions) -> Dataset:
    """Return the dataset of the file, named by its folder. Raises what the reader of that file raises (DataError)."""
    file = _containers(path)[0]
    named = replace(options, name=options.name or path.name)
    return npz.read(file, named) if npz.accepts(file) else read(file, named)


def _containers(path: Path) -> list[Path]:
    files = list_files(path, recursive=False).unknown
    return [file for file in files if npz.accepts(file) or accepts(file)]
