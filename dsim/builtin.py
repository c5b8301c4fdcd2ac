"""The core's own plugin: readers, extractors, commands and the zoo, entering by the same door as everyone's."""

from __future__ import annotations

from pathlib import Path

from dsim.plugin import CommandSpec, ExtractorSpec, ReaderSpec, hookimpl


@hookimpl
def dsim_readers() -> list[ReaderSpec]:
    from dsim.data.readers import SPECS

    return list(SPECS)


@hookimpl
def dsim_extractors() -> list[ExtractorSpec]:
    from dsim.features.kinds import SPECS

    return list(SPECS)


@hookimpl
def dsim_zoo_paths() -> list[Path]:
    """The shipped zoo."""
    from dsim.shipped import shipped

    return [path for path in (shipped("zoo"),) if path.is_dir()]


@hookimpl
def dsim_commands() -> list[CommandSpec]:
    return [
        CommandSpec(
            name="compare",
            help="Rank source datasets by similarity to each target.",
            command="dsim.cli.compare:compare",
        ),
        CommandSpec(
            name="recommend",
            help="Recommend the source to take for a target, and its model.",
            command="dsim.cli.recommend:recommend",
        ),
        CommandSpec(
            name="report",
            help="Write one page on a comparison, for a person who decides.",
            command="dsim.cli.report:report",
        ),
        CommandSpec(
            name="evaluate", help="Judge a measure against measured transfer.", command="dsim.cli.evaluate:evaluate"
        ),
        CommandSpec(
            name="leaderboard",
            help="Run and judge every measure on a benchmark.",
            command="dsim.cli.leaderboard:leaderboard",
        ),
        CommandSpec(
            name="transfer",
            help="Measure transfer: train on sources, score on targets.",
            command="dsim.cli.transfer:transfer",
        ),
        CommandSpec(
            name="prelabel",
            help="Write pre-annotations of a segmentation model.",
            command="dsim.cli.prelabel:prelabel",
        ),
        CommandSpec(name="truth", help="List, show, check measured transfer.", command="dsim.cli.truth:truth"),
        CommandSpec(name="data", help="Look at datasets; generate phantoms.", command="dsim.cli.data:data"),
        CommandSpec(name="measures", help="List the similarity measures.", command="dsim.cli.measures:measures"),
        CommandSpec(name="explain", help="Tell what a measure computes.", command="dsim.cli.measures:explain"),
        CommandSpec(name="extract", help="Compute features of a dataset.", command="dsim.cli.extract:extract"),
        CommandSpec(name="zoo", help="List, check and train zoo models.", command="dsim.cli.zoo:zoo"),
        CommandSpec(
            name="doctor", help="Check the installation, and say what would help.", command="dsim.cli.doctor:doctor"
        ),
        CommandSpec(name="completion", help="Let the shell complete dsim.", command="dsim.cli.completion:completion"),
        CommandSpec(name="cache", help="Look after the cache.", command="dsim.cli.cache:cache"),
        CommandSpec(name="plugin", help="Write a plugin; check an installed one.", command="dsim.cli.plugin:plugin"),
        CommandSpec(name="plugins", help="List plugins, and why one is broken.", command="dsim.cli.plugins:plugins"),
    ]
