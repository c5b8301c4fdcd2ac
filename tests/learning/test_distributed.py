"""Promises of several processes: shares are whole and disjoint, and two processes compute what one does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dsim.errors import UsageError
from dsim.learning import Processes, gather_rows, launched, mean_over_processes, processes, quiet_runtime
from dsim.runtime import Runtime, Silent

HERE = Path(__file__).parent


@pytest.mark.parametrize(("count", "size"), [(8, 1), (8, 3), (9, 3), (3, 3)])
def test_shares_are_all_items_once_and_alike(count: int, size: int) -> None:
    shares = [range(count)[Processes(rank, size).share(count)] for rank in range(size)]
    assert [item for share in shares for item in share] == [*range(count)]
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_fewer_items_than_processes_are_refused() -> None:
    with pytest.raises(UsageError) as caught:
        Processes(0, 4).share(3)
    assert "batch" in str(caught.value.hint)


def test_alone_nothing_changes() -> None:
    rows = torch.ones(3, 2)
    assert processes() == launched() == Processes(0, 1)
    assert gather_rows(rows) is rows
    assert mean_over_processes(rows, 3) is rows


def test_only_the_first_of_a_launch_shows_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    class Shown(Silent):
        pass

    runtime = Runtime(progress=Shown())
    assert quiet_runtime(runtime) is runtime
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    assert not isinstance(quiet_runtime(runtime).progress, Shown)
    monkeypatch.setenv("RANK", "0")
    assert quiet_runtime(runtime) is runtime


def test_two_processes_compute_what_one_does(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, str(HERE / "two_processes.py"), str(tmp_path)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text("utf-8")) for rank in range(2))
    assert first == second
    assert first["gradients"] < 1e-9
    assert first["statistics"] < 1e-9
    assert first["rows"]
    for alone, shared in zip(first["one"], first["two"], strict=True):
        assert shared == pytest.approx(alone, rel=1e-4)
    assert first["weights"] < 1e-4 * first["moved"]
    assert first["resumed"] == 0
    assert first["refused"]
