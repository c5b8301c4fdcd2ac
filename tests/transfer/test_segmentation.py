"""Promises of the measurement: what is finished is not repeated, self pairs are held out, errors come before hours."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsim.data import Dataset, from_arrays
from dsim.errors import DataError, DsimError, MeasureError, NeedError, TooFewSamplesError, UsageError
from dsim.models import SegmentationRecipe
from dsim.runtime import Runtime, Silent
from dsim.transfer.jobs import public_location
from dsim.transfer.segmentation import experiment, measure_segmentation
from dsim.transfer.segmentation.experiment import Scenario
from dsim.truth import TransferMatrix


class NoteRecorder(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


CPU = Runtime(device="cpu")
Discs = Callable[..., Dataset]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the sources that were trained on, as it happens."""
    names: list[str] = []
    learn = experiment.train_unet

    def noted(dataset: Dataset, *given: Any, **more: Any) -> Any:
        names.append(dataset.name)
        return learn(dataset, *given, **more)

    monkeypatch.setattr(experiment, "train_unet", noted)
    return names


def measure(
    sources: list[Dataset], targets: list[Dataset], recipe: SegmentationRecipe, out: Path, **more: Any
) -> TransferMatrix:
    return measure_segmentation(sources, targets, recipe, out=out, runtime=CPU, **{"repetitions": 2, **more})


def test_it_gives_a_truth_with_repetitions_that_can_be_written_and_read(
    discs: Discs, tiny: SegmentationRecipe, tmp_path: Path
) -> None:
    bright, dark = discs("bright"), discs("dark", dark=True, seed=1)
    truth = measure([bright, dark], [bright, dark], tiny, tmp_path)
    assert truth.values.shape == (2, 2, 2)
    assert (truth.score, truth.unit, truth.repetition, truth.missing) == ("DSC", "%", "seed", [])
    assert TransferMatrix.from_json(truth.to_json(tmp_path / "truth.json")) == truth
    record = truth.provenance
    assert record["recipe"] == tiny.record()
    assert len(record["trainings"]) == 4
    assert record["hours"] >= 0
    assert record["conditions"][0]["device"] == "cpu"
    assert truth.datasets["dark"].fingerprint == dark.images_fingerprint


def test_enough_training_learns_the_discs_and_not_their_opposite(
    discs: Discs, tiny: SegmentationRecipe, tmp_path: Path
) -> None:
    recipe = SegmentationRecipe.of({**tiny.record(), "epochs": 12, "shown": 24, "lr": 5e-3})
    bright, dark = discs("bright", n=20), discs("dark", n=20, dark=True, seed=1)
    truth = measure([bright], [bright, dark], recipe, tmp_path, repetitions=1)
    assert truth.mean[0, 0] > 90
    assert truth.mean[0, 1] < 50


def test_what_is_finished_is_not_repeated_and_a_new_target_costs_only_its_scores(
    discs: Discs, tiny: SegmentationRecipe, tmp_path: Path, counted: list[str]
) -> None:
    one, two, three = discs("one"), discs("two", seed=1), discs("three", seed=2)
    first = measure([one, two], [one, two], tiny, tmp_path)
    assert counted == ["one", "two", "one", "two"]
    counted.clear()
    assert measure([one, two], [one, two], tiny, tmp_path) == first
    wider = measure([one, two], [one, two, three], tiny, tmp_path)
    assert counted == []
    assert np.array_equal(wider.values[:, :2], first.values)
    assert measure([one], [one], tiny, tmp_path, repetitions=3).values[0, 0, :2].tolist() == first.values[0, 0].tolist()
    assert counted == ["one"]


@pytest.mark.parametrize("change", [{"recipe": {"lr": 3e-3}}, {"seed": 1}, {"images": 5}])
def test_another_recipe_seed_or_images_take_up_nothing(
    change: dict[str, Any], discs: Discs, tiny: SegmentationRecipe, tmp_path: Path, counted: list[str]
) -> None:
    measure([discs("a")], [discs("a")], tiny, tmp_path, repetitions=1)
    recipe = SegmentationRecipe.of({**tiny.record(), **change.get("recipe", {})})
    again = discs("a", seed=change.get("images", 0))
    measure([again], [again], recipe, tmp_path, repetitions=1, seed=change.get("seed", 0))
    assert counted == ["a", "a"]


