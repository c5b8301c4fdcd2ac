"""The conformance kit passes a sound trainer, and catches each that breaks the contract."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dsim.testing import Report, check_plugin

SOURCE = """
from dsim.plugin import Parameter, Product, TrainedModel, TrainerSpec, hookimpl
{top}
SPEC = TrainerSpec(
    name="means", version=1, title="means", factory="{factory}", produces=({produces}), cost="none",
    references=("this test",), parameters=(Parameter("epochs", "int", {default}, "epochs", minimum=1),),
    presets={{"long": {preset}}}, example={{"epochs": 4}},
)

@hookimpl
def dsim_trainers():
    return [SPEC]

def train(datasets, out, *, parameters, seed, runtime, resume):
    import numpy as np
    from safetensors.numpy import load_file, save_file
    rng, state, checkpoint = np.random.default_rng({seed}), np.zeros(3), out / "checkpoint.safetensors"
    done = 0
    if {resume} and checkpoint.exists():
        stored = load_file(checkpoint)
        state, done = stored["state"], int(stored["done"][0])
    rng.normal(size=(done, 3))
    with runtime.progress.task("training", parameters["epochs"]) as task:
        for epoch in range(done, parameters["epochs"]):
            state = state + rng.normal(size=3) * {scale}
            save_file({{"state": state, "done": np.array([epoch + 1])}}, checkpoint)
            {advance}
    save_file({{"state": state}}, out / "model.safetensors")
    return [TrainedModel(Product.MAP, out / "model.safetensors")]
"""
SOUND = {
    "top": "",
    "factory": "kit_trainer:train",
    "produces": "Product.MAP,",
    "default": "9",
    "preset": '{"epochs": 99}',
    "seed": "seed",
    "resume": "resume",
    "scale": "1",
    "advance": "task.advance(1)",
}


@pytest.fixture
def report(install_plugin: Callable[..., Path]) -> Callable[..., Report]:
    """``report(seed="None")`` is what the kit says of a trainer that differs from the sound one in this."""

    def check(**changed: str) -> Report:
        install_plugin("kit_trainer", SOURCE.format(**{**SOUND, **changed}))
        ((part,),) = (found.parts for found in check_plugin("kit_trainer"))
        return part

    return check


def test_a_sound_trainer_conforms(report: Callable[..., Report]) -> None:
    found = report()
    assert found.ok, found
    assert (found.kind, found.name) == ("trainer", "means")
    assert "step 2 of 4" in found["resume"].message
    assert found["usable-models"].status == "not_applicable"


@pytest.mark.parametrize(
    ("changed", "check", "culprit"),
    [
        ({"produces": ""}, "spec", "produces"),
        ({"top": "import torch"}, "registration", "torch"),
        ({"factory": "kit_trainer:trian"}, "factory", "kit_trainer:trian"),
        ({"default": "0"}, "parameters", "'epochs'"),
        ({"preset": '{"epoch": 9}'}, "parameters", "'epoch'"),
        ({"produces": "Product.MAP, Product.EXTRACTOR"}, "works", "extractor"),
        ({"advance": "1 / 0"}, "works", "ZeroDivisionError"),
        ({"seed": "None"}, "determinism", "one seed"),
        ({"resume": "checkpoint.exists() and 1 / 0"}, "resume", "cannot go on"),
        ({"scale": "(1 if done else 2)"}, "resume", "other weights"),
    ],
)
def test_a_broken_trainer_is_caught(
    report: Callable[..., Report], changed: dict[str, str], check: str, culprit: str
) -> None:
    found = report(**changed)
    assert check in [result.name for result in found.failures]
    assert culprit in found[check].message
    assert found[check].hint


def test_without_progress_nothing_is_interrupted_and_the_report_says_so(report: Callable[..., Report]) -> None:
    found = report(advance="pass")
    assert found.ok
    assert found["resume"].status == "not_applicable"
