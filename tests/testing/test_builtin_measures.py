"""Every measure that this installation brings keeps the contract."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from dsim.registry import default
from dsim.testing import check_measure

#: Deviations that are meant, by measure and check, with the reason.
EXPECTED: Mapping[str, Mapping[str, str]] = {}

BUILTIN = [name for name in default().measures if default().origin(name).dist == "dsim"]


def test_there_are_measures_to_check() -> None:
    assert {"asap", "cc", "frc", "nmi"} <= set(BUILTIN)


@pytest.mark.parametrize("name", BUILTIN)
def test_builtin_measure_conforms(name: str) -> None:
    report = check_measure(name, expected_failures=EXPECTED.get(name))
    assert report.ok, str(report)


def test_expectations_are_of_measures_that_exist() -> None:
    assert set(EXPECTED) <= set(BUILTIN)
