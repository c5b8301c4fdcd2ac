"""Cases are chosen that look like all of them, that differ from one another, and whose worth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dsim.stats.case_choice import (
    agreement_profiles,
    choose_cases,
    expected_gain,
    gain_per_case,
    likeliness,
    likeness_of_cases,
)

DRAWS = np.random.default_rng(0).standard_normal((20_000, 2))


def _masks(seed: int, cases: int = 24, candidates: int = 4) -> np.ndarray:
    """Agreements (n, c, c) of random masks, some cases harder than others."""
    rng = np.random.default_rng(seed)
    found = rng.beta(2, 2, (cases, candidates, candidates))
    found = (found + found.transpose(0, 2, 1)) / 2
    found[:, range(candidates), range(candidates)] = 1
    return found


def test_the_gain_of_two_candidates_is_the_closed_form() -> None:
    # The later difference is N(d, s^2); E max = max + s phi(d / s) - |d| Phi(-|d| / s).
    mean, cov, noise = np.array([0.6, 0.5]), np.array([[0.02, 0.005], [0.005, 0.03]]), 0.04 * np.eye(2)
    contrast = np.array([1.0, -1.0])
    learnt = cov @ np.linalg.inv(cov + noise / 3) @ cov
    spread = math.sqrt(contrast @ learnt @ contrast)
    z = 0.1 / spread
    density, tail = math.exp(-z * z / 2) / math.sqrt(2 * math.pi), math.erfc(z / math.sqrt(2)) / 2
    assert expected_gain(mean, cov, noise, 3, DRAWS) == pytest.approx(spread * density - 0.1 * tail, abs=2e-3)


def test_more_cases_gain_more_and_nothing_gains_where_all_is_known() -> None:
    mean, cov, noise = np.array([0.6, 0.55]), 0.02 * np.eye(2), 0.05 * np.eye(2)
    gains = [expected_gain(mean, cov, noise, count, DRAWS) for count in (1, 2, 8, 1000)]
    assert gains == sorted(gains)
    assert gains[-1] == pytest.approx(expected_gain(mean, cov, np.zeros((2, 2)), 1, DRAWS), rel=0.02)
    assert expected_gain(mean, np.zeros((2, 2)), noise, 5, DRAWS) == 0
    assert expected_gain(np.array([0.6]), np.array([[0.1]]), np.array([[0.1]]), 5, DRAWS[:, :1]) == 0
    shared = np.full((2, 2), 0.02)  # the level is unknown, the difference is not
    assert expected_gain(mean, shared, noise, 5, DRAWS) == pytest.approx(0, abs=1e-9)


def test_the_gain_per_case_sees_that_a_few_cases_may_change_what_one_cannot() -> None:
    mean, cov, noise = np.array([0.7, 0.5]), 0.01 * np.eye(2), 0.3 * np.eye(2)
    one = expected_gain(mean, cov, noise, 1, DRAWS)
    assert gain_per_case(mean, cov, noise, 1, DRAWS) == one
    assert gain_per_case(mean, cov, noise, 32, DRAWS) > 2 * one
    assert gain_per_case(mean, cov, noise, 0, DRAWS) == 0


def test_a_sample_of_chosen_cases_is_nearer_to_all_than_a_random_one() -> None:
    rng, better = np.random.default_rng(1), 0
    for seed in range(20):
        agreements = _masks(seed)
        profiles = agreement_profiles(agreements, np.full(4, 0.25))
        chosen = choose_cases(profiles, np.eye(24), 4)
        error = (profiles[list(chosen)].mean(axis=0) ** 2).sum()
        others = [(profiles[rng.choice(24, 4, replace=False)].mean(axis=0) ** 2).sum() for _ in range(20)]
        better += error < np.median(others)
    assert better == 20


def test_the_order_of_cases_and_of_candidates_does_not_matter() -> None:
    agreements, rng = _masks(3), np.random.default_rng(5)
    weights = likeliness(np.array([0.7, 0.6, 0.5, 0.2]))
    chosen = choose_cases(agreement_profiles(agreements, weights), np.eye(24), 5)
    cases, candidates = rng.permutation(24), rng.permutation(4)
    moved = agreements[cases][:, candidates][:, :, candidates]
    again = choose_cases(agreement_profiles(moved, weights[candidates]), np.eye(24), 5)
    assert [int(cases[case]) for case in again] == list(chosen)


def test_unlikely_candidates_have_no_say() -> None:
    agreements = _masks(4)
    profiles = agreement_profiles(agreements, np.array([0.5, 0.5, 0.0, 0.0]))
    assert (profiles[:, 1:] == 0).all()
    assert choose_cases(profiles, np.eye(24), 3) == choose_cases(
        agreement_profiles(agreements[:, :2, :2], np.array([0.5, 0.5])), np.eye(24), 3
    )


def test_of_near_duplicates_one_is_taken_and_those_scored_already_count() -> None:
    features = np.array([[0.0, 0], [0.01, 0], [5, 5], [5, 5.01], [0, 7]])
    flat = np.zeros((5, 1))
    chosen = choose_cases(flat, likeness_of_cases(features), 3)
    assert {min(case, 4) // 2 for case in chosen} == {0, 1, 2}
    assert set(choose_cases(flat, likeness_of_cases(features), 2, scored=[0])) <= {2, 3, 4}


def test_two_cases_of_one_group_share_half() -> None:
    likeness = likeness_of_cases(np.array([[0.0], [9.0], [18.0]]), ["a", "a", "b"])
    assert likeness[0, 1] == 0.5
    assert likeness[0, 2] < 0.01
    assert (likeness == likeness.T).all()
    assert (likeness_of_cases(np.zeros((3, 2))) == 1).all()


def test_no_more_cases_are_chosen_than_are_left_and_none_twice() -> None:
    profiles = agreement_profiles(_masks(6), np.full(4, 0.25))
    chosen = choose_cases(profiles, np.eye(24), 99, scored=[3, 7])
    assert sorted((*chosen, 3, 7)) == list(range(24))
    assert agreement_profiles(np.ones((3, 1, 1)), np.ones(1)).shape == (3, 0)
