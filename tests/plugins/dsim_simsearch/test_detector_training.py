"""The training of a detector: what each step changes, one end for one seed, interruptions, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from drawn_discs import CLASSES, PATCH, draw_dataset, make_maps, true_patches

from dsim.errors import UnknownNameError
from dsim.plugin import DataError, Runtime, UsageError
from dsim.runtime import Task
from dsim_simsearch.detection import detect
from dsim_simsearch.training import add_shifted, train_detector
from dsim_simsearch.training_settings import PRESETS, STRATEGIES, TrainingSettings

if TYPE_CHECKING:
    from dsim_simsearch.detector import Detector
    from dsim_simsearch.features import FeatureMaps
    from dsim_simsearch.selection import PatchSet

RUNTIME = Runtime(device="cpu")
#: Few epochs of all steps.
SHORT = replace(
    TrainingSettings.preset("quick"),
    self_epochs=2,
    refine_epochs=2,
    classifier_epochs=30,
    bank=2,
    most_noisy=12,
    shifted=1,
    hidden=16,
    outputs=8,
)


@lru_cache(maxsize=1)
def drawn() -> tuple[FeatureMaps, PatchSet, PatchSet, list[np.ndarray]]:
    """Maps of six scenes, clean patches of the first two, noisy ones of the next two, and all true centres."""
    dataset, centres = draw_dataset(6)
    return make_maps(dataset), true_patches(dataset, centres, [0, 1]), true_patches(dataset, centres, [2, 3]), centres


def train(settings: TrainingSettings = SHORT, seed: int = 0, **given: object) -> Detector:
    maps, clean, noisy, _ = drawn()
    arguments = {"clean": clean, "noisy": noisy, "runtime": RUNTIME, **given}
    return train_detector(maps, settings=settings, seed=seed, **arguments)  # type: ignore[arg-type]


@lru_cache(maxsize=1)
def usual() -> Detector:
    """The detector of the usual arguments."""
    return train()


class _Stopping:
    """Progress that is interrupted after some epochs of one step, and remembers notes."""

    def __init__(self, step: str = "", epochs: int = 0) -> None:
        self.step, self.left, self.notes = step, epochs, list[str]()

    @contextmanager
    def task(self, description: str, total: float | None = None, unit: str = "") -> Iterator[Task]:
        self.counts = description == self.step
        yield self

    def advance(self, amount: float = 1, **fields: object) -> None:
        self.left -= amount * self.counts
        if self.counts and self.left < 0:
            raise KeyboardInterrupt

    def note(self, text: str) -> None:
        self.notes.append(text)


# ---- what is learnt ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("whiten", [0.0, 0.5])
def test_a_detector_of_two_classes_finds_both_in_scenes_it_has_not_seen(whiten: float) -> None:
    maps, _, _, centres = drawn()
    found = detect(train(replace(SHORT, whiten=whiten)), maps.images, 0.5, RUNTIME, indices=[4, 5])
    for number, label in enumerate(CLASSES):
        for index in (4, 5):
            own = [one.centre for one in found.candidates if one.label == label and one.image == f"scene{index}"]
            surest, truth = np.array(own[:3]), centres[index][3 * number : 3 * number + 3]
            distances = np.hypot(*(surest[:, None] - truth[None]).transpose(2, 0, 1))
            assert sorted(distances.argmin(axis=1).tolist()) == [0, 1, 2], (label, index)
            assert float(distances.min(axis=1).max()) < 0.3 * PATCH, (label, index)


def test_only_the_last_stage_learns_and_the_given_network_stays_as_it_is() -> None:
    maps = drawn()[0]
    before = maps.blocks.identity
    blocks = usual().blocks
    assert maps.blocks.identity == before != blocks.identity
    last = {name for name, _ in blocks.named_parameters() if ".blocks.2." in name}
    changed = {
        name
        for (name, old), new in zip(maps.blocks.named_parameters(), blocks.parameters(), strict=True)
        if not torch.equal(old, new)
    }
    assert changed == last
    for (name, old), new in zip(maps.blocks.named_buffers(), blocks.buffers(), strict=True):
        assert torch.equal(old, new), f"{name}: batch normalisation is not in evaluation mode"


def test_each_step_can_be_left_out() -> None:
    def steps(settings: TrainingSettings) -> list[str]:
        return list(train(settings).training["steps"])

    assert list(usual().training["steps"]) == ["self-learning", "refinement", "classifier"]
    assert steps(replace(SHORT, self_learning=False)) == ["refinement", "classifier"]
    assert steps(replace(SHORT, self_learning=False, refinement=False)) == ["classifier"]


def test_without_training_of_the_network_it_is_the_given_one() -> None:
    detector = train(replace(SHORT, self_learning=False, refinement=False))
    assert detector.blocks.identity == drawn()[0].blocks.identity


def test_negatives_matter_only_where_they_are_used() -> None:
    _, clean, _, _ = drawn()
    none = replace(clean, negative_of=np.full(len(clean), -1))
    without = replace(SHORT, self_learning=False, negatives=False)
    assert train(without).digest == train(without, clean=none).digest
    used = replace(without, negatives=True)
    digests = {
        train(used).digest,
        train(used, clean=none).digest,
        train(replace(used, negatives_are_background=False)).digest,
    }
    assert len(digests) == 3


def test_the_classifier_sees_what_the_search_sees_or_features_as_they_are() -> None:
    quick = train(replace(SHORT, self_learning=False, refinement=False)).classifier
    assert quick.is_directional
    points = quick.normalise(torch.randn(5, len(quick.mean)))
    torch.testing.assert_close(points.norm(dim=1), torch.ones(5))
    plain = train(replace(SHORT, self_learning=False, refinement=False, whiten=0.0, turns=True)).classifier
    assert not plain.is_directional
    assert torch.equal(plain.matrix, torch.diag(plain.matrix.diagonal()))


# ---- seeds and interruptions ---------------------------------------------------------------------------------------


def test_one_seed_gives_one_detector_and_another_another() -> None:
    assert usual().digest == train().digest != train(seed=1).digest


@pytest.mark.parametrize(("step", "epochs"), [("self-learning", 1), ("refinement", 1), ("classifier", 7)])
def test_an_interrupted_training_goes_on_to_the_same_end(step: str, epochs: int, tmp_path: Path) -> None:
    expected = usual().digest
    stopped = replace(RUNTIME, progress=_Stopping(step, epochs))
    with pytest.raises(KeyboardInterrupt):
        train(runtime=stopped, folder=tmp_path, checkpoint_seconds=0.0)
    assert (tmp_path / f"{step}.checkpoint.safetensors").exists()
    resumed = train(folder=tmp_path, checkpoint_seconds=0.0)
    assert resumed.digest == expected
    assert resumed.training["steps"][step]["epochs"] == usual().training["steps"][step]["epochs"]
    assert not list(tmp_path.iterdir())


def test_the_checkpoint_of_other_patches_is_not_taken_up(tmp_path: Path) -> None:
    stopped = replace(RUNTIME, progress=_Stopping("refinement", 1))
    settings = replace(SHORT, self_learning=False)
    with pytest.raises(KeyboardInterrupt):
        train(settings, runtime=stopped, folder=tmp_path, checkpoint_seconds=0.0)
    other = drawn()[2]
    expected = train(settings, clean=other).digest
    notes = _Stopping()
    resumed = train(settings, clean=other, folder=tmp_path, runtime=replace(RUNTIME, progress=notes))
    assert resumed.digest == expected
    assert any("checkpoint" in note for note in notes.notes)


# ---- patches -------------------------------------------------------------------------------------------------------


def test_without_noisy_patches_the_step_is_left_out_and_noted() -> None:
    notes = _Stopping()
    detector = train(noisy=None, runtime=replace(RUNTIME, progress=notes))
    assert "self-learning" not in detector.training["steps"]
    assert notes.notes == detector.training["warnings"]
    assert len(notes.notes) == 1


def test_so_many_noisy_patches_are_drawn_from_all_classes_alike() -> None:
    detector = train(replace(SHORT, most_noisy=14, refinement=False))
    assert detector.training["steps"]["self-learning"]["patches"] == 14


def test_patches_beside_objects_are_background_at_their_distance_from_all_objects() -> None:
    maps, clean, _, _ = drawn()
    shapes = dict.fromkeys(maps.images.dataset.ids, (120, 160))
    more = add_shifted(clean, 5, shapes, seed=0)
    added = more.regions[len(clean) :]
    assert more.regions[: len(clean)] == clean.regions
    assert len(added) > 3 * (clean.labels < 2).sum() / 2
    assert set(more.labels[len(clean) :].tolist()) == {2}
    assert set(more.negative_of[len(clean) :].tolist()) == {-1}
    for one in added:
        objects = [
            r for r, label in zip(clean.regions, clean.labels, strict=True) if r.image == one.image and label in (0, 1)
        ]
        nearest = min(np.hypot(*np.subtract(one.centre, other.centre)) for other in objects)
        assert 0.35 * PATCH <= nearest <= 0.6 * PATCH
        assert 0 <= one.centre[0] < 160
        assert 0 <= one.centre[1] < 120


@pytest.mark.parametrize("label", [0, 1, 2])
def test_a_class_without_patches_is_refused_by_name(label: int) -> None:
    _, clean, _, _ = drawn()
    labels = np.where(clean.labels == label, -1, clean.labels)
    with pytest.raises(DataError, match=(*CLASSES, "background")[label]) as refused:
        train(clean=replace(clean, labels=labels))
    assert refused.value.hint


# ---- settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_presets_and_strategies_come_back_from_json(preset: str, strategy: str) -> None:
    settings = TrainingSettings.preset(preset, strategy)
    assert TrainingSettings.from_dict(settings.to_dict()) == settings
    assert settings.self_learning == ("selflearn" in strategy or strategy == "all")
    assert settings.negatives == ("neg" in strategy or strategy == "all")


def test_the_paper_has_its_published_numbers() -> None:
    paper = TrainingSettings.preset("paper")
    assert (paper.self_epochs, paper.self_batch, paper.self_temperature) == (100, 128, 0.5)
    assert (paper.self_lr, paper.self_factor, paper.self_every) == (1e-3, 0.05, 50)
    assert (paper.refine_epochs, paper.refine_batch, paper.refine_temperature) == (50, 32, 0.07)
    assert (paper.refine_lr, paper.refine_factor, paper.refine_every) == (1e-3, 0.1, 25)


@pytest.mark.parametrize(
    "wrong",
    [
        {"self_epochs": 0},
        {"refine_temperature": 0.0},
        {"margin": -0.1},
        {"bank": 1},
        {"most_noisy": -1},
        {"whiten": -1.0},
    ],
)
def test_numbers_that_nothing_can_be_trained_by_are_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))) as refused:
        TrainingSettings(**wrong)  # type: ignore[arg-type]
    assert refused.value.hint


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    for call in (
        lambda: TrainingSettings.preset("quik"),
        lambda: TrainingSettings.preset("quick", "po"),
        lambda: TrainingSettings.from_dict({"epochs": 3}),
    ):
        with pytest.raises(UnknownNameError) as refused:
            call()
        assert refused.value.hint
