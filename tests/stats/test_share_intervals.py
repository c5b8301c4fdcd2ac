"""Intervals of accuracies are over groups of images, paired by splits, and as wide as theory says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dsim.stats.share_intervals import LOTS, compare_shares, share_interval

RNG = np.random.default_rng(0)


def test_the_interval_of_single_images_has_the_width_of_a_binomial() -> None:
    shares = (RNG.random((1, 1000)) < 0.8).astype(float)
    found = share_interval(shares, np.zeros(1000, dtype=np.intp))
    p = shares.mean()
    assert found.value == p
    assert found.high - found.low == pytest.approx(2 * 1.96 * math.sqrt(p * (1 - p) / 1000), rel=0.1)


def test_many_images_are_resampled_in_lots_without_another_width() -> None:
    n = 3 * LOTS
    shares = (RNG.random((1, n)) < 0.6).astype(float)
    found = share_interval(shares, np.zeros(n, dtype=np.intp))
    assert found.high - found.low == pytest.approx(2 * 1.96 * math.sqrt(0.24 / n), rel=0.1)


def test_images_that_are_alike_within_groups_give_a_wider_interval_by_groups() -> None:
    by_group = (RNG.random(50) < 0.5).astype(float)
    shares = np.repeat(by_group, 20)[None]
    groups = [str(number // 20) for number in range(1000)]
    codes = np.zeros(1000, dtype=np.intp)
    single, grouped = share_interval(shares, codes), share_interval(shares, codes, groups)
    assert single.value == grouped.value
    ratio = (grouped.high - grouped.low) / (single.high - single.low)
    assert ratio == pytest.approx(math.sqrt(20), rel=0.15)


def test_balanced_accuracy_weighs_classes_alike() -> None:
    codes = np.repeat([0, 1], [90, 10])
    shares = np.where(codes == 0, 1.0, 0.5)[None]
    assert share_interval(shares, codes).value == pytest.approx(0.95)
    assert share_interval(shares, codes, balanced=True).value == pytest.approx(0.75)


def test_a_paired_difference_is_narrower_than_two_intervals_and_names_its_units() -> None:
    first = (RNG.random((1, 400)) < 0.7).astype(float)
    second = first.copy()
    second[0, np.flatnonzero(first[0])[:20]] = 0
    codes = np.zeros(400, dtype=np.intp)
    found = compare_shares(first, second, codes)
    assert found.difference == pytest.approx(20 / 400)
    assert found.clear
    assert (found.units, found.grouped) == (400, False)
    alone = [share_interval(shares, codes) for shares in (first, second)]
    assert alone[0].low < alone[1].high


def test_equal_methods_are_not_clearly_different() -> None:
    shares = (RNG.random((1, 100)) < 0.7).astype(float)
    found = compare_shares(shares, shares, np.zeros(100, dtype=np.intp))
    assert (found.difference, found.low, found.high, found.clear) == (0, 0, 0, False)


def test_the_spread_over_seeds_widens_the_interval() -> None:
    base = (RNG.random(500) < 0.7).astype(float)
    codes = np.zeros(500, dtype=np.intp)
    steady = np.stack([base] * 3)
    shaky = np.stack([base, np.where(np.arange(500) < 100, 0, base), base])
    narrow, wide = (compare_shares(side, steady, codes) for side in (steady, shaky))
    assert narrow.high - narrow.low < wide.high - wide.low
    alone = share_interval(shaky, codes)
    spread = shaky.mean(axis=1)
    assert alone.value == pytest.approx(spread.mean())
    # Mostly seeds: Student's with about two degrees of freedom.
    assert alone.high - alone.low > 2 * 2.5 * spread.std(ddof=1) / math.sqrt(3)


def test_points_that_were_not_tested_are_left_out_and_nothing_tested_is_nan() -> None:
    shares = np.array([[1.0, np.nan, 0.0, 1.0]])
    codes = np.array([0, -1, 1, 0])
    assert share_interval(shares, codes).value == pytest.approx(2 / 3)
    nothing = share_interval(np.full((1, 2), np.nan), np.array([-1, -1]))
    assert math.isnan(nothing.value)
    assert nothing.note
    single = share_interval(shares, codes, [*"ssss"])
    assert math.isnan(single.low)
    assert single.note
    with pytest.raises(ValueError, match="same points"):
        compare_shares(shares, np.ones((1, 4)), codes)
    assert compare_shares(shares, shares, codes).to_dict()["difference"] == 0
