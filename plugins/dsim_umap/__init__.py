"""SL+PCA+UMAP: supervised features, reduced by PCA and laid out in the plane by UMAP."""

from __future__ import annotations

from dsim.plugin import MeasureSpec, hookimpl


@hookimpl
def dsim_measures() -> list[MeasureSpec]:
    from dsim_umap.specs import SPECS

    return list(SPECS)