def test_the_self_pair_is_scored_on_images_that_did_not_train(
    discs: Discs, tiny: SegmentationRecipe, tmp_path: Path
) -> None:
    source = discs("a", n=10)
    truth = measure([source], [source, discs("b", seed=1)], tiny, tmp_path, repetitions=1)
    assert truth.provenance["images scored"] == {"a": 2}
    found = experiment.SegmentationExperiment(
        (source,), (source,), tiny, Scenario("prelabel"), tmp_path / ".work", runtime=CPU
    )
    scored = found.score(source, 0, source)
    assert scored is not None
    parts = found.split(source, 0)
    assert set(scored["each"]) == {source.ids[i] for i in parts.test}
    assert not set(parts.test) & {*parts.training, *parts.validation}


def test_images_of_a_source_under_another_name_are_not_scored_either(
    discs: Discs, tiny: SegmentationRecipe, tmp_path: Path
) -> None:
    source = discs("a", n=10)
    parts = experiment.SegmentationExperiment((source,), (), tiny, Scenario("prelabel"), tmp_path).split(source, 0)
    disguised = source.subset(parts.training, name="other")
    truth = measure([source], [disguised, source.renamed("same")], tiny, tmp_path, repetitions=1)
    assert math.isnan(truth.mean[0, 0])
    assert "trained on every image of 'other'" in truth.missing[0][2]
    assert not math.isnan(truth.mean[0, 1])


def test_finetuning_has_training_from_scratch_on_the_same_images_as_baseline(
    discs: Discs, tiny: SegmentationRecipe, tmp_path: Path
) -> None:
    source, target = discs("a", n=10), discs("b", n=12, seed=1)
    tuned = measure([source], [target], tiny, tmp_path, scenario="finetune:3")
    scratch = measure([source], [target], tiny, tmp_path, scenario="scratch:3")
    assert tuned.baseline is not None
    assert np.array_equal(tuned.baseline, scratch.values[0])
    assert scratch.sources == ("scratch",)
    assert tuned.transferability is not None
    plain = measure([source], [target], tiny, tmp_path)
    assert not np.array_equal(plain.values, tuned.values)


