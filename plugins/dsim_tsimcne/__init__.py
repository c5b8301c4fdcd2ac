"""Maps of image datasets that a network draws: t-SimCNE, trained without labels in three stages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsim.plugin import TrainerSpec, hookimpl

if TYPE_CHECKING:
    from dsim_tsimcne.estimator import TSimCNE

__all__ = ["TSimCNE", "dsim_trainers"]


@hookimpl
def dsim_trainers() -> list[TrainerSpec]:
    from dsim_tsimcne.specs import TRAINER

    return [TRAINER]


def __getattr__(name: str) -> object:
    if name != "TSimCNE":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from dsim_tsimcne.estimator import TSimCNE

    return TSimCNE
