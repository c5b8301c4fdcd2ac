"""A command line that cannot be read: the error names the command and the culprit, then a fix; exit code 2."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from dsim.cli.main import cli, explain_misuse, run
from dsim.errors import DsimError, UsageError

#: The command line, what the message names, and what the fix names.
MISUSE: dict[str, tuple[str, list[str], list[str]]] = {
    "unknown option": ("explain nmi --jsno", ["dsim explain", "'--jsno'", "'--json'"], ["dsim explain --help"]),
    "unknown option, nothing near": ("--what", ["dsim", "'--what'"], ["dsim --help"]),
    "option of the program behind a command": (
        "truth show cats-auc --debug",
        ["dsim truth show", "'--debug'"],
        ["dsim --debug truth show"],
    ),
    "unknown command": ("data inspct", ["'inspct'", "'inspect'"], ["dsim data --help"]),
    "unknown command of a plugin": ("expert rte", ["'rte'", "'rate'"], ["dsim expert --help"]),
    "no command": ("cache", ["dsim cache"], ["info, prune, verify", "dsim cache --help"]),
    "no argument": ("explain", ["dsim explain", "NAME"], ["dsim explain [OPTIONS] NAME"]),
    "no arguments": ("truth check", ["dsim truth check", "FILE"], ["dsim truth check [OPTIONS] FILE"]),
    "an argument too many": ("doctor now", ["dsim doctor", "now"], ["dsim doctor [OPTIONS]"]),
    "no required option": ("prelabel mine", ["dsim prelabel", "'--out'"], ["--out DIRECTORY: "]),
    "no value": ("compare --seed", ["dsim compare", "'--seed'", "value"], ["--seed INTEGER RANGE: ", "x>=0"]),
    "no value but an option": ("compare --sources --json", ["dsim compare", "'--sources'"], ["--sources PATH..."]),
    "one value of two": (
        "truth check x.csv --bounds 0",
        ["dsim truth check", "'--bounds'", "2 values"],
        ["--bounds LOW HIGH: "],
    ),
    "a value too many": ("measures --json=yes", ["dsim measures", "'--json'"], ["--json"]),
    "wrong type": ("compare --bootstrap many", ["dsim compare", "'--bootstrap'", "'many'"], ["--bootstrap N: "]),
    "out of range": ("compare --seed -1", ["dsim compare", "'--seed'", "-1", "x>=0"], ["--seed INTEGER RANGE: "]),
    "wrong choice": (
        "evaluate --interval expandd",
        ["dsim evaluate", "'--interval'", "'expandd'", "'expanded'", "'percentile'"],
        ["--interval expanded"],
    ),
    "wrong choice, nothing near": (
        "evaluate --interval x",
        ["dsim evaluate", "'--interval'", "'x'"],
        ["--interval [expanded|percentile]: "],
    ),
    "wrong choice of an argument": (
        "completion tcsh",
        ["dsim completion", "SHELL", "'tcsh'", "'bash'", "'zsh'", "'fish'"],
        ["dsim completion "],
    ),
    "a folder for a file": ("extract x --out .", ["dsim extract", "'--out'", "'.'", "directory"], ["--out FILE: "]),
}


def assert_names(error: str, named: list[str], fix: list[str]) -> None:
    """One line with the error and one with the fix, each with its names."""
    first, second = error.splitlines()
    assert [word for word in named if word not in first] == []
    assert second.startswith("  fix: ")
    assert [word for word in fix if word not in second] == []


@pytest.mark.parametrize(("line", "named", "fix"), MISUSE.values(), ids=MISUSE)
def test_a_command_line_that_cannot_be_read_is_explained(
    line: str, named: list[str], fix: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(line.split()) == UsageError.exit_code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert_names(printed.err, named, fix)


@click.group()
def group() -> None:
    """A group without a way to say what is missing."""


@group.command()
@click.argument("path", type=click.Path(exists=True))
@click.option("--pair", nargs=2)
@click.option("--bare/--full", default=True)
def read(path: str, pair: tuple[str, str], bare: bool) -> None:
    """Read a file."""


def failing(line: str) -> tuple[click.ClickException, list[str]]:
    """What click says of a command line of that group."""
    with pytest.raises(click.ClickException) as caught:
        group.main(args=line.split(), prog_name="dsim", standalone_mode=False)
    return caught.value, line.split()


@pytest.mark.parametrize(
    ("line", "named", "fix"),
    [
        ("read nowhere", ["dsim read", "PATH", "'nowhere'"], ["dsim read [OPTIONS] PATH"]),
        ("read x --pair 1", ["dsim read", "'--pair'", "2 values"], ["--pair TEXT...: "]),
        ("read x --full=1", ["dsim read", "'--full'"], ["--full"]),
    ],
)
def test_what_commands_of_plugins_may_ask_for(line: str, named: list[str], fix: list[str]) -> None:
    error, arguments = failing(line)
    assert_names(str(explain_misuse(error, group, arguments)), named, fix)


@pytest.mark.parametrize(
    ("error", "named", "fix"),
    [
        (click.UsageError("Give one of the two."), ["dsim: ", "give one of the two"], ["dsim [OPTIONS] "]),
        (click.BadParameter("no such day", param_hint="--day"), ["--day", "no such day"], ["dsim [OPTIONS] "]),
        (click.BadOptionUsage("--day", "Option '--day' is odd."), ["'--day'", "odd"], ["dsim --help"]),
    ],
)
def test_what_a_plugin_raises_itself(error: click.ClickException, named: list[str], fix: list[str]) -> None:
    assert_names(str(explain_misuse(error, cli, [])), named, fix)


def test_a_file_that_click_cannot_open_is_a_failure_and_not_a_misuse(tmp_path: Path) -> None:
    error = explain_misuse(click.FileError("x.txt", "Permission denied"), cli, [])
    assert type(error) is DsimError
    assert_names(str(error), ["'x.txt'", "Permission denied"], ["dsim --help"])


def test_debug_does_not_turn_misuse_into_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--debug", "explain"]) == UsageError.exit_code
    assert_names(capsys.readouterr().err, ["dsim explain", "NAME"], ["dsim explain"])
