"""kld-tf: equal to the peer's formula, finite where it is not, flat in n, and its bins see what they must."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import dsim
from dsim.data import Dataset, from_arrays
from dsim.measures import DatasetView, build_measure
from dsim.random import stream
from dsim.runtime import Runtime
from dsim.stats.divergences import shared_edges
from dsim.testing import check_measure
from dsim_kld.fingerprint import KEPT, take
from dsim_kld.measure import FingerprintDivergence, bins_that_hide


def relu(n: int, seed: int, d: int = 64) -> np.ndarray:
    """The recipe of the frozen values: half-rectified Gaussian features of unequal scale."""
    r = np.random.default_rng(seed)
    s = np.exp(0.5 * r.standard_normal(d))
    return np.maximum(r.standard_normal((n, d)) * s, 0).astype("f4")


def given(features: np.ndarray, name: str = "given") -> Dataset:
    return from_arrays(features=features, name=name)


def summary(measure: FingerprintDivergence, features: np.ndarray) -> Any:
    view = DatasetView(given(features), measure.needs, "kld-tf", Runtime())
    return measure.summarise(view, stream(0))


def value(text: str, source: np.ndarray, target: np.ndarray) -> float:
    measure = build_measure(text)
    assert isinstance(measure, FingerprintDivergence)
    return measure.compare(summary(measure, source), summary(measure, target))


def gauss(n: int, seed: int, shift: float = 0.0, d: int = 16) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=(n, d)) + shift).astype(np.float32)


def test_mean_equals_the_peers_formula() -> None:
    """scipy.stats.entropy of the mean features, source first: what mml-similarity computes."""
    from scipy.stats import entropy

    source, target = relu(200, 0), relu(300, 1)
    expected = float(entropy(source.mean(axis=0), target.mean(axis=0)))
    assert value("kld-tf:variant=mean", source, target) == pytest.approx(expected, rel=1e-6)
    assert value("kld-tf:variant=mean", target, source) != pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("variant", "frozen"),
    [("mean", 0.213168), ("binned", 0.165679), ("bkld", 1.961801), ("bkld,weights=none", 1.972342)],
)
def test_frozen_values(variant: str, frozen: float) -> None:
    """From ``np.histogram`` over edges 0.1 sinh(-10 + 0.4 k) and torch's softmax, on relu(200, 0) and relu(300, 1)."""
    assert value(f"kld-tf:variant={variant}", relu(200, 0), relu(300, 1)) == pytest.approx(frozen, abs=1e-6)


@pytest.mark.parametrize("variant", ["mean", "binned"])
def test_a_dataset_is_at_distance_zero_from_itself(variant: str) -> None:
    features = relu(50, 0)
    assert value(f"kld-tf:variant={variant}", features, features[::-1]) == pytest.approx(0, abs=1e-12)


def test_bkld_can_prefer_another_source_to_the_target_itself() -> None:
    """Why self_is_optimal is declared False: a source whose one full bin is the target's fullest overlaps it most."""
    target = np.array([[0.1]] * 3 + [[0.3]] * 2, np.float32)
    compact = np.full((5, 1), 0.1, np.float32)
    itself, other = (value("kld-tf:variant=bkld", source, target) for source in (target, compact))
    assert 0 < other < itself


@pytest.mark.parametrize("variant", ["binned", "bkld"])
def test_negative_features_have_a_finite_value(variant: str) -> None:
    assert math.isfinite(value(f"kld-tf:variant={variant}", gauss(40, 0), gauss(40, 1)))


def test_a_shift_of_all_features_is_seen() -> None:
    """Bins laid over each dataset's own range would move along with the shift, and see next to nothing."""
    start = gauss(400, 0)
    near, shifted = value("kld-tf", start, gauss(400, 1)), value("kld-tf", start, gauss(400, 1, shift=5.0))
    assert near < 0.2
    assert shifted > 10 * near


def test_the_farther_the_shift_the_larger_the_value() -> None:
    values = [value("kld-tf", gauss(300, 0), gauss(300, 1, shift)) for shift in (0.0, 0.5, 1.0, 2.0)]
    assert values == sorted(values)


def test_mean_sees_neither_spread_nor_a_common_factor_and_binned_sees_both() -> None:
    features = relu(300, 0)
    assert value("kld-tf:variant=mean", features, 4 * features) == pytest.approx(0, abs=1e-9)
    assert value("kld-tf", features, 4 * features) > 0.1
    spread = features.mean(axis=0) + 0.2 * (features - features.mean(axis=0))
    assert value("kld-tf:variant=mean", features, spread) == pytest.approx(0, abs=1e-6)
    assert value("kld-tf", features, spread) > 0.5


def test_a_negative_mean_is_no_distribution_and_the_cell_says_so() -> None:
    matrix = dsim.compare([given(relu(20, 0, 8), "a"), given(gauss(20, 0, -3, 8), "b")], measure="kld-tf:variant=mean")
    assert np.isnan(matrix.values[0, 1])
    assert "the mean of 8 of 8 features is negative in the target" in matrix.notes[0][1]
    assert "in the source" in matrix.notes[1][0]
    assert matrix.values[0, 0] == 0


