"""Promises of the choice: what is seen and what is usual count by how sure they are, and ties go to the simpler."""

from __future__ import annotations

import numpy as np
import pytest

from dsim.adapt import choose_way
from dsim.adapt.choice import LEADS, usual_leads
from dsim.stats.pooled import pooled_error, pooled_interval

UNITS = tuple("abcde")
#: Nothing is known beforehand.
UNKNOWN = dict.fromkeys(("vote", "finetune", "scratch"), (0.0, 1000000.0))


def test_the_way_of_the_highest_dice_wins() -> None:
    found = choose_way({"apply": [0.5] * 5, "vote": [0.55] * 5, "finetune": [0.8] * 5, "scratch": [0.4] * 5}, UNITS)
    assert (found.way, found.best) == ("finetune", "finetune")
    assert found.lead is not None
    assert found.lead.low > 0


def test_without_anything_known_the_expected_lead_is_that_seen() -> None:
    found = choose_way({"apply": [0.5, 0.6], "finetune": [0.8, 0.7]}, UNITS[:2], leads=UNKNOWN)
    assert found.lead is not None
    assert found.lead.mean == pytest.approx(0.2)


def test_what_is_usual_decides_where_little_is_seen_and_not_where_much_is() -> None:
    usual = {"finetune": (0.1, 0.05)}
    few = {"apply": [0.6, 0.5], "finetune": [0.55, 0.53]}
    assert choose_way(few, UNITS[:2], leads=usual).way == "finetune"
    many = {"apply": [0.6, 0.5] * 30, "finetune": [0.55, 0.53] * 30}
    assert choose_way(many, [str(i) for i in range(60)], leads=usual).way == "apply"


def test_the_expected_lead_is_the_mean_weighted_by_precision() -> None:
    seen = np.array([0.2, 0.0, 0.1])
    error = pooled_error(seen, 0.10, 3)
    found = choose_way({"apply": [0.5] * 3, "scratch": [0.7, 0.5, 0.6]}, UNITS[:3], leads={"scratch": (0.3, error)})
    assert found.lead is not None
    assert found.lead.mean == pytest.approx((0.1 + 0.3) / 2)
    assert found.lead.high - found.lead.mean == pytest.approx(1.96 * error / np.sqrt(2), rel=1e-3)


def test_the_simplest_of_several_that_tie_is_taken() -> None:
    same = {"apply": [0.2, 0.3], "vote": [0.7, 0.7], "finetune": [0.701, 0.702], "scratch": [0.7, 0.70]}
    found = choose_way(same, UNITS[:2], leads=UNKNOWN)
    assert (found.way, found.best) == ("vote", "finetune")
    assert choose_way(same, UNITS[:2], leads=UNKNOWN, tie=0).way == "finetune"


def test_leads_count_from_the_simplest_way_that_was_tried() -> None:
    scores = {"vote": [0.6, 0.6], "scratch": [0.6, 0.6]}
    found = choose_way(scores, UNITS[:2], leads={"vote": (0.1, 0.01), "scratch": (0.1, 0.01)})
    assert found.way == "vote"


def test_images_of_one_group_count_once() -> None:
    scores = {"apply": [0.9, 0.5, 0.5, 0.5], "finetune": [0.5, 0.6, 0.6, 0.6]}
    assert choose_way(scores, list("abbb"), leads=UNKNOWN).estimates["apply"].mean == pytest.approx(0.7)
    assert choose_way(scores, list("abcd"), leads=UNKNOWN).estimates["apply"].mean == pytest.approx(0.6)
    assert choose_way(scores, list("abbb"), leads=UNKNOWN).way == "apply"


def test_more_images_narrow_the_bounds_and_all_lie_between_0_and_1() -> None:
    few, many = (choose_way({"apply": [0.9, 0.8] * n}, [str(i) for i in range(2 * n)]) for n in (1, 10))
    width = [found.estimates["apply"].high - found.estimates["apply"].low for found in (few, many)]
    assert width[1] < width[0] / 2
    assert few.estimates["apply"].high <= 1


def test_a_mean_of_few_remaining_images_is_less_sure_than_one_of_many() -> None:
    scores = {"apply": [0.6, 0.7, 0.5]}
    few, many = (choose_way(scores, UNITS[:3], rest=rest).estimates["apply"] for rest in (2, 1000))
    assert few.high - few.low > many.high - many.low


def test_usual_leads_are_those_of_the_nearest_number_of_images() -> None:
    assert usual_leads(2) == LEADS[3]
    assert usual_leads(100) == LEADS[max(LEADS)]
    assert all(set(leads) == {"vote", "finetune", "scratch"} for count, leads in LEADS.items() if count > 1)


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
