"""The real sets beside the checkout are understood as their README says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from dsim.data import open_dataset, open_many


def folders(real_data: Path, kind: str) -> list[Path]:
    return sorted(path for path in (real_data / kind).iterdir() if path.is_dir())


def test_segmentation_sets_have_masks_of_the_images_sizes(real_data: Path) -> None:
    datasets = open_many(folders(real_data, "segmentation"))
    assert len(datasets) == 16
    for dataset in datasets:
        meta = json.loads((Path(dataset.location) / "META.json").read_text())
        assert (len(dataset), dataset.masked) == (meta["n_images"], True)
        assert (dataset.labels is not None) == (Path(dataset.location) / "labels.csv").is_file()
        for index in (0, len(dataset) - 1):
            assert dataset.pixels(index).dtype == np.uint8
            assert dataset.mask(index).shape == dataset.pixels(index).shape[:2]


def test_classification_sets_have_class_names(real_data: Path) -> None:
    for dataset in open_many(folders(real_data, "classification")):
        with np.load(next(real_data.glob(f"classification/{dataset.name}/*.npz"))) as archive:
            assert len(dataset) == len(archive["images"])
            assert dataset.labels == tuple(archive["class_names"][archive["labels"]])
            np.testing.assert_array_equal(dataset.pixels(7), archive["images"][7])


def test_unlabelled_sets_have_images_only(real_data: Path) -> None:
    for dataset in open_many(folders(real_data, "unlabelled")):
        assert (dataset.masked, dataset.labels) == (False, None)
        assert len(dataset) == len(list((Path(dataset.location) / "images").iterdir()))


def test_no_two_real_sets_are_the_same(real_data: Path) -> None:
    every = [path for kind in ("segmentation", "unlabelled") for path in folders(real_data, kind)]
    assert len({open_dataset(path).images_fingerprint for path in every}) == len(every)
