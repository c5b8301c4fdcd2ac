"""Features of the user's own file: they stay there, are known by content, and may not change unnoticed."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest

from dsim.data import arrays as given
from dsim.data import from_arrays, open_dataset
from dsim.data.arrays import GivenRows, survey
from dsim.errors import DataError
from dsim.registry import Need


def write(path: Path, features: np.ndarray, **options: object) -> Path:
    with h5py.File(path, "w") as file:
        file.create_dataset("features", data=features, **options)
    return path


@pytest.fixture
def features() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "i4", ">f4"])
def test_rows_of_a_file_and_an_array_have_one_fingerprint(tmp_path: Path, features: np.ndarray, dtype: str) -> None:
    """So that what was computed from the one is found again with the other."""
    features = (100 * features).astype(dtype)
    dataset = open_dataset(write(tmp_path / "a.h5", features, chunks=(7, 3), compression="gzip"))
    assert isinstance(dataset.features, GivenRows)
    assert dataset.features_fingerprint == from_arrays(features=features).features_fingerprint
    np.testing.assert_array_equal(dataset.features, features)


def test_the_fingerprint_is_frozen() -> None:
    """A changed one would orphan every summary in every cache. It is sha256 of shape, dtype and bytes."""
    features = np.arange(6, dtype=np.float32).reshape(3, 2)
    found = from_arrays(features=features).features_fingerprint
    assert found == "3b43926a986d0b48260a5163b1d2bf20078d94300ea6736756969b229d39e11e"


def test_it_is_read_once_and_remembered(tmp_path: Path, features: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.h5", features)
    first = open_dataset(path).fingerprint({Need.FEATURES})

    def fail(array: object) -> None:
        raise DataError("the features were read again")

    monkeypatch.setattr(given, "survey", fail)
    assert open_dataset(path).fingerprint({Need.FEATURES}) == first
    with pytest.raises(DataError, match="read again"):
        open_dataset(write(path, features + 1))


def test_a_file_rewritten_with_its_old_time_is_read_again(tmp_path: Path, features: np.ndarray) -> None:
    """Size and time of modification can be restored by anyone (cp -p, rsync); the time of change cannot."""
    path = write(tmp_path / "a.h5", features)
    status = path.stat()
    first = open_dataset(path).features_fingerprint
    write(path, features + 1)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert open_dataset(path).features_fingerprint != first


def test_a_file_that_changes_under_way_is_refused(tmp_path: Path, features: np.ndarray) -> None:
    """Values of other features than the fingerprint names would be kept under it for ever."""
    path = write(tmp_path / "a.h5", features)
    dataset = open_dataset(path)
    write(path, features + 1)
    with pytest.raises(DataError, match="has changed since it was opened") as caught:
        np.asarray(dataset.features)
    assert str(path) in caught.value.message
    assert caught.value.hint == "open the dataset again"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_at_the_last_row_and_again(
    tmp_path: Path, features: np.ndarray, bad: float
) -> None:
    features[-1, -1] = bad
    path = write(tmp_path / "cells.h5", features)
    for _ in range(2):
        with pytest.raises(DataError, match="'cells' hold NaN or infinity"):
            open_dataset(path)
    with pytest.raises(DataError, match="'cells' hold NaN or infinity"):
        from_arrays(features=features, name="cells")


@pytest.mark.parametrize("features", [np.zeros(3), np.zeros((2, 2, 2)), np.zeros((2, 2), bool)])
def test_what_is_no_table_of_numbers_is_refused(tmp_path: Path, features: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"not numbers \(n, d\)"):
        open_dataset(write(tmp_path / "a.h5", features))


def test_a_subset_and_a_copy_for_another_process(tmp_path: Path, features: np.ndarray) -> None:
    dataset = open_dataset(write(tmp_path / "a.h5", features))
    np.testing.assert_array_equal(dataset.subset([9, 3, 4]).features, features[[9, 3, 4]])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(dataset)).features, features)


def test_without_a_cache_it_is_read_each_time(
    tmp_path: Path, features: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("DSIM_CACHE", str(tmp_path / "file" / "cache"))
    path = write(tmp_path / "a.h5", features)
    assert open_dataset(path).features_fingerprint == open_dataset(path).features_fingerprint


def test_a_survey_does_not_depend_on_the_blocks(features: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = survey(features)
    monkeypatch.setattr("dsim.store.array_file._BLOCK", 40)
    assert survey(features) == whole
    assert survey(np.asfortranarray(features)) == whole
