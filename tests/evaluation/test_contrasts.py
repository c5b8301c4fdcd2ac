"""The paired test: symmetric, adjusted score by score, and it does not cry wolf."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dsim.errors import UsageError
from dsim.evaluation import PER_TARGET, Evaluation, Intervals, Judgement
from dsim.evaluation.contrasts import contrast_all, contrasts
from dsim.stats.resampling import sign_flip_p
from dsim.stats.shares import chance_p, holm

TARGETS = 10


def judged(name: str, seed: int, **given: np.ndarray) -> Judgement:
    rng = np.random.default_rng(seed)
    values = {score: rng.random(TARGETS) for score in PER_TARGET}
    values |= {score: (rng.random(TARGETS) < 0.5).astype(float) for score in ("top1", "top2", "top3")}
    return Judgement(name, values | given, {}, (), {})


def evaluation(name: str, seed: int) -> Evaluation:
    targets = tuple(f"t{i}" for i in range(TARGETS))
    scores = np.random.default_rng(0).random((4, TARGETS))
    return Evaluation(
        measure=name,
        truth="truth",
        score="DSC",
        unit="%",
        sources=("a", "b", "c", "d"),
        targets=targets,
        distances=scores,
        scores=scores,
        transferability=None,
        counted=scores > -1,
        candidates=scores > -1,
        self_pairs="exclude",
        left_out={},
        unknown=(),
        judgement=judged(name, seed),
        baselines=(),
        ceiling={},
        contrasts=(),
        confidence=0.9,
        resamples=200,
        interval="expanded",
        seed=3,
        notes=(),
        provenance={},
    )


def test_one_contrast_for_each_score_and_other_score_by_score() -> None:
    first, others = judged("m", 0), [judged("a", 1), judged("b", 2)]
    found = contrasts(first, others, Intervals(TARGETS))
    assert [(one.score, one.first, one.second) for one in found] == [
        (s, "m", o) for s in PER_TARGET for o in ("a", "b")
    ]
    regret = next(one for one in found if one.score == "regret" and one.second == "b")
    one, other = first.per_target["regret"], others[1].per_target["regret"]
    assert (regret.difference, regret.low, regret.high, regret.targets) == Intervals(TARGETS).difference(one, other)
    assert regret.p == sign_flip_p(one - other)


def test_holms_adjustment_is_over_the_others_for_each_score_by_itself() -> None:
    found = contrasts(judged("m", 0), [judged(str(seed), seed) for seed in range(1, 5)], Intervals(TARGETS))
    for score in PER_TARGET:
        of_score = [one for one in found if one.score == score]
        expected = holm(np.array([one.p for one in of_score]))
        assert [one.p_adjusted for one in of_score] == pytest.approx(expected.tolist())


def test_equal_rankings_have_p_1_and_an_interval_around_0() -> None:
    for found in contrasts(judged("m", 0), [judged("same", 0)], Intervals(TARGETS)):
        assert (found.difference, found.p, found.p_adjusted) == (0.0, 1.0, 1.0)
        assert found.low <= 0 <= found.high


def test_targets_that_one_of_the_two_lacks_are_left_out_and_counted() -> None:
    gaps = judged("gaps", 1).per_target["pearson"].copy()
    gaps[:3] = np.nan
    nothing = np.full(TARGETS, np.nan)
    first = judged("m", 0)
    found = contrasts(
        first, [judged("gaps", 1, pearson=gaps), judged("none", 2, pearson=nothing)], Intervals(TARGETS), ["pearson"]
    )
    assert found[0].targets == 7
    assert found[0].note == "3 of 10 targets lack one of the two"
    assert found[0].difference == pytest.approx((first.per_target["pearson"] - gaps)[3:].mean())
    assert np.isnan([found[1].difference, found[1].low, found[1].p, found[1].p_adjusted]).all()
    assert (found[1].targets, found[1].note) == (0, "no target has both")
    assert found[0].p_adjusted == found[0].p


def test_few_targets_cannot_be_significant_and_the_note_says_so() -> None:
    four = {score: values[:4] for score, values in judged("m", 0).per_target.items()}
    zero = {score: np.zeros(4) for score in four}
    first, second = (Judgement(name, values, {}, (), {}) for name, values in (("m", four), ("zero", zero)))
    (found,) = contrasts(first, [second], Intervals(4), ["pearson"])
    assert found.p == 0.125
    assert found.note == "of 4 targets no p below 0.125 is possible"


def test_shares_are_tested_against_the_chance_of_the_random_baseline() -> None:
    """Flipping the signs of 1 - 1/9 and -1/9 would call ten misses significant, p = 2^-9: their chance is 31 %."""
    misses, chance = np.zeros(TARGETS), np.full(TARGETS, 1 / 9)
    (found,) = contrasts(judged("m", 0, top1=misses), [judged("random", 1, top1=chance)], Intervals(TARGETS), ["top1"])
    assert found.p == chance_p(0, chance) > 0.3
    assert found.low < 0 < found.high
    assert "by chance" in found.note


def test_false_alarms_are_as_rare_as_they_should_be() -> None:
    """Two random measures, 400 times: p is at most 0.05 in 5 % of them, but for chance (3 standard errors)."""
    rng, alarms = np.random.default_rng(0), 0
    for _ in range(400):
        alarms += sign_flip_p(rng.exponential(size=TARGETS) - rng.exponential(size=TARGETS)) <= 0.05
    assert alarms / 400 == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 400))


def test_every_two_measures_are_compared_with_the_settings_of_their_evaluations() -> None:
    found = contrast_all([evaluation("a", 1), evaluation("b", 2), evaluation("c", 3)], scores=("regret",))
    assert [(one.first, one.second) for one in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [one.p_adjusted for one in found] == pytest.approx(holm(np.array([one.p for one in found])).tolist())
    how = Intervals(TARGETS, 0.9, 200, "expanded", 3)
    values = [judged("", seed).per_target["regret"] for seed in (1, 2)]
    assert (found[0].difference, found[0].low, found[0].high, TARGETS) == how.difference(*values)


def test_measures_that_were_not_judged_alike_are_refused() -> None:
    one, other = evaluation("a", 1), evaluation("b", 2)
    cases = {
        "two measures": [one],
        "a: given more than once": [one, replace(other, measure="a")],
        "truth differ": [one, replace(other, truth="another")],
        "targets differ": [one, replace(other, targets=tuple(reversed(other.targets)))],
        "self_pairs differ": [one, replace(other, self_pairs="include")],
        "seed differ": [one, replace(other, seed=0)],
        "scores differ": [one, replace(other, scores=other.scores + 1)],
    }
    for told, evaluations in cases.items():
        with pytest.raises(UsageError, match=told):
            contrast_all(evaluations)