def test_one_source_that_fails_stops_no_other_and_says_why(
    discs: Discs, tiny: SegmentationRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn = experiment.train_unet

    def fails_on_a(dataset: Dataset, *given: Any, **more: Any) -> Any:
        if dataset.name == "a":
            raise MeasureError("training diverged in epoch 2: the loss is nan")
        return learn(dataset, *given, **more)

    monkeypatch.setattr(experiment, "train_unet", fails_on_a)
    a, b = discs("a"), discs("b", seed=1)
    truth = measure([a, b], [a, b], tiny, tmp_path)
    assert [(s, t) for s, t, _ in truth.missing] == [("a", "a"), ("a", "b")]
    assert "training diverged" in truth.missing[0][2]
    monkeypatch.undo()
    assert measure([a, b], [a, b], tiny, tmp_path).missing == []


def test_a_full_disk_stops_with_an_error_and_finished_work_is_taken_up(
    discs: Discs, tiny: SegmentationRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counted: list[str]
) -> None:
    from dsim.store import ledger

    a, b = discs("a"), discs("b", seed=1)
    write, written = ledger.write_text, []

    def full_after_three(path: Path, text: str) -> None:
        if len(written) == 3:
            raise DsimError(f"cannot write {path}: No space left on device", hint="free disk space")
        written.append(path)
        write(path, text)

    monkeypatch.setattr(ledger, "write_text", full_after_three)
    with pytest.raises(DsimError, match="No space left on device"):
        measure([a, b], [a, b], tiny, tmp_path, repetitions=1)
    monkeypatch.setattr(ledger, "write_text", write)
    counted.clear()
    assert measure([a, b], [a, b], tiny, tmp_path, repetitions=1).missing == []
    assert counted == ["b"]


@pytest.mark.parametrize("jobs", [2])
def test_processes_side_by_side_give_the_same_numbers(
    discs: Discs, tiny: SegmentationRecipe, tmp_path: Path, jobs: int
) -> None:
    a, b = discs("a"), discs("b", seed=1)
    alone = measure([a, b], [a, b], tiny, tmp_path / "alone", repetitions=1)
    together = measure([a, b], [a, b], tiny, tmp_path / "together", repetitions=1, jobs=jobs)
    assert alone == together


def test_bad_input_is_refused_before_anything_is_trained(
    discs: Discs, tiny: SegmentationRecipe, tmp_path: Path, counted: list[str]
) -> None:
    good = discs("good")
    bare = from_arrays(np.zeros((9, 8, 8), np.uint8), name="bare")
    several = from_arrays(
        np.zeros((9, 8, 8), np.uint8), masks=np.arange(9 * 64, dtype=np.uint8).reshape(9, 8, 8) % 3, name="several"
    )
    one = good.subset([0], name="one")
    cases: list[tuple[list[Dataset], list[Dataset], dict[str, Any], type[DsimError], str]] = [
        ([good, bare], [good], {}, NeedError, "'bare' has no masks"),
        ([good], [good, several], {}, DataError, "'several' are not binary: their values are 0, 1, 2"),
        ([good], [one], {}, TooFewSamplesError, "'one' has one image"),
        ([good.subset([0, 1], name="two")], [good], {}, TooFewSamplesError, "'two' cannot be divided"),
        ([good], [good], {"scenario": "finetune:99"}, TooFewSamplesError, "none of another group is left"),
        ([good], [good], {"scenario": "finetune"}, UsageError, "no scenario 'finetune'"),
        ([good], [good], {"repetitions": 0}, UsageError, "0 repetitions"),
        ([good, good], [good], {}, DataError, "two sources are named 'good'"),
        ([], [good], {}, UsageError, "there is no source"),
    ]
    for sources, targets, more, error, message in cases:
        with pytest.raises(error, match=message):
            measure(sources, targets, tiny, tmp_path, **more)
    assert counted == []


def test_locations_are_told_below_the_data_folder_only(tmp_path: Path, discs: Discs) -> None:
    import dataclasses

    inside = dataclasses.replace(discs("a"), location=str(tmp_path / "data" / "sets" / "a"))
    assert public_location(inside, tmp_path / "data") == "sets/a"
    assert public_location(inside, tmp_path / "elsewhere") == ""
    assert public_location(dataclasses.replace(inside, location="phantoms:histology"), None) == "phantoms:histology"


def test_images_with_masks_are_trained_on_and_scored_and_that_is_said(
    discs: Discs, tiny: SegmentationRecipe, tmp_path: Path
) -> None:
    """The truth knows a dataset by all of its images: whoever judges by it opens them all."""
    source, whole = discs("source"), discs("target", seed=1)
    images, count = [whole.native(i) for i in range(len(whole))], len(whole)
    masks = [whole.mask(i) if i % 2 else None for i in range(count)]
    target = from_arrays(images, masks=masks, name="target")
    recorder = NoteRecorder()
    runtime = Runtime(device="cpu", progress=recorder)
    truth = measure_segmentation([source, target], [target], tiny, out=tmp_path, runtime=runtime, repetitions=1)
    assert not np.isnan(truth.values).any()
    assert [note for note in recorder.notes if f"{count // 2} of {count}" in note and "target" in note]
    known = truth.datasets["target"]
    assert (known.images, known.fingerprint) == (count // 2, target.images_fingerprint)
    assert f"{count // 2} of {count}" in known.note
    bare = from_arrays(images, name="bare")
    with pytest.raises(NeedError, match="'bare'"):
        measure([source], [bare], tiny, tmp_path / "bare")
