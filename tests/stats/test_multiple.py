"""Holm's adjustment equals its definition, step by step."""

from __future__ import annotations

import numpy as np
import pytest

from dsim.stats.multiple import holm


def test_equals_the_definition() -> None:
    rng = np.random.default_rng(0)
    for size in (1, 2, 7, 30):
        p = rng.uniform(0, 0.2, size)
        order = np.argsort(p)
        expected = np.empty(size)
        for rank, position in enumerate(order):
            expected[position] = min(1.0, max((size - r) * p[order[r]] for r in range(rank + 1)))
        np.testing.assert_allclose(holm(p), expected)


def test_a_test_that_was_not_done_takes_no_part() -> None:
    np.testing.assert_allclose(holm(np.array([np.nan, 0.02, 0.01])), [np.nan, 0.02, 0.02])
    assert np.isnan(holm(np.array([np.nan])))
    assert len(holm(np.array([]))) == 0


def test_the_order_of_the_tests_does_not_matter_and_none_is_made_smaller() -> None:
    p = np.array([0.04, 0.001, 0.5, 0.04])
    np.testing.assert_allclose(holm(p[::-1]), holm(p)[::-1])
    assert (holm(p) >= p).all()
    assert holm(np.array([0.9, 0.8])).max() == pytest.approx(1.0)
