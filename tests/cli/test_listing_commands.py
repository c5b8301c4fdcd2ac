"""``dsim``, ``dsim measures``, ``dsim explain``, ``dsim plugins``: what can be done, and what it means."""

from __future__ import annotations

import json

import pytest

from dsim.cli.main import run
from dsim.registry import default


def test_help_lists_every_command(capsys):
    assert run(["--help"]) == 0
    printed = capsys.readouterr().out
    for name in ("compare", "data", "measures", "explain", "extract", "zoo", "cache", "plugins"):
        assert f"\n  {name} " in printed


def test_measures_lists_all_and_filters_by_need(capsys):
    run(["measures"])
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("asap@", "cc@", "nmi@", "frc@"))
    run(["measures", "--needs", "images"])
    printed = capsys.readouterr().out
    assert "cc@" in printed
    assert "labels" not in printed
    assert run(["measures", "--needs", "imges"]) == 2
    assert "Did you mean 'images'?" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(default().measures))
def test_explain_tells_everything_of_every_measure(name, capsys):
    assert run(["explain", name]) == 0
    printed = capsys.readouterr().out
    for label in ("formula", "direction", "range", "needs", "cost", "blind to", "references"):
        assert label in printed
    run(["explain", name, "--json"])
    assert json.loads(capsys.readouterr().out)["name"] == name


def test_plugins_tells_where_each_comes_from(capsys):
    run(["plugins", "--json"])
    listed = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert {"core", "asap", "classical"} <= set(listed)
    assert listed["classical"]["brings"]["measures"] == ["cc", "nmi", "frc"]
    assert run(["plugins", "--why", "classicl"]) == 2
    assert "Did you mean 'classical'?" in capsys.readouterr().err
