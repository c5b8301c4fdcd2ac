"""The wording of errors: each names the thing and the cause, and says how to mend it."""

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
    ("name", "known", "told"),
    [
        ("otd", ["otdd", "asap"], " Did you mean 'otdd'?"),
        ("ASAP", ["otdd", "asap"], ""),
        ("x", ["otdd", "asap"], ""),
        ("asap", [], ""),
    ],
)
def test_the_nearest_name_is_suggested(name: str, known: list[str], told: str) -> None:
    assert did_you_mean(name, known) == told


def test_an_unknown_name() -> None:
    error = UnknownNameError("measure", "otd", ["otdd"], hint="dsim measures lists them")
    assert str(error) == "no measure named 'otd'. Did you mean 'otdd'?\n  fix: dsim measures lists them"
    assert error.name == "otd"


def bare() -> dsim.Dataset:
    """A dataset of features only, without any other part."""
    return dsim.from_arrays(features=np.zeros((3, 2)), name="liver")


WORDING: dict[str, tuple[Callable[[], object], str]] = {
    "missing masks": (
        lambda: bare().require(Need.MASKS, "measure 'cc-fv'"),
        "dataset 'liver' has no masks, and measure 'cc-fv' needs them\n"
        "  fix: put them under masks/ beside images/ with the images' stems, "
        "or choose a measure without: dsim measures --needs images",
    ),
    "missing labels": (
        lambda: bare().require(Need.LABELS, "measure 'otdd'"),
        "dataset 'liver' has no labels, and measure 'otdd' needs them\n"
        "  fix: use class folders or a manifest with a label column, "
        "or choose a label-free measure: dsim measures --needs images",
    ),
    "missing images": (
        lambda: bare().native(0),
        "dataset 'liver' has no images: it was given as features only\n"
        "  fix: give a folder of images, or from_arrays(images=...), "
        "or choose a measure: dsim measures --needs features",
    ),
    "empty": (
        lambda: dsim.Dataset(name="liver", ids=()),
        "dataset 'liver' is empty\n  fix: give at least one image; looked at memory",
    ),
    "duplicates": (
        lambda: dsim.Dataset(name="liver", ids=("b", "a", "a", "b", "a")),
        "dataset 'liver' has 2 duplicate sample ids, the first 'a'\n  fix: give each sample its own stem",
    ),
    "lengths": (
        lambda: dsim.Dataset(name="liver", ids=("a", "b"), labels=("x",)),
        "dataset 'liver' has 2 samples but 1 labels\n  fix: give one of the labels per sample",
    ),
    "undeclared reading": (
        lambda: DatasetView(bare(), frozenset({Need.FEATURES}), "measure 'sly'", Runtime()).labels,
        "measure 'sly' reads labels but declares only features\n  fix: add Need.LABELS to the measure's spec",
    ),
    "unknown measure": (
        lambda: dsim.build_measure("nmj"),
        "no measure named 'nmj'. Did you mean 'nmi'?\n  fix: dsim measures lists them",
    ),
    "unknown parameter": (
        lambda: dsim.build_measure("cc:sise=32"),
        "no parameter of measure 'cc' named 'sise'. Did you mean 'size'?\n  fix: it takes: size, shift",
    ),
    "value out of range": (
        lambda: dsim.build_measure("cc:size=2"),
        "parameter 'size' must lie in [8, 1024], not 2\n"
        "  fix: side in pixels of the gray square that every image becomes first",
    ),
}


@pytest.mark.parametrize(("act", "told"), WORDING.values(), ids=WORDING)
def test_wording(act: Callable[[], object], told: str) -> None:
    with pytest.raises(DsimError) as caught:
        act()
    assert str(caught.value) == told


def test_the_command_line_prints_an_error_on_stderr_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "otdd-to-be"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "error: no measure named 'otdd-to-be'.\n  fix: dsim measures lists them\n"


def test_debug_raises_the_error_itself() -> None:
    with pytest.raises(UnknownNameError):
        run(["--debug", "explain", "otdd-to-be"])


def test_an_unexpected_error_is_told_as_a_defect(
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
    assert printed.startswith("error: unexpected RuntimeError: on purpose\n")
    assert "Traceback" not in printed
    with pytest.raises(RuntimeError):
        run(["--debug", "crash"])


def test_the_exit_code_reaches_the_shell() -> None:
    done = subprocess.run([sys.executable, "-m", "dsim", "explain", "nothing"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
