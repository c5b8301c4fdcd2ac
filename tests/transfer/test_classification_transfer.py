"""Promises of measured transfer in classification: fair folds, honest baselines, nothing done twice, with reasons."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from dsim.cli.transfer import classification
from dsim.data import Dataset, from_arrays, open_dataset
from dsim.errors import DataError, MeasureError, UsageError, WeightsError
from dsim.runtime import Runtime, Silent
from dsim.transfer.classification import experiment as running
from dsim.transfer.classification import measure_classification
from dsim.transfer.classification import objective as learning
from dsim.transfer.classification.objective import build_classifier, gather_images, train_classifier
from dsim.transfer.classification.recipe import SETTINGS, ClassificationRecipe

TINY = ClassificationRecipe(width=8, levels=2, side=16, epochs=4, pretrain_epochs=4, batch=8, lr=0.01, neighbours=1)
CPU = Runtime(device="cpu", offline=True)
KINDS = ("rows", "columns", "diagonal")


class NoteRecorder(Silent):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def stripes(name: str = "stripes", kinds: int = 2, n: int = 40, seed: int = 0, colour: bool = False) -> Dataset:
    """Stripes along rows, columns, or a diagonal: that is the class."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:16, :16]
    along = [rows, columns, rows + columns]
    phase = rng.uniform(0, 6, (n, 1, 1))
    waves = np.stack([np.sin(along[i % kinds] * 1.5 + phase[i]) for i in range(n)])
    pixels = (128 + 80 * waves + rng.normal(0, 10, waves.shape)).clip(0, 255).astype(np.uint8)
    given = np.repeat(pixels[..., None], 3, axis=3) if colour else pixels
    return from_arrays(given, labels=[KINDS[i % kinds] for i in range(n)], name=name)


def noise(name: str = "noise", seed: int = 7) -> Dataset:
    """Labels that nothing in the image tells."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (40, 16, 16), dtype=np.uint8)
    return from_arrays(pixels, labels=["a", "b"] * 20, name=name)


@pytest.fixture
def measure(tmp_path: Path) -> Callable[..., Any]:
    def run(sources: list[Dataset], targets: list[Dataset], recipe: ClassificationRecipe = TINY, **more: Any) -> Any:
        more = {"folds": 2, "out": tmp_path, "runtime": CPU, **more}
        return measure_classification(sources, targets, recipe, **more)

    return run


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was trained, in order."""
    seen: list[str] = []
    original = learning.fit

    def fit(*args: Any, **more: Any) -> Any:
        seen.append(more["description"])
        return original(*args, **more)

    monkeypatch.setattr(learning, "fit", fit)
    return seen


def test_what_can_be_learnt_is_learnt_and_labels_at_random_are_not(measure):
    recipe = TINY.changed({"epochs": "12"})
    truth = measure([stripes("three", 3, seed=1)], [stripes(), noise()], recipe)
    assert truth.baseline_mean[0] > 0.95
    assert truth.mean[0, 0] > 0.95
    # Held-out labels that no image tells: a leak would show here.
    assert 0.2 < truth.baseline_mean[1] < 0.8


def test_classes_channels_and_sizes_may_differ_and_the_record_says_how_it_was_made(measure):
    sources = [stripes("three", 3, colour=True), open_dataset("phantoms:ultrasound[count=24,size=20]")]
    truth = measure(sources, [stripes()], name="mine")
    assert truth.values.shape == (2, 1, 2)
    assert truth.repetition == "fold"
    assert truth.name == "mine"
    assert (truth.score, truth.unit, truth.bounds) == ("AUC", "", (0, 1))
    np.testing.assert_allclose(
        truth.transferability, 100 * (truth.mean - truth.baseline_mean) / truth.baseline_mean, rtol=1e-12
    )
    kept = truth.provenance
    assert kept["recipe"] == TINY.record()
    assert kept["conditions"][0]["device"] == "cpu"
    assert kept["folds"]["stripes"][0] == {"training": 20, "validation": 10, "test": 10, "lacking": []}
    assert len(kept["trainings"]) == 4
    assert len(kept["trained on targets"]) == 6
    json.dumps(truth.to_dict(), allow_nan=False)


