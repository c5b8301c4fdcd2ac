"""A folder that holds one file of arrays (.npz, HDF5) and no images: the file is the dataset, the folder its name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dsim.data.dataset import Dataset
from dsim.data.listing import listing, subfolders
from dsim.data.options import ReadOptions
from dsim.data.readers import hdf5, npz


def accepts(path: Path) -> bool:
    """A folder without folders and images, with exactly one file that the readers of arrays accept."""
    if not path.is_dir() or subfolders(path):
        return False
    return len(_containers(path)) == 1 and not listing(path, recursive=False).images


def read(path: Path, options: ReadOptions) -> Dataset:
    """Read the file, named by its folder."""
    file = _containers(path)[0]
    named = replace(options, name=options.name or path.name)
    return npz.read(file, named) if npz.accepts(file) else hdf5.read(file, named)


def _containers(path: Path) -> list[Path]:
    files = listing(path, recursive=False).unknown
    return [file for file in files if npz.accepts(file) or hdf5.accepts(file)]
