"""The measures of feature distributions as users meet them: values, intervals, floors, tests, clear refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dsim
from dsim.data import Dataset, from_arrays
from dsim.measures import DatasetView, SimilarityMeasure, build_measure
from dsim.random import stream
from dsim.runtime import Runtime
from dsim.stats.kernels import gaussian, median_distance, negative_distance, polynomial
from dsim.stats.mmd import squared_mmd
from dsim.stats.neighbours import prdc
from dsim.stats.wasserstein import ground_costs, marginal_wasserstein, wasserstein_distance
from dsim.testing import check_measure

NAMES = ("kid", "mmd", "energy", "wasserstein", "sliced-wasserstein", "marginal-wasserstein", "prdc", "c2st")
#: Other ways of computing: elsewhere the conformance kit runs with default parameters only.
VARIANTS = (
    "kid:block=7",
    "mmd:kernel=cauchy",
    "mmd:kernel=linear",
    "mmd:bandwidth=2.0",
    "mmd:estimator=biased",
    "energy:estimator=biased",
    "wasserstein:order=1",
    "wasserstein:method=sinkhorn",
    "wasserstein:method=divergence",
    "sliced-wasserstein:order=1,projections=20",
    "marginal-wasserstein:order=2",
    "prdc:statistic=density",
    "c2st:classifier=knn",
)


def cloud(name: str, n: int = 24, shift: float = 0.0, seed: int = 0, **parts: Any) -> Dataset:
    rng = np.random.default_rng([seed, *name.encode()])
    features = (rng.normal(size=(n, 6)) + np.array([shift, 0, 0, 0, 0, 0])).astype(np.float32)
    return from_arrays(name=name, features=features, **parts)


def summary(measure: SimilarityMeasure[Any], dataset: Dataset) -> Any:
    view = DatasetView(dataset, measure.needs, measure.spec.name, Runtime(device="cpu"))
    return measure.summarise(view, stream(0, dataset.name))


def points(dataset: Dataset) -> np.ndarray:
    return np.asarray(dataset.features, dtype=np.float64)


@pytest.mark.parametrize("call", [VARIANTS[i] for i in (0, 1, 8, 11, 12)])
def test_variants_conform_too(call: str) -> None:
    """But for what is meant: pairs of different images only, and shares that saturate."""
    report = check_measure(call)
    meant = {"duplication", "resampling", "self-comparison"}
    faults = {result.name for result in report.results if result.status.value == "failed"}
    assert faults <= meant, str(report)


def test_values_are_those_of_the_pure_functions() -> None:
    a, b = cloud("a"), cloud("b", 17, 1.0)
    x, y = points(a), points(b)
    matrix = {name: dsim.compare([a], [b], measure=name).values[0, 0] for name in NAMES[:7]}
    sigma = median_distance(np.concatenate([x, y]))
    assert matrix["kid"] == pytest.approx(squared_mmd(polynomial, x, y), rel=1e-10)
    assert matrix["mmd"] == pytest.approx(squared_mmd(lambda p, q: gaussian(p, q, sigma), x, y), rel=1e-10)
    assert matrix["energy"] == pytest.approx(squared_mmd(negative_distance, x, y), rel=1e-10)
    assert matrix["wasserstein"] == pytest.approx(wasserstein_distance(ground_costs(x, y, 2))[0], rel=1e-10)
    assert matrix["marginal-wasserstein"] == pytest.approx(marginal_wasserstein(np.sort(x.T), np.sort(y.T)), rel=1e-6)
    assert matrix["prdc"] == prdc(x, y, 5).coverage


@pytest.mark.parametrize("call", [*NAMES, *VARIANTS])
def test_splits_of_merged_datasets_are_compared_as_datasets(call: str) -> None:
    """The permutation test and the noise floor rest on it."""
    measure = build_measure(call)
    first, second = (summary(measure, dataset) for dataset in (cloud("a"), cloud("b", 20, 0.5)))
    whole = measure.merge(first, second)
    orders = [np.arange(44), np.random.default_rng(1).permutation(44)]
    found = measure.compare_splits(whole, [(order[:24], order[24:]) for order in orders])
    expected = [measure.compare(measure.resample(whole, o[:24]), measure.resample(whole, o[24:])) for o in orders]
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert found[0] == pytest.approx(measure.compare(first, second), rel=1e-6)


@pytest.mark.parametrize(
    "call", ["wasserstein", "wasserstein:method=sinkhorn", "wasserstein:method=divergence", "sliced-wasserstein"]
)
def test_replicates_are_values_of_the_drawn_images_moved_to_the_value(call: str) -> None:
    """An image that was drawn twice weighs twice; the noise that resampling adds is taken off."""
    measure = build_measure(call)
    first, second = (summary(measure, dataset) for dataset in (cloud("a"), cloud("b", 20, 0.5)))
    rng = np.random.default_rng(2)
    draws = [rng.integers(24, size=24) for _ in range(3)], [rng.integers(20, size=20) for _ in range(3)]
    found = measure.compare_resampled(first, second, *draws)
    expected = [
        measure.compare(measure.resample(first, i), measure.resample(second, j)) for i, j in zip(*draws, strict=True)
    ]
    value = measure.compare(first, second)
    assert found == pytest.approx(np.array(expected) - np.mean(expected) + value, rel=1e-6)
    assert np.mean(expected) > value


@pytest.mark.parametrize("call", ["kid", "kid:block=7", "mmd", "energy", "c2st"])
def test_the_identity_draw_changes_nothing(call: str) -> None:
    """The kit stops at bootstrap draws, which these measures treat otherwise."""
    measure = build_measure(call)
    first, second = (summary(measure, dataset) for dataset in (cloud("a"), cloud("b", 20, 0.5)))
    value, replicates = measure.compare_with_replicates(first, second, [np.arange(24)], [np.arange(20)])
    assert replicates == pytest.approx([value], rel=1e-6)  # blocks are computed in float32
    assert measure.compare(first, second) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "prdc"])
def test_the_interval_holds_the_value_also_near_the_noise_floor(name: str) -> None:
    matrix = dsim.compare([cloud("a", 40), cloud("b", 40, 1.0)], measure=name, bootstrap=60)
    assert matrix.low is not None
    assert matrix.high is not None
    assert matrix.low[0, 1] <= matrix.values[0, 1] <= matrix.high[0, 1]


def test_unbiased_floors_do_not_rise_as_images_get_fewer() -> None:
    """Where the biased ones do: the floor of 12 images is several times that of 200."""
    floors: dict[str, list[float]] = {"energy": [], "energy:estimator=biased": []}
    for call, found in floors.items():
        for n in (12, 200):
            matrix = dsim.compare([cloud(f"c{seed}", n) for seed in range(6)], measure=call)
            assert matrix.floor is not None
            found.append(float(np.mean(list(matrix.floor.values()))))
    assert max(abs(floor) for floor in floors["energy"]) < 0.15
    assert floors["energy:estimator=biased"][0] > 5 * floors["energy:estimator=biased"][1] > 0


@pytest.mark.parametrize("name", NAMES)
def test_features_of_other_dimension_or_with_nan_fail_their_cells_alone(name: str) -> None:
    narrow = from_arrays(name="narrow", features=np.random.default_rng(0).normal(size=(20, 4)))
    matrix = dsim.compare([cloud("a"), cloud("b"), narrow], measure=name)
    assert np.isfinite(matrix.values[:2, :2]).all()
    assert np.isnan(matrix.values[2, :2]).all()
    assert "features per image" in matrix.notes[2][0]


def test_a_block_of_one_image_is_refused() -> None:
    matrix = dsim.compare([cloud("a"), cloud("b")], measure="kid:block=1")
    assert "a block of one image makes no pair" in matrix.notes[0][1]


def test_blocks_are_dealt_at_random_from_a_sorted_dataset() -> None:
    """A folder lists one class after the other; blocks in that order would compare class with class."""
    rng = np.random.default_rng(0)
    classes = np.repeat([0.0, 6.0], 300)[:, None]
    a, b = (
        from_arrays(name=name, features=rng.normal(size=(600, 3)) + (classes if name == "a" else classes[::-1]))
        for name in "ab"
    )
    value = dsim.compare([a], [b], measure="kid:block=100").values[0, 0]
    sorted_blocks = squared_mmd(polynomial, points(a)[:100], points(b)[:100])
    assert abs(value) < 0.05 * sorted_blocks


def test_too_few_images_for_k_neighbours_are_told() -> None:
    matrix = dsim.compare([cloud("few", 5), cloud("b")], measure="prdc")
    assert np.isnan(matrix.values[0, 1])
    assert "5 images have no 5 neighbours each" in matrix.notes[0][1]


def test_a_bandwidth_of_zero_is_told() -> None:
    same = from_arrays(name="same", features=np.ones((30, 6), dtype=np.float32))
    matrix = dsim.compare([same, cloud("b", 6)], measure="mmd")
    assert "median distance is 0" in matrix.notes[0][1]


def test_a_transport_that_is_not_solved_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    from dsim.stats import wasserstein
    from dsim.stats.transport import exact_transport

    def stopped(cost: Any, a: Any = None, b: Any = None) -> Any:
        return exact_transport(cost, a, b, iterations=1)

    monkeypatch.setattr(wasserstein, "exact_transport", stopped)
    matrix = dsim.compare([cloud("a"), cloud("b")], measure="wasserstein")
    assert np.isnan(matrix.values[0, 1])
    assert "the transport of 24 onto 24 images was not solved: " in matrix.notes[0][1]


def test_a_transport_that_needs_too_much_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from dsim_distributions import transport as wasserstein

    monkeypatch.setattr(wasserstein, "LARGEST", 500)
    matrix = dsim.compare([cloud("a"), cloud("b", 20)], measure="wasserstein")
    assert "needs too much memory" in matrix.notes[0][0]
    assert np.isfinite(matrix.values[0, 1])


def test_projections_are_those_of_the_parameter_whatever_the_run_and_the_dataset() -> None:
    a, b = cloud("a"), cloud("b", shift=1.0)
    values = [dsim.compare([a], [b], measure="sliced-wasserstein", seed=seed).values[0, 0] for seed in (0, 1)]
    assert values[0] == values[1]
    assert dsim.compare([a], [b], measure="sliced-wasserstein:seed=1").values[0, 0] != values[0]


def test_patients_are_held_out_whole_by_c2st() -> None:
    """Patients differ, datasets do not: only with groups does the AUC stay about one half."""
    rng = np.random.default_rng(3)
    patients = rng.normal(size=(24, 40)).repeat(5, axis=0) + 0.3 * rng.normal(size=(120, 40))
    names = [f"p{i // 5}" for i in range(60)]
    halves = [(name, patients[60 * k : 60 * k + 60]) for k, name in enumerate("ab")]
    with_groups = [from_arrays(name=name, features=half, groups=names) for name, half in halves]
    without = [from_arrays(name=name, features=half) for name, half in halves]
    known, unknown = (dsim.compare(pair, measure="c2st").values[0, 1] for pair in (with_groups, without))
    assert unknown > 0.9
    assert known < 0.8


def test_coverage_is_of_the_target_and_precision_of_the_source() -> None:
    """A source of one mode of the target's two is precise, and covers half."""
    rng = np.random.default_rng(5)
    modes = np.repeat([0.0, 50.0], 30)[:, None]
    target = from_arrays(name="target", features=rng.normal(size=(60, 2)) + modes)
    source = from_arrays(name="source", features=rng.normal(size=(60, 2)))
    values = {
        name: dsim.compare([source], [target], measure=f"prdc:statistic={name}").values[0, 0]
        for name in ("precision", "recall", "coverage")
    }
    assert values["precision"] > 0.9
    assert values["coverage"] <= 0.5
    assert values["recall"] <= 0.5