def test_a_source_as_its_own_target_is_training_from_scratch_whatever_its_name(measure, trained):
    truth = measure([stripes("other name"), stripes("more", seed=3)], [stripes()])
    np.testing.assert_array_equal(truth.values[0], truth.baseline)
    assert not any("other name" in each for each in trained)
    assert truth.provenance["self pairs"] == [["other name", "stripes"]]


def test_what_is_finished_is_not_done_again(measure, trained):
    first = measure([noise()], [stripes()])
    assert len(trained) == 2 + 2 + 2
    again = measure([noise()], [stripes()])
    assert len(trained) == 6
    assert again == first
    measure([noise()], [stripes(), stripes("third", 3)])
    # Of the new target: from scratch and from the source, which is trained already.
    assert len(trained) == 10
    measure([noise()], [stripes()], TINY.changed({"lr": "0.02"}))
    assert len(trained) == 16
    measure([noise()], [stripes()], seed=1)
    assert len(trained) == 22


def test_stopped_at_any_training_it_goes_on_and_ends_in_the_same_numbers(measure, tmp_path, monkeypatch):
    datasets = [noise(), stripes()]
    whole = measure(datasets, datasets, out=tmp_path / "whole")
    original, epochs = learning.ClassificationObjective.batches, [0]

    def batches(self: Any, generator: torch.Generator) -> Any:
        epochs[0] += 1
        if epochs[0] % 7 == 0:
            raise KeyboardInterrupt
        return original(self, generator)

    monkeypatch.setattr(learning.ClassificationObjective, "batches", batches)
    stops = 0
    while True:
        try:
            found = measure(datasets, datasets, out=tmp_path / "stopped")
            break
        except KeyboardInterrupt:
            stops += 1
    assert stops > 3
    assert found == whole
    # Twelve trainings of four epochs: one epoch is lost at each stop, and no other is done twice.
    assert epochs[0] == 12 * 4 + stops
    assert not list(tmp_path.rglob("*.checkpoint.safetensors"))


def test_dropout_draws_the_same_after_an_interruption(tmp_path, monkeypatch):
    recipe, images = TINY.changed({"dropout": "0.5"}), gather_images(stripes(), 16)
    straight = train_classifier(
        build_classifier(recipe, 2, 0), images, None, recipe, recipe.course(), seed=0, runtime=CPU
    )
    original, epochs = learning.ClassificationObjective.batches, [0]

    def batches(self: Any, generator: torch.Generator) -> Any:
        epochs[0] += 1
        if epochs[0] == 3:
            raise KeyboardInterrupt
        return original(self, generator)

    monkeypatch.setattr(learning.ClassificationObjective, "batches", batches)
    at = {"seed": 0, "runtime": CPU, "checkpoint": tmp_path / "state.safetensors"}
    with pytest.raises(KeyboardInterrupt):
        train_classifier(build_classifier(recipe, 2, 0), images, None, recipe, recipe.course(), **at)
    resumed = train_classifier(build_classifier(recipe, 2, 0), images, None, recipe, recipe.course(), **at)
    for one, other in zip(straight.network.parameters(), resumed.network.parameters(), strict=True):
        assert torch.equal(one, other)


def test_training_leaves_the_global_random_state_alone():
    images = gather_images(stripes(), 16)
    before = torch.random.get_rng_state()
    train_classifier(build_classifier(TINY, 2, 0), images, None, TINY, TINY.course(), seed=0, runtime=CPU)
    assert torch.equal(before, torch.random.get_rng_state())


def test_images_that_the_source_holds_are_not_scored(measure, tmp_path):
    target = stripes(n=60)
    truth = measure([target.subset([*range(20)], name="part")], [target])
    scored = [one for one in truth.provenance["trained on targets"] if one["source"] == "part"]
    full = [one for one in truth.provenance["trained on targets"] if one["source"] == "scratch"]
    assert sum(one["images"] for one in scored) < sum(one["images"] for one in full)
    relabelled = from_arrays(
        np.stack([target.native(i)[..., 0] for i in range(60)]), labels=["odd"] * 30 + ["even"] * 30, name="relabelled"
    )
    truth = measure([relabelled, noise()], [target], out=tmp_path / "second")
    assert np.isnan(truth.mean[0, 0])
    assert "in the source too" in truth.reasons["relabelled", "stripes"]
    assert not np.isnan(truth.mean[1, 0])


