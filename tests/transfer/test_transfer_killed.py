"""Killed at any moment and started again: it loses one epoch at most, and ends in the same numbers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

#: Says when an epoch begins. Run in a process of its own where it is killed, else in that of the tests.
SCRIPT = """
import sys
from pathlib import Path

from dsim.data import open_many
from dsim.runtime import Runtime
from dsim.learning import loop
from dsim.models.recipe import SegmentationRecipe
from dsim.transfer.segmentation import measure_segmentation

epoch = loop._Trainer.run_epoch


def noted(self, task):
    with open(sys.argv[1] + "/said.txt", "a") as said:
        said.write(f"epoch {self.identity['job'][0]} {len(self.curves) + 1}\\n")
    epoch(self, task)


loop._Trainer.run_epoch = noted
sets = open_many(["phantoms:fluorescence[count=10,size=24]", "phantoms:relief[count=10,size=24]"])
sets = [each.renamed(each.location.removeprefix("phantoms:").partition("[")[0]) for each in sets]
recipe = SegmentationRecipe(side=24, patch=24, width=8, levels=2, epochs=6, shown=32, batch=4, blocks=5)
truth = measure_segmentation(sets, sets, recipe, repetitions=1, out=Path(sys.argv[1]), runtime=Runtime(device="cpu"))
truth.to_json(Path(sys.argv[1]) / "truth.json")
"""


def start(folder: Path) -> subprocess.Popen[bytes]:
    import torch

    folder.mkdir(exist_ok=True)
    # As many threads as here: their number changes how sums are rounded.
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    return subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder)], env={**os.environ, **threads})


def finish(folder: Path) -> None:
    """Run to the end, in this process: it starts in no time."""
    from dsim.learning import loop

    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["", str(folder)])
        patch.setattr(loop._Trainer, "run_epoch", loop._Trainer.run_epoch)  # the script wraps it
        exec(compile(SCRIPT, "the script", "exec"), {})


def epochs(folder: Path) -> list[str]:
    file = folder / "said.txt"
    return file.read_text().splitlines() if file.exists() else []


def killed_at(folder: Path, line: str) -> None:
    """Start, wait for this epoch to begin, and kill without any warning."""
    process = start(folder)
    deadline = time.monotonic() + 60
    while line not in epochs(folder) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_killed_in_the_middle_of_two_trainings_it_loses_an_epoch_each_and_nothing_else(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    finish(whole)
    killed_at(broken, "epoch fluorescence 4")
    killed_at(broken, "epoch relief 3")
    finish(broken)

    expected = [f"epoch {name} {number}" for name in ("fluorescence", "relief") for number in range(1, 7)]
    assert epochs(whole) == expected
    done = epochs(broken)
    assert set(done) == set(expected)
    # The epoch during which it was killed, or the one that had just ended: no more is done twice.
    assert len(done) <= len(expected) + 2
    first, second = (json.loads((folder / "truth.json").read_text()) for folder in (whole, broken))
    assert first["values"] == second["values"]
    assert not list(broken.rglob("*.checkpoint.safetensors"))
