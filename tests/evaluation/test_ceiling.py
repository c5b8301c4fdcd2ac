"""The ceiling is what a perfect measure gets: known in simulation, 1 without noise, missing without repetitions."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import ModuleType

import numpy as np
import pytest

from dsim.evaluation import PER_TARGET, SCORES, Intervals, Score
from dsim.evaluation.baselines import ceiling

SOURCES, TARGETS = 9, 15


@pytest.fixture(scope="module")
def simulated(program: Callable[[str], ModuleType]) -> ModuleType:
    """The simulation with known ceilings, of which docs/evaluation.md prints the table."""
    return program("ceiling")


def ceiling_of(
    simulated: ModuleType, values: np.ndarray, repetition: str = "seed", seed: int = 0
) -> Mapping[str, Score]:
    counted = ~np.isnan(values).all(axis=2)
    return ceiling(simulated.truth(values, repetition), counted, Intervals(values.shape[1], seed=seed))


@pytest.fixture
def fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mean over many truths needs few simulations of each."""
    monkeypatch.setattr("dsim.evaluation.baselines.SIMULATIONS", 100)


#: Repetitions, deviation of one in deviations of the expected scores; how far the estimate is off on average, at most.
CASES = [(2, 0.3, 0.05), (3, 0.3, 0.02), (5, 0.3, 0.01), (2, 1.0, 0.06), (3, 1.0, 0.04), (5, 1.0, 0.03)]


@pytest.mark.usefixtures("fewer")
@pytest.mark.parametrize(("repetitions", "noise", "bias"), CASES)
def test_the_ceiling_is_what_a_perfect_measure_gets_on_average(
    simulated: ModuleType, repetitions: int, noise: float, bias: float
) -> None:
    """Estimates from the repetitions of 20 truths, against the perfect measure on fresh truths."""
    found = list(simulated.runs(SOURCES, TARGETS, repetitions, noise, 20))
    for name in simulated.NAMES:
        off = np.array([estimated[name] - known[name] for known, estimated in found])
        assert abs(off.mean()) < bias + 3 * off.std() / np.sqrt(len(off)), name


@pytest.mark.usefixtures("fewer")
def test_a_perfect_measure_scores_within_the_interval(simulated: ModuleType) -> None:
    """The interval is of one truth: it holds what the perfect measure gets in about 95 % of 100."""
    rng, held = np.random.default_rng(0), 0
    for _ in range(100):
        expected = rng.standard_normal((SOURCES, TARGETS))
        found = ceiling_of(simulated, simulated.measured(expected, 5, 0.5, rng))["spearman"]
        score = simulated.perfect(expected, simulated.measured(expected, 5, 0.5, rng).mean(axis=2))["spearman"]
        held += found.low <= score <= found.high
    assert held / 100 > 0.95 - 3 * np.sqrt(0.05 * 0.95 / 100)


def test_noise_that_all_sources_of_a_target_share_takes_nothing_from_the_ceiling(simulated: ModuleType) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(SOURCES, TARGETS, 1)) + rng.normal(size=(1, TARGETS, 5))
    found = ceiling_of(simulated, values, "fold")
    for name in PER_TARGET:
        assert found[name].value == pytest.approx(0.0 if name == "regret" else 1.0)
        assert found[name].low == found[name].high == found[name].value
    assert ceiling_of(simulated, values, "seed")["spearman"].value < 0.9


def test_more_repetitions_raise_it_and_nothing_but_noise_is_no_order(simulated: ModuleType) -> None:
    rng = np.random.default_rng(0)
    expected = rng.normal(size=(SOURCES, TARGETS))
    values = [ceiling_of(simulated, simulated.measured(expected, r, 1.0, rng))["kendall"].value for r in (2, 4, 16, 64)]
    assert values == sorted(values)
    noise = ceiling_of(simulated, simulated.measured(np.zeros((SOURCES, TARGETS)), 3, 1.0, rng))
    assert noise["pearson"].value < 0.4
    assert noise["pearson"].targets == TARGETS


def test_one_repetition_has_no_ceiling_and_says_why(simulated: ModuleType) -> None:
    found = ceiling_of(simulated, np.random.default_rng(0).random((4, 3, 1)), "")
    assert list(found) == [spec.name for spec in SCORES]
    assert all(np.isnan([score.value, score.low, score.high]).all() and score.targets == 0 for score in found.values())
    assert "measured once" in found["pearson"].note


def test_targets_without_noise_estimates_and_scores_without_a_meaning_are_left_out(simulated: ModuleType) -> None:
    values = np.random.default_rng(0).random((4, 3, 2))
    values[:, 0, 1] = np.nan
    values[2:, 1] = np.nan
    found = ceiling_of(simulated, values)
    assert found["top1"].targets == 2
    assert found["spearman"].targets == 1
    assert "1 of 2 targets have none" in found["spearman"].note
    assert np.isnan(found["pooled_pearson"].value)
    assert np.isnan(found["eqc"].value)


def test_sum_and_worst_follow_from_the_regrets(simulated: ModuleType) -> None:
    found = ceiling_of(
        simulated, simulated.measured(np.random.default_rng(1).normal(size=(5, 6)), 3, 0.5, np.random.default_rng(2))
    )
    assert found["regret_sum"].value == pytest.approx(6 * found["regret"].value)
    assert found["regret"].value < found["worst_regret"].value < found["regret_sum"].value


def test_it_is_seeded_and_quick(simulated: ModuleType) -> None:
    values = simulated.measured(
        np.random.default_rng(1).normal(size=(SOURCES, TARGETS)), 5, 0.5, np.random.default_rng(2)
    )
    started = time.process_time()
    first = ceiling_of(simulated, values)
    assert time.process_time() - started < 2
    assert first == ceiling_of(simulated, values)
    assert first["regret"] != ceiling_of(simulated, values, seed=1)["regret"]
