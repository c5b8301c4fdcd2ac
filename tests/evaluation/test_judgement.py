"""One ranking judged: the formulas, and each rule for what is missing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dsim.evaluation import PER_TARGET, SCORES, Intervals
from dsim.evaluation.judgement import candidates_of, judge, nearest, per_target

NAN = np.nan


def judged(distances, scores, counted=None, **options):
    distances, scores = np.array(distances, dtype=float), np.array(scores, dtype=float)
    counted = ~np.isnan(distances) & ~np.isnan(scores) if counted is None else counted
    names = {"sources": [f"s{i}" for i in range(len(scores))], "targets": [f"t{i}" for i in range(scores.shape[1])]}
    return judge("mine", distances, scores, counted, Intervals(scores.shape[1]), **names, **options)


@pytest.fixture
def tables() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.random((7, 12)), rng.uniform(0, 100, (7, 12))


def test_correlations_are_means_over_targets_of_what_scipy_finds_with_minus_the_distance(tables):
    distances, scores = tables
    found = judged(distances, scores).scores
    theirs = {"pearson": stats.pearsonr, "spearman": stats.spearmanr, "kendall": stats.kendalltau}
    for name, function in {**theirs, "weighted_kendall": stats.weightedtau}.items():
        each = [function(-d, s).statistic for d, s in zip(distances.T, scores.T, strict=True)]
        assert found[name].value == pytest.approx(np.mean(each))
        assert found[name].targets == 12


def test_top_k_and_regret_are_counted_by_hand():
    distances = [[1, 3], [2, 2], [3, 1], [4, 4]]
    scores = [[50, 90], [70, 20], [60, 40], [10, 10]]
    found = judged(distances, scores)
    # t0: the nearest is s0 (50), the best s1 (70); t1: the nearest is s2 (40), the best s0 (90), third in distance.
    assert [found.scores[name].value for name in ("top1", "top2", "top3")] == [0, 0.5, 1]
    assert found.per_target["regret"].tolist() == [20, 50]
    assert found.scores["regret"].value == 35
    assert found.scores["regret_sum"].value == 70
    assert found.scores["worst_regret"].value == 50
    assert found.selected == (("s0",), ("s2",))


def test_pooled_correlations_are_of_all_pairs_at_once(tables):
    distances, scores = tables
    found = judged(distances, scores).scores
    assert found["pooled_pearson"].value == pytest.approx(stats.pearsonr(-distances.ravel(), scores.ravel()).statistic)
    assert found["pooled_spearman"].value == pytest.approx(
        stats.spearmanr(-distances.ravel(), scores.ravel()).statistic
    )


def test_pairs_without_what_is_pooled_are_left_out_there_only(tables):
    distances, scores = tables
    relative = scores - 50
    relative[:, 0] = NAN
    found = judged(distances, scores, pooled_scores=relative).scores
    expected = stats.pearsonr(-distances[:, 1:].ravel(), relative[:, 1:].ravel()).statistic
    assert found["pooled_pearson"].value == pytest.approx(expected)
    assert (found["pooled_pearson"].targets, found["pearson"].targets) == (11, 12)


def test_every_score_is_there_and_in_its_order(tables):
    assert list(judged(*tables).scores) == [spec.name for spec in SCORES]
    assert tuple(judged(*tables).per_target) == PER_TARGET


def test_a_source_without_a_distance_cannot_be_chosen_but_may_have_been_the_best():
    distances = [[NAN], [1], [2], [3]]
    scores = [[90], [50], [60], [40]]
    found = judged(distances, scores)
    assert found.per_target["regret"].tolist() == [40]
    assert found.per_target["top3"].tolist() == [0]
    assert found.selected == (("s1",),)
    assert found.scores["pearson"].value == pytest.approx(stats.pearsonr([-1, -2, -3], [50, 60, 40]).statistic)


def test_a_source_that_the_truth_does_not_know_is_no_candidate():
    found = judged([[0], [1], [2], [3]], [[NAN], [50], [60], [40]])
    assert found.selected == (("s1",),)
    assert found.per_target["regret"].tolist() == [10]
    assert found.per_target["top2"].tolist() == [1]
    assert not candidates_of(np.zeros((1, 1)), np.full((1, 1), NAN), np.zeros((1, 1), dtype=bool)).any()


def test_a_pair_that_is_known_and_not_counted_does_not_exist():
    counted = np.array([[False], [True], [True], [True]])
    found = judged([[0], [1], [2], [3]], [[99], [50], [60], [40]], counted)
    assert found.selected == (("s1",),)
    assert found.per_target["regret"].tolist() == [10]


def test_a_target_without_any_distance_has_no_score_and_is_left_out_by_a_stated_count():
    distances = [[1, NAN], [2, NAN], [3, NAN]]
    found = judged(distances, [[3, 1], [2, 2], [1, 3]])
    for name in PER_TARGET:
        assert np.isnan(found.per_target[name][1])
        assert found.reasons[name, "t1"] == "the measure has no distance to it"
        assert found.scores[name].targets == 1
        assert "1 of 2 targets left out: t1: the measure has no distance to it" in found.scores[name].note
    assert found.selected == (("s0",), ())


def test_a_target_that_the_truth_does_not_know_says_so():
    found = judged(np.ones((3, 2)), [[3, NAN], [2, NAN], [1, NAN]])
    assert found.reasons["regret", "t1"] == "the truth has no score of it"


@pytest.mark.parametrize(
    ("distances", "scores", "why"),
    [
        ([5, 5, 5], [1, 2, 3], "all its distances are equal"),
        ([1, 2, 3], [4, 4, 4], "all its scores are equal"),
        ([NAN, 2, 3], [1, 2, 3], "a correlation needs 3 sources, and it has 2"),
    ],
)
def test_a_correlation_that_is_undefined_says_why_and_the_rest_is_judged(distances, scores, why):
    found = judged(np.array(distances)[:, None], np.array(scores)[:, None])
    for name in ("pearson", "spearman", "kendall", "weighted_kendall"):
        assert np.isnan(found.scores[name].value)
        assert found.scores[name].targets == 0
        assert found.scores[name].note == why
        assert found.reasons[name, "t0"] == why
    assert not np.isnan(found.scores["regret"].value)
    assert not np.isnan(found.scores["top1"].value)


def test_means_leave_out_undefined_targets_and_name_them():
    distances = np.array([[1, 5, 1], [2, 5, 3], [3, 5, 2]])
    found = judged(distances, [[9, 1, 9], [8, 2, 8], [7, 3, 7]])
    assert found.scores["spearman"].value == pytest.approx((1 + 0.5) / 2)
    assert found.scores["spearman"].targets == 2
    assert found.scores["spearman"].note.startswith("1 of 3 targets left out: t1: all its distances are equal")
    assert found.scores["regret"].targets == 3


def test_every_missing_value_has_its_reason_and_no_other_has_one():
    rng = np.random.default_rng(2)
    for _ in range(30):
        distances, scores = (
            np.where(rng.random((4, 6)) < 0.4, NAN, rng.integers(3, size=(4, 6)).astype(float)) for _ in range(2)
        )
        values, reasons = per_target(distances, scores, ~np.isnan(distances) & ~np.isnan(scores))
        missing = {(name, int(t)) for name in PER_TARGET for t in np.flatnonzero(np.isnan(values[name]))}
        assert missing == set(reasons)
        assert all(reasons.values())


def test_ties_share_the_choice_in_regret_and_are_all_named():
    found = judged([[1], [1], [2]], [[50], [90], [95]])
    assert found.selected == (("s0", "s1"),)
    assert found.per_target["regret"].tolist() == [25]
    assert found.per_target["top2"].tolist() == [0]


def test_nearest_names_none_where_nothing_is_counted():
    assert nearest(np.ones((2, 1)), np.zeros((2, 1), dtype=bool), ["a", "b"]) == ((),)


def test_only_the_order_and_the_spacing_of_distances_matter(tables):
    distances, scores = tables
    order, columns = np.random.default_rng(3).permutation(7), np.random.default_rng(4).permutation(12)
    first = judged(distances, scores)
    for other in (
        judged(1e6 * distances, scores),
        judged(distances - 17, scores),
        judged(distances[order], scores[order]),
        judged(distances[:, columns], scores[:, columns]),
    ):
        for name, score in first.scores.items():
            assert other.scores[name].value == pytest.approx(score.value, nan_ok=True), name
    for name in PER_TARGET:
        np.testing.assert_allclose(
            judged(distances[:, columns], scores[:, columns]).per_target[name], first.per_target[name][columns]
        )


def test_monotone_distances_keep_what_depends_on_order_only(tables):
    distances, scores = tables
    first, other = judged(distances, scores).scores, judged(np.exp(5 * distances), scores).scores
    for name in ("spearman", "kendall", "weighted_kendall", "top1", "top2", "top3", "regret", "worst_regret"):
        assert other[name].value == pytest.approx(first[name].value), name
    assert other["pearson"].value != pytest.approx(first["pearson"].value)


def test_a_shift_of_one_targets_distances_changes_no_score_of_a_target(tables):
    distances, scores = tables
    moved = distances + np.arange(12)
    for name in PER_TARGET:
        np.testing.assert_allclose(judged(moved, scores).per_target[name], judged(distances, scores).per_target[name])
