"""Trainings by name: parameters are checked, runs are recorded, taken up and finished once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dsim
from dsim.errors import DataError, NeedError, PluginError, UnknownNameError, UsageError
from dsim.plugin import Product, TrainedModel
from dsim.registry import default

SOURCE = """
from dsim.plugin import Need, Parameter, Product, TrainedModel, TrainerSpec, hookimpl

SPEC = TrainerSpec(
    name="mean", version=1, title="the mean image", factory="mean_trainer:train", produces=(Product.EXTRACTOR,),
    cost="none", references=("this test",), min_datasets=1, {more}
    parameters=(
        Parameter("power", "int", 1, "exponent", minimum=1),
        Parameter("weights", "floats", (0.5, 0.5), "weights"),
    ),
    presets={{"cubic": {{"power": 3}}}},
    example={{"power": 2}},
)

@hookimpl
def dsim_trainers():
    return [SPEC]

def train(datasets, out, *, parameters, seed, runtime, resume):
    path, checkpoint = out / "mean.txt", out / "checkpoint.txt"
    started = resume and checkpoint.exists()
    checkpoint.write_text(f"{{parameters['power']}}")
    if (out.parent / "interrupt").exists():
        raise KeyboardInterrupt
    path.write_text(f"{{[d.name for d in datasets]}} {{seed}} {{parameters}} resumed={{started}}")
    {ending}
