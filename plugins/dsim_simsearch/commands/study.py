"""``dsim roi study``: the ablation of the publication, with a simulated user, on anyone's annotated images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsim.errors import UsageError
from dsim.ui import completion, options

if TYPE_CHECKING:
    from dsim_simsearch.settings import SearchSettings
    from dsim_simsearch.study.experiment import StudySettings
    from dsim_simsearch.study.problem import Problem

_COUNT = click.IntRange(min=1)
_METHODS = "template matching,random weights,similarity,k-NN,LDA,re-ranked,Pos,Pos+Neg,Pos+Selflearn,Pos+Neg+Selflearn"


@click.command(short_help="Measure methods on annotated images, with a simulated user.")
@click.argument("data", shell_complete=completion.datasets)
@click.option(
    "--annotations", type=click.Path(exists=True, path_type=Path), help="Boxes or points. Default: beside DATA."
)
@click.option("--classes", required=True, metavar="NAME,...", help="Classes that are searched together.")
@click.option("--patch", type=_COUNT, metavar="PIXELS", help="Side of patches. Default: the median box.")
@click.option("--prototypes", default="5,10", show_default=True, metavar="N,...", help="Of each class.")
@click.option(
    "--negatives", default="0,5", show_default=True, metavar="N,...", help="Flagged candidates of each class."
)
@click.option("--methods", default=_METHODS, metavar="NAME,...", help="Default: all but supervised.")
@click.option("--repeats", type=_COUNT, default=5, show_default=True, help="Other images and prototypes.")
@click.option("--trainings", type=_COUNT, default=2, show_default=True, help="Trainings of each, by other seeds.")
@click.option("--displayed", type=_COUNT, default=6, show_default=True, help="Images that the user sees.")
@click.option("--test-share", type=float, default=0.2, show_default=True, help="Share of the images to score on.")
@click.option(
    "--never-test",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Ids of images that are not scored on, one a line: those on which settings were chosen.",
)
@click.option("--noisy", type=click.IntRange(min=0), default=0, help="Images of noisy patches. Default: all others.")
@click.option("--jitter", type=float, default=0.0, help="Displacement of prototypes, as a share of the patch.")
@click.option("--missed", type=float, default=0.0, help="Chance that a wrong candidate is not flagged.")
@click.option("--background", type=_COUNT, default=30, show_default=True, help="Patches of background, of either kind.")
@click.option("--training", default="quick", show_default=True, metavar="PRESET", help="How networks are trained.")
@click.option("--preset", default="default", show_default=True, help="How patches are compared: default or paper.")
@click.option("--extractor", metavar="NAME", help="Another network, with its layer.")
@click.option("--region", type=_COUNT, metavar="PIXELS", help="Network pixels that a patch spans.")
@options.out_folder(required=True, help="Folder of the study; also to go on.")
@options.seed
@options.device
@options.offline
@options.wide
@options.as_json
def study(data: str, out: Path, device: str, offline: bool, as_json: bool, **given: Any) -> None:
    """Compare methods on annotated images: a simulated user draws prototypes, sets thresholds and flags.

    Stopped, the same command goes on, and repeats nothing. The folder gets study.json and study.png. The publication
    has --repeats 20 --trainings 5 --training paper.
    """
    from dsim.files.documents import to_json
    from dsim.ui import emit_json, make_runtime, say_written
    from dsim_simsearch.study.cells import find_methods
    from dsim_simsearch.study.pictures import draw_study
    from dsim_simsearch.study.run import Plan, run_study
    from dsim_simsearch.study.tables import show_study

    runtime = make_runtime(device, offline)
    problem = _problem(data, given)
    plan = Plan(
        find_methods(_names(given["methods"])),
        _numbers("--prototypes", given["prototypes"]),
        _numbers("--negatives", given["negatives"]),
        given["repeats"],
        given["trainings"],
    )
    document = run_study(problem, plan, _settings(given, plan.prototypes), out, runtime)
    files = out / "study.json", out / "study.png"
    to_json(document, files[0])
    draw_study(document, files[1])
    emit_json(document) if as_json else show_study(document)
    say_written(files)


def _problem(data: str, given: dict[str, Any]) -> Problem:
    """Raises what ``open_annotated`` and ``pose_problem`` raise."""
    from dsim.data import open_dataset
    from dsim_simsearch.study.problem import find_annotations, open_annotated, pose_problem

    if not 0 < given["test_share"] < 1:
        raise UsageError(f"--test-share {given['test_share']:g} is no share", hint="give one between 0 and 1")
    annotated = open_annotated(open_dataset(data), given["annotations"] or find_annotations(data))
    seen = given["never_test"].read_text("utf-8").split() if given["never_test"] else ()
    classes, share = _names(given["classes"]), given["test_share"]
    return pose_problem(annotated, classes, given["patch"], share, given["seed"], seen)


def _settings(given: dict[str, Any], prototypes: Sequence[int]) -> StudySettings:
    from dsim_simsearch.study.experiment import StudySettings
    from dsim_simsearch.study.simulated_user import User
    from dsim_simsearch.training_settings import TrainingSettings

    TrainingSettings.preset(given["training"])
    user = User(given["displayed"], given["background"], given["jitter"], given["missed"])
    return StudySettings(
        search=_search(given),
        training=given["training"],
        user=user,
        seed=given["seed"],
        prototypes=max(prototypes),
        noisy=given["noisy"],
    )


def _search(given: dict[str, Any]) -> SearchSettings:
    from dataclasses import replace

    from dsim_simsearch.settings import SearchSettings

    changes = {name: given[name] for name in ("extractor", "region") if given[name] is not None}
    return replace(SearchSettings.preset(given["preset"]), **changes)


def _names(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := part.strip())]


def _numbers(option: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(dict.fromkeys(int(part) for part in _names(text)))
    except ValueError:
        raise UsageError(f"{option} {text} are no whole numbers", hint=f"write {option} 5,10") from None
