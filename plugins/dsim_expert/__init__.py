"""Expert judgement: properties of datasets, and the sources that experts would choose."""

from __future__ import annotations

from dsim.plugin import MeasureSpec, hookimpl


@hookimpl
def dsim_measures() -> list[MeasureSpec]:
    return []