def test_a_source_that_cannot_be_trained_is_nan_with_its_reason_and_stops_no_other(measure, monkeypatch, trained):
    original = running.train_source

    def pretrained(experiment: Any, source: Dataset, number: int) -> Any:
        if source.name == "noise":
            raise MeasureError("training diverged")
        return original(experiment, source, number)

    monkeypatch.setattr(running, "train_source", pretrained)
    truth = measure([noise(), stripes("three", 3)], [stripes()])
    assert truth.missing == [("noise", "stripes", "training diverged")]
    assert not np.isnan(truth.mean[1, 0])
    assert not any("noise" in each for each in trained)


def test_one_training_of_a_source_may_serve_all_folds(measure, trained):
    measure([noise()], [stripes()], TINY.changed({"pretrainings": "one"}))
    assert trained.count("training on noise") == 1


def test_a_fold_without_a_class_is_told_and_scored_by_the_others(measure):
    data = stripes("few", 3, n=42)
    keep = [i for i in range(42) if i % 3 < 2 or i < 6]
    recorder = NoteRecorder()
    truth = measure([noise()], [data.subset(keep)], folds=3, runtime=Runtime(device="cpu", progress=recorder))
    assert any("lacks diagonal" in note and "weighs nothing" in note for note in recorder.notes)
    assert not np.isnan(truth.values).any()


@pytest.mark.parametrize(
    ("sources", "targets", "more", "error", "expected"),
    [
        ([stripes(), stripes()], [noise()], {}, DataError, "two sources are named 'stripes'"),
        ([stripes()], [noise()], {"folds": 1}, UsageError, "leave nothing to score"),
        ([], [noise()], {}, UsageError, "there is no source"),
        ([stripes()], [], {}, UsageError, "there is no target"),
        ([stripes()], [noise().subset([0])], {}, DataError, "of one class"),
        ([stripes()], [noise().subset([0, 1, 2])], {"folds": 3}, DataError, "cannot be divided"),
        ([stripes(kinds=1)], [noise()], {}, DataError, "of one class, 'rows'"),
        ([stripes()], [noise()], {"imagenet": "resnet18"}, UsageError, "names no network of timm"),
        ([stripes()], [noise()], {"imagenet": "timm:test_resnet[init=random:0]"}, UsageError, "random weights"),
    ],
)
def test_what_would_fail_after_hours_fails_at_once(measure, trained, sources, targets, more, error, expected):
    with pytest.raises(error) as caught:
        measure(sources, targets, **more)
    assert expected in str(caught.value)
    assert trained == []


@pytest.fixture
def weights(tmp_path: Path) -> str:
    """Weights of a small network of timm, in a file."""
    import timm

    torch.manual_seed(0)
    torch.save(timm.create_model("test_resnet", num_classes=0).state_dict(), tmp_path / "weights.pth")
    return f"timm:test_resnet.r160_in1k[weights={tmp_path / 'weights.pth'}]"


def test_imagenet_is_a_source_where_its_weights_are_at_hand(measure, weights):
    recipe = TINY.changed({"network": "timm:test_resnet", "side": "32", "epochs": "2", "pretrain_epochs": "2"})
    truth = measure([noise()], [stripes()], recipe, imagenet=weights)
    assert truth.sources == ("noise", "ImageNet")
    assert truth.imagenet == "ImageNet"
    assert not np.isnan(truth.mean).any()
    assert len(truth.provenance["imagenet"]["sha256"]) == 64


def test_imagenet_is_of_the_same_network_as_all_others(measure, weights):
    with pytest.raises(UsageError, match="network=timm:test_resnet"):
        measure([noise()], [stripes()], imagenet=weights)


