"""Options that take several values, declared by the command itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dsim.registry import default
from dsim.ui import options

ROOT = Path(__file__).parents[2]


@click.command()
@click.argument("rest", nargs=-1)
@options.datasets("--old", "-o", help="Old datasets.")
@options.sources("Sources.")
@click.option("--json", "as_json", is_flag=True)
def several(rest: tuple[str, ...], old: tuple[str, ...], sources: tuple[str, ...], as_json: bool) -> None:
    """Print what was understood."""
    click.echo(f"rest={rest} old={old} sources={sources} json={as_json}")


@pytest.mark.parametrize(
    ("line", "understood"),
    [
        ("--sources a b c", "rest=() old=() sources=('a', 'b', 'c') json=False"),
        ("--sources a b --json c", "rest=('c',) old=() sources=('a', 'b') json=True"),
        ("--sources a --old b c -o d --sources e", "rest=() old=('b', 'c', 'd') sources=('a', 'e') json=False"),
        ("--sources=a b", "rest=('b',) old=() sources=('a',) json=False"),
        ("--sources a -- b --old c", "rest=('b', '--old', 'c') old=() sources=('a',) json=False"),
        ("a b", "rest=('a', 'b') old=() sources=() json=False"),
    ],
)
def test_an_option_takes_all_values_up_to_the_next_option(line: str, understood: str) -> None:
    result = CliRunner().invoke(several, line.split())
    assert result.output.strip() == understood


@pytest.mark.parametrize("line", ["--sources", "--sources --json", "a --old", "--old -- b"])
def test_an_option_without_a_value_is_refused(line: str) -> None:
    result = CliRunner().invoke(several, line.split(), standalone_mode=False)
    assert isinstance(result.exception, click.BadOptionUsage)
    assert result.exception.option_name in ("--sources", "--old")


def test_help_shows_that_an_option_takes_several_values() -> None:
    shown = CliRunner().invoke(several, ["--help"]).output
    assert "--sources PATH..." in shown
    assert "--old PATH..." in shown


def declared_options(command: click.Command) -> Iterator[str]:
    """All options of a command and of its subcommands."""
    yield from (name for option in command.params if isinstance(option, click.Option) for name in option.opts)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from declared_options(below)


def test_the_core_names_no_option_of_a_plugin() -> None:
    from dsim.cli.main import cli

    context, core, plugins = click.Context(cli), set[str](), set[str]()
    own = {spec.name for spec in default().plugins["core"].declared["dsim_commands"]}
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        (core if name in own else plugins).update(declared_options(command))
    only_plugins = {name for name in plugins - core if len(name) > 2}
    assert {"--known", "--new", "--foreign"} <= only_plugins
    texts = {path: path.read_text("utf-8") for path in (ROOT / "dsim").rglob("*.py")}
    assert [(path, name) for path, text in texts.items() for name in only_plugins if f'"{name}"' in text] == []
