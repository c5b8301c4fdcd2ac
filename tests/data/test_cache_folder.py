"""The cache folder that is asked for is the one that is used, and the default one stays empty."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest

from dsim import compare
from dsim.data import Dataset, cut_grid, from_arrays, open_dataset
from dsim.features import Square
from dsim.learning import read_bank
from dsim.runtime import Runtime


@pytest.fixture
def default() -> Path:
    return Path(os.environ["DSIM_CACHE"])


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return tmp_path / "own"


def deep(name: str = "scans", seed: int = 0) -> Dataset:
    images = np.random.default_rng(seed).integers(0, 4000, (4, 32, 32)).astype(np.uint16)
    return from_arrays(images, name=name)


def remembered(folder: Path) -> int:
    return len(list((folder / "treatments").glob("*.json")))


def test_a_comparison_remembers_in_the_cache_of_its_runtime(own: Path, default: Path) -> None:
    compare([deep("a", 0), deep("b", 1)], measure="cc:size=32", floor=False, runtime=Runtime(cache=own))
    assert remembered(own) == 2
    assert remembered(default) == 0


def test_a_training_remembers_in_the_cache_of_its_runtime(own: Path, default: Path) -> None:
    read_bank([deep()], Square(8), Runtime(cache=own))
    assert (remembered(own), remembered(default)) == (1, 0)


def test_a_dataset_is_opened_with_a_cache(tmp_path: Path, own: Path, default: Path) -> None:
    with h5py.File(tmp_path / "scans.h5", "w") as file:
        file["images"] = np.stack([deep().native(i) for i in range(4)])
        file["features"] = np.ones((4, 2), np.float32)
    dataset = open_dataset(tmp_path / "scans.h5", cache=own)
    assert (own / "known.sqlite").exists()
    assert not (default / "known.sqlite").exists()
    for part in (dataset.subset([0, 1]), cut_grid(dataset, 16), pickle.loads(pickle.dumps(dataset))):
        assert part.treatment.scales
    assert (remembered(own), remembered(default)) == (1, 0)


def test_another_folder_changes_no_value_and_reaches_the_whole(own: Path) -> None:
    whole = deep()
    part = whole.subset([1, 2])
    fingerprint = part.images_fingerprint
    part.remember_in(own)
    assert part.treatment == whole.treatment
    assert part.images_fingerprint == fingerprint
    assert remembered(own) == 1
