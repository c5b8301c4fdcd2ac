"""Ids by position: texts that are made when asked for, and otherwise a tuple."""

from __future__ import annotations

import pickle
import tracemalloc

import numpy as np
import pytest

from dsim.data import from_arrays
from dsim.data.ids import numbered
from dsim.errors import DataError
from dsim.files.documents import digest


@pytest.mark.parametrize(("count", "last"), [(1, "0"), (10, "9"), (11, "10"), (101, "100")])
def test_they_are_padded_so_that_they_sort_as_they_count(count: int, last: str) -> None:
    ids = numbered(count)
    assert (len(ids), ids[-1], ids[count - 1]) == (count, last, last)
    assert sorted(ids) == list(ids) == list(ids[:])
    assert {len(text) for text in ids} == {len(last)}


def test_they_are_a_tuple_in_all_but_memory() -> None:
    ids = numbered(12, "test/")
    texts = tuple(f"test/{i:02d}" for i in range(12))
    assert ids == texts
    assert texts == ids
    assert hash(ids) == hash(texts)
    assert ids != numbered(12)
    assert ids != texts[:11]
    assert (ids[3:5], ids[::-4], ids[np.int64(2)]) == (texts[3:5], texts[::-4], texts[2])
    assert "test/11" in ids
    assert ids.index("test/03") == 3
    assert pickle.loads(pickle.dumps(ids)) == ids
    with pytest.raises(IndexError):
        ids[12]


def test_the_order_of_a_dataset_is_a_digest_of_its_ids_however_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frozen as the digest of the JSON of all ids, under which summaries lie in caches."""
    monkeypatch.setattr("dsim.data.dataset._IDS_AT_ONCE", 3)
    for count in (1, 3, 7):
        ids = [f'ä"{i}' for i in range(count)]
        assert from_arrays(features=np.zeros((count, 2)), ids=ids).order == digest({"ids": ids})
        assert from_arrays(features=np.zeros((count, 2))).order == digest({"ids": list(numbered(count))})


def test_ids_that_are_given_must_still_be_unique() -> None:
    with pytest.raises(DataError, match="duplicate sample ids, the first 'a'"):
        from_arrays(features=np.zeros((3, 2)), ids=["a", "b", "a"])


def test_a_dataset_of_many_samples_takes_no_memory_for_its_ids() -> None:
    features = np.zeros((200_000, 1), np.float32)
    tracemalloc.start()
    dataset = from_arrays(features=features)
    assert len(dataset.order) == 64
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * 2**20
