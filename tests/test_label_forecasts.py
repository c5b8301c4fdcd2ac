"""Forecasts are judged by counts that were held out: exact curves are forecast, others are seen to be wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any

import numpy as np
import pytest

Load = Callable[[str], ModuleType]
COUNTS = (1, 5, 10, 25, 50, 100, 250)


@pytest.fixture(scope="module")
def judge(parts_of: Callable[[str], AbstractContextManager[Load]]) -> Iterator[ModuleType]:
    with parts_of("label_efficiency") as load:
        yield load("forecasts")


def curve(judge: ModuleType, name: str, means: np.ndarray) -> Any:
    noise = np.random.default_rng(0).normal(0, 0.01, (10, len(COUNTS)))
    return judge.MeasuredCurve(name, COUNTS, means + noise - noise.mean(axis=0))


def power(plateau: float, slope: float, exponent: float) -> np.ndarray:
    return plateau - slope * np.array(COUNTS, float) ** -exponent


def test_power_laws_are_forecast_and_steps_are_not(judge: ModuleType) -> None:
    lawful = [curve(judge, f"law {i}", power(0.9, 0.6, exponent)) for i, exponent in enumerate((0.4, 0.5, 0.6))]
    judged = judge.judge_forecasts(lawful, (1, 5, 10, 25), (50, 100, 250), resamples=100)
    shares = judged.shares(farthest=4)
    assert (shares["forecasts"], shares["curves"]) == (6, 3)
    assert shares["right"] == shares["covered"] == shares["curves_right"] == 1
    assert shares["accuracy_error"] < 0.02
    step = curve(judge, "step", np.where(np.array(COUNTS) > 25, 0.95, 0.4 + 0.001 * np.arange(7)))
    wrong = judge.judge_forecasts([step], (1, 5, 10, 25), (100, 250), resamples=100).shares()
    assert wrong["right"] == wrong["covered"] == 0
    assert wrong["infinite"] == 1


def test_what_asks_nothing_is_counted_apart_and_short_curves_are_left_out(judge: ModuleType) -> None:
    falling = curve(judge, "falling", 0.6 - 0.01 * np.arange(7))
    short = judge.MeasuredCurve("short", (1, 5), np.ones((2, 2)) / 2)
    judged = judge.judge_forecasts([falling, short], (1, 5, 10, 25), (50, 100), resamples=20)
    assert (len(judged.forecasts), judged.flat) == (0, 2)
    assert judged.shares()["forecasts"] == 0


def test_stored_curves_keep_mean_and_standard_error_and_make_a_table(judge: ModuleType) -> None:
    row = {"extractor": "pixels", "classifier": "svm", "order": "none", "draws": 100, "counts": list(COUNTS)}
    means = power(0.9, 0.6, 0.5)
    document = {"curves": [{**row, "mean": means.tolist(), "sd": [0.02] * 6 + [None]}]}
    (stored,) = judge.stored_curves({"cells": document})
    assert stored.name == "cells pixels svm none"
    np.testing.assert_allclose(stored.accuracies.mean(axis=0), means)
    assert stored.accuracies[:, 0].std(ddof=1) / np.sqrt(2) == pytest.approx(0.002)
    table = judge.table_of([stored], (25,))
    assert "| 25, to 100 | 2 | 1 | 100% |" in table
