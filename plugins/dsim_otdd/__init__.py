"""OTDD: optimal transport between labelled datasets."""

from __future__ import annotations

from dsim.plugin import MeasureSpec, hookimpl


@hookimpl
def dsim_measures() -> list[MeasureSpec]:
    from dsim_otdd.specs import OTDD

    return [OTDD]
