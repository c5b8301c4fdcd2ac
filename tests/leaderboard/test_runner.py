"""Every measure runs in a process of its own: what one does wrong stops no other, and finished rows are never lost."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path

import numpy as np
import pytest

from dsim.comparison import compare
from dsim.errors import DataError, UnknownNameError, UsageError
from dsim.leaderboard import SETTINGS, Limits, Status, open_benchmark, processes, run_board
from dsim.registry import registry
from dsim.runtime import Runtime, Silent

#: Two processes side by side; the judge's draws are not what is tested here.
QUICK = {"limits": Limits(jobs=2, timeout=60), "settings": {**SETTINGS, "resamples": 100}}


class Recorder(Silent):
    """Progress that remembers its notes, and may stop there."""

    def __init__(self, stop_after: int = -1) -> None:
        self.notes: list[str] = []
        self._left = stop_after

    def note(self, text: str) -> None:
        self.notes.append(text)
        if " of " in text:
            self._left -= 1
            if self._left == 0:
                raise KeyboardInterrupt


@pytest.fixture
def no_process(monkeypatch):
    """From here on no process may be started."""

    def forbid():
        def refuse(*args, **kwargs):
            raise AssertionError("a process was started")

        monkeypatch.setattr(processes.subprocess, "Popen", refuse)

    return forbid


@pytest.fixture
def count_processes(monkeypatch):
    """The calls that processes were started for, in order of their start."""
    started, run = [], processes.Workers._process

    def counted(self, one, place):
        started.append(one.call)
        return run(self, one, place)

    monkeypatch.setattr(processes.Workers, "_process", counted)
    return started


def by_name(board):
    return {row.measure.partition("@")[0]: row for row in board.rows}


def test_rows_hold_the_distances_time_memory_and_what_they_depend_on(tiny, tmp_path, no_process):
    benchmark = open_benchmark(tiny)
    board = run_board(benchmark, ["cc:size=32", "frc:size=32"], tmp_path / "out", **QUICK)
    assert {row.measure for row in board.rows if row.status is Status.OK} == {"cc@1:size=32", "frc@1:size=32"}
    row = by_name(board)["cc"]
    expected = compare(benchmark.sources, benchmark.targets, measure="cc:size=32", bootstrap=0, floor=False)
    np.testing.assert_array_equal(row.matrix.values, expected.values)
    assert row.evaluation.truth == "tiny"
    assert 0.1 < row.environment["seconds_inside"] < row.seconds < 60
    assert 20 < row.peak_mb < 1000
    assert row.parameters["size"] == 32
    assert (row.plugin, row.code) == (expected.provenance["plugin"], expected.provenance["code"])
    assert row.environment["side_by_side"] == 2
    assert board.fingerprints == benchmark.fingerprints
    assert not (tmp_path / "out" / ".work").exists(), "caches of the processes are not left behind"

    no_process()
    again = run_board(open_benchmark(tiny), ["cc:size=32", "frc:size=32"], tmp_path / "out", **QUICK)
    assert by_name(again)["cc"].seconds == row.seconds


BAD = {
    "raises": "raise ZeroDivisionError('by zero')",
    "nothing": "return float('nan')",
    "crashes": "print('last words', flush=True); os._exit(7)",
    "killed": "import signal; os.kill(os.getpid(), signal.SIGKILL)",
    "leaves": "sys.exit('no more')",
}
REASONS = {
    "raises": "no pair has a value: comparing raised ZeroDivisionError: by zero",
    "nothing": "no pair has a value: the measure returned nan without a reason",
    "crashes": "its process left with exit code 7",
    "killed": "its process was ended by SIGKILL, for want of memory perhaps",
    "leaves": "its process left with exit code 1",
}


def reasons_of(rows):
    """Reasons by measure, without the line of the plugin that is named behind them."""
    return {name: rows[name].reason.partition(" (raises.py, line ")[0] for name in BAD}


def test_a_measure_that_fails_is_a_row_with_its_reason_and_stops_no_other(tiny, tmp_path, measure_plugin, no_process):
    for name, body in BAD.items():
        measure_plugin(name, body)
    calls = [*BAD, "cc:size=32"]
    board = run_board(open_benchmark(tiny), calls, tmp_path / "out", **QUICK)
    rows = by_name(board)
    assert reasons_of(rows) == REASONS
    assert all(rows[name].status is Status.FAILED and math.isnan(rows[name].seconds) for name in BAD)
    assert rows["cc"].status is Status.OK
    assert (tmp_path / "out" / "rows" / "crashes@1.log").read_text() == "last words\n"
    no_process()
    kept = by_name(run_board(open_benchmark(tiny), calls, tmp_path / "out", **QUICK))
    assert reasons_of(kept) == REASONS, "failures that would come again are kept"


def test_a_measure_that_takes_too_long_is_ended_with_what_it_started(tiny, tmp_path, measure_plugin, count_processes):
    body = f"""
        import subprocess
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        open({str(tmp_path / "child")!r}, "w").write(str(child.pid))
        time.sleep(60)
    """
    measure_plugin("sleeps", body)
    benchmark = open_benchmark(tiny)
    for seconds in (3, 12, 40):  # on a busy machine a process may end before its measure has begun
        started, out = time.monotonic(), tmp_path / f"out-{seconds}"
        board = run_board(benchmark, ["sleeps"], out, limits=Limits(1, seconds), settings=QUICK["settings"])
        assert time.monotonic() - started < seconds + 17
        assert by_name(board)["sleeps"].reason == f"it took longer than {seconds} s"
        if (tmp_path / "child").exists():
            break
    child = int((tmp_path / "child").read_text())
    assert not _alive(child)
    before = list(count_processes)
    run_board(benchmark, ["sleeps"], out, limits=Limits(1, 2), settings=QUICK["settings"])
    assert count_processes == before, "less time would not help"
    measure_plugin("sleeps", "return 1.0")
    run_board(benchmark, ["sleeps"], out, limits=Limits(1, 30), settings=QUICK["settings"])
    assert count_processes == [*before, "sleeps"]


def _alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def test_an_interrupt_keeps_finished_rows_and_the_same_command_goes_on(tiny, tmp_path, count_processes):
    calls, out = ["cc:size=32", "frc:size=32"], tmp_path / "out"
    one_by_one = {**QUICK, "limits": Limits(1)}
    with pytest.raises(KeyboardInterrupt):
        run_board(open_benchmark(tiny), calls, out, runtime=Runtime(progress=Recorder(stop_after=1)), **one_by_one)
    assert [path.name.partition("_")[0] for path in (out / "rows").iterdir()] == ["cc@1"]
    before = len(count_processes)
    assert len(run_board(open_benchmark(tiny), calls, out, **one_by_one).rows) == 2
    assert count_processes[before:] == ["frc:size=32"]


def test_a_changed_truth_judges_anew_without_running(tiny, tmp_path, truth_of, no_process):
    first = run_board(open_benchmark(tiny), ["cc:size=32"], tmp_path / "out", **QUICK)
    better = truth_of().values + 20 * np.array([[[0.0]], [[0.0]], [[1.0]]])
    truth_of(values=better).to_json(tiny)
    no_process()
    second = run_board(open_benchmark(tiny), ["cc:size=32"], tmp_path / "out", **QUICK)
    np.testing.assert_array_equal(by_name(second)["cc"].matrix.values, by_name(first)["cc"].matrix.values)
    regrets = [by_name(board)["cc"].evaluation.judgement.scores["regret"].value for board in (first, second)]
    assert regrets[0] != regrets[1]


def test_a_changed_plugin_runs_again_and_nothing_else_does(tiny, tmp_path, measure_plugin, count_processes):
    measure_plugin("mine", "return abs(source.value - target.value)")
    calls = ["mine", "cc:size=32"]
    run_board(open_benchmark(tiny), calls, tmp_path / "out", **QUICK)
    measure_plugin("mine", "return 2 * abs(source.value - target.value)")
    registry.forget()
    before = len(count_processes)
    run_board(open_benchmark(tiny), calls, tmp_path / "out", **QUICK)
    assert count_processes[before:] == ["mine"]


def test_rows_of_other_measures_stay_on_the_board_as_long_as_they_hold(tiny, tmp_path, measure_plugin):
    measure_plugin("mine", "return abs(source.value - target.value)")
    benchmark, out, recorder = open_benchmark(tiny), tmp_path / "out", Recorder()
    run_board(benchmark, ["mine"], out, **QUICK)
    assert set(by_name(run_board(benchmark, ["cc:size=32"], out, **QUICK))) == {"mine", "cc"}
    measure_plugin("mine", "return 0.0")
    registry.forget()
    board = run_board(benchmark, ["cc:size=32"], out, runtime=Runtime(progress=recorder), run=False, **QUICK)
    assert set(by_name(board)) == {"cc"}
    assert recorder.notes == ["the kept row of mine no longer holds: --measure 'mine' runs it again"]


def test_what_was_kept_is_run_again_by_name(tiny, tmp_path, measure_plugin, count_processes):
    measure_plugin("broken", "raise ValueError('no')")
    calls, out = ["cc:size=32", "broken"], tmp_path / "out"
    benchmark = open_benchmark(tiny)
    run_board(benchmark, calls, out, **QUICK)
    for again, expected in ((["failed"], ["broken"]), (["cc"], ["cc:size=32"]), (["cc@1:size=32"], ["cc:size=32"])):
        count_processes.clear()
        run_board(benchmark, calls, out, rerun=again, **QUICK)
        assert count_processes == expected
    with pytest.raises(UnknownNameError, match="brokn"):
        run_board(benchmark, calls, out, rerun=["brokn"], **QUICK)


def test_processes_share_the_cores_and_have_caches_of_their_own(tiny, tmp_path, measure_plugin, private_cache):
    body = """
        with open(os.environ["SEEN"], "a") as file:
            print(os.environ["DSIM_CACHE"], os.environ["OMP_NUM_THREADS"], file=file)
        return 0.0
    """
    for name in ("one", "two"):
        measure_plugin(name, body)
    os.environ["SEEN"] = str(tmp_path / "seen")
    try:
        run_board(open_benchmark(tiny), ["one", "two"], tmp_path / "out", **QUICK)
    finally:
        del os.environ["SEEN"]
    seen = {tuple(line.split()) for line in (tmp_path / "seen").read_text().splitlines()}
    assert len({cache for cache, _ in seen}) == 2
    assert {threads for _, threads in seen} == {str(Limits(jobs=2).threads)}
    assert str(private_cache) not in {cache for cache, _ in seen}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"measures": ["otd"]}, "otdd"),
        ({"measures": ["cc"], "settings": {**SETTINGS, "interval": "wide"}}, "wide"),
        ({"measures": ["cc"], "settings": {**SETTINGS, "self_pairs": "perhaps"}}, "perhaps"),
        ({"measures": ["cc"], "settings": {**SETTINGS, "resamples": -1}}, "-1"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(tiny, tmp_path, no_process, given, message):
    no_process()
    with pytest.raises((UsageError, DataError), match=message):
        run_board(open_benchmark(tiny), out=tmp_path / "out", **given)


@pytest.mark.parametrize(("jobs", "timeout"), [(-1, None), (1, 0.0), (1, -5.0)])
def test_limits_that_allow_nothing_are_refused(jobs, timeout):
    with pytest.raises(UsageError):
        Limits(jobs, timeout)


def test_without_images_only_stored_distances_are_judged(tmp_path):
    benchmark = open_benchmark("asap-dsc")
    assert not benchmark.runs
    with pytest.raises(UsageError, match="nothing can be run on asap-dsc"):
        run_board(benchmark, ["cc"], tmp_path / "out")
    board = run_board(benchmark, out=tmp_path / "out", settings=QUICK["settings"])
    assert {row.status for row in board.rows} == {Status.PUBLISHED}
    judged = next(row for row in board.rows if row.evaluation is not None)
    assert judged.evaluation.judgement.scores["pearson"].value == pytest.approx(0.148, abs=5e-4)
    printed = [row for row in board.rows if row.evaluation is None]
    assert len(printed) >= 11
    assert all(row.source for row in printed)
