"""ASAP, a style-aware similarity of image datasets, as a plugin of dsim."""

from __future__ import annotations

from dsim.plugin import BuilderSpec, CommandSpec, ExtractorSpec, MeasureSpec, TrainerSpec, hookimpl


@hookimpl
def dsim_measures() -> list[MeasureSpec]:
    from dsim_asap.specs import SPEC

    return [SPEC]


@hookimpl
def dsim_trainers() -> list[TrainerSpec]:
    from dsim_asap.specs import TRAINER

    return [TRAINER]


@hookimpl
def dsim_builders() -> list[BuilderSpec]:
    return [BuilderSpec(name="dsim_asap.encoder:build", title="encoder of ASAP")]


@hookimpl
def dsim_extractors() -> list[ExtractorSpec]:
    return [
        ExtractorSpec(
            kind="asap-style",
            title="style of an ASAP model's feature maps, as asap-style:zoo:ID[form=gram] or asap-style:file:FOLDER",
            factory="dsim_asap.style:prepare",
            example="asap-style:zoo:asap-resnet18.biomed16.r1",
        )
    ]


@hookimpl
def dsim_commands() -> list[CommandSpec]:
    return [
        CommandSpec(
            name="asap",
            help="Studies of ASAP: ablation, tuning, the map, images placed in it.",
            command="dsim_asap.studies:asap",
        )
    ]
