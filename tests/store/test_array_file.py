"""Rows of an array in a file: read when asked for, verified without being read at once."""

from __future__ import annotations

import pickle
import tracemalloc
from pathlib import Path

import h5py
import numpy as np
import pytest

from dsim.store import ContentStore, FileRows, blocks
from dsim.store import array_file as rows_module

KEY = {"images": "abc"}


@pytest.fixture
def array() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)


@pytest.fixture
def rows(tmp_path: Path, array: np.ndarray) -> FileRows:
    with h5py.File(tmp_path / "some.h5", "w") as file:
        file["features"] = array
        return FileRows.of(tmp_path / "some.h5", file["features"])


@pytest.mark.parametrize(
    "key",
    [
        5,
        np.int64(-1),
        slice(None),
        slice(10, 20),
        slice(90, 200),
        [3, 1, 1, 99],
        np.array([], np.intp),
        np.arange(100) % 3 == 0,
        [-1, 0],
    ],
    ids=str,
)
def test_indexing_is_that_of_the_array(rows: FileRows, array: np.ndarray, key) -> None:
    np.testing.assert_array_equal(rows[key], array[key])


def test_positions_are_found_in_whatever_block_they_lie(
    rows: FileRows, array: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_module, "_BLOCK", 7 * 12)
    order = np.random.default_rng(1).integers(100, size=200)
    np.testing.assert_array_equal(rows[order], array[order])
    np.testing.assert_array_equal(rows[[6, 7, 99, 0]], array[[6, 7, 99, 0]])


def test_shape_dtype_length_and_the_whole(rows: FileRows, array: np.ndarray) -> None:
    assert (rows.shape, rows.dtype, len(rows)) == (array.shape, array.dtype, 100)
    np.testing.assert_array_equal(np.asarray(rows), array)
    assert np.asarray(rows, dtype=np.float64).dtype == np.float64
    with pytest.raises(ValueError, match="without being read"):
        np.array(rows, copy=False)


def test_rows_travel_between_processes_and_hold_no_open_file(rows: FileRows, array: np.ndarray) -> None:
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(rows))[7:9], array[7:9])
    with h5py.File(rows.path, "r+"):
        pass


@pytest.mark.parametrize("size", [0, 1, 33, 1000])
def test_blocks_cover_all_rows_in_order(rows: FileRows, array: np.ndarray, size: int) -> None:
    for given in (rows, array):
        np.testing.assert_array_equal(np.concatenate(list(blocks(given, size))), array)


def test_the_store_opens_a_record_as_it_was_put(tmp_path: Path, array: np.ndarray) -> None:
    store = ContentStore(tmp_path)
    assert store.open("features", KEY) is None
    others = {"n": np.array(4), "none": np.zeros((0, 3))}
    store.put("features", KEY, {"features": array, **others}, {"ids": ["a"]})
    record = store.open("features", KEY)
    assert record is not None
    assert record.attributes == {"ids": ["a"]}
    assert record.arrays.keys() == {"features", "n", "none"}
    np.testing.assert_array_equal(record.arrays["features"], array)


@pytest.mark.parametrize("position", [0, 500, 1199])
def test_one_flipped_bit_anywhere_is_found_when_the_record_is_opened(
    tmp_path: Path, array: np.ndarray, position: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_module, "_BLOCK", 100)  # many blocks
    notes: list[str] = []
    store = ContentStore(tmp_path, notes.append)
    store.put("features", KEY, {"features": array}, {})
    path = store.path("features", KEY)
    assert store.open("features", KEY) is not None
    content = bytearray(path.read_bytes())
    content[content.index(array.tobytes()) + position] ^= 1
    path.write_bytes(content)
    assert store.open("features", KEY) is None
    assert "corrupt" in notes[0]
    assert not path.exists()


def test_opening_and_reading_a_record_takes_no_memory_of_its_size(tmp_path: Path) -> None:
    """The promise that features of any number of images can be streamed: 40 MB pass through 3 MB."""
    store = ContentStore(tmp_path)
    block = np.ones((1000, 500), np.float32)
    with store.writer("features", KEY, {}) as writer:
        for _ in range(20):
            writer.append("features", block)
    monitored = pytest.MonkeyPatch()
    monitored.setattr(rows_module, "_BLOCK", 2**20)
    tracemalloc.start()
    record = store.open("features", KEY)
    assert record is not None
    total = sum(float(part.sum()) for part in blocks(record.arrays["features"]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    monitored.undo()
    assert total == 20 * block.size
    assert peak < 3 * 2**20
