"""Ensembles: several measures as one."""

from __future__ import annotations

from dsim.plugin import MeasureSpec, hookimpl


@hookimpl
def dsim_measures() -> list[MeasureSpec]:
    from dsim_ensemble.specs import ENSEMBLE

    return [ENSEMBLE]
