"""Intervals hold what they should as often as they say: coverage of a measure that returns random numbers."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

import dsim
from dsim.evaluation import BY_NAME, Intervals
from dsim.measures import SimilarityMatrix, Verdict
from dsim.registry import Direction
from dsim.stats import ranking
from dsim.truth import open_truth

RUNS = 200
#: Three standard errors of a share of 0.95 of 200 runs: one of the scores strays below by chance in 1 of 700 seeds.
LEAST = 0.95 - 3 * np.sqrt(0.05 * 0.95 / RUNS)


@pytest.fixture(scope="module")
def simulation(program: Callable[[str], ModuleType]) -> ModuleType:
    return program("coverage")


@pytest.fixture(scope="module")
def scores() -> np.ndarray:
    return open_truth("asap-dsc").mean


def test_intervals_of_a_random_measure_hold_the_random_baseline(simulation: ModuleType, scores: np.ndarray) -> None:
    """Every score of 200 random measures on asap-dsc."""
    found = simulation.shares(simulation.random_measures(scores, 12, RUNS, ("expanded",), resamples=1000))
    assert {name for name, _ in found} == set(simulation.ROWS)
    assert {key: share for key, share in found.items() if share < LEAST} == {}


def test_plain_percentiles_fail_for_shares(simulation: ModuleType, scores: np.ndarray) -> None:
    """Why they are not the default: of 12 misses they say [0, 0]."""
    hits = simulation.by_target(np.random.default_rng(0).random((9, 1200)), np.tile(scores, 100))["top1"]
    plain, wilson = (
        np.mean([how.over_targets(BY_NAME["top1"], run).high >= 1 / 9 for run in hits.reshape(100, 12)])
        for how in (Intervals(12, method="percentile"), Intervals(12))
    )
    assert plain < 0.85
    assert wilson > 0.93


@pytest.mark.parametrize("targets", [3, 5, 12])
def test_means_are_held_as_often_for_few_targets(scores: np.ndarray, targets: int) -> None:
    """2000 random measures: within four standard errors of 0.95, or above it."""
    rng, how, held = np.random.default_rng(targets), Intervals(targets), 0
    for found in ranking.spearman(rng.random((2000, targets, 9)), scores.T[:targets]):
        score = how.over_targets(BY_NAME["spearman"], found)
        held += score.low <= 0 <= score.high
    assert held / 2000 > 0.93


def random_matrix(sources: tuple[str, ...], targets: tuple[str, ...], seed: int) -> SimilarityMatrix:
    shape = len(sources), len(targets)
    nan = float("nan")
    return SimilarityMatrix(
        measure=f"random:seed={seed}",
        direction=Direction.DISTANCE,
        unit="",
        sources=sources,
        targets=targets,
        values=np.random.default_rng(seed).random(shape),
        notes=(("",) * shape[1],) * shape[0],
        same=np.zeros(shape, dtype=bool),
        verdicts={target: Verdict(target, None, None, None, nan, nan, "") for target in targets},
        provenance={},
    )


def test_evaluate_says_the_same_of_random_measures(simulation: ModuleType) -> None:
    """Through the whole judge, against the baseline that stands beside each measure."""
    truth = open_truth("asap-dsc")
    held = []
    for seed in range(12):
        found = dsim.evaluate(random_matrix(truth.sources, truth.targets, seed), truth)
        baseline = next(other for other in found.baselines if other.name == "random")
        held += [
            simulation.holds(found.judgement.scores[name], baseline.scores[name].value) for name in simulation.ROWS
        ]
    # Scores of one measure go together: their misses are not independent, so that the bound is wide.
    assert np.mean(held) > 0.88
