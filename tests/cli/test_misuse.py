"""A command line that cannot be read is told word for word: the command, the cause, the fix; exit code 2."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from dsim.cli.main import cli, run
from dsim.cli.misuse import retold
from dsim.errors import DsimError, UsageError

#: The command line, and what is printed on stderr after ``error: ``.
WORDING = {
    "unknown option": (
        "explain nmi --jsno",
        "no option of dsim explain named '--jsno'. Did you mean '--json'?\n  fix: dsim explain --help lists them",
    ),
    "unknown option, nothing near": (
        "--what",
        "no option of dsim named '--what'.\n  fix: dsim --help lists them",
    ),
    "option of the program behind a command": (
        "truth show cats-auc --debug",
        "no option of dsim truth show named '--debug'.\n  fix: it stands before the command: dsim --debug truth show",
    ),
    "unknown command": (
        "data inspct",
        "no command named 'inspct'. Did you mean 'inspect'?\n  fix: dsim data --help lists them",
    ),
    "unknown command of a plugin": (
        "expert rte",
        "no command named 'rte'. Did you mean 'rate'?\n  fix: dsim expert --help lists them",
    ),
    "no command": (
        "cache",
        "dsim cache needs a command\n  fix: choose of: info, prune, verify; dsim cache --help tells of each",
    ),
    "no argument": (
        "explain",
        "dsim explain needs argument NAME, which is missing\n  fix: write: dsim explain [OPTIONS] NAME",
    ),
    "no arguments": (
        "truth check",
        "dsim truth check needs argument FILE, which is missing\n  fix: write: dsim truth check [OPTIONS] FILE",
    ),
    "an argument too many": (
        "doctor now",
        "dsim doctor: got unexpected extra argument (now)\n  fix: write: dsim doctor [OPTIONS]",
    ),
    "no required option": (
        "prelabel mine",
        "dsim prelabel needs option '--out', which is missing\n  fix: --out DIRECTORY: ",
    ),
    "no value": (
        "compare --seed",
        "option '--seed' of dsim compare needs a value\n"
        "  fix: --seed INTEGER RANGE: Seed of all random numbers. [default: 0; x>=0]",
    ),
    "one value of two": (
        "truth check x.csv --bounds 0",
        "option '--bounds' of dsim truth check needs 2 values\n  fix: --bounds LOW HIGH: ",
    ),
    "a value too many": (
        "measures --json=yes",
        "option '--json' of dsim measures takes no value\n  fix: write --json alone",
    ),
    "wrong type": (
        "compare --bootstrap many",
        "option '--bootstrap' of dsim compare: 'many' is not a valid integer range\n  fix: --bootstrap N: ",
    ),
    "out of range": (
        "compare --seed -1",
        "option '--seed' of dsim compare: -1 is not in the range x>=0\n  fix: --seed INTEGER RANGE: Seed of",
    ),
    "wrong choice": (
        "evaluate --interval expandd",
        "option '--interval' of dsim evaluate: 'expandd' is not one of 'expanded', 'percentile'\n"
        "  fix: write --interval expanded",
    ),
    "wrong choice, nothing near": (
        "evaluate --interval x",
        "option '--interval' of dsim evaluate: 'x' is not one of 'expanded', 'percentile'\n"
        "  fix: --interval [expanded|percentile]: ",
    ),
    "wrong choice of an argument": (
        "completion tcsh",
        "argument SHELL of dsim completion: 'tcsh' is not one of 'bash', 'zsh', 'fish'\n  fix: write: dsim completion ",
    ),
    "a folder for a file": (
        "extract x --out .",
        "option '--out' of dsim extract: file '.' is a directory\n  fix: --out FILE: ",
    ),
}


@pytest.mark.parametrize(("line", "told"), WORDING.values(), ids=WORDING)
def test_a_command_line_that_cannot_be_read_is_told(line: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line.split()) == UsageError.exit_code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"error: {told}")
    assert printed.err.count("\n") == 2


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
    ("line", "told"),
    [
        (
            "read nowhere",
            "argument PATH of dsim read: path 'nowhere' does not exist\n  fix: write: dsim read [OPTIONS] PATH",
        ),
        ("read x --pair 1", "option '--pair' of dsim read needs 2 values\n  fix: --pair TEXT...: "),
        ("read x --full=1", "option '--full' of dsim read takes no value\n  fix: write --full alone"),
    ],
)
def test_what_commands_of_plugins_may_ask_for(line: str, told: str) -> None:
    error, arguments = failing(line)
    assert str(retold(error, group, arguments)).startswith(told)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (click.UsageError("Give one of the two."), "dsim: give one of the two\n  fix: write: dsim [OPTIONS] "),
        (
            click.BadParameter("no such day", param_hint="--day"),
            "dsim: invalid value for --day: no such day\n  fix: write: dsim [OPTIONS] ",
        ),
        (click.BadOptionUsage("--day", "Option '--day' is odd."), "dsim: option '--day' is odd\n  fix: dsim --help"),
    ],
)
def test_what_a_plugin_raises_itself(error: click.ClickException, told: str) -> None:
    assert str(retold(error, cli, [])).startswith(told)


def test_a_file_that_click_cannot_open_is_a_failure_and_no_misuse(tmp_path: Path) -> None:
    told = retold(click.FileError("x.txt", "Permission denied"), cli, [])
    assert type(told) is DsimError
    assert str(told) == "could not open file 'x.txt': Permission denied\n  fix: dsim --help"


def test_debug_does_not_turn_misuse_into_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--debug", "explain"]) == UsageError.exit_code
    assert capsys.readouterr().err.startswith("error: dsim explain needs argument NAME")
