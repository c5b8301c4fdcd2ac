"""Promises of end-to-end training: it learns, stops by images of its own, goes on where it stopped, and refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dsim.data import Dataset, from_arrays
from dsim.efficiency import finetune as module
from dsim.efficiency.baselines import read_baselines, with_random_weights
from dsim.efficiency.curve import balanced_accuracy
from dsim.efficiency.end_to_end import divide_draw, open_classifier
from dsim.efficiency.finetune import FinetuneRecipe, finetune
from dsim.errors import UnknownNameError, UsageError
from dsim.runtime import Runtime, Silent

CPU = Runtime(device="cpu", offline=True)
#: One of timm's smallest networks, made for tests.
TINY = "timm:test_resnet[init=random:0,transform=square@1[channels=3,side=32]]"
SHORT = FinetuneRecipe(shown=320, least_epochs=1, most_epochs=12, batch=16, lr=3e-3)


def stripes(n: int, seed: int, name: str = "stripes") -> Dataset:
    """Stripes along rows or along columns: that is the class."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:32, :32]
    waves = np.stack([np.sin([rows, columns][i % 2] + rng.uniform(0, 6)) for i in range(n)])
    pixels = (128 + 80 * waves + rng.normal(0, 10, waves.shape)).clip(0, 255).astype(np.uint8)
    return from_arrays(pixels, labels=[("along rows", "along columns")[i % 2] for i in range(n)], name=name)


@dataclass(frozen=True)
class FirstOfEach:
    """Draws that turn the images of each class by the repeat."""

    labels: Sequence[str]

    def indices(self, repeat: int, n: int) -> NDArray[np.intp]:
        """Return ``n`` positions of each class."""
        own = [np.flatnonzero(np.array(self.labels) == name) for name in sorted(set(self.labels))]
        return np.concatenate([np.roll(each, -n * repeat)[:n] for each in own])


def run(folder: Path, **more: Any) -> Any:
    training = more.pop("training", stripes(60, seed=0))
    given = {"counts": [10], "repeats": 2, "runtime": CPU, "recipe": SHORT, **more}
    draws = FirstOfEach(training.labels or ())
    return finetune(training, stripes(20, seed=1, name="test"), TINY, draws, folder=folder, **given)


def accuracies(found: Any) -> Any:
    truth = np.array([found.classes.index(label) for label in stripes(20, seed=1).labels or ()])
    return balanced_accuracy(truth, found.predictions[:, 0]).tolist()


def test_what_can_be_learnt_is_learnt(tmp_path: Path) -> None:
    found = run(tmp_path, counts=[20], repeats=1)
    assert found.predictions.shape == (1, 1, 20)
    assert min(accuracies(found)) > 0.9


def test_three_tenths_of_each_class_stop_the_training_where_there_are_enough(tmp_path: Path) -> None:
    found = run(tmp_path, counts=[2, 10], repeats=1, recipe=replace(SHORT, most_epochs=2))
    few, enough = (found.trainings[0, count] for count in (2, 10))
    assert (few["images"], few["validation"], few["validation_accuracy"]) == (4, 0, None)
    assert (enough["images"], enough["validation"]) == (14, 6)
    assert 0 <= enough["validation_accuracy"] <= 1
    # Without validation the last epoch is kept: no epoch was looked at.
    assert few["best_epoch"] == few["epochs"]


def test_the_division_of_a_draw_is_stratified_and_complete() -> None:
    labels = [0] * 20 + [1] * 10
    trained, validated = divide_draw(labels, 0.3, seed=0)
    assert sorted(trained + validated) == [*range(30)]
    assert [sum(labels[i] == each for i in validated) for each in (0, 1)] == [6, 3]
    assert divide_draw(labels, 0.3, seed=1) != (trained, validated)


def test_finished_trainings_are_not_done_again_and_a_killed_run_ends_in_the_same_predictions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = replace(SHORT, most_epochs=2)
    whole = run(tmp_path / "whole", recipe=quick)
    original, calls = module.fit, []

    def fit(*args: Any, **more: Any) -> Any:
        calls.append(more["description"])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*args, **more)

    monkeypatch.setattr(module, "fit", fit)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", recipe=quick)
    again = run(tmp_path / "killed", recipe=quick)
    assert len(calls) == 3
    np.testing.assert_array_equal(again.predictions, whole.predictions)
    run(tmp_path / "killed", recipe=replace(quick, lr=1e-3))
    assert len(calls) == 5


def test_counts_that_would_take_hours_are_left_out_with_a_note(tmp_path: Path) -> None:
    notes: list[str] = []

    class Recorder(Silent):
        def note(self, text: str) -> None:
            notes.append(text)

    found = run(
        tmp_path,
        counts=[2, 20],
        repeats=1,
        recipe=replace(SHORT, most=10, most_epochs=1),
        runtime=replace(CPU, progress=Recorder()),
    )
    assert found.counts == (2,)
    assert any("20" in note for note in notes)


def test_all_weights_are_trainable_and_the_network_sees_what_its_extractor_saw() -> None:
    import torch

    from dsim.features import prepare

    centred = "timm:test_resnet[init=random:0,transform=network@1[mean=0.4/0.5/0.6,resize=32,side=32,std=0.2/0.2/0.3]]"
    classifier, transform = open_classifier(centred, 2, 0, CPU)
    assert all(each.requires_grad for each in classifier.parameters())
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    blueprint = prepare(centred, CPU)
    from dsim.features import parse_transform

    expected = blueprint.open("cpu")(parse_transform(blueprint.recipe.transform).apply(pixels)[None])
    given = torch.from_numpy(transform.apply(pixels)[None])
    with torch.no_grad():
        features = classifier.eval().body((given - classifier.mean) / classifier.std)
    np.testing.assert_allclose(features.numpy(), expected, rtol=1e-4, atol=1e-5)


def test_baselines_are_extractors_or_networks_by_name() -> None:
    found = read_baselines(["pixels", "imagenet", "finetune", "finetune=dino:resnet18", "random"], [TINY], CPU)
    assert found.finetuned == (TINY, "dino:resnet18")
    assert found.extractors == ("pixels:", "zoo:lite0.imagenet.r1", TINY)
    with pytest.raises(UnknownNameError, match="pixles"):
        read_baselines(["pixles"], [TINY], CPU)


def test_random_weights_keep_architecture_and_input() -> None:
    assert with_random_weights("timm:resnet18.a1_in1k", CPU) == "timm:resnet18[init=random:0]"
    lite0 = with_random_weights("zoo:lite0.imagenet.r1", CPU)
    assert lite0.startswith("timm:tf_efficientnet_lite0[init=random:0,transform=network@1[")
    assert "side=224" in lite0
    with pytest.raises(UsageError, match="pixels"):
        with_random_weights("pixels:", CPU)


def test_what_is_not_a_network_cannot_be_trained() -> None:
    with pytest.raises(UsageError) as error:
        open_classifier("pixels:", 2, 0, CPU)
    assert "finetune=" in (error.value.hint or "")
