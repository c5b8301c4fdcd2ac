"""Promise: ``torchrun --nproc-per-node 2 -m dsim train dino`` ends, and gives the curve of one process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

IMAGES = "phantoms:fundus[count=16,size=32]"
TINY = {"epochs": 2, "size": 32, "local_size": 16, "local_crops": 2, "batch": 8, "outputs": 16, "hidden": 16}
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def curve(network: str, out: Path, *launcher: str) -> list[float]:
    """Losses by epoch of a tiny run, by the command line."""
    settings = [f"-p{name}={value}" for name, value in {**TINY, "bottleneck": 8, "network": network}.items()]
    command = [sys.executable, *launcher, "-m", "dsim", "train", "dino", IMAGES, "--out", str(out), *settings]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("extractor") == 2, "one process prints, the other does not"
    return [row["loss"] for row in json.loads((out / "model" / "curves.json").read_text())]


@pytest.mark.slow
@pytest.mark.parametrize("network", ["resnet10t", "test_vit"])
def test_two_processes_give_the_curve_of_one(network: str, tmp_path: Path) -> None:
    alone, together = curve(network, tmp_path / "alone"), curve(network, tmp_path / "together", *TORCHRUN)
    assert together == pytest.approx(alone, rel=1e-4)
