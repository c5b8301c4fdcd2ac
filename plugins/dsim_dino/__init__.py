"""Backbones trained by DINO: training them, extractors, and distances of their features."""

from __future__ import annotations

from dsim.plugin import ExtractorSpec, MeasureSpec, TrainerSpec, hookimpl


@hookimpl
def dsim_extractors() -> list[ExtractorSpec]:
    from dsim_dino.specs import EXTRACTORS

    return list(EXTRACTORS)


@hookimpl
def dsim_measures() -> list[MeasureSpec]:
    from dsim_dino.specs import MEASURES

    return list(MEASURES)


@hookimpl
def dsim_trainers() -> list[TrainerSpec]:
    from dsim_dino.training_specs import TRAINER

    return [TRAINER]
