"""The p of a sample's tail is near its closed form, conservative in lighter tails, and is not widened by outliers."""

from __future__ import annotations

import numpy as np
import pytest

from dsim.stats.shares import benjamini_hochberg
from dsim.stats.tails import FEWEST, upper_tail_p


def test_an_exponential_sample_gets_its_own_tail() -> None:
    values = np.random.default_rng(1).exponential(size=20_000)
    p = upper_tail_p(values)
    far = values > 1.5
    assert np.abs(np.log(p[far]) + values[far]).max() < 0.5  # exp(-x)


def test_clean_samples_of_light_tails_give_no_list() -> None:
    """With Benjamini and Hochberg's adjustment: what a user sees of clean data."""
    rng = np.random.default_rng(2)
    samples = [rng.normal(size=500) for _ in range(100)] + [rng.uniform(size=500) for _ in range(100)]
    listed = [(benjamini_hochberg(upper_tail_p(values)) <= 0.05).sum() for values in samples]
    assert np.mean(np.array(listed) > 0) < 0.02


def test_a_tenth_of_outliers_does_not_hide_itself() -> None:
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(size=460), rng.normal(20, 1, size=40)])
    adjusted = benjamini_hochberg(upper_tail_p(values))
    assert (adjusted[460:] <= 0.05).all()
    assert (adjusted[:460] > 0.05).all()


def test_p_falls_as_values_rise_and_does_not_depend_on_place_and_scale() -> None:
    values = np.random.default_rng(4).normal(size=300)
    p = upper_tail_p(values)
    assert (np.diff(p[np.argsort(values)]) <= 0).all()
    assert upper_tail_p(5 * values - 7) == pytest.approx(p)


def test_few_values_have_no_tail_and_equal_ones_no_outlier() -> None:
    assert np.isnan(upper_tail_p(np.arange(FEWEST - 1.0))).all()
    assert upper_tail_p(np.zeros(FEWEST)).tolist() == [1.0] * FEWEST