"""
ENDING = 'return [TrainedModel(Product.EXTRACTOR, path, f"mean:{path}")]'


@pytest.fixture
def trainer(install_plugin: Callable[..., Path]) -> Callable[..., None]:
    """``trainer(ending, more)`` installs the trainer ``mean``, which ends so, and declares so much more."""

    def install(ending: str = ENDING, more: str = "") -> None:
        install_plugin("mean_trainer", SOURCE.format(ending=ending, more=more))

    return install


def images(name: str = "mine", seed: int = 0) -> dsim.Dataset:
    drawn = np.random.default_rng(seed).integers(0, 256, (3, 4, 4, 3), dtype=np.uint8)
    return dsim.from_arrays(drawn, name=name)


def test_the_trainer_gets_every_parameter_and_the_models_are_returned(
    trainer: Callable[..., None], tmp_path: Path
) -> None:
    trainer()
    (model,) = dsim.train("mean", images(), out=tmp_path / "run", preset="cubic", seed=4, weights=[1, 0])
    assert model == TrainedModel(Product.EXTRACTOR, tmp_path / "run" / "mean.txt", f"mean:{tmp_path}/run/mean.txt")
    assert model.path.read_text() == "['mine'] 4 {'power': 3, 'weights': (1.0, 0.0)} resumed=False"


def test_the_record_names_all_that_a_run_depends_on(trainer: Callable[..., None], tmp_path: Path) -> None:
    trainer()
    mine = images()
    dsim.train("mean", [mine], out=tmp_path / "run", power=2)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (record["trainer"], record["plugin"], record["seed"]) == ("mean@1", "mean_trainer 1.0", 0)
    assert record["parameters"] == {"power": 2, "weights": [0.5, 0.5]}
    assert [(dataset["name"], dataset["n"]) for dataset in record["datasets"]] == [("mine", 3)]
    assert record["models"] == [{"product": "extractor", "path": "mean.txt", "reference": "mean:{run}/mean.txt"}]


def test_an_interrupted_run_goes_on_and_a_finished_one_is_not_trained_again(
    trainer: Callable[..., None], tmp_path: Path
) -> None:
    trainer()
    (tmp_path / "interrupt").touch()
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        dsim.train("mean", images(), out=run)
    (tmp_path / "interrupt").unlink()
    (model,) = dsim.train("mean", images(), out=run)
    assert model.path.read_text().endswith("resumed=True")
    model.path.write_text("as it was")
    moved = run.rename(tmp_path / "moved")
    (again,) = dsim.train("mean", images(), out=moved)
    assert again.path.read_text() == "as it was"
    assert again.reference == f"mean:{moved}/mean.txt"


def test_an_unfinished_run_can_be_started_anew(trainer: Callable[..., None], tmp_path: Path) -> None:
    trainer()
    (tmp_path / "interrupt").touch()
    with pytest.raises(KeyboardInterrupt):
        dsim.train("mean", images(), out=tmp_path / "run")
    (tmp_path / "interrupt").unlink()
    (model,) = dsim.train("mean", images(), out=tmp_path / "run", resume=False)
    assert model.path.read_text().endswith("resumed=False")


@pytest.mark.parametrize(
    ("changed", "culprit"),
    [
        ({"power": 2}, "power=1 there, 2 here"),
        ({"seed": 1}, "seed 0 there, 1 here"),
        ({"datasets": images("yours")}, "mine there, yours here"),
        ({"datasets": images(seed=1)}, "other contents of mine"),
    ],
)
def test_a_folder_with_another_run_is_refused(
    trainer: Callable[..., None], tmp_path: Path, changed: dict[str, Any], culprit: str
) -> None:
    trainer()
    out = tmp_path / "run"
    dsim.train("mean", images(), out=out)
    with pytest.raises(UsageError) as caught:
        dsim.train("mean", **{"datasets": images(), "out": out, **changed})
    assert culprit in caught.value.message
    assert "--out" in (caught.value.hint or "")


def test_a_run_of_which_nothing_came_does_not_hold_the_folder(trainer: Callable[..., None], tmp_path: Path) -> None:
    """As where a trainer refuses a parameter, and the same folder is named again with another one."""
    trainer()
    (tmp_path / "interrupt").touch()
    with pytest.raises(KeyboardInterrupt):
        dsim.train("mean", images(), out=tmp_path / "run")
    (tmp_path / "interrupt").unlink()
    for path in (tmp_path / "run").iterdir():
        if path.name != "run.json":
            path.unlink()
    (model,) = dsim.train("mean", images(), out=tmp_path / "run", power=2)
    assert "'power': 2" in model.path.read_text()


def test_a_folder_with_something_else_is_refused_and_left_alone(trainer: Callable[..., None], tmp_path: Path) -> None:
    trainer()
    (tmp_path / "thesis.tex").write_text("all my work")
    with pytest.raises(UsageError, match=tmp_path.name):
        dsim.train("mean", images(), out=tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("arguments", "error", "culprit"),
    [
        ({"name": "maen"}, UnknownNameError, "'mean'"),
        ({"powr": 2}, UnknownNameError, "'power'"),
        ({"preset": "cubik"}, UnknownNameError, "'cubic'"),
        ({"power": 0}, UsageError, "'power'"),
        ({"power": "2"}, UsageError, "'power'"),
        ({"datasets": []}, UsageError, "1 datasets"),
        ({"datasets": [images(), images()]}, DataError, "'mine'"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_written(
    trainer: Callable[..., None], tmp_path: Path, arguments: dict[str, Any], error: type[Exception], culprit: str
) -> None:
    trainer()
    with pytest.raises(error, match=culprit) as caught:
        dsim.train(**{"name": "mean", "datasets": images(), "out": tmp_path / "run", **arguments})
    assert caught.value.hint  # type: ignore[attr-defined]
    assert not (tmp_path / "run").exists()


def test_a_dataset_without_what_the_trainer_reads_is_refused(trainer: Callable[..., None], tmp_path: Path) -> None:
    trainer(more="needs=frozenset({Need.IMAGES, Need.MASKS}),")
    with pytest.raises(NeedError, match="'mine' has no masks"):
        dsim.train("mean", images(), out=tmp_path)


@pytest.mark.parametrize(
    ("ending", "culprit"),
    [
        ("return []", "no extractor"),
        ("return None", "no extractor"),
        ("return [path]", "not a TrainedModel"),
        ('return [TrainedModel(Product.EXTRACTOR, out / "nothing")]', "nothing"),
        ("return [TrainedModel(Product.EXTRACTOR, out.parent)]", "not in its folder"),
    ],
)
def test_a_trainer_that_does_not_write_what_it_declares_is_broken(
    trainer: Callable[..., None], tmp_path: Path, ending: str, culprit: str
) -> None:
    trainer(ending)
    with pytest.raises(PluginError, match=culprit) as caught:
        dsim.train("mean", images(), out=tmp_path / "run")
    assert "mean_trainer:train" in (caught.value.hint or "")


def test_trainers_come_back_from_the_catalogue_as_they_were_declared(trainer: Callable[..., None]) -> None:
    from dsim.registry import catalogue, forget

    trainer(more="needs=frozenset({Need.IMAGES, Need.LABELS}),")
    fresh = default().trainer_spec("mean")
    assert catalogue.keeps(default().plugins["mean_trainer"])
    forget()
    assert default().trainer_spec("mean") == fresh
    assert default().origin("mean", "dsim_trainers").name == "mean_trainer"
