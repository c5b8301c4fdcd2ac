"""Errors: each names the culprit and gives a fix; nothing else of their wording is held."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import dsim
from dsim import errors
from dsim.cli.main import run
from dsim.errors import DsimError, UnknownNameError, did_you_mean
from dsim.measures import DatasetView
from dsim.registry import Need
from dsim.runtime import Runtime

TREE = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, DsimError)]


def test_an_error_shows_its_fix_on_a_line_of_its_own() -> None:
    assert str(DsimError("dataset 'liver' has no masks", hint="put them under liver/masks/")) == (
        "dataset 'liver' has no masks\n  fix: put them under liver/masks/"
    )
    assert str(DsimError("dataset 'liver' has no masks")) == "dataset 'liver' has no masks"


@pytest.mark.parametrize("kind", TREE)
def test_every_error_leaves_with_a_code_of_its_own_kind(kind: type[DsimError]) -> None:
    assert kind.exit_code == (2 if issubclass(kind, errors.UsageError) else 1)


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("otd", ["otdd", "asap"], " Did you mean 'otdd'?"),
        ("ASAP", ["otdd", "asap"], ""),
        ("x", ["otdd", "asap"], ""),
        ("asap", [], ""),
    ],
)
def test_the_nearest_name_is_suggested(name: str, known: list[str], expected: str) -> None:
    assert did_you_mean(name, known) == expected


def test_an_unknown_name() -> None:
    error = UnknownNameError("measure", "otd", ["otdd"], hint="dsim measures lists them")
    assert str(error) == "no measure named 'otd'. Did you mean 'otdd'?\n  fix: dsim measures lists them"
    assert error.name == "otd"


def bare() -> dsim.Dataset:
    """A dataset of features only, without any other part."""
    return dsim.from_arrays(features=np.zeros((3, 2)), name="liver")


#: An action that fails, what its message names, and what its fix names.
NAMED: dict[str, tuple[Callable[[], object], list[str], list[str]]] = {
    "missing masks": (
        lambda: bare().require(Need.MASKS, "measure 'cc-fv'"),
        ["'liver'", "masks", "'cc-fv'"],
        ["masks/", "images/", "dsim measures --needs images"],
    ),
    "missing labels": (
        lambda: bare().require(Need.LABELS, "measure 'otdd'"),
        ["'liver'", "labels", "'otdd'"],
        ["class folders", "manifest", "dsim measures --needs images"],
    ),
    "missing images": (
        lambda: bare().native(0),
        ["'liver'", "images", "features"],
        ["from_arrays(images=...)", "dsim measures --needs features"],
    ),
    "empty": (lambda: dsim.Dataset(name="liver", ids=()), ["'liver'", "empty"], ["image", "memory"]),
    "duplicates": (
        lambda: dsim.Dataset(name="liver", ids=("b", "a", "a", "b", "a")),
        ["'liver'", "2 duplicate", "'a'"],
        ["stem"],
    ),
    "lengths": (
        lambda: dsim.Dataset(name="liver", ids=("a", "b"), labels=("x",)),
        ["'liver'", "2 samples", "1 labels"],
        ["labels", "sample"],
    ),
    "undeclared reading": (
        lambda: DatasetView(bare(), frozenset({Need.FEATURES}), "measure 'sly'", Runtime()).labels,
        ["'sly'", "labels", "features"],
        ["Need.LABELS"],
    ),
    "unknown measure": (lambda: dsim.build_measure("nmj"), ["'nmj'", "'nmi'"], ["dsim measures"]),
    "unknown parameter": (lambda: dsim.build_measure("cc:sise=32"), ["'cc'", "'sise'", "'size'"], ["size", "shift"]),
    "value out of range": (lambda: dsim.build_measure("cc:size=2"), ["'size'", "[8, 1024]", "2"], ["pixels"]),
}


@pytest.mark.parametrize(("act", "named", "fix"), NAMED.values(), ids=NAMED)
def test_an_error_names_the_culprit_and_the_fix(act: Callable[[], object], named: list[str], fix: list[str]) -> None:
    with pytest.raises(DsimError) as caught:
        act()
    error = caught.value
    assert [word for word in named if word not in error.message] == []
    assert [word for word in fix if word not in (error.hint or "")] == []


def test_the_command_line_prints_an_error_on_stderr_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "otdd-to-be"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    error, fix = printed.err.splitlines()
    assert error.startswith("error: ")
    assert "'otdd-to-be'" in error
    assert fix.startswith("  fix: ")
    assert "dsim measures" in fix


def test_debug_raises_the_error_itself() -> None:
    with pytest.raises(UnknownNameError):
        run(["--debug", "explain", "otdd-to-be"])


def test_an_unexpected_error_is_reported_as_a_defect(
    capsys: pytest.CaptureFixture[str], install_plugin: Callable[..., Path]
) -> None:
    source = """
        from dsim.plugin import CommandSpec, hookimpl
        import click

        @click.command()
        def crash():
            raise RuntimeError("on purpose")

        @hookimpl
        def dsim_commands():
            return [CommandSpec(name="crash", help="Crash.", command="crashing:crash")]
    """
    install_plugin("crashing", source)
    assert run(["crash"]) == 1
    printed = capsys.readouterr().err
    error, fix = printed.splitlines()
    assert "RuntimeError: on purpose" in error
    assert "dsim --debug" in fix
    with pytest.raises(RuntimeError):
        run(["--debug", "crash"])


def test_the_exit_code_reaches_the_shell() -> None:
    done = subprocess.run([sys.executable, "-m", "dsim", "explain", "nothing"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