def test_weights_that_cannot_be_had_stop_unless_imagenet_may_be_left_out(measure, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    recipe = TINY.changed({"network": "timm:test_resnet", "side": "32", "epochs": "1", "pretrain_epochs": "1"})
    reference = "timm:test_resnet.r160_in1k[weights=nowhere.pth]"
    with pytest.raises(WeightsError, match="nowhere"):
        measure([noise()], [stripes()], recipe, imagenet=reference)
    recorder = NoteRecorder()
    runtime = Runtime(device="cpu", offline=True, progress=recorder)
    truth = measure([noise()], [stripes()], recipe, imagenet=reference, imagenet_optional=True, runtime=runtime)
    assert truth.sources == ("noise",)
    assert truth.imagenet == ""
    assert any(note.startswith("without ImageNet") for note in recorder.notes)


COMMAND = ["--folds", "2", "--device", "cpu", "--set", "width=4", "--set", "levels=2", "--set", "side=16"]
COMMAND += ["--set", "epochs=1", "--set", "pretrain_epochs=1", "--set", "neighbours=1"]
PHANTOMS = ["phantoms:ultrasound[count=16,size=20]", "phantoms:xray[count=16,size=20]"]


def test_the_command_writes_the_truth_and_tells_what_a_reader_should_know(tmp_path):
    out = tmp_path / "truth.json"
    sources = [part for each in PHANTOMS for part in ("--sources", each)]
    done = CliRunner().invoke(classification, [*sources, *COMMAND, "--out", str(out)], standalone_mode=False)
    assert (done.exception, done.return_value) == (None, 0), done.output
    assert "from scratch" in done.stdout
    assert "AUC, mean of 2 folds" in done.stdout
    assert "the same images and labels" in done.stderr
    assert "wrote" in done.stderr
    document = json.loads(out.read_text())
    assert document["name"] == "truth"
    assert document["datasets"][document["sources"][0]]["location"].startswith("phantoms:")
    done = CliRunner().invoke(classification, [*sources, *COMMAND, "--out", str(out), "--json"], standalone_mode=False)
    assert json.loads(done.stdout) == document


@pytest.mark.parametrize(
    ("more", "expected"), [(["--preset", "cat"], "Did you mean 'cats'"), (["--set", "epochs"], "write --set KEY=VALUE")]
)
def test_the_command_names_a_wrong_request(more, expected):
    done = CliRunner().invoke(classification, ["--sources", PHANTOMS[0], *COMMAND, *more], standalone_mode=False)
    assert expected in str(done.exception)


@pytest.mark.slow
def test_processes_side_by_side_give_the_same_numbers(measure, tmp_path):
    datasets = [noise(), stripes()]
    alone = measure(datasets, datasets, out=tmp_path / "alone")
    assert measure(datasets, datasets, out=tmp_path / "two", jobs=2) == alone


@pytest.mark.slow
def test_real_images_are_learnt(real_data, measure):
    folder = real_data / "classification"
    target = open_dataset(folder / "pneumoniamnist_cls" / "pneumoniamnist_cls.npz")
    recipe = ClassificationRecipe().changed({"epochs": "10", "pretrain_epochs": "5"})
    source = open_dataset(folder / "cxr_covid_cls" / "cxr_covid_cls.npz")
    truth = measure([source], [target], recipe)
    assert truth.baseline_mean[0] > 0.85
    assert truth.mean[0, 0] > 0.85


PAGE = Path(__file__).parents[2] / "docs" / "transfer-classification.md"


def test_the_page_runs_and_prints_what_it_shows(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    ((code, output),) = re.findall(r"^```python\n(.*?)^```\n\n```\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    exec(compile(code, PAGE.name, "exec"), {})
    assert capsys.readouterr().out == output


def test_the_page_tells_every_setting_with_its_default():
    rows = re.findall(r"^\| `(\w+)` \| `(.*?)` \| (.*?) \|$", PAGE.read_text("utf-8"), re.M)
    assert [(name, text) for name, _, text in rows] == [(setting.name, setting.help) for setting in SETTINGS]
    assert ClassificationRecipe().changed({name: default for name, default, _ in rows}) == ClassificationRecipe()
