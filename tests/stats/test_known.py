"""Means over what is known."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from dsim.stats.known import mean_known


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_the_mean_is_that_of_numpy_and_silent_where_nothing_is_known(axis: int) -> None:
    values = np.random.default_rng(0).normal(size=(4, 5, 3))
    values[values > 0.5] = np.nan
    values[:, :, 0] = values[2] = values[:, 1] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = mean_known(values, axis)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = np.nanmean(values, axis=axis)
    assert 0 < np.isnan(found).sum() < found.size
    np.testing.assert_allclose(found, expected, rtol=1e-12)
