"""Fleiss' kappa equals published worked tables, and says where agreement means nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dsim.stats.kappa import Kappa, fleiss_kappa, pooled_kappa

#: The worked example of the literature: 14 observers sort 10 things into 5 categories; kappa is 0.210.
WORKED = np.array(
    [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
)


def test_the_published_worked_table() -> None:
    found = fleiss_kappa(WORKED)
    assert found.observed == pytest.approx(0.378, abs=5e-4)
    assert found.expected == pytest.approx(0.213, abs=5e-4)
    assert found.value == pytest.approx(0.210, abs=5e-4)


def test_two_observers_by_hand() -> None:
    """Two agree on 2 of 3 things; answers are 4 of 6 yes: (2/3 - 5/9) / (1 - 5/9) = 1/4."""
    found = fleiss_kappa(np.array([[2, 0], [1, 1], [1, 1], [2, 0], [0, 2], [2, 0]])[[0, 1, 4, 0, 4, 1]])
    observed, yes = 4 / 6, 6 / 12
    expected = yes**2 + (1 - yes) ** 2
    assert found.value == pytest.approx((observed - expected) / (1 - expected))


def test_full_agreement_is_one_and_none_at_all_is_negative() -> None:
    assert fleiss_kappa(np.array([[4, 0], [0, 4]])).value == 1
    assert fleiss_kappa(np.array([[1, 1], [1, 1]])).value == pytest.approx(-1)


def test_answers_at_random_have_kappa_about_zero() -> None:
    votes = np.random.default_rng(0).integers(0, 3, (2000, 5))
    counts = np.stack([(votes == answer).sum(axis=1) for answer in range(3)], axis=1)
    assert abs(fleiss_kappa(counts).value) < 0.02


def test_where_all_answers_are_alike_agreement_says_nothing() -> None:
    found = fleiss_kappa(np.array([[3, 0], [3, 0]]))
    assert (found.observed, found.expected) == (1, 1)
    assert math.isnan(found.value)


def test_things_that_one_observer_judged_are_left_out_and_unequal_numbers_are_weighed() -> None:
    assert fleiss_kappa(np.vstack([WORKED, [[1, 0, 0, 0, 0]]])) == fleiss_kappa(WORKED)
    assert math.isnan(fleiss_kappa(np.array([[1, 0], [0, 1]])).value)
    unequal = fleiss_kappa(np.array([[2, 0], [3, 1]]))
    assert unequal.observed == pytest.approx((1 + 1 / 2) / 2)
    assert unequal.expected == pytest.approx((5 / 6) ** 2 + (1 / 6) ** 2)


def test_the_order_of_things_and_answers_does_not_matter() -> None:
    shuffled = WORKED[::-1][:, [3, 0, 4, 1, 2]]
    assert fleiss_kappa(shuffled).value == pytest.approx(fleiss_kappa(WORKED).value, rel=1e-12)


def test_pooled_kappa_is_that_of_the_mean_agreements_and_passes_over_what_is_unknown() -> None:
    unknown = Kappa(math.nan, math.nan, math.nan)
    alike = Kappa(math.nan, 1.0, 1.0)
    found = pooled_kappa([Kappa(0.5, 0.75, 0.5), unknown, alike])
    assert found.observed == pytest.approx(0.875)
    assert found.value == pytest.approx((0.875 - 0.75) / 0.25)
    assert math.isnan(pooled_kappa([unknown]).value)
