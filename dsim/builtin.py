"""The core's own plugin: readers, extractors, commands and the zoo, entering by the same door as everyone's."""

from __future__ import annotations

from pathlib import Path

from dsim.plugin import BuilderSpec, CommandSpec, ExtractorSpec, ReaderSpec, hookimpl

#: Name, help, and the module and function below dsim.cli that is imported once the command runs.
_COMMANDS = (
    ("compare", "Rank source datasets by similarity to each target.", "compare:compare"),
    ("recommend", "Recommend a source for a target, and its model.", "recommend:recommend"),
    ("report", "Write an HTML report on a comparison.", "report:report"),
    ("evaluate", "Judge a measure against measured transfer.", "evaluate:evaluate"),
    ("leaderboard", "Run and judge every measure on a benchmark.", "leaderboard:leaderboard"),
    ("transfer", "Measure transfer: train on sources, score on targets.", "transfer:transfer"),
    ("adapt", "Make a target's model from a few annotated images.", "adapt:adapt"),
    ("prelabel", "Write pre-annotations of a segmentation model.", "prelabel:prelabel"),
    ("label-efficiency", "Forecast how many labels an accuracy takes.", "label_efficiency:label_efficiency"),
    ("annotate-next", "Choose the images to annotate next.", "annotate_next:annotate_next"),
    ("truth", "List, show, check measured transfer.", "truth:truth"),
    ("data", "Look at datasets; generate phantoms.", "data:data"),
    ("measures", "List the similarity measures.", "measures:measures"),
    ("explain", "Explain what a measure computes.", "measures:explain"),
    ("extract", "Compute features of a dataset.", "extract:extract"),
    ("map", "Map every image: fit, place new ones.", "map:map_"),
    ("train", "Train a model: list the trainers, run one.", "train:train"),
    ("zoo", "List, check and add zoo models.", "zoo:zoo"),
    ("doctor", "Check the installation, and suggest fixes.", "doctor:doctor"),
    ("completion", "Let the shell complete dsim.", "completion:completion"),
    ("cache", "Look after the cache.", "cache:cache"),
    ("plugin", "Write a plugin; check an installed one.", "plugins:plugin"),
    ("plugins", "List plugins, and why one is broken.", "plugins:plugins"),
)


@hookimpl
def dsim_readers() -> list[ReaderSpec]:
    """Return the readers of the core."""
    from dsim.data.readers import SPECS

    return list(SPECS)


@hookimpl
def dsim_extractors() -> list[ExtractorSpec]:
    """Return the kinds of extractors of the core."""
    from dsim.features.extractor import SPECS

    return list(SPECS)


@hookimpl
def dsim_builders() -> list[BuilderSpec]:
    """Return the builders of the core's networks."""
    return [
        BuilderSpec(name="dsim.models.segmenter:build_probed", title="segmenter of one class, a U-Net"),
        BuilderSpec(name="dsim.models.lite0:build_features", title="EfficientNet-Lite0, trained on ImageNet"),
        BuilderSpec(name="dsim.models.backbone:build", title="backbone of timm, trained without labels"),
        BuilderSpec(name="dsim.models.map_network:build", title="map of images, a backbone and a projector"),
    ]


@hookimpl
def dsim_zoo_paths() -> list[Path]:
    """Return the folder of the shipped zoo; empty where a damaged installation lacks it."""
    from dsim.files.shipped import shipped

    return [path for path in (shipped("zoo"),) if path.is_dir()]


@hookimpl
def dsim_commands() -> list[CommandSpec]:
    """Return the commands of ``_COMMANDS``, in the order in which help lists them."""
    return [CommandSpec(name=name, help=help, command=f"dsim.cli.{where}") for name, help, where in _COMMANDS]
