"""What knows nothing of images: chance by enumeration, fixed sources by hand, and bounds that no measure passes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from dsim.evaluation import PER_TARGET, Intervals
from dsim.evaluation.alignment import align
from dsim.evaluation.baselines import baselines
from dsim.stats import ranking
from dsim.truth import TruthDataset

NAN = np.nan
#: Four sources, three targets; s1 is best on average, s0 on t0.
SCORES = np.array([[90.0, 10, 20], [80, 70, 60], [50, 75, 10], [10, 20, 65]])


def judged(make_matrix, truth, exclude_self=True):
    aligned = align(
        make_matrix(np.zeros(truth.values.shape[:2]), sources=truth.sources, targets=truth.targets),
        truth,
        common=False,
        exclude_self=exclude_self,
    )
    return {found.name: found for found in baselines(aligned, Intervals(len(truth.targets)))}


def test_they_stand_in_a_fixed_order_and_only_where_the_truth_has_them(make_matrix, make_truth):
    always = ["random", "best fixed source", "best fixed source, others", "largest source"]
    assert list(judged(make_matrix, make_truth(SCORES))) == [*always, "oracle"]
    full = make_truth(SCORES, imagenet="s2", baseline=[[30], [30], [30]])
    assert list(judged(make_matrix, full)) == [*always, "ImageNet", "no transfer", "oracle"]


def test_random_is_the_mean_over_all_orders_of_the_sources(make_matrix, make_truth):
    found = judged(make_matrix, make_truth(SCORES))["random"]
    orders = np.array(list(itertools.permutations(range(4))), dtype=float)
    for target in range(3):
        scores = SCORES[:, target]
        assert found.per_target["regret"][target] == pytest.approx(ranking.regret(orders, scores).mean())
        for k in (1, 2, 3):
            assert found.per_target[f"top{k}"][target] == pytest.approx(ranking.top_k(orders, scores, k).mean())
        for name in ("pearson", "spearman", "kendall", "weighted_kendall"):
            assert getattr(ranking, name)(-orders, scores).mean() == pytest.approx(0, abs=1e-12)
            assert found.per_target[name][target] == 0
    costs = SCORES.max(axis=0) - SCORES
    worst = [
        max(costs[choice, target] for target, choice in enumerate(row)) for row in itertools.product(*[range(4)] * 3)
    ]
    assert found.scores["worst_regret"].value == pytest.approx(np.mean(worst))
    assert found.scores["pooled_pearson"].value == 0
    assert found.selected == (("s0", "s1", "s2", "s3"),) * 3


def test_random_has_no_correlation_where_no_ranking_has_one(make_matrix, make_truth):
    flat = SCORES.copy()
    flat[:, 1] = 40
    found = judged(make_matrix, make_truth(flat))["random"]
    assert np.isnan(found.per_target["pearson"]).tolist() == [False, True, False]
    assert found.reasons["pearson", "t1"] == "all its scores are equal"
    assert found.per_target["regret"][1] == 0


def test_the_best_fixed_source_is_chosen_in_hindsight_and_named(make_matrix, make_truth):
    found = judged(make_matrix, make_truth(SCORES))["best fixed source"]
    assert found.selected == (("s1",),) * 3
    assert found.per_target["regret"].tolist() == [10, 5, 5]
    assert "s1" in found.note
    assert "hindsight" in found.note


def test_the_honest_one_is_chosen_by_the_other_targets(make_matrix, make_truth):
    scores = np.array([[90.0, 10, 20], [10, 70, 60], [50, 55, 52]])
    found = judged(make_matrix, make_truth(scores))["best fixed source, others"]
    # Costs: s0 (0, 60, 40), s1 (80, 0, 0), s2 (40, 15, 8); their means without t0, without t1, without t2.
    assert found.selected == (("s1",), ("s0",), ("s2",))
    assert found.per_target["regret"].tolist() == [80, 60, 8]


def test_the_honest_one_shares_its_choice_among_equals(make_matrix, make_truth):
    scores = np.array([[90.0, 10, 20], [10, 70, 60], [50, 50, 50]])
    found = judged(make_matrix, make_truth(scores))["best fixed source, others"]
    costs = scores.max(axis=0) - scores
    for target in range(3):
        mean = np.delete(costs, target, axis=1).mean(axis=1)
        assert found.per_target["regret"][target] == pytest.approx(costs[mean == mean.min(), target].mean())


def test_with_one_target_no_other_can_choose(make_matrix, make_truth):
    found = judged(make_matrix, make_truth(SCORES[:, :1]))["best fixed source, others"]
    assert np.isnan(found.scores["regret"].value)
    assert found.selected == ((),)


def test_a_source_that_was_tried_on_easy_targets_only_is_not_the_best_for_that(make_matrix, make_truth):
    # s0 has the best mean score, 80, because it was measured on the easy target alone, where it costs 15.
    scores = np.array([[80.0, NAN], [95, 20], [70, 18]])
    found = judged(make_matrix, make_truth(scores))["best fixed source"]
    assert found.selected == (("s1",), ("s1",))


def test_the_largest_source_goes_by_its_images(make_matrix, make_truth):
    images = {"s0": 10, "s1": 30, "s2": 20, "s3": 5}
    known = {name: TruthDataset(images=count) for name, count in images.items()}
    found = judged(make_matrix, make_truth(SCORES, datasets=known))["largest source"]
    assert found.selected == (("s1",),) * 3
    assert found.note == "by number of images: s1"
    expected = ranking.spearman(np.array([10, 30, 20, 5]), SCORES.T)
    np.testing.assert_allclose(found.per_target["spearman"], expected)


@pytest.mark.parametrize(
    ("images", "why"),
    [
        ([0, 0, 0, 0], "how many images the sources have is not known"),
        ([5, 0, 3, 0], "how many images it has is not known of s1, s3"),
        ([7, 7, 7, 7], "all sources have 7 images"),
    ],
)
def test_there_is_no_largest_source_where_sizes_do_not_tell(make_matrix, make_truth, images, why):
    known = {f"s{i}": TruthDataset(images=count) for i, count in enumerate(images)}
    found = judged(make_matrix, make_truth(SCORES, datasets=known))["largest source"]
    for name, score in found.scores.items():
        assert np.isnan(score.value), name
    assert found.scores["regret"].note == why
    assert found.reasons["top1", "t2"] == why
    assert found.selected == ((),) * 3


def test_imagenet_names_one_source_and_ranks_no_others(make_matrix, make_truth):
    found = judged(make_matrix, make_truth(SCORES, imagenet="s2"))["ImageNet"]
    assert found.per_target["regret"].tolist() == [40, 0, 55]
    assert found.per_target["top1"].tolist() == [0, 1, 0]
    assert found.selected == (("s2",),) * 3
    for name in ("pearson", "spearman", "kendall", "weighted_kendall", "top2", "top3", "pooled_pearson"):
        assert np.isnan(found.scores[name].value)
        assert "one source" in found.scores[name].note


def test_imagenet_is_silent_where_it_was_not_measured(make_matrix, make_truth):
    scores = SCORES.copy()
    scores[2, 0] = NAN
    found = judged(make_matrix, make_truth(scores, imagenet="s2"))["ImageNet"]
    assert found.scores["regret"].targets == 2
    assert found.reasons["regret", "t0"] == "the truth has no score of s2 on it"
    assert found.selected == ((), ("s2",), ("s2",))


def test_no_transfer_may_be_better_than_every_source(make_matrix, make_truth):
    baseline = [[60.0, 60, NAN], [80, 90, 85], [NAN, NAN, NAN]]
    found = judged(make_matrix, make_truth(np.repeat(SCORES[..., None], 3, axis=2), baseline=baseline))["no transfer"]
    assert found.per_target["regret"][:2].tolist() == [30, -10]
    assert found.reasons["regret", "t2"] == "the truth has no score without transfer, or none of a source"
    assert found.scores["regret"].value == 10
    assert np.isnan(found.scores["top1"].value)
    assert found.selected == ((),) * 3


def test_no_ranking_is_better_than_the_oracle(make_matrix, make_truth):
    oracle = judged(make_matrix, make_truth(SCORES))["oracle"]
    for name in PER_TARGET:
        assert oracle.per_target[name].tolist() == pytest.approx([0.0 if name == "regret" else 1.0] * 3)


def test_self_pairs_are_left_out_of_baselines_too(make_matrix, make_truth):
    truth = make_truth(SCORES, targets=("s0", "t1", "t2"))
    excluded, included = judged(make_matrix, truth), judged(make_matrix, truth, exclude_self=False)
    assert excluded["oracle"].selected[0] == ("s1",)
    assert included["oracle"].selected[0] == ("s0",)
    assert excluded["random"].per_target["regret"][0] == pytest.approx(80 - (80 + 50 + 10) / 3)
    assert included["random"].per_target["regret"][0] == pytest.approx(90 - (90 + 80 + 50 + 10) / 4)


def test_every_missing_value_has_its_reason(make_matrix, make_truth):
    scores = SCORES.copy()
    scores[:, 1] = [NAN, NAN, 75, 20]
    found = judged(make_matrix, make_truth(scores, imagenet="s0", baseline=[[30], [30], [NAN]]))
    for judgement in found.values():
        missing = {(name, f"t{t}") for name in PER_TARGET for t in np.flatnonzero(np.isnan(judgement.per_target[name]))}
        assert missing == set(judgement.reasons), judgement.name
        for score in judgement.scores.values():
            assert score.note or not np.isnan(score.value), (judgement.name, score.name)
