"""Promises of the choice: the best way wins, ties go to the simpler, few images give wide bounds."""

from __future__ import annotations

import numpy as np
import pytest

from dsim.adapt import choose_way
from dsim.stats.pooled import pooled_error, pooled_interval

UNITS = tuple("abcde")


def test_the_way_of_the_highest_dice_wins() -> None:
    found = choose_way({"apply": [0.5] * 5, "vote": [0.55] * 5, "finetune": [0.8] * 5, "scratch": [0.4] * 5}, UNITS)
    assert (found.way, found.best) == ("finetune", "finetune")
    assert found.lead is not None
    assert found.lead.mean == pytest.approx(0.3)
    assert found.lead.low > 0


def test_a_lead_within_the_noise_goes_to_the_simpler_way() -> None:
    found = choose_way({"apply": [0.9, 0.5, 0.7], "scratch": [0.5, 0.9, 0.73]}, UNITS[:3])
    assert (found.way, found.best) == ("apply", "scratch")
    assert found.lead is None
    assert choose_way({"apply": [0.9, 0.5, 0.7], "scratch": [0.5, 0.9, 0.73]}, UNITS[:3], tie=0).way == "scratch"


def test_the_simplest_of_several_that_tie_is_taken() -> None:
    same = {"apply": [0.2, 0.3], "vote": [0.7, 0.7], "finetune": [0.71, 0.69], "scratch": [0.7, 0.71]}
    assert choose_way(same, UNITS[:2]).way == "vote"


def test_images_of_one_group_count_once() -> None:
    scores = {"apply": [0.9, 0.5, 0.5, 0.5], "finetune": [0.5, 0.6, 0.6, 0.6]}
    one_by_one = choose_way(scores, list("abcd"), tie=0)
    grouped = choose_way(scores, list("abbb"), tie=0)
    assert grouped.way == "apply"
    assert grouped.estimates["apply"].mean == pytest.approx(0.7)
    assert one_by_one.estimates["apply"].mean == pytest.approx(0.6)


def test_more_images_narrow_the_bounds_and_all_lie_between_0_and_1() -> None:
    few, many = (choose_way({"apply": [0.9, 0.8] * n}, [str(i) for i in range(2 * n)]) for n in (1, 10))
    width = [found.estimates["apply"].high - found.estimates["apply"].low for found in (few, many)]
    assert width[1] < width[0] / 2
    assert few.estimates["apply"].high <= 1


def test_a_mean_of_few_remaining_images_is_less_sure_than_one_of_many() -> None:
    scores = {"apply": [0.6, 0.7, 0.5]}
    few, many = (choose_way(scores, UNITS[:3], rest=rest).estimates["apply"] for rest in (2, 1000))
    assert few.high - few.low > many.high - many.low


@pytest.mark.slow
def test_bounds_hold_the_mean_of_the_rest_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(4000):
        spread = 0.15 * np.sqrt(3 / rng.chisquare(3))
        values = rng.normal(0.6, spread, 3)
        _, low, high = pooled_interval(values, 0.15, 3, rest=20)
        inside.append(low <= rng.normal(0.6, spread, 20).mean() <= high)
    assert 0.94 < np.mean(inside) < 0.96


def test_without_a_usual_spread_the_error_is_that_of_the_textbook() -> None:
    values = np.array([0.2, 0.5, 0.9, 0.4])
    assert pooled_error(values, 0.1, 0) == pytest.approx(values.std(ddof=1) / 2)
