"""A single image file: multi-page TIFF, OME-TIFF, animated GIF; each page or frame is a sample."""

from __future__ import annotations

from pathlib import Path

from dsim.data.assembly import Item, assemble
from dsim.data.dataset import Dataset
from dsim.data.decode import is_image
from dsim.data.listing import stem
from dsim.data.options import ReadOptions


def accepts(path: Path) -> bool:
    """A file whose name says image."""
    return path.is_file() and is_image(path)


def read(path: Path, options: ReadOptions) -> Dataset:
    """One sample per frame; ids are ``stem#number``."""
    name = options.name or stem(path)
    return assemble([Item(stem(path), path)], name=name, location=path, format="image file", options=options)
