"""Distances of feature distributions, without labels."""

from __future__ import annotations

from dsim.plugin import MeasureSpec, hookimpl


@hookimpl
def dsim_measures() -> list[MeasureSpec]:
    from dsim_distributions.specs import SPECS

    return list(SPECS)
