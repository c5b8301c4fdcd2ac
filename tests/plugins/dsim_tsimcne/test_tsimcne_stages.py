"""Promises of the stages: learning rates are those of the reference, lengths are counted in steps or in epochs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dsim_tsimcne.specs import TRAINER
from dsim_tsimcne.stages import plan_stages


def published_rates(peak: float, epochs: int, warm_up: int) -> np.ndarray:
    """The learning rate of each epoch, as the reference computes it."""
    rest = 1 + epochs - warm_up
    decay = 0.5 * peak * (1 + np.cos(np.pi * np.arange(rest) / rest))
    return np.hstack([np.linspace(0, peak, warm_up), decay])[:epochs]


def test_rates_of_the_preset_paper_are_those_of_the_reference() -> None:
    parameters = TRAINER.values({}, "paper")
    stages = plan_stages(parameters, parameters["batch"], 7)
    settings = ((0.12, 1000, 10), (0.12, 50, 0), (0.00012, 450, 10))
    for stage, (peak, epochs, warm_up) in zip(stages, settings, strict=True):
        assert stage.steps == epochs * 7
        rates = [stage.lr.at(step, stage.steps) for step in range(0, stage.steps, 7)]
        assert rates == pytest.approx(published_rates(peak, epochs, warm_up), rel=1e-12)
        assert stage.lr.at(6, stage.steps) == rates[0]


def test_the_optimiser_is_that_of_the_reference() -> None:
    parameters = TRAINER.values({}, "paper")
    config = plan_stages(parameters, 1024, 7)[0].config(parameters)
    assert (config.optimizer, config.momentum, config.nesterov, config.weight_decay) == ("sgd", 0.9, False, 5e-4)


@pytest.mark.parametrize(("steps_per_pass", "round_steps"), [(27, 27), (3, 12), (1, 10)])
def test_rounds_are_whole_passes_of_ten_steps_or_more(steps_per_pass: int, round_steps: int) -> None:
    values: dict[str, Any] = TRAINER.values({}, "quick")
    first, second, third = plan_stages(values, 256, steps_per_pass)
    assert first.round == round_steps
    assert [stage.steps for stage in (first, second, third)] == [int(count) for count in values["steps"]]
    assert [stage.trains_all for stage in (first, second, third)] == [True, False, True]


def test_rates_by_steps_warm_up_from_zero_and_end_near_it() -> None:
    first, second, third = plan_stages(TRAINER.values({"lr": 0.03, "steps": (600.0, 100.0, 300.0)}), 256, 27)
    assert first.lr.at(0, 600) == 0
    assert second.lr.at(0, 100) == pytest.approx(0.03)
    for stage in (first, second, third):
        rates = [stage.lr.at(step, stage.steps) for step in range(stage.steps)]
        assert 0 < rates[-1] < 0.001 * max(rates)
