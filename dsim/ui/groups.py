"""A click group whose commands are imported when they are called, so that ``--help`` stays quick."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

from dsim.errors import UnknownNameError
from dsim.registry import load

Table = Mapping[str, tuple[str, str]]


class LazyGroup(click.Group):
    """A group of commands: ``lazy`` maps names to (help, "module:attribute"), or returns such a mapping.

    ``sections`` sorts the names of that mapping under the headings of ``--help``; by default there is one heading.
    Raises UnknownNameError where a command line names none of them.
    """

    def __init__(
        self,
        *args: Any,
        lazy: Table | Callable[[], Table],
        sections: Callable[[Table], Mapping[str, Sequence[str]]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = lazy
        self._sections = sections or (lambda table: {"Commands": list(table)})

    def table(self) -> Table:
        """Return the commands: name to (help, "module:attribute")."""
        return self._lazy() if callable(self._lazy) else self._lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for names in self._sections(self.table()).values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self.table().get(cmd_name)
        if entry is None:
            return None
        command: click.Command = load(entry[1])
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        # While the shell completes a word nobody reads an error.
        if args and args[0] not in self.table() and not args[0].startswith("-") and not ctx.resilient_parsing:
            hint = f"{ctx.command_path} --help lists them"
            raise UnknownNameError("command", args[0], self.table(), hint=hint)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return names from the table: click would import every command to ask for its help."""
        named = [
            CompletionItem(name, help=text) for name, (text, _) in self.table().items() if name.startswith(incomplete)
        ]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        table = self.table()
        # One width for all sections, so that their columns stand in line.
        width = max(map(len, table), default=0)
        for title, names in self._sections(table).items():
            if names:
                with formatter.section(title):
                    formatter.write_dl([(name.ljust(width), table[name][0]) for name in names])
