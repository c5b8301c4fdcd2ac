"""The power transform of many features at once, held to scikit-learn's and to the optimum of the likelihood."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import yeojohnson, yeojohnson_llf
from sklearn.preprocessing import PowerTransformer

from dsim.stats.power_transform import PowerTransform as Fitted
from dsim.stats.power_transform import fit_exponents, fit_power_transform, raise_to_powers


def skewed(n: int, d: int, scale: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(n)
    return scale * (rng.gamma(2, 1, (n, d)) - rng.uniform(0, 4, d))


@pytest.mark.parametrize(("n", "scale"), [(3, 1.0), (20, 1e-4), (200, 1.0), (60, 1e3)])
def test_exponents_and_values_are_those_of_scikit_learn(n: int, scale: float) -> None:
    values, others = skewed(n, 6, scale), skewed(n + 1, 6, scale)
    ours, theirs = fit_power_transform(values), PowerTransformer().fit(values)
    assert ours.exponents == pytest.approx(theirs.lambdas_, rel=1e-6, abs=1e-6)
    assert np.allclose(ours.apply(values), theirs.transform(values), atol=1e-5)
    assert np.allclose(ours.apply(others), theirs.transform(others), rtol=1e-4, atol=1e-4)


def test_exponents_are_where_the_likelihood_is_largest() -> None:
    values, step = skewed(50, 4), 1e-4

    def slope(at: float, column: np.ndarray) -> float:
        return float(yeojohnson_llf(at + step, column) - yeojohnson_llf(at - step, column))

    for column, exponent in zip(values.T, fit_exponents(values), strict=True):
        # The centre of equal likelihoods: the optimum, but for the third derivative over a step this small.
        assert exponent == pytest.approx(brentq(slope, -3, 5, args=(column,), xtol=1e-12), abs=1e-6)


@pytest.mark.parametrize("exponent", [-1.5, 0.0, 0.3, 1.0, 2.0, 3.5])
def test_values_are_raised_as_in_scipy(exponent: float) -> None:
    values = np.array([-7.0, -0.5, 0.0, 1e-9, 0.5, 7.0])
    assert raise_to_powers(values[:, None], np.array([exponent]))[:, 0] == pytest.approx(yeojohnson(values, exponent))


def test_a_turned_feature_gives_turned_values() -> None:
    values = skewed(40, 5)
    forth, back = fit_power_transform(values), fit_power_transform(-values)
    assert forth.exponents == pytest.approx(2 - back.exponents, abs=1e-8)
    assert np.allclose(forth.apply(values), -back.apply(-values), atol=1e-8)


def test_each_feature_is_fitted_by_itself() -> None:
    values = skewed(400, 90)
    assert (fit_exponents(values)[80:] == fit_exponents(values[:, 80:])).all()


def test_a_constant_feature_stays_as_it_is() -> None:
    values = np.column_stack([np.full(9, 3.5), skewed(9, 1)])
    found = fit_power_transform(values)
    assert found.exponents[0] == 1
    assert (found.apply(values)[:, 0] == 0).all()


def test_transformed_features_have_mean_0_and_variance_1() -> None:
    values = fit_power_transform(skewed(30, 8)).apply(skewed(30, 8))
    assert np.allclose(values.mean(axis=0), 0)
    assert np.allclose(values.var(axis=0), 1)


def test_values_far_beyond_the_fit_stay_numbers_that_can_be_squared() -> None:
    fitted = Fitted(np.array([80.0, -80.0]), np.zeros(2), np.ones(2))
    applied = fitted.apply(np.array([[1e9, 1.0], [0.5, -1e9]]))
    assert np.isfinite(np.square(applied).sum(axis=1)).all()
    assert applied[0, 0] == applied.max()
