"""``dsim`` alone and ``dsim --help``: what can be done, for whom, in the order of use."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from dsim.cli.main import WELCOME, cli, run, sections
from dsim.registry import default


def test_dsim_alone_tells_four_users_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    printed = capsys.readouterr()
    assert printed.out == WELCOME + "\n"
    assert printed.err == ""
    assert len(WELCOME.splitlines()) <= 16
    for question in (
        "Which source",
        "Is my measure any good?",
        "How many labels do I need?",
        "Where do my datasets lie?",
    ):
        assert f"\n{question}" in WELCOME


SHOWN = [re.split(r" {2,}", line.strip())[0] for line in WELCOME.splitlines() if line.startswith("  dsim")]


@pytest.mark.parametrize("shown", SHOWN)
def test_what_it_tells_to_type_is_understood(shown: str) -> None:
    command: click.Command = cli
    rest = shlex.split(shown)[1:]
    while isinstance(command, click.Group):
        name, rest = rest[0], rest[1:]
        found = command.get_command(click.Context(command), name)
        assert found is not None
        command = found
    assert command.make_context(shown, rest).args == []


def test_help_lists_the_core_in_the_order_of_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    printed = capsys.readouterr().out
    order = [printed.index(f"\n  {name} ") for name in ("data", "compare", "recommend", "evaluate", "plugin", "cache")]
    assert order == sorted(order)
    assert printed.index("\nOf plugins:") > max(order)


def test_every_command_stands_under_one_heading_and_the_core_s_under_its_own() -> None:
    found = sections(default().commands)
    names = [name for listed in found.values() for name in listed]
    assert sorted(names) == sorted(default().commands)
    assert "Others" not in found, "give a new command of the core its place in dsim/cli/main.py"


def test_a_plugin_s_command_stands_apart(
    install_plugin: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    source = """
        from dsim.plugin import CommandSpec, hookimpl

        @hookimpl
        def dsim_commands():
            return [CommandSpec(name="aaa", help="Of a stranger.", command="strange:aaa")]
    """
    install_plugin("strange", source)
    assert run(["--help"]) == 0
    printed = capsys.readouterr().out
    assert printed.index("\n  aaa ") > printed.index("\nOf plugins:")
