"""A row is kept under everything that its distances depend on, and under nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dsim.comparison import compare
from dsim.leaderboard import Status, open_benchmark
from dsim.leaderboard.candidates import StoredRows, candidate, candidates, row_file_name
from dsim.leaderboard.worker import CHANGED, CRASH, TIMEOUT, Failure
from dsim.registry import registry
from dsim.runtime import Runtime

OFFLINE = Runtime(offline=True)


@pytest.fixture
def benchmark(tiny):
    return open_benchmark(tiny)


@pytest.fixture
def kept(tmp_path):
    return StoredRows(tmp_path / "rows")


def test_a_row_comes_back_as_it_was_kept_but_for_the_verdict(benchmark, kept):
    one = candidate(benchmark, "cc:size=32", 0, OFFLINE)
    matrix = compare(benchmark.sources, benchmark.targets, measure="cc:size=32", floor=False)
    row = replace(one.row, status=Status.OK, matrix=matrix, seconds=1.5, environment={"threads": 1})
    assert kept.find(one, None) is None
    kept.put(one, row)
    found = kept.find(one, None)
    np.testing.assert_array_equal(found.matrix.values, matrix.values)
    assert replace(found, matrix=None, peak_mb=0) == replace(row, matrix=None, peak_mb=0)
    assert np.isnan(found.peak_mb)
    assert list(kept.calls()) == ["cc:size=32"]


def test_the_key_holds_measure_parameters_seed_and_images(benchmark, tmp_path, truth_of):
    def key(call="cc:size=32", seed=0, runtime=OFFLINE, where=benchmark):
        return candidate(where, call, seed, runtime).key

    datasets = truth_of().datasets
    fewer = {name: known.location.replace("count=6", "count=5") for name, known in datasets.items()}
    other = {name: replace(datasets[name], fingerprint="", location=location) for name, location in fewer.items()}
    truth_of(datasets=other).to_json(tmp_path / "other.json")
    keys = [
        key(), key("cc:size=64"), key("frc:size=32"), key(seed=1), key(runtime=Runtime(device="cpu", offline=True)),
        key(where=open_benchmark(tmp_path / "other.json")),
    ]  # fmt: skip
    assert len(set(keys)) == len(keys)
    assert key() == keys[0]


def test_the_key_does_not_hold_the_scores_of_the_truth(benchmark, tmp_path, truth_of):
    truth_of(values=np.flip(truth_of().values, axis=2) / 2).to_json(tmp_path / "halved.json")
    halved = open_benchmark(tmp_path / "halved.json")
    assert halved.truth.digest != benchmark.truth.digest
    assert candidate(halved, "cc", 0, OFFLINE).key == candidate(benchmark, "cc", 0, OFFLINE).key


def test_the_key_holds_the_code_of_a_plugin(benchmark, measure_plugin):
    def key():
        registry.forget()
        return candidate(benchmark, "mine", 0, OFFLINE).key

    measure_plugin("mine", "return abs(source.value - target.value)")
    first = key()
    assert key() == first
    measure_plugin("mine", "return 2 * abs(source.value - target.value)")
    assert key() != first


def test_what_the_datasets_lack_is_the_reason_in_the_row(tmp_path, truth_of, measure_plugin):
    measure_plugin("counts", "return 0.0", needs="ATTRIBUTES")
    from dsim.data import from_arrays
    from dsim.leaderboard import Benchmark

    bare = [from_arrays(np.full((3, 8, 8), i, np.uint8), name=f"d{i}") for i in range(3)]
    benchmark = Benchmark("nowhere", truth_of(), tuple(bare), tuple(bare))
    one = candidate(benchmark, "counts", 0, OFFLINE)
    assert one.row.status is Status.FAILED
    assert one.row.reason == "dataset 'd0' has no attributes, and measure 'counts' needs them"
    assert one.row.environment["failure"] == "NeedError"
    assert not one.depends


@pytest.mark.parametrize("version", [0, -1, "two", None])
def test_a_measure_without_a_version_has_no_row(benchmark, measure_plugin, version):
    measure_plugin("loose", "return 0.0", version=version)
    found, notes = candidates(benchmark, None, 0, OFFLINE)
    assert "loose" not in {one.call for one in found}
    assert len(found) == len(registry.default().measures) - 1
    assert [note for note in notes if note.startswith("loose has no row") and "version" in note]


def test_a_call_that_is_wrong_is_refused_at_once(benchmark):
    from dsim.errors import UsageError

    for call, message in (("otd", "Did you mean 'otdd'"), ("cc:sise=3", "sise"), ("cc:size=small", "takes int")):
        with pytest.raises(UsageError, match=message):
            candidates(benchmark, ["cc", call], 0, OFFLINE)
    assert len(candidates(benchmark, ["cc", "cc:size=64"], 0, OFFLINE)[0]) == 1, "64 is the default: one measure"


@pytest.mark.parametrize(
    ("kind", "timeout", "again"),
    [
        ("ValueError", None, False), (CRASH, None, False), (CHANGED, None, True), ("WeightsError", None, True),
        (TIMEOUT, None, True), (TIMEOUT, 20.0, True), (TIMEOUT, 10.0, False), (TIMEOUT, 5.0, False),
    ],
)  # fmt: skip
def test_a_failure_is_kept_where_it_would_come_again(benchmark, kept, kind, timeout, again):
    one = candidate(benchmark, "cc", 0, OFFLINE)
    kept.put(one, Failure(kind, "r").fail_row(one.row, timeout=10.0))
    assert (kept.find(one, timeout) is None) == again


def test_a_file_that_is_none_of_ours_is_passed_over(benchmark, kept):
    one = candidate(benchmark, "cc", 0, OFFLINE)
    kept.put(one, Failure(CRASH, "r").fail_row(one.row))
    (path,) = kept.folder.iterdir()
    for text in ("", "[]", "{}", path.read_text()[:-20], path.read_text().replace("kept/1", "kept/0")):
        path.write_text(text)
        assert kept.find(one, None) is None
        assert list(kept.calls()) == []


def test_no_two_measures_share_a_file():
    names = ["a@1", "a@1:x=1", "a@1_x_1", "a@1:x=1/2", "a@1:x=1_2", "a@1:path=" + "x" * 300, "a@1:path=" + "x" * 301]
    assert len({row_file_name(name) for name in names}) == len(names)
    assert max(map(len, map(row_file_name, names))) < 100
