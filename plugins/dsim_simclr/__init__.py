"""Backbones trained by SimCLR: contrastive learning of two views of each image."""

from __future__ import annotations

from dsim.plugin import TrainerSpec, hookimpl


@hookimpl
def dsim_trainers() -> list[TrainerSpec]:
    from dsim_simclr.specs import TRAINER

    return [TRAINER]
