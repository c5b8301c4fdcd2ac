"""Conversion of paths, arrays, tensors and torch datasets, alone or in a list or mapping, to datasets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from dsim.data.builders import from_arrays, from_torch
from dsim.data.dataset import Dataset
from dsim.data.opener import open_dataset
from dsim.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    #: What ``to_dataset`` takes: a path or ``phantoms:NAME``, a dataset, images (n, H, W[, C]), a torch dataset.
    Given = Dataset | str | Path | NDArray[Any] | Sequence[NDArray[Any]] | Any

_TAKEN = "a path, phantoms:NAME, a Dataset, an array of images (n, H, W[, C]), a torch dataset"
_COLOURS = (3, 4)


def to_datasets(given: Given | Iterable[Given] | Mapping[str, Given], role: str) -> list[Dataset]:
    """Return the datasets of one thing, of a list of things, or of a mapping from names to things.

    ``role`` is ``"source"`` or ``"target"``: what has no name of its own is called ``source-1``, ``source-2``, ... Each
    thing is opened as ``to_dataset`` says. Raises UsageError for anything else, and what its opener raises.

    >>> import numpy as np
    >>> [dataset.name for dataset in to_datasets([np.zeros((2, 8, 8), np.uint8), "phantoms:xray[count=2]"], "source")]
    ['source-1', 'xray[count=2]']
    """
    if isinstance(given, Mapping):
        return [to_dataset(one, name, named=True) for name, one in given.items()]
    if isinstance(given, list | tuple) or _is_iterator(given):
        return [to_dataset(one, f"{role}-{place}") for place, one in enumerate(given, 1)]
    return [to_dataset(given, role)]


def to_dataset(given: Given, name: str, *, named: bool = False) -> Dataset:
    """Return one dataset of what was given; its pixels are read later.

    Parameters
    ----------
    given : a Dataset is returned as it is. A text or a path goes to ``open_dataset``; an array (n, H, W[, C]) or a list
        of arrays (H, W[, C]) to ``from_arrays``; a tensor (n, C, H, W) or another map-style dataset to ``from_torch``.
    name : of what has no name of its own; with ``named`` of anything.

    Raises UsageError for anything else, with the function that opens it, and what the opener raises.
    """
    if isinstance(given, Dataset):
        return given.renamed(name) if named else given
    if isinstance(given, str | Path):
        return open_dataset(given, name=name if named else None)
    if isinstance(given, list | tuple):
        return from_arrays(_images(given, name), name=name)
    _refuse_shape(given, name)
    if _is_array(given):
        return from_arrays(given, name=name)
    if hasattr(given, "__len__") and hasattr(given, "__getitem__") and not isinstance(given, Mapping):
        _refuse_records(given, name)
        return from_torch(given, name=name)
    raise UsageError(f"{name} is a {type(given).__name__}, not a dataset", hint=_way(given))


def _images(given: Sequence[Any], name: str) -> Sequence[Any]:
    """A list of images; raises UsageError for a list of anything else."""
    if given and all(_is_array(one) for one in given):
        return given
    kinds = ", ".join(dict.fromkeys(type(one).__name__ for one in given)) or "nothing"
    raise UsageError(
        f"{name} is a {type(given).__name__} of {kinds}, not of images", hint="give a flat list of datasets, each "
        f"{_TAKEN}, or a list of arrays (H, W[, C])",
    )  # fmt: skip


def _refuse_shape(given: Any, name: str) -> None:
    """Raise UsageError for one image, or for features: both would be read as something else."""
    shape = tuple(getattr(given, "shape", (0, 0, 0, 0)))
    if len(shape) not in (1, 2) and not (len(shape) == 3 and shape[2] in _COLOURS):
        return
    raise UsageError(
        f"{name} has the shape {shape}, not that of a stack of images (n, H, W[, C])",
        hint="features: dsim.from_arrays(features=array, name=...); one image: dsim.from_arrays([image], name=...)",
    )


def _refuse_records(given: Any, name: str) -> None:
    """Raise UsageError for a dataset of records by column: which column is the image, only its owner knows."""
    first = given[0] if len(given) else None
    if isinstance(first, Mapping):
        columns = ", ".join(map(str, first))
        raise UsageError(
            f"the items of {name} are records of {columns}, not an image, or an image and its label",
            hint="dsim.from_arrays([numpy.asarray(item['image']) for item in data], labels=[...], name=...)",
        )


def _way(given: Any) -> str:
    """The hint on how to make a dataset of an object that is not one."""
    inner = getattr(given, "dataset", None)
    if inner is not None and hasattr(inner, "__getitem__"):
        return "give the dataset of the loader: loader.dataset"
    return f"give {_TAKEN}; dsim.from_arrays takes features, masks and labels too"


def _is_array(given: Any) -> bool:
    import numpy as np

    return isinstance(given, np.ndarray)


def _is_iterator(given: Any) -> TypeGuard[Iterable[Any]]:
    return hasattr(given, "__next__")