def test_a_feature_that_is_dead_in_the_target_only_is_infinite_and_the_cell_says_so() -> None:
    alive, dead = relu(20, 0, 8), relu(20, 1, 8)
    dead[:, [2, 5]] = 0
    matrix = dsim.compare([given(alive, "alive"), given(dead, "dead")], measure="kld-tf:variant=mean")
    assert "2 of 8 features are 0 in every image of the target but not of the source" in matrix.notes[0][1]
    assert math.isfinite(matrix.values[1, 0])
    assert np.isfinite(dsim.compare([given(alive, "alive"), given(dead, "dead")], measure="kld-tf").values).all()


def test_all_features_dead_is_no_distribution() -> None:
    nothing = np.zeros((5, 4), np.float32)
    matrix = dsim.compare([given(relu(5, 0, 4), "a"), given(nothing, "b")], measure="kld-tf:variant=mean")
    assert "all features are 0 in the target" in matrix.notes[0][1]


@pytest.mark.parametrize("variant", ["mean", "binned", "bkld"])
def test_blocks_give_the_fingerprint_of_the_whole(variant: str) -> None:
    features, edges = relu(1000, 0), shared_edges(50, 0.1)
    whole, parts = take([features], edges), take(np.split(features, [1, 300, 650]), edges)
    assert parts.count == 1000
    assert parts.mean == pytest.approx(whole.mean, rel=1e-12)
    assert (parts.histograms == whole.histograms).all()
    assert (parts.points == whole.points).all()


def test_beyond_the_cap_the_summary_does_not_grow_and_intervals_are_undefined() -> None:
    measure = FingerprintDivergence()
    large = summary(measure, relu(KEPT + 1, 0, 4))
    larger = summary(measure, relu(2 * KEPT, 0, 4))
    assert large.points.shape == larger.points.shape == (0, 4)
    assert large.histograms.sum() == 4 * (KEPT + 1)
    draws = [np.arange(5)], [np.arange(5)]
    found, replicates = measure.compare_with_replicates(large, summary(measure, relu(9, 1, 4)), *draws)
    assert math.isfinite(found)
    assert np.isnan(replicates).all()
    assert np.isnan(measure.compare_splits(large, [(np.arange(3), np.arange(3, 6))])).all()
    assert f"more than {KEPT} images" in measure.remark(large)


@pytest.mark.parametrize("variant", ["mean", "binned", "bkld"])
def test_merged_fingerprints_and_splits_are_those_of_the_images(variant: str) -> None:
    measure = FingerprintDivergence(variant=variant)
    a, b = relu(30, 0), relu(20, 1)
    whole = measure.merge(summary(measure, a), summary(measure, b))
    together = summary(measure, np.concatenate([a, b]))
    assert whole.mean == pytest.approx(together.mean, rel=1e-12)
    assert (whole.histograms == together.histograms).all()
    splits = measure.compare_splits(whole, [(np.arange(30), np.arange(30, 50))])
    assert splits[0] == pytest.approx(measure.compare(summary(measure, a), summary(measure, b)), rel=1e-9)


def test_replicates_that_are_infinite_are_undefined_and_do_not_fail_the_cell() -> None:
    source, target = relu(6, 0, 4), relu(6, 1, 4)
    target[1:, 0] = 0
    measure = FingerprintDivergence(variant="mean")
    draws = [np.arange(6)] * 2, [np.arange(6), np.array([1, 2, 3])]
    found, replicates = measure.compare_with_replicates(summary(measure, source), summary(measure, target), *draws)
    assert replicates[0] == pytest.approx(found)
    assert math.isnan(replicates[1])


def test_the_noise_floor_falls_with_the_number_of_images() -> None:
    """Two halves of one dataset differ by chance: what a value must exceed before it means anything."""
    floors = [value("kld-tf", gauss(n, 0), gauss(n, 1)) for n in (25, 100, 400)]
    assert floors[0] > 2 * floors[1] > 4 * floors[2]


def test_bins_that_do_not_fit_the_features_are_told() -> None:
    measure = FingerprintDivergence()
    assert measure.remark(summary(measure, gauss(50, 0))) == ""
    assert "a smaller scale sees more" in measure.remark(summary(measure, np.abs(gauss(50, 0)) * 1e-4))
    assert "a larger scale sees more" in measure.remark(summary(measure, 1e4 * gauss(50, 0)))
    assert bins_that_hide(np.array([[1, 1, 1, 1]] * 3 + [[0, 9, 9, 0]])) != []


def test_features_of_different_extractors_are_refused() -> None:
    matrix = dsim.compare([given(relu(9, 0, 4), "a"), given(relu(9, 0, 5), "b")], measure="kld-tf")
    assert "4 features per image and the target 5" in matrix.notes[0][1]


def test_bkld_keeps_the_contract_except_that_it_hardly_sees_the_ladder() -> None:
    """Only features that are large in the target weigh, and the ladder shifts others: stated on the measure's page."""
    reason = "features count by the target's mean, which is 0 for those that the ladder shifts"
    report = check_measure("kld-tf:variant=bkld", expected_failures={"direction": reason, "monotone": reason})
    assert report.ok, str(report)


def test_paper_preset_names_the_papers_network_and_variant() -> None:
    assert repr(build_measure("kld-tf:preset=paper")) == "kld-tf:extractor=timm:resnet34.a1_in1k,variant=mean"


def test_values_out_of_range_are_advised_a_larger_scale_and_no_smaller_one() -> None:
    (advice,) = bins_that_hide(np.array([[0, 0, 0, 50]] * 3))
    assert "larger" in advice
    assert "smaller" not in advice
