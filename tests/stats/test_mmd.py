"""Squared MMD: double sums over pairs, copies that are no pairs, blocks, and an expectation of 0."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsim.stats import mmd
from dsim.stats.discrepancy import block_mmd
from dsim.stats.kernels import gaussian, linear, negative_distance, polynomial
from dsim.stats.mmd import counts, deal, mean_between, mean_within, split_mmd, squared_mmd, weighted_mmd

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "distributions.json").read_text("utf-8"))
KERNELS = {"polynomial": polynomial, "gaussian": partial(gaussian, bandwidth=2.0), "distance": negative_distance}


@pytest.fixture
def clouds() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(9, 4)), rng.normal(0.5, 1.5, size=(7, 4))


def by_loops(kernel: Any, a: np.ndarray, b: np.ndarray, unbiased: bool) -> float:
    """The definition, pair by pair."""

    def mean(x: np.ndarray, y: np.ndarray, distinct: bool) -> float:
        pairs = [(i, j) for i in range(len(x)) for j in range(len(y)) if not (distinct and i == j)]
        return float(np.mean([kernel(x[i : i + 1], y[j : j + 1])[0, 0] for i, j in pairs]))

    return mean(a, a, unbiased) + mean(b, b, unbiased) - 2 * mean(a, b, False)


@pytest.mark.parametrize("unbiased", [True, False])
@pytest.mark.parametrize("name", KERNELS)
def test_equals_the_definition(name: str, unbiased: bool, clouds: tuple[np.ndarray, np.ndarray]) -> None:
    found = squared_mmd(KERNELS[name], *clouds, unbiased=unbiased)
    assert found == pytest.approx(by_loops(KERNELS[name], *clouds, unbiased), rel=1e-10)


@pytest.mark.parametrize("tile", [1, 2, 3, 5])
def test_tiles_of_any_size_give_the_same(
    tile: int, clouds: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [f(polynomial, *clouds) for f in (mean_between, squared_mmd)]
    weights = [np.ones((1, len(points))) for points in clouds]
    monkeypatch.setattr(mmd, "_ROWS", tile)
    monkeypatch.setattr(mmd, "_COLUMNS", tile + 1)
    assert [f(polynomial, *clouds) for f in (mean_between, squared_mmd)] == pytest.approx(expected, rel=1e-12)
    assert weighted_mmd(polynomial, *clouds, *weights) == pytest.approx(expected[1], rel=1e-12)


def test_the_linear_kernel_compares_means(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = clouds
    gap = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum()
    assert squared_mmd(linear, a, b, unbiased=False) == pytest.approx(gap, rel=1e-10)
    unbiased = gap - a.var(axis=0, ddof=1).sum() / len(a) - b.var(axis=0, ddof=1).sum() / len(b)
    assert squared_mmd(linear, a, b) == pytest.approx(unbiased, rel=1e-10)


def test_one_population_gives_zero_on_average_at_any_number() -> None:
    rng = np.random.default_rng(1)
    for n in (3, 20):
        values = [squared_mmd(polynomial, rng.normal(size=(n, 6)), rng.normal(size=(n + 2, 6))) for _ in range(400)]
        assert abs(np.mean(values)) < 3 * np.std(values) / 20
        assert min(values) < 0


def test_kid_of_all_pairs_equals_that_of_many_subsets() -> None:
    """Within three standard errors of torch-fidelity's 100 subsets of 1000; float32 products lose nothing."""
    recipe: dict[str, Any] = {"np": np}
    exec("\n".join(REFERENCE["recipe"]), recipe)
    expected = REFERENCE["kid"]
    a, b = (recipe["relu_features"](expected["n"], 512, seed) for seed in expected["seeds"])
    found = squared_mmd(polynomial, a, b)
    assert found == pytest.approx(expected["mean"], abs=3 * expected["std"] / np.sqrt(expected["subsets"]))
    assert found == pytest.approx(0.47825116033936776, rel=1e-7)  # the same in float64


