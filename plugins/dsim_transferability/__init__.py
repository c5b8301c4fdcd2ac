"""Transferability scores: how well a target's labels or masks follow from what a source taught."""

from __future__ import annotations

from dsim.plugin import MeasureSpec, hookimpl


@hookimpl
def dsim_measures() -> list[MeasureSpec]:
    from dsim_transferability.specs import SPECS

    return list(SPECS)
