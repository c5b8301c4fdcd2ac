"""ASAP, a style-aware similarity of image datasets, as a plugin of dsim."""

from __future__ import annotations

from dsim.plugin import CommandSpec, MeasureSpec, hookimpl


@hookimpl
def dsim_measures() -> list[MeasureSpec]:
    from dsim_asap.specs import SPEC

    return [SPEC]


@hookimpl
def dsim_commands() -> list[CommandSpec]:
    return [
        CommandSpec(
            name="asap",
            help="Studies of ASAP: ablation, tuning, the map, images placed in it.",
            command="dsim_asap.cli:asap",
        )
    ]
