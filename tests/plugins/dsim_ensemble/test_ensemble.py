"""The ensemble as a measure: it stands on its members' own values, and says which of them has none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata

import dsim
from dsim.data import Dataset, from_arrays
from dsim.errors import UnknownNameError, UsageError
from dsim.measures import build_measure
from dsim.registry import Need

OF = "cc[size=16]+nmi[size=16]+frc[size=16]"
MEMBERS = ("cc:size=16", "nmi:size=16", "frc:size=16")


def noise(name: str, seed: int, offset: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    pattern = np.random.default_rng(99).integers(0, 120, (20, 20))
    return from_arrays((rng.integers(0, 120, (5, 20, 20)) + offset * pattern // 4).astype(np.uint8), name=name)


SOURCES = [noise(f"s{i}", i, i) for i in range(4)]
TARGETS = [noise("t0", 10, 1), noise("t1", 11, 3)]


def test_ranks_are_those_of_the_members_own_matrices() -> None:
    alone = [-dsim.compare(SOURCES, TARGETS, measure=member).values for member in MEMBERS]
    expected = np.median([rankdata(values, axis=0) for values in alone], axis=0)
    together = dsim.compare(SOURCES, TARGETS, measure=f"ensemble:of={OF}")
    np.testing.assert_array_equal(together.values, expected)


def test_the_order_of_sources_changes_nothing() -> None:
    measure = f"ensemble:of={OF},how=standard"
    one, other = (dsim.compare(pool, TARGETS, measure=measure) for pool in (SOURCES, SOURCES[::-1]))
    np.testing.assert_allclose(one.values, other.values[::-1], rtol=1e-12)


def test_a_target_of_the_pool_is_no_rival_of_its_sources() -> None:
    values = dsim.compare(SOURCES, measure=f"ensemble:of={OF}").values
    others = ~np.eye(4, dtype=bool)
    assert values[others].max() <= 3


def test_a_member_without_a_value_is_named_and_stops_only_its_cells() -> None:
    flat = from_arrays(np.full((3, 16, 16), 7, np.uint8), name="flat")
    matrix = dsim.compare([*SOURCES, flat], TARGETS, measure=f"ensemble:of={OF}")
    assert np.isfinite(matrix.values[:4]).all()
    assert np.isnan(matrix.values[4]).all()
    assert matrix.notes[4][0].startswith("cc:size=16, a member of the ensemble, has no value: ")


def test_needs_are_those_of_the_members() -> None:
    assert build_measure("ensemble:of=cc+nmi").needs == {Need.IMAGES}


@pytest.mark.parametrize(
    ("of", "error", "expected"),
    [
        ("cc", UsageError, "does not name two different measures"),
        ("cc+cc", UsageError, "does not name two different measures"),
        ("cc+ensemble", UsageError, "cannot hold an ensemble"),
        ("cc+nmj", UnknownNameError, "nmj"),
    ],
)
def test_wrong_members_are_refused(of: str, error: type[Exception], expected: str) -> None:
    with pytest.raises(error, match=expected):
        dsim.compare(SOURCES, measure=f"ensemble:of={of}")


def test_too_small_a_pool_is_refused() -> None:
    with pytest.raises(UsageError, match="ranks sources among each other, and there are 2"):
        dsim.compare(SOURCES[:2], TARGETS, measure=f"ensemble:of={OF}")
