"""The simulated user sees training images alone, draws whole objects, and flags what the truth does not have."""

from __future__ import annotations

import numpy as np
import pytest
from blank_problem import problem

from dsim.errors import DataError, UsageError
from dsim_simsearch.study.simulated_user import (
    User,
    count_clicks,
    draw_images,
    draw_prototypes,
    flag_candidates,
    on_objects,
)

MANY = [[(10.0, 10.0), (20.0, 30.0), (1.0, 1.0)]] * 12


def test_displayed_images_are_training_images_with_enough_whole_objects() -> None:
    posed = problem([*[[(1.0, 1.0)]] * 6, *MANY])
    for repeat in range(5):
        shown = draw_images(posed, 3, 4, 0, repeat)
        assert len(set(shown)) == 3
        assert set(shown) <= set(posed.training)
        assert sum(image >= 6 for image in shown) >= 2
    assert draw_images(posed, 3, 4, 0, 1) == draw_images(posed, 3, 4, 0, 1)
    assert len({draw_images(posed, 3, 2, 0, repeat) for repeat in range(5)}) > 1


def test_images_of_a_rare_class_are_those_that_have_it() -> None:
    posed = problem([*[[]] * 200, [(10.0, 10.0)], [(12.0, 12.0)], [(12.0, 12.0)], []])
    assert draw_images(posed, 3, 3, 0, 0) == (200, 201, 202)


def test_more_objects_than_there_are_is_an_error_that_names_the_class() -> None:
    with pytest.raises(DataError, match="'cell'"):
        draw_images(problem(MANY), 3, 100, 0, 0)
    with pytest.raises(DataError, match="7 objects"):
        draw_images(problem(MANY), 3, 7, 0, 0)


def test_prototypes_are_whole_objects_and_the_first_of_more_are_those_of_fewer() -> None:
    posed = problem(MANY)
    five = draw_prototypes(posed, "cell", (0, 1, 2), 5, 0, 0)
    assert five[:2] == draw_prototypes(posed, "cell", (0, 1, 2), 2, 0, 0)
    assert len(set(five)) == 5
    assert {region.centre for region in five} <= {(10.0, 10.0), (20.0, 30.0)}
    assert {region.image for region in five} <= set(posed.annotated.dataset.ids[:3])


def test_jittered_prototypes_are_displaced_by_as_much_and_stay_in_the_image() -> None:
    posed = problem([[(20.0, 20.0)] * 400, []], side=41)
    drawn = draw_prototypes(posed, "cell", (0,), 400, 0, 0, jitter=0.25)
    moved = np.array([region.centre for region in drawn]) - 20
    assert moved.std() == pytest.approx(0.25 * 8, rel=0.1)
    wild = draw_prototypes(posed, "cell", (0,), 400, 0, 0, jitter=5.0)
    corners = np.array([(region.x, region.y) for region in wild])
    assert corners.min() >= 0
    assert corners.max() <= 41 - 8


@pytest.mark.parametrize("negatives", [0, 1, 3, 50])
def test_the_threshold_stands_just_above_the_next_false_positive(negatives: int) -> None:
    rng = np.random.default_rng(negatives)
    scores, wrong = rng.random(60), rng.random(60) < 0.4
    found = flag_candidates(scores, wrong, negatives)
    assert len(found.negatives) == min(negatives, int(wrong.sum()))
    assert wrong[found.negatives].all()
    assert not wrong[found.positives].any()
    assert set(np.flatnonzero(scores >= found.threshold)) == {*found.positives, *found.negatives}
    if negatives < wrong.sum():
        worst = np.sort(scores[wrong])[::-1][negatives]
        assert found.threshold == np.nextafter(worst, np.inf)
        assert set(found.positives) == set(np.flatnonzero(~wrong & (scores > worst)))


def test_missed_flags_become_positives() -> None:
    scores, wrong = np.linspace(1, 0, 400), np.tile([False, True], 200)
    found = flag_candidates(scores, wrong, 200, 0.25, np.random.default_rng(0))
    assert wrong[found.positives].sum() == pytest.approx(50, abs=15)
    assert len(found.negatives) + wrong[found.positives].sum() == 200


def test_without_candidates_nothing_is_accepted() -> None:
    found = flag_candidates(np.zeros(0), np.zeros(0, bool), 5)
    assert len(found.positives) == len(found.negatives) == 0


def test_patches_lie_on_objects_by_their_centres() -> None:
    assert on_objects(np.array([[0.0, 0], [3, 4], [9, 9]]), np.zeros((1, 2)), 5.001).tolist() == [True, True, False]
    assert on_objects(np.zeros((2, 2)), np.zeros((0, 2)), 5).tolist() == [False, False]


def test_every_action_is_a_click() -> None:
    posed = problem(MANY)
    prototypes = {"cell": draw_prototypes(posed, "cell", (0, 1, 2), 5, 0, 0)}
    flaggings = {"cell": flag_candidates(np.array([0.9, 0.8]), np.array([False, True]), 1)}
    assert count_clicks(prototypes, flaggings, 3) == 5 + 1 + 1 + 3


@pytest.mark.parametrize("wrong", [{"displayed": 0}, {"background": 0}, {"jitter": -1.0}, {"missed": 1.5}])
def test_impossible_users_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        User(**wrong)  # type: ignore[arg-type]
