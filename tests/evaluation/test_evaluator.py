"""evaluate(): one answer from a matrix and a truth, the same whatever is only named, ordered or scaled otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import dsim
from dsim.errors import DataError, UsageError
from dsim.evaluation import SCORES, evaluate
from dsim.registry import Direction

NAN = np.nan


def values(evaluation):
    return {name: score.value for name, score in evaluation.judgement.scores.items()}


def intervals(evaluation):
    return {name: (score.low, score.high) for name, score in evaluation.judgement.scores.items()}


def same(first, other, of=values):
    for name, value in of(first).items():
        assert of(other)[name] == pytest.approx(value, nan_ok=True, abs=1e-12), name


def test_it_is_the_public_one():
    assert dsim.evaluate is evaluate


def test_an_evaluation_holds_everything(random_pair):
    matrix, truth = random_pair
    found = evaluate(matrix, truth, resamples=200, seed=3)
    assert (found.measure, found.truth, found.score, found.unit) == ("mine@1", "by-hand", "DSC", "%")
    assert list(found.judgement.scores) == [spec.name for spec in SCORES]
    assert found.baselines[0].name == "random"
    assert found.baselines[-1].name == "oracle"
    assert found.ceiling["spearman"].value < 1
    assert {contrast.second for contrast in found.contrasts} == {baseline.name for baseline in found.baselines}
    np.testing.assert_array_equal(found.transferability, truth.transferability)
    assert (found.resamples, found.seed, found.confidence, found.interval) == (200, 3, 0.95, "expanded")
    assert found.counted.all()
    assert found.candidates.all()


def test_the_same_seed_gives_the_same_intervals_and_another_others(random_pair):
    first, again, other = (evaluate(*random_pair, resamples=200, seed=seed) for seed in (0, 0, 1))
    same(first, again, intervals)
    assert intervals(first)["pearson"] != intervals(other)["pearson"]
    same(first, other)


def test_scale_and_shift_of_distances_change_nothing(random_pair):
    matrix, truth = random_pair
    first = evaluate(matrix, truth, resamples=200)
    for changed in (5e5 * matrix.values, matrix.values + 100, matrix.values - 100):
        other = evaluate(replace(matrix, values=changed), truth, resamples=200)
        same(first, other)
        same(first, other, intervals)


def test_the_same_values_as_similarities_with_their_sign_turned_change_nothing(random_pair):
    matrix, truth = random_pair
    turned = replace(matrix, values=-matrix.values, direction=Direction.SIMILARITY)
    same(evaluate(matrix, truth, resamples=200), evaluate(turned, truth, resamples=200))


def test_a_similarity_read_as_a_distance_turns_every_correlation(random_pair):
    matrix, truth = random_pair
    wrong = values(evaluate(replace(matrix, direction=Direction.SIMILARITY), truth, resamples=200))
    right = values(evaluate(matrix, truth, resamples=200))
    for name in ("pearson", "spearman", "kendall", "pooled_pearson"):
        assert wrong[name] == pytest.approx(-right[name])


def test_the_order_of_sources_and_targets_changes_nothing(random_pair):
    matrix, truth = random_pair
    rng = np.random.default_rng(1)
    rows, columns = rng.permutation(6), rng.permutation(10)
    turned = replace(
        matrix,
        sources=tuple(matrix.sources[i] for i in rows),
        targets=tuple(matrix.targets[j] for j in columns),
        values=matrix.values[np.ix_(rows, columns)],
    )
    first = evaluate(matrix, truth, resamples=200)
    for pair in (
        (turned, truth),
        (matrix, truth.restrict(turned.sources, turned.targets)),
        (turned, truth.restrict(turned.sources, turned.targets)),
    ):
        other = evaluate(*pair, resamples=200)
        same(first, other)
        assert dict(zip(other.targets, other.judgement.selected, strict=True)) == dict(
            zip(first.targets, first.judgement.selected, strict=True)
        )


def test_scores_in_other_units_change_regret_alone(make_matrix, make_truth):
    rng = np.random.default_rng(4)
    distances, scores = rng.random((5, 9)), rng.uniform(20, 80, (5, 9))
    percent = evaluate(make_matrix(distances), make_truth(scores), resamples=200)
    shares = evaluate(make_matrix(distances), make_truth(scores / 100, unit="", bounds=(0, 1)), resamples=200)
    for name, value in values(percent).items():
        expected = value / 100 if "regret" in name else value
        assert values(shares)[name] == pytest.approx(expected, nan_ok=True), name


def test_a_perfect_measure_is_the_oracle_and_the_reverse_is_the_worst(make_matrix, make_truth):
    scores = np.random.default_rng(5).uniform(0, 100, (5, 9))
    truth = make_truth(scores)
    perfect = evaluate(make_matrix(-scores), truth, resamples=200)
    assert values(perfect) == pytest.approx(
        {name: score.value for name, score in perfect.baselines[-1].scores.items()}, nan_ok=True
    )
    assert values(evaluate(make_matrix(scores), truth, resamples=200))["spearman"] == pytest.approx(-1)


def test_missing_pairs_are_named_in_unknown_and_in_a_note(random_pair):
    matrix, truth = random_pair
    broken = matrix.values.copy()
    broken[2, 1] = NAN
    notes = tuple(tuple("it broke" if np.isnan(v) else "" for v in row) for row in broken)
    found = evaluate(replace(matrix, values=broken, notes=notes), truth, resamples=200)
    assert found.unknown == (("s2", "t1", "distance", "it broke"),)
    assert not found.counted[2, 1]
    assert found.candidates[2, 1]
    assert any(note.startswith("pairs without a distance") and note.endswith("(1): s2 for t1") for note in found.notes)


def test_a_pair_that_neither_side_has_is_told_once(make_matrix, make_truth):
    distances, scores = np.random.default_rng(6).random((4, 8)), np.random.default_rng(7).uniform(0, 99, (4, 8))
    distances[0, 0] = scores[0, 0] = NAN
    found = evaluate(make_matrix(distances), make_truth(scores), resamples=200)
    assert [pair[2] for pair in found.unknown] == ["distance", "truth"]
    assert [note for note in found.notes if "s0 for t0" in note] == [
        "pairs that were not measured, and do not count (1): s0 for t0"
    ]


def test_undefined_correlations_are_counted_in_a_note(make_matrix, make_truth):
    distances = np.random.default_rng(8).random((4, 9))
    distances[:, 3] = 0.5
    found = evaluate(make_matrix(distances), make_truth(np.random.default_rng(9).uniform(0, 99, (4, 9))), resamples=200)
    assert "targets without a correlation, left out of its mean: 1 of 9" in found.notes
    assert found.judgement.scores["pearson"].targets == 8
    assert found.judgement.scores["regret"].targets == 9


def test_few_targets_and_single_measurements_are_told(make_matrix, make_truth):
    rng = np.random.default_rng(10)
    few = evaluate(make_matrix(rng.random((4, 3))), make_truth(rng.uniform(0, 99, (4, 3))), resamples=200)
    assert "only 3 targets: intervals over targets say little" in few.notes
    assert any("measured once" in note for note in few.notes)
    assert np.isnan(few.ceiling["pearson"].value)
    enough = rng.uniform(10, 90, (4, 8))[..., None] + rng.normal(size=(4, 8, 3))
    assert evaluate(make_matrix(rng.random((4, 8))), make_truth(enough), resamples=200).notes == ()


def test_common_is_told(random_pair):
    matrix, truth = random_pair
    more = replace(matrix, targets=(*matrix.targets[:-1], "other"))
    with pytest.raises(DataError, match="targets only in the truth: t9"):
        evaluate(more, truth)
    found = evaluate(more, truth, common=True, resamples=200)
    assert len(found.targets) == 9
    assert found.left_out["targets only in the matrix"] == ("other",)
    assert any("targets only in the matrix: other" in note for note in found.notes)


def test_self_pairs_are_excluded_by_default_and_told(make_matrix, make_truth):
    rng = np.random.default_rng(11)
    names = {"targets": ("s0", "s1", *(f"t{i}" for i in range(2, 9)))}
    matrix, truth = make_matrix(rng.random((4, 9)), **names), make_truth(rng.uniform(0, 99, (4, 9)), **names)
    found = evaluate(matrix, truth, resamples=200)
    assert found.counted.sum() == 34
    assert "pairs of a dataset with itself that are left out: 2" in found.notes
    included = evaluate(matrix, truth, resamples=200, self_pairs="include")
    assert included.counted.all()
    assert included.self_pairs == "include"


def test_pooled_correlation_says_its_sign_and_what_it_is_of(random_pair):
    matrix, truth = random_pair
    found = evaluate(matrix, truth, resamples=200).judgement.scores
    expected = -np.corrcoef(matrix.values.ravel(), truth.transferability.ravel())[0, 1]
    assert found["pooled_pearson"].value == pytest.approx(expected)
    assert f"r of distance and transferability is {-expected:.3f}" in found["pooled_pearson"].note
    bare = evaluate(matrix, replace(truth, baseline=None), resamples=200).judgement.scores
    assert bare["pooled_pearson"].value == pytest.approx(-np.corrcoef(matrix.values.ravel(), truth.mean.ravel())[0, 1])
    assert "how hard targets are" in bare["pooled_pearson"].note


def test_eqc_is_told_where_the_measure_has_an_embedding(random_pair):
    matrix, truth = random_pair
    without = evaluate(matrix, truth, resamples=200).judgement.scores["eqc"]
    assert np.isnan(without.value)
    assert without.note == "the measure has no embedding"
    for paper, value, note in ((0.6, 0.6, "of the sources s0, s1; no interval"), (None, NAN, "not defined")):
        embedding = {"eqc": {"paper": paper, "reference": 0.1}, "sources": ["s0", "s1"]}
        found = evaluate(replace(matrix, provenance={"embedding": embedding}), truth, resamples=200)
        score = found.judgement.scores["eqc"]
        assert score.value == pytest.approx(value, nan_ok=True)
        assert note in score.note
        assert np.isnan(score.low)


def test_a_target_that_the_measure_was_trained_on_is_told(random_pair):
    matrix, truth = random_pair
    seen = {"t1": {"seen_by": ["tiny.model.1"]}, "t2": {"seen_by": []}}
    notes = evaluate(replace(matrix, provenance={"datasets": seen}), truth, resamples=200).notes
    assert [note for note in notes if "honest" in note] == [
        "t1 was seen in training by tiny.model.1: as a target it is no honest test"
    ]


def test_names_and_paths_are_opened(random_pair, tmp_path):
    matrix, truth = random_pair
    verdicts = dsim.SimilarityMatrix.from_dict(_whole(matrix).to_dict())
    verdicts.to_json(tmp_path / "matrix.json")
    truth.to_json(tmp_path / "truth.json")
    first = evaluate(matrix, truth, resamples=200)
    same(first, evaluate(str(tmp_path / "matrix.json"), tmp_path / "truth.json", resamples=200))
    same(first, evaluate(tmp_path / "matrix.json", str(tmp_path / "truth.json"), resamples=200))


def _whole(matrix):
    from dsim.measures import Verdict

    verdicts = {target: Verdict(target, None, None, None, NAN, NAN, "not assessed") for target in matrix.targets}
    return replace(matrix, verdicts=verdicts)


def test_a_matrix_and_a_truth_that_changed_places_are_refused(random_pair, tmp_path: Path):
    matrix, truth = random_pair
    with pytest.raises(UsageError, match="distances of a measure were expected, got the truth by-hand"):
        evaluate(truth, truth)
    with pytest.raises(UsageError, match="a truth was expected, got the values of mine@1"):
        evaluate(matrix, matrix)
    _whole(matrix).to_json(tmp_path / "matrix.json")
    truth.to_json(tmp_path / "truth.json")
    with pytest.raises(DataError, match=r"dsim\.matrix/1"):
        evaluate(matrix, tmp_path / "matrix.json")
    with pytest.raises(DataError, match=r"dsim\.transfer/1"):
        evaluate(tmp_path / "truth.json", truth)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"self_pairs": "includ"}, "no treatment of self pairs named 'includ'. Did you mean 'include'?"),
        ({"interval": "normal"}, "no interval named 'normal'"),
        ({"confidence": 95}, "confidence 95"),
        ({"resamples": 3}, "3 resamples"),
    ],
)
def test_settings_that_do_not_exist_are_refused(random_pair, settings, expected):
    with pytest.raises(UsageError) as caught:
        evaluate(*random_pair, **settings)
    assert expected in str(caught.value)
    assert caught.value.hint


def test_fewer_than_three_sources_are_refused(make_matrix, make_truth):
    with pytest.raises(DataError, match="a ranking needs 3 sources or more"):
        evaluate(make_matrix(np.ones((2, 9))), make_truth(np.ones((2, 9))))


def test_a_measure_that_failed_everywhere_has_no_score_and_reasons(make_matrix, make_truth):
    found = evaluate(make_matrix(np.full((4, 9), NAN)), make_truth(np.arange(36.0).reshape(4, 9)), resamples=200)
    for score in found.judgement.scores.values():
        assert np.isnan(score.value)
        assert score.note
    assert len(found.unknown) == 36
    assert all(np.isnan(contrast.difference) for contrast in found.contrasts)


def test_as_text_it_is_a_short_table(random_pair):
    text = str(evaluate(*random_pair, resamples=200))
    lines = text.splitlines()
    assert lines[0] == "mine@1 judged by by-hand (DSC): 6 sources, 10 targets"
    assert any(line.startswith("mean Spearman (RCI)") for line in lines)
    assert any(line.startswith("top-1") and "%" in line for line in lines)
    assert "EQC" not in text
    assert max(map(len, lines)) <= 120
