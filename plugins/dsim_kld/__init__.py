"""KLD-TF: task fingerprints compared by Kullback-Leibler divergence, also without the images."""

from __future__ import annotations

from dsim.plugin import CommandSpec, MeasureSpec, hookimpl


@hookimpl
def dsim_measures() -> list[MeasureSpec]:
    from dsim_kld.specs import KLD_TF

    return [KLD_TF]


@hookimpl
def dsim_commands() -> list[CommandSpec]:
    return [
        CommandSpec(
            name="fingerprint",
            help="Write fingerprints of datasets; compare them without the images.",
            command="dsim_kld.commands:fingerprint",
        )
    ]
