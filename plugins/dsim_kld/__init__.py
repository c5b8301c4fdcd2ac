"""KLD-TF: task fingerprints compared by Kullback-Leibler divergence."""

from __future__ import annotations

from dsim.plugin import MeasureSpec, hookimpl


@hookimpl
def dsim_measures() -> list[MeasureSpec]:
    return []
