"""Expert judgement: properties of datasets, and the sources that experts would choose."""

from __future__ import annotations

from dsim.plugin import CommandSpec, MeasureSpec, hookimpl


@hookimpl
def dsim_measures() -> list[MeasureSpec]:
    from dsim_expert.specs import SPECS

    return list(SPECS)


@hookimpl
def dsim_commands() -> list[CommandSpec]:
    return [
        CommandSpec(
            name="expert",
            help="Ask experts about datasets; measure how far they agree.",
            command="dsim_expert.commands:expert",
        )
    ]
