"""ASAP, a style-aware similarity of image datasets, as a plugin of dsim."""

from __future__ import annotations

from dsim.plugin import MeasureSpec, hookimpl


@hookimpl
def dsim_measures() -> list[MeasureSpec]:
    from dsim_asap.specs import SPEC

    return [SPEC]
