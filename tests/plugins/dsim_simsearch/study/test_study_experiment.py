"""Experiments on drawn cells: what the user marks, what every method detects, and cells that are computed once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawn_cells import PATCH, annotated_cells

from dsim.errors import UsageError
from dsim.runtime import Runtime
from dsim_simsearch.settings import SearchSettings
from dsim_simsearch.study.cells import Cell, find_methods
from dsim_simsearch.study.experiment import Experiment, StudySettings
from dsim_simsearch.study.methods import detect, score_detections
from dsim_simsearch.study.problem import Problem, pose_problem
from dsim_simsearch.study.run import Plan, prepare_images, run_study
from dsim_simsearch.study.simulated_user import User

CPU = Runtime(device="cpu")
NETWORK = "timm:test_resnet[init=random:0,layer=layer2]"
SETTINGS = StudySettings(
    search=SearchSettings(extractor=NETWORK, region=32),
    random=NETWORK,
    user=User(displayed=3, background=10),
    prototypes=3,
)


@pytest.fixture(scope="module")
def posed() -> Problem:
    return pose_problem(annotated_cells(), ["disc", "ring"], None, 0.3, 0)


@pytest.fixture(scope="module")
def experiment(posed: Problem) -> Experiment:
    return Experiment(posed, prepare_images(posed, CPU), SETTINGS, 0, CPU, None)


def test_the_patch_is_the_median_box_and_the_distance_three_strides(posed: Problem) -> None:
    assert posed.patch == PATCH
    assert posed.distance == pytest.approx(3 * 0.1 * PATCH)
    assert not set(posed.training) & set(posed.test)
    assert len(posed.training) + len(posed.test) == 12


@pytest.mark.parametrize("method", ["template matching", "random weights", "similarity", "k-NN", "LDA", "re-ranked"])
def test_methods_without_training_find_most_drawn_cells(experiment: Experiment, method: str) -> None:
    cell = Cell(method, 3, 2, 0, 0)
    matched = score_detections(experiment, detect(experiment, cell))
    assert [*matched] == ["disc", "ring"]
    assert matched["disc"].truths.tolist() == [5] * 4
    assert matched["disc"].correct.sum() >= 18
    chance = matched["disc"].truths.sum() / len(matched["disc"].scores)
    for found in matched.values():
        assert found.correct[: found.truths.sum()].mean() > 2 * chance


def test_the_user_marks_what_is_true_and_flags_what_is_not(experiment: Experiment) -> None:
    marked, problem = experiment.marked(3, 2), experiment.problem
    assert [len(one.prototypes) for one in marked.classes] == [3, 3]
    for one in marked.classes:
        assert len(one.flagged) == 2
        for regions, true in ((marked.accepted[one.name], True), (one.flagged, False)):
            for region in regions:
                image = experiment.images.index(region.image)
                assert image in experiment.displayed
                apart = np.linalg.norm(problem.annotated.centres(one.name, image) - region.centre, axis=1)
                assert (apart.min() < problem.distance) == true
                assert region.score >= one.threshold
    assert marked.clicks == 6 + 2 + 4 + 20 - len(marked.background)


def test_more_negatives_lower_the_threshold_and_keep_what_was_accepted(experiment: Experiment) -> None:
    few, many = experiment.marked(3, 0), experiment.marked(3, 5)
    for one, other in zip(few.classes, many.classes, strict=True):
        assert other.threshold < one.threshold
        assert not one.flagged
        assert len(other.flagged) == 5
        assert set(few.accepted[one.name]) <= set(many.accepted[one.name])


def test_background_is_on_no_cell(experiment: Experiment) -> None:
    problem = experiment.problem
    for region in experiment.marked(3, 2).background:
        image = experiment.images.index(region.image)
        truth = np.concatenate([problem.annotated.centres(name, image) for name in problem.classes])
        assert np.linalg.norm(truth - region.centre, axis=1).min() >= problem.distance


def test_patches_are_of_displayed_images_or_of_the_others_and_never_of_test_images(experiment: Experiment) -> None:
    ids = experiment.problem.annotated.dataset.ids
    clean, noisy = experiment.clean(3, 2), experiment.noisy(3, 2)
    assert {one.image for one in clean.regions} <= {ids[image] for image in experiment.displayed}
    assert {one.image for one in noisy.regions} <= {ids[image] for image in experiment.undisplayed}
    assert not {*experiment.displayed, *experiment.undisplayed} & set(experiment.problem.test)
    assert (clean.negative_of >= 0).sum() == 4
    assert (noisy.negative_of == -1).all()


def test_annotated_patches_are_all_objects_of_training_images_and_background(experiment: Experiment) -> None:
    patches, problem = experiment.annotated_patches(0), experiment.problem
    assert [patches.count(label) for label in (0, 1, 2)] == [40, 32, 40]
    training = {problem.annotated.dataset.ids[image] for image in problem.training}
    assert {one.image for one in patches.regions} <= training


def test_experiments_differ_and_are_the_same_again(posed: Problem, experiment: Experiment) -> None:
    again, other = (Experiment(posed, experiment.images, SETTINGS, repeat, CPU, None) for repeat in (0, 1))
    assert again.displayed == experiment.displayed
    assert again.prototypes("disc", 3) == experiment.prototypes("disc", 3)
    assert other.prototypes("disc", 3) != experiment.prototypes("disc", 3)


def test_finished_cells_are_not_computed_again(posed: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan(find_methods(["similarity", "k-NN"]), (2, 3), (0, 2), 2, 1)
    first = run_study(posed, plan, SETTINGS, tmp_path, CPU)
    assert first["cells"] == {"planned": 12, "finished": 12}

    def refuse(*_: object) -> None:
        raise AssertionError("a finished cell was computed again")

    monkeypatch.setattr("dsim_simsearch.study.methods.detect", refuse)
    assert run_study(posed, plan, SETTINGS, tmp_path, CPU) == first
    with pytest.raises(AssertionError):
        run_study(posed, plan, replace(SETTINGS, user=User(displayed=4, background=10)), tmp_path, CPU)


def test_a_cell_that_fails_is_named_and_the_others_go_on(
    posed: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dsim_simsearch.study import methods

    def fail(*_: object) -> None:
        raise UsageError("all candidates are flagged", hint="flag fewer")

    monkeypatch.setitem(methods._DETECT, "k-NN", fail)  # type: ignore[arg-type]
    plan = Plan(find_methods(["similarity", "k-NN"]), (2,), (2,), 1, 1)
    found = run_study(posed, plan, SETTINGS, tmp_path, CPU)
    assert found["cells"] == {"planned": 2, "finished": 1}
    assert [(one["method"], one["reason"]) for one in found["failed"]] == [("k-NN", "all candidates are flagged")]
    assert [row["method"] for row in found["scores"]] == ["similarity"] * 2