def test_replicates_weigh_images_and_leave_out_copies(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = clouds
    draw = np.array([0, 0, 3, 5, 8, 8, 8])
    found = weighted_mmd(negative_distance, a, b, counts([draw], len(a)), np.ones((1, len(b))))[0]
    pairs = [(i, j) for i in draw for j in draw if i != j]
    within = np.mean([negative_distance(a[i : i + 1], a[j : j + 1])[0, 0] for i, j in pairs])
    rest = mean_within(negative_distance, b) - 2 * mean_between(negative_distance, a[draw], b)
    assert found == pytest.approx(within + rest, rel=1e-10)


@pytest.mark.parametrize("unbiased", [True, False])
def test_biased_replicates_are_values_of_the_drawn_images(
    unbiased: bool, clouds: tuple[np.ndarray, np.ndarray]
) -> None:
    a, b = clouds
    rng = np.random.default_rng(3)
    draws = [rng.permutation(len(a)) if unbiased else rng.integers(len(a), size=len(a)) for _ in range(3)]
    found = weighted_mmd(polynomial, a, b, counts(draws, len(a)), np.ones((3, len(b))), unbiased=unbiased)
    assert found == pytest.approx([squared_mmd(polynomial, a[draw], b, unbiased=unbiased) for draw in draws], rel=1e-10)


def test_replicates_of_the_unbiased_value_centre_on_it() -> None:
    """With copies counted as pairs they would lie 2 E|x - x'| / n = 0.11 above: the interval would miss the value."""
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(60, 5)), rng.normal(size=(60, 5)) + 0.5
    draws = [[rng.integers(60, size=60) for _ in range(2000)] for _ in range(2)]
    found = weighted_mmd(negative_distance, a, b, *(counts(draw, 60) for draw in draws))
    assert found.mean() == pytest.approx(squared_mmd(negative_distance, a, b), abs=0.01)


def test_splits_share_one_table(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    whole = np.concatenate(clouds)
    rng = np.random.default_rng(5)
    orders = [rng.permutation(len(whole)) for _ in range(4)]
    ones, others = [order[:6] for order in orders], [order[6:] for order in orders]
    for unbiased in (True, False):
        found = split_mmd(polynomial, whole, counts(ones, len(whole)), counts(others, len(whole)), unbiased=unbiased)
        expected = [
            squared_mmd(polynomial, whole[i], whole[j], unbiased=unbiased) for i, j in zip(ones, others, strict=True)
        ]
        assert found == pytest.approx(expected, rel=1e-10)


def test_blocks_use_every_point_once_and_one_block_is_the_whole(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = clouds
    blocks = deal(np.random.default_rng(6).permutation(len(a)), np.arange(len(b)), block=3)
    assert len(blocks) == 2
    for side, cloud in enumerate(clouds):
        assert sorted(np.concatenate([block[side] for block in blocks]).tolist()) == list(range(len(cloud)))
    everything = deal(np.arange(len(a)), np.arange(len(b)), block=100)
    assert block_mmd(polynomial, a, b, everything)[0].value == pytest.approx(squared_mmd(polynomial, a, b), rel=1e-12)


def test_blocks_estimate_the_same_with_more_noise() -> None:
    rng = np.random.default_rng(7)
    a, b = rng.normal(size=(4000, 4)), rng.normal(size=(4000, 4)) + 0.3
    blocks = deal(np.arange(4000), np.arange(4000), block=100)
    values = [found.value for found in block_mmd(polynomial, a, b, blocks)]
    assert np.mean(values) == pytest.approx(squared_mmd(polynomial, a, b), rel=0.1)


energy_distance = partial(squared_mmd, negative_distance)


def test_the_biased_value_is_the_square_of_scipys() -> None:
    """scipy returns the root of 2 E|x - y| - E|x - x'| - E|y - y'| over all pairs, those of a point with itself too."""
    from scipy.stats import energy_distance as of_scipy

    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(40, 1)), rng.normal(0.5, 2, size=(31, 1))
    assert energy_distance(a, b, unbiased=False) == pytest.approx(of_scipy(a[:, 0], b[:, 0]) ** 2, rel=1e-10)


def test_the_unbiased_value_divides_by_n_minus_1() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(12, 3)), rng.normal(1, 1, size=(9, 3))
    between, *within = (np.sqrt(((x[:, None] - y) ** 2).sum(axis=2)).sum() for x, y in ((a, b), (a, a), (b, b)))
    expected = 2 * between / 108 - within[0] / (12 * 11) - within[1] / (9 * 8)
    assert energy_distance(a, b) == pytest.approx(expected, rel=1e-12)


def test_two_distant_points_masses_are_at_twice_their_distance() -> None:
    a, b = np.zeros((4, 2)), np.full((3, 2), [3.0, 4.0])
    assert energy_distance(a, b) == pytest.approx(10, rel=1e-12)
    assert energy_distance(a, a[:2]) == 0


def test_follows_scale_and_ignores_a_common_shift() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(20, 4)), rng.normal(1, 1, size=(15, 4))
    value = energy_distance(a, b)
    assert energy_distance(3 * a, 3 * b) == pytest.approx(3 * value, rel=1e-10)
    assert energy_distance(a + 1e5, b + 1e5) == pytest.approx(value, rel=1e-7)
