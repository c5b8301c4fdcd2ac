"""CC, NMI and FRC: image similarity averaged over all pairs of images."""

from __future__ import annotations

from dsim.plugin import MeasureSpec, hookimpl


@hookimpl
def dsim_measures() -> list[MeasureSpec]:
    from dsim_classical.specs import SPECS

    return list(SPECS)
