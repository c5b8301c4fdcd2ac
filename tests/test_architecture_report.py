"""``python tests/architecture.py`` counts every module once, and tells what is broken by its exit code."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    return runpy.run_path(str(Path(__file__).with_name("architecture.py")))


def test_every_module_is_in_one_room(report: dict[str, Any]) -> None:
    modules = {"dsim/__init__.py": 3, "dsim/errors.py": 10, "dsim/cli/main.py": 5, "dsim/cli/groups.py": 6}
    modules |= {"plugins/dsim_one/__init__.py": 1, "plugins/dsim_one/deep/down.py": 2}
    assert report["rooms"](modules) == {
        "dsim": (1, 3),
        "dsim.cli": (2, 11),
        "dsim.errors": (1, 10),
        "dsim_one": (2, 3),
    }


@pytest.mark.parametrize(("faults", "code"), [([], 0), (["dsim.stats imports dsim.cli"], 1)])
def test_a_fault_is_told_and_leaves_with_1(
    faults: list[str],
    code: int,
    report: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    main = report["main"]
    monkeypatch.setitem(main.__globals__, "start_up", lambda: 0.123)
    monkeypatch.setattr(report["rules"], "faults_of_layers", lambda: faults)
    assert main() == code
    printed = capsys.readouterr().out
    assert f"upwards or sideways: {len(faults) or 'none'}\n" in printed
    assert all(f"    {fault}\n" in printed for fault in faults)
    assert "0.123 s of CPU" in printed
    assert "largest modules (limit: 400 lines)" in printed
