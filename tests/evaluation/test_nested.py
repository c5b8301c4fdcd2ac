"""The nested choice: by the other targets, judged on the one that was left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from dsim.errors import UnknownNameError, UsageError
from dsim.evaluation import Evaluation, evaluate, nested_choice
from dsim.measures import SimilarityMatrix
from dsim.truth import TransferMatrix

Make = Callable[..., SimilarityMatrix]
MakeTruth = Callable[..., TransferMatrix]


@pytest.fixture
def judged(make_matrix: Make, make_truth: MakeTruth) -> Callable[..., list[Evaluation]]:
    """``judged(regrets)``: evaluations of measures m0, m1, ... that lose these points on the targets, 0 to 3 each.

    Source i loses i points everywhere; a measure finds the source nearest that loses what it is told to lose.
    """

    def make(regrets: list[list[float]]) -> list[Evaluation]:
        truth = make_truth(np.repeat([[50.0], [49.0], [48.0], [47.0]], len(regrets[0]), axis=1))
        found = []
        for number, row in enumerate(regrets):
            distances = np.full((4, len(row)), 5.0) + np.arange(4)[:, None]
            for target, lost in enumerate(row):
                distances[:, target] = np.nan if np.isnan(lost) else distances[:, target]
                if not np.isnan(lost):
                    distances[int(lost), target] = 1.0
            found.append(evaluate(make_matrix(distances, measure=f"m{number}@1"), truth))
        return found

    return make


def test_each_target_gets_the_measure_that_is_best_on_the_others(judged: Callable[..., list[Evaluation]]) -> None:
    """m0 loses 0, 0, 3 and m1 1, 1, 1. Without t0: 1.5 and 1; without t1: the same; without t2: 0 and 1."""
    found = nested_choice(judged([[0, 0, 3], [1, 1, 1]]))
    assert found.chosen == ("m1@1", "m1@1", "m0@1")
    np.testing.assert_allclose(found.judgement.per_target["regret"], [1, 1, 3])
    assert found.judgement.scores["regret"].value == pytest.approx(5 / 3)
    assert found.judgement.selected == (("s1",), ("s1",), ("s3",))


def test_the_choice_does_not_see_the_target_that_judges_it(judged: Callable[..., list[Evaluation]]) -> None:
    """Whatever the measures lose on a target, its own choice stays: here nested leave-one-out is worse than either."""
    for lost in (0, 3):
        assert nested_choice(judged([[lost, 2, 1], [3 - lost, 1, 3]])).chosen[0] == "m0@1"


def test_higher_scores_are_better_but_for_regret(judged: Callable[..., list[Evaluation]]) -> None:
    found = nested_choice(judged([[1, 1, 1], [0, 0, 0]]), "top1")
    assert found.chosen == ("m1@1",) * 3
    assert found.judgement.scores["top1"].value == 1


def test_of_measures_that_tie_the_first_is_chosen(judged: Callable[..., list[Evaluation]]) -> None:
    assert nested_choice(judged([[2, 2, 2], [2, 2, 2]])).chosen == ("m0@1",) * 3


def test_a_target_without_a_score_is_left_out_with_the_reason(judged: Callable[..., list[Evaluation]]) -> None:
    nan = float("nan")
    found = nested_choice(judged([[nan, 0, 0], [1, 1, 1]]))
    assert found.chosen == ("m0@1",) * 3
    assert np.isnan(found.judgement.per_target["regret"][0])
    assert found.judgement.reasons["regret", "t0"]
    assert found.judgement.scores["regret"].targets == 2


def test_the_best_of_random_measures_looks_good_and_the_nested_choice_does_not(
    make_matrix: Make, make_truth: MakeTruth
) -> None:
    """40 measures of random numbers on 20 targets: the best in hindsight beats chance by far, the nested does not."""
    rng = np.random.default_rng(0)
    truth = make_truth(rng.uniform(0, 100, (5, 20)))
    found = [evaluate(make_matrix(rng.random((5, 20)), measure=f"m{k}@1"), truth) for k in range(40)]
    best = min(one.judgement.scores["regret"].value for one in found)
    chance = next(one for one in found[0].baselines if one.name == "random").scores["regret"]
    assert best < 0.75 * chance.value
    assert nested_choice(found).judgement.scores["regret"].value > 0.9 * chance.value


def test_evaluations_that_differ_are_refused(judged: Callable[..., list[Evaluation]]) -> None:
    one, other = judged([[0, 1, 2], [1, 1, 1]])
    with pytest.raises(UsageError, match="two measures"):
        nested_choice([one])
    with pytest.raises(UsageError, match="differ in seed"):
        nested_choice([one, replace(other, seed=7)])
    with pytest.raises(UsageError, match="differ in scores"):
        nested_choice([one, replace(other, scores=other.scores + 1)])
    with pytest.raises(UnknownNameError):
        nested_choice([one, other], "eqc")
