"""The author of a plugin finds the line: in the reason of a cell, in a traceback, in an error that names the method."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from broken_plugins import MEASURE

import dsim
from dsim.cli.main import run
from dsim.comparison import is_defect
from dsim.errors import PluginError

Install = Callable[..., Path]
DATA = ["phantoms:fundus[count=3,size=16]", "phantoms:xray[count=3,size=16]"]
VALUE = "        return float(sum((source.mean(axis=0) - target.mean(axis=0)) ** 2) ** 0.5)"


def module(name: str, old: str, new: str) -> str:
    assert old in MEASURE
    return MEASURE.replace("NAME", name).replace(old, new)


def line_of(source: str, text: str) -> int:
    return next(number for number, line in enumerate(source.splitlines(), 1) if text in line)


@pytest.mark.parametrize(
    ("code", "meant"),
    [
        ("        return source.meann()", "'mean'"),
        ("        return self.distnace(source, target)", "'distance'"),
        ("        return float(sourc.mean())", "'source'"),
        ("        return 1 / 0", "by zero"),
    ],
)
def test_the_reason_of_a_cell_names_the_line_and_the_name_that_was_meant(
    install_plugin: Install, code: str, meant: str
) -> None:
    source = module("misspelt", VALUE, code)
    install_plugin("misspelt", source)
    note = dsim.compare(DATA, measure="misspelt", bootstrap=0).notes[0][1]
    assert f"misspelt.py, line {line_of(source, code.strip())}" in note
    assert meant in note
    assert is_defect(note)


def test_debug_shows_the_traceback_of_a_cell_and_raises_it_in_python(
    install_plugin: Install, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install_plugin("dividing", module("dividing", VALUE, "        return 1 / 0"))
    call = ["compare", "--measure", "dividing", "--json", "--out", str(tmp_path), "--sources", *DATA]
    assert run(call) == 3
    assert "Traceback" not in capsys.readouterr().err
    assert run(["--debug", *call]) == 3
    shown = capsys.readouterr()
    assert "Traceback" in shown.err
    assert "dividing.py" in shown.err
    assert json.loads(shown.out)["results"][0]["values"][0][1] is None
    with pytest.raises(ZeroDivisionError):
        dsim.compare(DATA, measure="dividing", debug=True)


def test_a_reason_that_the_measure_gives_itself_is_raised_by_nothing(install_plugin: Install) -> None:
    code = "        from dsim.plugin import MeasureError\n        raise MeasureError('no overlap')"
    install_plugin("refusing", module("refusing", VALUE, code))
    assert dsim.compare(DATA, measure="refusing", debug=True).notes[0][1] == "no overlap"


@pytest.mark.parametrize(("value", "inside"), [(-0.5, False), (1.5, False), (0.5, True), (1 + 1e-9, True)])
def test_a_value_outside_the_declared_bounds_is_nan_and_the_reason_names_value_and_bounds(
    install_plugin: Install, value: float, inside: bool
) -> None:
    source = module("bounded", VALUE, f"        return {value!r}").replace('float("inf")', "1.0")
    install_plugin("bounded", source)
    matrix = dsim.compare(DATA, measure="bounded")
    assert math.isnan(matrix.values[0, 1]) != inside
    if not inside:
        assert all(part in matrix.notes[0][1] for part in (f"{value:g}", "bounds 0 to 1", "bounded"))
        assert is_defect(matrix.notes[0][1])


#: The module, and what the error and its fix name.
BROKEN_CODE = {
    "misspelt abstract method": ("def distance(", "def distnace(", ["no method 'distance'"], ["'distnace'", "Means"]),
    "missing resample": ("version=1,", "version=1, embeds=True,", ["embeds", "'embedding'"], ["embeds=False"]),
    "failing constructor": (
        "    spec = SPEC\n",
        "    spec = SPEC\n\n    def __init__(self, **params):\n        super().__init__()\n        params['y']\n",
        ["KeyError: 'y'", "failing.py, line "],
        ["mend that line"],
    ),
    "constructor that takes nothing": (
        "    spec = SPEC\n",
        "    spec = SPEC\n\n    def __init__(self, other):\n        super().__init__()\n",
        ["TypeError", "other"],
        ["Means.__init__", "parameters"],
    ),
}


@pytest.mark.parametrize(("old", "new", "culprit", "fix"), BROKEN_CODE.values(), ids=BROKEN_CODE)
def test_a_class_that_cannot_be_made_is_the_plugins_fault(
    install_plugin: Install, old: str, new: str, culprit: list[str], fix: list[str]
) -> None:
    install_plugin("failing", module("failing", old, new))
    with pytest.raises(PluginError) as caught:
        dsim.build_measure("failing")
    assert [part for part in culprit if part not in caught.value.message] == []
    assert [part for part in fix if part not in (caught.value.hint or "")] == []


def test_a_syntax_error_is_the_plugins_with_file_and_line(
    install_plugin: Install, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = MEASURE.replace("NAME", "typo").replace('factory="typo:Means"', 'factory="typo_code:Means"')
    folder = install_plugin("typo", source)
    place = next(path for path in (folder, *folder.rglob("*")) if path.is_dir() and (path / "typo.py").exists())
    (place / "typo_code.py").write_text("class Means:\n    def distance(self:\n        pass\n")
    assert run(["compare", "--measure", "typo", "--out", str(tmp_path / "out"), "--sources", *DATA]) == 1
    said = capsys.readouterr().err
    assert "SyntaxError" in said
    assert "typo_code.py, line 2" in said
    assert "defect" not in said


COMMAND = """\
import click
from dsim.plugin import CommandSpec, hookimpl


@click.command()
def shout():
    {}["a"]


@hookimpl
def dsim_commands():
    return [CommandSpec(name="shout", help=".", command="commanding:shout")]
"""


def test_what_a_command_of_a_plugin_raises_is_the_plugins(
    install_plugin: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install_plugin("commanding", COMMAND)
    assert run(["shout"]) == 1
    said = capsys.readouterr().err
    for part in ("plugin 'commanding'", "KeyError", "commanding.py, line 7", "fix: "):
        assert part in said
    assert "this is a defect" not in said
