"""Tiny seeded trainings of ASAP and of its extension give the numbers that are written down in ``asap.json``.

A training amplifies rounding: other kernels change the losses of the third epoch by percents (measured: 2.5 % between
AVX2 and SSE4.1), and libraries choose kernels by processor. So full trainings are compared only where they were
recorded, to the last bit of their weights; one whose learning rate is next to nothing is compared everywhere. Record
anew, after a change that is meant to change numbers and is named in the changelog, with
``python tests/frozen/test_frozen_asap.py``.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import dsim
from dsim.data.dataset import Dataset
from dsim.random import stream
from dsim.runtime import Runtime
from dsim_asap.extension import Order, extend, open_parent
from dsim_asap.measure import Asap

VALUES = Path(__file__).with_name("asap.json")
TINY = {"fit": "pool", "backbone": "test_resnet", "size": 32, "epochs": 3, "batch": 8, "precision": "float32"}
#: Trainings that take most branches of the losses, schedules and stopping rules between them.
TRAININGS: dict[str, dict[str, Any]] = {
    "gentle": {"split": 0.25, "lr": 1e-6},
    "defaults": {"split": 0.25},
    "paper": {"preset": "paper", "split": 0.25, "patience": 4, "weight_decay": 1e-3},
    "reference": {"preset": "reference"},
}
#: Columns that hold on one machine only.
_CLOCK = "seconds"
#: Trainings that hold on every machine, and how closely. Between AVX2 and SSE4.1 they differ by 1.2e-5.
_EVERYWHERE, _RTOL_EVERYWHERE = "gentle", 1e-4
_RTOL = 1e-5


def datasets() -> list[Dataset]:
    """Three datasets of 9 to 12 small images that differ in brightness; one has groups."""
    rng = stream(0, "frozen asap")
    chosen = {"dark": (20, 12, None), "middle": (90, 9, list("aabbccdde")), "bright": (160, 10, None)}
    return [
        dsim.from_arrays(rng.integers(low, low + 80, (n, 40, 36, 3)).astype(np.uint8), name=name, groups=groups)
        for name, (low, n, groups) in chosen.items()
    ]


def environment() -> dict[str, Any]:
    """All that kernels are chosen by, as far as it can be asked for."""
    cpu = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), cpu)
    return {
        "torch": torch.__version__,
        "capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "processor": cpu,
    }


def digest(weights: Path) -> str:
    """The sha256 of all tensors of a file in the order of their names."""
    tensors = load_file(weights)
    return hashlib.sha256(b"".join(tensors[name].numpy().tobytes() for name in sorted(tensors))).hexdigest()


def result_of(folder: Path) -> dict[str, Any]:
    """Losses by epoch, the epoch that was kept, and the digest of the weights of a finished model."""
    curves = json.loads((folder / "curves.json").read_text("utf-8"))
    training = tomllib.loads((folder / "manifest.toml").read_text("utf-8"))["training"]
    return {
        "curves": {name: [row[name] for row in curves] for name in curves[0] if name != _CLOCK},
        "kept_epoch": training["kept_epoch"],
        "digest": digest(folder / "encoder.safetensors"),
    }


def train(name: str, cache: Path) -> tuple[dict[str, Any], Path]:
    """The result of a training as ``dsim compare`` starts it, with its distances and its EQC; and its folder."""
    settings = dict(TRAININGS[name])
    preset = Asap.spec.presets[settings.pop("preset")] if "preset" in settings else {}
    measure = Asap(**{**preset, **TINY, **settings})
    matrix = dsim.compare(datasets(), measure=measure, seed=0, floor=False, runtime=Runtime(device="cpu", cache=cache))
    folder = Path(measure.extractors()[0].removeprefix("file:"))
    downstream = {"distances": matrix.values.tolist(), "eqc": matrix.provenance["embedding"]["eqc"]["paper"]}
    return {**result_of(folder), **downstream}, folder


def extension(parent: Path, out: Path) -> dict[str, Any]:
    """The result of an extension of that model by a fourth dataset, with its measurements."""
    new = dsim.from_arrays(
        stream(1, "frozen asap").integers(120, 250, (7, 40, 36, 3)).astype(np.uint8), name="brightest"
    )
    order = Order(memory=6, settings={"epochs": "3", "batch": "8"})
    runtime = Runtime(device="cpu", cache=out.parent / "cache")
    results = extend(open_parent(f"file:{parent}"), datasets(), [new], out, order, runtime)
    names = ("eqc_before", "eqc_after", "moved", "moved_share")
    return {**result_of(out), **{name: results[name] for name in names}, "nearest": results["nearest"]}


def measured(folder: Path) -> dict[str, Any]:
    """All results, by the name of the training."""
    found = {name: train(name, folder / name) for name in TRAININGS}
    return {
        **{name: result for name, (result, _) in found.items()},
        "extension": extension(found["defaults"][1], folder / "extended"),
    }


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield {**measured(tmp_path_factory.mktemp("frozen")), "environment": environment()}
    torch.set_num_threads(threads)


@pytest.mark.parametrize("name", [*TRAININGS, "extension"])
def test_trainings_give_the_numbers_written_down(results: dict[str, Any], name: str) -> None:
    frozen = json.loads(VALUES.read_text("utf-8"))
    here = results["environment"] == frozen["environment"]
    if not here and name != _EVERYWHERE:
        pytest.skip(f"recorded on {frozen['environment']}, and this is {results['environment']}")
    _assert_close(results[name], frozen[name], _RTOL if here else _RTOL_EVERYWHERE)
    assert not here or results[name]["digest"] == frozen[name]["digest"]


def _assert_close(found: dict[str, Any], frozen: dict[str, Any], rtol: float) -> None:
    assert found["curves"].keys() == frozen["curves"].keys()
    for column, values in frozen["curves"].items():
        np.testing.assert_allclose(found["curves"][column], values, rtol=rtol, atol=1e-12, err_msg=column)
    assert found.keys() == frozen.keys()
    for quantity in frozen.keys() - {"curves", "digest", "kept_epoch", "nearest"}:
        np.testing.assert_allclose(found[quantity], frozen[quantity], rtol=rtol, err_msg=quantity)
    assert [found.get(name) for name in ("kept_epoch", "nearest")] == [
        frozen.get(name) for name in ("kept_epoch", "nearest")
    ]


def record() -> None:
    """Write the numbers of this machine to ``asap.json``."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        values = {"environment": environment(), **measured(Path(folder))}
    VALUES.write_text(json.dumps(values, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(record())
