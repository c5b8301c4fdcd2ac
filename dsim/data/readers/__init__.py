"""The readers that come with dsim; each is asked in order whether it accepts a path. See docs/datasets.md."""

from __future__ import annotations

from dsim.registry import ReaderSpec


def _spec(name: str, module: str, title: str, priority: int) -> ReaderSpec:
    # A module of several readers names its functions by them.
    ending = "" if name == module else f"_{name}"
    return ReaderSpec(
        name=name.replace("_", "-"),
        title=title,
        accepts=f"dsim.data.readers.{module}:accepts{ending}",
        read=f"dsim.data.readers.{module}:read{ending}",
        priority=priority,
    )


SPECS: tuple[ReaderSpec, ...] = (
    _spec("npz", "npz", "arrays in .npz, as MedMNIST writes them", 10),
    _spec("hdf5", "hdf5", "arrays in .h5 or .hdf5", 11),
    _spec("manifest", "manifest", "a CSV table of files", 12),
    _spec("image_file", "folders", "one image file; each page or frame is a sample", 13),
    _spec("images_masks", "folders", "images/, with masks/ and labels.csv where there are any", 20),
    _spec("container", "hdf5", "a folder that holds one .npz or HDF5 file", 21),
    _spec("class_folders", "folders", "one folder of images per class", 30),
    _spec("folder", "folders", "a folder of images, searched to its depths", 90),
)
