"""Promise: ``torchrun --nproc-per-node 2 -m dsim train t-simcne`` ends, and gives the curve of one process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TINY = {
    "size": 16,
    "hidden": 16,
    "outputs": 8,
    "batch": 9,
    "steps": "12/10/10",
    "rotations": "any",
    "precision": "float32",
}
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def curve(images: str, out: Path, *launcher: str) -> list[float]:
    """Losses by round of a tiny run, by the command line."""
    settings = [f"-p{name}={value}" for name, value in TINY.items()]
    command = [sys.executable, *launcher, "-m", "dsim", "train", "t-simcne", images, "--out", str(out), *settings]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return [row["loss"] for row in json.loads((out / "model" / "curves.json").read_text())]


@pytest.mark.slow
def test_two_processes_give_the_curve_of_one(tmp_path: Path) -> None:
    images = "phantoms:fundus[count=24,size=24]"
    alone, together = curve(images, tmp_path / "alone"), curve(images, tmp_path / "together", *TORCHRUN)
    assert together == pytest.approx(alone, rel=1e-3)
