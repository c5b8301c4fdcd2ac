"""What the sources' segmentation models do on the target: consistency, consensus, edges, reverse accuracy."""

from __future__ import annotations

from dsim.plugin import MeasureSpec, hookimpl


@hookimpl
def dsim_measures() -> list[MeasureSpec]:
    from dsim_models.specs import SPECS

    return list(SPECS)
