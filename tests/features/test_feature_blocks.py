"""Features in blocks: the same rows, in memory that does not grow, again and again, whole or not at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from dsim.data import Dataset, from_arrays, open_dataset
from dsim.errors import MeasureError, PluginError
from dsim.features import extract, extraction, feature_rows
from dsim.measures import DatasetView, finite_blocks
from dsim.registry import Need
from dsim.runtime import Runtime
from dsim.store import FileRows

FEATURES = frozenset({Need.FEATURES})


def view(dataset: Dataset, runtime: Runtime, needs: frozenset[Need] = FEATURES) -> DatasetView:
    return DatasetView(dataset, needs, "measure 'm'", runtime)


@pytest.fixture
def given() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(10, 3))


@pytest.fixture(params=["extracted", "file", "memory"])
def source(request: pytest.FixtureRequest, dataset: Dataset, given: np.ndarray, tmp_path: Path) -> Dataset:
    """A dataset by where its features come from."""
    if request.param == "extracted":
        return dataset
    if request.param == "memory":
        return from_arrays(features=given)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["features"] = given
    return open_dataset(tmp_path / "a.h5")


@pytest.mark.parametrize("rows", [1, 4, 4096])
def test_blocks_are_the_features_in_order_in_every_pass(source: Dataset, runtime: Runtime, rows: int) -> None:
    whole = view(source, runtime).features("pixels:")
    for _ in range(2):
        found = list(view(source, runtime).feature_blocks("pixels:", rows))
        assert {block.dtype for block in found} == {whole.dtype}
        assert max(len(block) for block in found) <= rows
        np.testing.assert_array_equal(np.concatenate(found), whole)


def test_extracted_features_stay_in_the_store(dataset: Dataset, runtime: Runtime) -> None:
    found = feature_rows(dataset, "pixels:", runtime)
    assert isinstance(found, FileRows)
    assert found.path.is_relative_to(runtime.cache)
    np.testing.assert_array_equal(found, extract(dataset, "pixels:", runtime))


def test_rows_of_the_store_follow_the_samples_when_their_order_changes(dataset: Dataset, runtime: Runtime) -> None:
    features = extract(dataset, "pixels:", runtime)
    order = [4, 0, 6, 1, 5, 2, 3]
    found = view(dataset.subset(order), runtime).feature_blocks("pixels:", 2)
    np.testing.assert_array_equal(np.concatenate(list(found)), features[order])


def test_a_store_that_cannot_be_written_is_done_without(dataset: Dataset, tmp_path: Path, runtime: Runtime) -> None:
    (tmp_path / "file").write_text("in the way")
    blocked = dataclasses.replace(runtime, cache=tmp_path / "file" / "cache")
    for _ in range(2):
        found = np.concatenate(list(view(dataset, blocked).feature_blocks("pixels:", 2)))
        np.testing.assert_array_equal(found, extract(dataset, "pixels:", runtime))


class Interrupted:
    """An extractor that is stopped at the second batch."""

    batch = 2

    def __init__(self, error: BaseException) -> None:
        self.error, self.calls = error, 0

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        self.calls += 1
        if self.calls == 2:
            raise self.error
        return batch.reshape(len(batch), -1)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("the image went away"), MemoryError()])
def test_an_interrupted_extraction_leaves_nothing_and_is_done_again(
    dataset: Dataset, runtime: Runtime, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(extraction, "_opened", lambda blueprint, device: Interrupted(error))
        with pytest.raises(type(error)):
            extract(dataset, "pixels:", runtime)
    assert [path for path in runtime.cache.rglob("*") if path.is_file() and path.suffix in (".h5", ".part")] == []
    assert extract(dataset, "pixels:", runtime).shape == (7, 256)


def test_a_disk_that_fills_up_under_way_costs_time_only(
    dataset: Dataset, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batches that were written are computed again, into memory; nothing is left behind."""
    from dsim.errors import StoreError
    from dsim.store.array_file import Writer

    expected = extract(dataset, "pixels:", dataclasses.replace(runtime, cache=runtime.cache / "other"))
    written = []

    def append(self: Writer, name: str, rows: np.ndarray) -> None:
        written.append(len(rows))
        if len(written) == 2:
            raise StoreError("cannot write: no space left", hint="free some")

    monkeypatch.setattr(Writer, "append", append)
    np.testing.assert_array_equal(extract(dataset, "pixels:", runtime), expected)
    assert written == [4, 3]
    assert not list((runtime.cache / "features").rglob("*.h5"))


def test_what_was_not_declared_is_refused_before_the_first_block(source: Dataset, runtime: Runtime) -> None:
    labelled = dataclasses.replace(source, labels=("a",) * len(source))
    with pytest.raises(PluginError, match="reads features"):
        view(labelled, runtime, frozenset({Need.LABELS})).feature_blocks("pixels:")


def test_finite_blocks_name_the_samples_that_are_not(given: np.ndarray, runtime: Runtime) -> None:
    """All are counted, and no block that holds one is handed out."""
    broken = given.astype(np.float32)
    broken[[5, 9], 1] = np.nan
    dataset = dataclasses.replace(from_arrays(features=given, name="ten"), features=broken)

    def blocks() -> Iterator[np.ndarray]:
        return finite_blocks(view(dataset, runtime), "pixels:", 2)

    received = []
    with pytest.raises(MeasureError, match="'ten' are not finite for 2 of 10 samples, the first '5'"):
        received.extend(blocks())
    assert all(np.isfinite(block).all() for block in received)
