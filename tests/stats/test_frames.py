"""Frames: they leave ordinary points alone, keep the digits of others, and refuse where there are none to keep."""

from __future__ import annotations

import numpy as np
import pytest

from dsim.stats.frames import Frame, LostDigitsError, common_frame, refuse_drowned, typical_square, unit_of

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 3)), RNG.normal(size=(15, 3)) + 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ordinary_points_are_left_as_they_are(dtype: str) -> None:
    one, other = X.astype(dtype), Y.astype(dtype) * 1e3
    assert common_frame(one, other).ordinary
    assert common_frame(one, other).place(one) is one


@pytest.mark.parametrize("shift", [2.0**20, 2.0**40])
@pytest.mark.parametrize("exponent", [-500, 0, 500])
def test_differences_survive_any_origin_and_unit(shift: float, exponent: int) -> None:
    grid = np.round(X * 256) / 256
    points = np.ldexp(grid + shift, exponent)
    frame = common_frame(points)
    placed = np.ldexp(frame.place(points), frame.exponent - exponent)
    np.testing.assert_array_equal(placed - placed[0], grid - grid[0])


def test_constant_points_have_a_frame() -> None:
    frame = common_frame(np.full((3, 2), 1e200), np.full((2, 2), 1e200))
    assert not frame.place(np.full((3, 2), 1e200)).any()
    assert common_frame(np.zeros((3, 2))).ordinary


@pytest.mark.parametrize(("dtype", "shift"), [("float64", 1e15), ("float32", 1e7)])
def test_points_that_their_type_cannot_tell_apart_are_refused(dtype: str, shift: float) -> None:
    with pytest.raises(LostDigitsError, match="3 of 3 features"):
        common_frame((X + shift).astype(dtype), (Y + shift).astype(dtype))


def test_a_feature_that_wobbles_in_its_last_digits_does_not_matter_beside_others() -> None:
    wobbling = np.column_stack([X, 5 + np.spacing(5.0) * np.arange(len(X))])
    assert common_frame(wobbling).ordinary


def test_points_that_vanish_beside_a_few_are_refused() -> None:
    far = X.copy()
    far[0] = 1e200
    with pytest.raises(LostDigitsError, match="1e\\+200"):
        common_frame(far, Y)


def test_a_value_beyond_all_numbers_is_refused() -> None:
    assert Frame(exponent=-500).restore(0.0, degree=2) == 0.0
    for exponent in (-600, 600):
        with pytest.raises(LostDigitsError):
            Frame(exponent=exponent).restore(1.5, degree=2)
    assert np.isnan(Frame(exponent=600).restore_all(np.array([1.0]), degree=2)).all()


def test_a_zero_counts_where_its_error_is_small_beside_ordinary_differences() -> None:
    refuse_drowned(0.0, terms=1e6, typical=1.0)
    refuse_drowned(1e9, terms=1e14, typical=1.0)
    for value in (0.0, 1e3):
        with pytest.raises(LostDigitsError, match="1e\\+14"):
            refuse_drowned(value, terms=1e14, typical=1.0)
    with pytest.raises(LostDigitsError):
        refuse_drowned(float("nan"), terms=float("inf"), typical=1.0)


def test_what_is_typical_follows_most_points() -> None:
    far = X.copy()
    far[0] = 1e100
    assert typical_square(far, Y) == pytest.approx(typical_square(X, Y), rel=0.5)
    assert typical_square(np.zeros((4, 2))) == 0.0


def test_a_unit_has_no_origin() -> None:
    assert unit_of(np.full(3, 1e-200), np.zeros(0)) == Frame(exponent=-664)
    assert unit_of().ordinary
