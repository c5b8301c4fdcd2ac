"""A click group whose commands are imported when they are called, so that ``--help`` stays quick."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import click

from dsim.errors import UnknownNameError


class LazyGroup(click.Group):
    """``commands`` maps a name to (help, "module:attribute"), or is a function that returns such a mapping."""

    def __init__(
        self,
        *args: Any,
        lazy: Mapping[str, tuple[str, str]] | Callable[[], Mapping[str, tuple[str, str]]],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = lazy

    def table(self) -> Mapping[str, tuple[str, str]]:
        """The commands: name to (help, "module:attribute")."""
        return self._lazy() if callable(self._lazy) else self._lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.table())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self.table().get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry[1].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.table() and not args[0].startswith("-"):
            hint = f"{ctx.command_path} --help lists them"
            raise UnknownNameError("command", args[0], self.table(), hint=hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, help_text) for name, (help_text, _) in self.table().items()]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)
