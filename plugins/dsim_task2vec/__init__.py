"""Task2Vec: datasets as the Fisher information of a probe network."""

from __future__ import annotations

from dsim.plugin import MeasureSpec, hookimpl


@hookimpl
def dsim_measures() -> list[MeasureSpec]:
    from dsim_task2vec.specs import SPECS

    return list(SPECS)
