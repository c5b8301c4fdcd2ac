"""Every measure that this installation brings keeps the contract."""

from __future__ import annotations

import pytest

from dsim.registry import default
from dsim.testing import check_measure

BUILTIN = [name for name in default().measures if default().origin(name).dist == "dsim"]


def test_there_are_measures_to_check() -> None:
    assert {"asap", "cc", "frc", "nmi"} <= set(BUILTIN)


@pytest.mark.parametrize("name", BUILTIN)
def test_builtin_measure_conforms(name: str) -> None:
    report = check_measure(name)
    assert report.ok, str(report)
