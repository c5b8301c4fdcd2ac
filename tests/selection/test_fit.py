"""Whether anything fits: strangers are told from kin by bounds, and annotated images decide where there are any."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dsim.selection import Fit, KinBounds, Posterior, RecordedTarget
from dsim.selection.fit import find_bounds, judge_fit, kin_of, nearest_kin
from dsim.selection.signals import SHIPPED


def near(distance: float) -> dict[str, np.ndarray]:
    return {SHIPPED: np.array([distance, 9.0])}


def test_kin_and_strangers_are_told_apart(measured: list[RecordedTarget]) -> None:
    bounds, kinds = find_bounds(measured), {target.name: target.kind for target in measured}
    for target in measured:
        kin = kin_of(target, kinds)
        others = target.of([place for place in range(len(target.candidates)) if place not in kin])
        assert bounds.judge(nearest_kin(others.signals)) is not Fit.FITS or not kin
        if kin:
            assert bounds.judge(nearest_kin(target.signals)) is not Fit.NONE


def test_a_model_of_several_sources_is_kin_by_one_of_them(measured: list[RecordedTarget]) -> None:
    target = measured[0]
    kinds = {"a2": "a", "b1": "b"}
    assert kin_of(target, kinds) == [target.candidates.index("a2")]


def test_without_kinds_nothing_is_claimed(measured: list[RecordedTarget]) -> None:
    single = [target for target in measured if target.kind in ("c", "d")]
    fit, _ = judge_fit(Posterior(np.zeros(2), np.eye(2)), near(0.1), find_bounds(single), 0)
    assert fit is Fit.UNCERTAIN


@pytest.mark.parametrize(("distance", "expected"), [(0.1, Fit.FITS), (0.8, Fit.UNCERTAIN), (3.0, Fit.NONE)])
def test_before_annotations_nearness_decides(distance: float, expected: Fit) -> None:
    unsure = Posterior(np.array([0.5, 0.5]), np.eye(2))
    assert judge_fit(unsure, near(distance), KinBounds(0.2, 1.5), 0)[0] is expected


@pytest.mark.parametrize(("dice", "expected"), [(0.9, Fit.FITS), (0.5, Fit.UNCERTAIN), (0.1, Fit.NONE)])
def test_annotated_images_decide_whatever_the_nearness(dice: float, expected: Fit) -> None:
    known = Posterior(np.array([dice, 0.05]), 0.0025 * np.eye(2))
    for distance in (0.1, 3.0, math.nan):
        assert judge_fit(known, near(distance), KinBounds(0.2, 1.5), 3)[0] is expected
