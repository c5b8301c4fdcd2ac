"""EQC by hand, in both forms, and placement by nearest centre."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from dsim.stats.embedding import eqc, placed_shares

#: Three clouds on a line, so that every distance can be worked out by hand.
A = np.array([[0.0], [2.0]])
B = np.array([[4.0], [6.0], [8.0]])
C = np.array([[20.0], [26.0]])


def test_eqc_of_the_paper_is_the_one_worked_by_hand() -> None:
    # Within (distinct pairs): A 2; B (2 + 4 + 2) / 3; C 6. Between clouds on a line that are symmetric and do not
    # overlap the mean distance is the distance of the means: AB 5, AC 22, BC 17.
    by_hand = ((2 + 8 / 3) / 5 + (2 + 6) / 22 + (8 / 3 + 6) / 17) / 3
    assert eqc([A, B, C]) == pytest.approx(by_hand, rel=1e-12)


def test_eqc_of_the_reference_is_the_one_worked_by_hand() -> None:
    # Within, the zero diagonal counted: A 1; B 8 * 2 / 9; C 3. Columns: A has no pair above it and counts as 0;
    # B has AB; C has the worse of AC and BC.
    within_b = 16 / 9
    by_hand = (0 + (1 + within_b) / 5 + max((1 + 3) / 22, (within_b + 3) / 17)) / 3
    assert eqc([A, B, C], form="reference") == pytest.approx(by_hand, rel=1e-12)


def test_only_the_form_of_the_reference_depends_on_the_order() -> None:
    orders = list(itertools.permutations([A, B, C]))
    assert len({round(eqc(order), 12) for order in orders}) == 1
    assert len({round(eqc(order, form="reference"), 12) for order in orders}) > 1


def test_eqc_agrees_with_a_literal_loop_over_equations_8_to_11() -> None:
    rng = np.random.default_rng(0)
    clouds = [rng.normal(size=(n, 3)) + shift for n, shift in ((4, 0), (7, 2), (5, -3))]

    def within(z: np.ndarray) -> float:
        n = len(z)
        total = sum(np.linalg.norm(z[i] - z[m]) for i in range(n) for m in range(i + 1, n))
        return 2 / (n * (n - 1)) * float(total)

    total = 0.0
    for i in range(3):
        for k in range(i + 1, 3):
            psi = np.mean([np.linalg.norm(p - q) for p in clouds[i] for q in clouds[k]])
            total += (within(clouds[i]) + within(clouds[k])) / float(psi)
    assert eqc(clouds) == pytest.approx(2 / (3**2 - 3) * total, rel=1e-12)


def test_eqc_is_nan_where_two_datasets_are_one_point() -> None:
    """0/0 must not look like a perfect embedding."""
    point = np.zeros((3, 2))
    assert np.isnan(eqc([point, point]))


def test_eqc_refuses_one_cloud_and_an_unknown_form() -> None:
    with pytest.raises(ValueError, match="two clouds"):
        eqc([A])
    with pytest.raises(ValueError, match="form"):
        eqc([A, B], form="other")


def test_placement_counts_each_dataset_apart_and_is_nan_without_points() -> None:
    centres = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    points = np.array([[1.0, 0.0], [9.0, 0.0], [9.0, 1.0]])
    shares = placed_shares(centres, points, np.array([0, 0, 1]))
    np.testing.assert_array_equal(shares, [0.5, 1.0, np.nan])
