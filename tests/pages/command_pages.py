"""One page for each command of ``dsim``, made of what ``--help`` says."""

from __future__ import annotations

import html
import inspect
import re
from collections.abc import Iterator

import click

from dsim.cli.main import cli

_HEAD = """\
# Commands

`dsim COMMAND --help` says the same. Exit codes: 0 done, 1 an expected failure, 2 wrong usage, 3 finished with failed
cells, 130 interrupted. `dsim --debug COMMAND` shows tracebacks. Data go to stdout, notes and progress to stderr.

| command | |
|---|---|
"""


def pages() -> dict[str, bytes]:
    """All of them, and their table, by path below docs/."""
    context = click.Context(cli, info_name="dsim", **cli.context_settings)
    found = {}
    rows = []
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        lines = [f"# dsim {name}\n", *_told(command, context, name, 2)]
        found[f"reference/commands/{name}.md"] = ("\n".join(lines).rstrip() + "\n").encode()
        rows.append(f"| [`dsim {name}`]({name}.md) | {_cell(cli.table()[name][0])} |\n")
    found["reference/commands/index.md"] = (_HEAD + "".join(rows)).encode()
    return found


def _told(command: click.Command, parent: click.Context, name: str, level: int) -> Iterator[str]:
    """A command's text, usage and options, then the same of its subcommands."""
    context = click.Context(command, info_name=name, parent=parent)
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"```text\n{usage}\n```\n"
    yield f"{_text(command.help or '')}\n"
    # Arguments are told by the text above, and every command has --help.
    options = [one.get_help_record(context) for one in command.params if isinstance(one, click.Option)]
    if options:
        yield "| option | |\n|---|---|"
        yield from (f"| {_code(option)} | {_cell(text)} |" for option, text in filter(None, options))
        yield ""
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None
            yield f"{'#' * level} {context.command_path} {below}\n"
            yield from _told(found, context, below, level + 1)


def _text(text: str) -> str:
    """Paragraphs; what click is told not to wrap keeps its lines."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(_kept(one) if one.startswith("\b") else _plain(" ".join(one.split())) for one in paragraphs)


def _kept(paragraph: str) -> str:
    return "```text\n" + paragraph.removeprefix("\b").strip("\n") + "\n```"


def _plain(text: str) -> str:
    return re.sub(r"([*_\[\]])", r"\\\1", text).replace("<", "&lt;")  # mkdocs would show a backslash


def _code(text: str) -> str:
    """Code in a cell; as HTML where it holds a bar, whose backslash mkdocs would show."""
    return f"<code>{html.escape(text, quote=False).replace('|', '&#124;')}</code>" if "|" in text else f"`{text}`"


def _cell(text: str) -> str:
    return _plain(" ".join(text.split())).replace("|", r"\|")
