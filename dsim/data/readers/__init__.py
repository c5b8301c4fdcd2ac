"""The readers that come with dsim; each is asked in order whether it accepts a path. See docs/datasets.md."""

from __future__ import annotations

from dsim.registry import ReaderSpec


def _spec(name: str, title: str, priority: int) -> ReaderSpec:
    module = f"dsim.data.readers.{name}"
    return ReaderSpec(
        name=name.replace("_", "-"), title=title, accepts=f"{module}:accepts", read=f"{module}:read", priority=priority
    )


SPECS: tuple[ReaderSpec, ...] = (
    _spec("npz", "arrays in .npz, as MedMNIST writes them", 10),
    _spec("hdf5", "arrays in .h5 or .hdf5", 11),
    _spec("manifest", "a CSV table of files", 12),
    _spec("image_file", "one image file; each page or frame is a sample", 13),
    _spec("images_masks", "images/, with masks/ and labels.csv where there are any", 20),
    _spec("container", "a folder that holds one .npz or HDF5 file", 21),
    _spec("class_folders", "one folder of images per class", 30),
    _spec("folder", "a folder of images, searched to its depths", 90),
)
