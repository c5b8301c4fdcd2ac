"""DINO: self-distilled backbones as extractors, and measures on their features."""

from __future__ import annotations

from dsim.plugin import MeasureSpec, hookimpl


@hookimpl
def dsim_measures() -> list[MeasureSpec]:
    return []
