"""Whatever a stranger's plugin does wrong, dsim goes on, and ``dsim plugins --why`` names the cause and the fix.

The same plugins come as wheels into an environment beside dsim's own wheel in ``python tests/third_party``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from broken_plugins import BROKEN, MEASURE

from dsim.cli.main import run

Install = Callable[..., Path]
DATA = ["--sources", "phantoms:fundus[count=3,size=16]", "phantoms:xray[count=3,size=16]"]


@pytest.mark.parametrize("name", BROKEN)
def test_why_names_the_cause_and_the_fix_and_all_others_work(
    install_plugin: Install, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = BROKEN[name]
    install_plugin(name, broken.module(name))
    install_plugin("healthy", MEASURE.replace("NAME", "healthy"))
    if broken.runs:
        from dsim.testing import check_plugin, keep

        (report,) = check_plugin(name)
        keep(report)
    assert run(["plugins", "--why", name]) == 0
    captured = capsys.readouterr().out
    assert broken.cause in captured
    assert f"fix: {broken.fix}" in captured
    assert ("  in use" in captured) == broken.in_use
    assert run(["measures", "--json"]) == 0
    listed = {spec["name"] for spec in json.loads(capsys.readouterr().out)}
    assert {"cc", "healthy"} <= listed
    assert (name.replace("_", "-") in listed) == broken.in_use


@pytest.mark.parametrize("name", [name for name, broken in BROKEN.items() if broken.runs])
def test_a_broken_measure_has_reasons_for_values_and_spoils_none_of_another(
    install_plugin: Install, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install_plugin(name, BROKEN[name].module(name))
    install_plugin("healthy", MEASURE.replace("NAME", "healthy"))
    healthy = ["--measure", "healthy"]
    assert run(["compare", "--json", "--out", str(tmp_path / "alone"), *healthy, *DATA]) == 0
    (alone,) = json.loads(capsys.readouterr().out)["results"]
    call = ["--measure", name.replace("_", "-"), *healthy]
    assert run(["compare", "--json", "--out", str(tmp_path / "both"), *call, *DATA]) == 3
    broken, beside = json.loads(capsys.readouterr().out)["results"]
    assert beside["values"] == alone["values"]
    assert all(value is None for row in broken["values"] for value in row)
    assert all(note for row in broken["notes"] for note in row)


def test_a_measure_cannot_change_the_users_own_arrays(install_plugin: Install) -> None:
    import numpy as np

    import dsim

    install_plugin("mutating", BROKEN["mutating"].module("mutating"))
    features = np.random.default_rng(0).random((2, 5, 3)).astype(np.float32)
    before = features.copy()
    one, other = (dsim.from_arrays(features=part, name=name) for part, name in zip(features, "ab", strict=True))
    matrix = dsim.compare([one], [other], measure="mutating")
    assert np.isnan(matrix.values).all()
    assert "read-only" in matrix.notes[0][0]
    np.testing.assert_array_equal(features, before)


def modules_of_help() -> set[str]:
    """What a new process has imported when it has printed ``dsim --help``."""
    code = "from dsim.cli.main import run; run(['--help']); "
    code += "import json, sys; print('\\n' + json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_help_beside_twenty_plugins_imports_none_of_them_the_second_time(install_plugin: Install) -> None:
    """Seconds are measured by ``python tests/third_party``."""
    names = [f"many_{number:02d}" for number in range(20)]
    for name in names:
        install_plugin(name, MEASURE.replace("NAME", name))
    install_plugin("slow", "import numpy\n" + MEASURE.replace("NAME", "slow"))
    assert modules_of_help() >= {*names, "slow", "numpy"}
    assert modules_of_help() & {*names, "slow", "numpy"} == set()


def test_help_of_the_group_plugin_imports_nothing_heavy() -> None:
    code = "from dsim.cli.plugins import plugin; plugin.main(['new', '--help'], standalone_mode=False); "
    code += "import sys; print('\\n', {'numpy', 'rich', 'torch', 'dsim.scaffold', 'dsim.testing'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].strip() == "set()"
