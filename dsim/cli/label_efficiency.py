"""``dsim label-efficiency``: how accurate classifiers are with n labelled images per class, and how many are needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsim.cli.completion import extractors
from dsim.ui import completion, options

if TYPE_CHECKING:
    from dsim.cli.label_tables import Request
    from dsim.data import Dataset
    from dsim.efficiency import LabelEfficiency
    from dsim.efficiency.answer import Headline
    from dsim.efficiency.next_labels import NextLabels
    from dsim.runtime import Runtime

#: The result, in ``--out``.
DOCUMENT = "label-efficiency.json"


def read_counts(context: click.Context, option: click.Parameter, text: str) -> tuple[int, ...]:
    """Return the numbers of ``1,5,10``. Raises UsageError for a text that is not a list of positive whole numbers."""
    from dsim.errors import UsageError

    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() and int(word) for word in words):
        raise UsageError(f"--counts cannot be {text!r}", hint="give labels per class: --counts 1,5,10,25")
    return tuple(map(int, words))


def read_classifiers(context: click.Context, option: click.Parameter, text: str) -> tuple[str, ...]:
    """Return the names of ``svm,logistic``."""
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


@click.command()
@click.argument("labelled", nargs=-1, required=True, metavar="LABELLED...", shell_complete=completion.datasets)
@click.option(
    "--extractor",
    "references",
    multiple=True,
    required=True,
    shell_complete=extractors,
    metavar="KIND:NAME[OPTIONS]",
    help="What turns images into features, as file:RUN/model; may be repeated. The first is the answer's.",
)
@options.out_folder(required=True, help="Folder of the result, the pictures, and finished work.")
@click.option(
    "--baseline",
    "baselines",
    multiple=True,
    metavar="NAME",
    help="To compare with: pixels, imagenet, random, finetune (the first extractor's network, end to end) or "
    "finetune=REF; may be repeated.",
)
@click.option(
    "--counts",
    default="1,5,10,25,50,100,250,500,1000",
    show_default=True,
    callback=read_counts,
    metavar="N,...",
    help="Labelled images per class, as far as there are.",
)
@click.option("--repeats", type=click.IntRange(min=1), default=100, show_default=True, help="Random draws of each.")
@click.option(
    "--classifier",
    "classifiers",
    default="svm,logistic,knn,linear",
    show_default=True,
    callback=read_classifiers,
    metavar="NAME,...",
    help="Classifiers of the features; the first is the answer's.",
)
@click.option(
    "--order",
    type=click.Choice(["paper", "code", "none"]),
    default="paper",
    show_default=True,
    help="Principal axes and power transform as in the paper or in its code; none: features standardised.",
)
@click.option(
    "--test-share",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.3,
    show_default=True,
    help="Share of the images that judge; whole groups.",
)
@options.datasets("--test", help="Test sets instead, one for each of LABELLED.")
@click.option(
    "--min-class-size",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Leave out classes with fewer training images.",
)
@click.option(
    "--needed",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="ACCURACY",
    help="Forecast the labels that this balanced accuracy takes. Default: the next round one.",
)
@options.datasets("--unlabelled", help="Images for --next to choose from; those that have a label are left out.")
@click.option(
    "--next",
    "wanted",
    type=click.IntRange(min=1),
    metavar="COUNT",
    help="Choose so many images to be labelled next, of --unlabelled or of a LABELLED without labels.",
)
@click.option(
    "--strategy",
    type=click.Choice(["typicality", "coreset"]),
    default="typicality",
    show_default=True,
    help="How --next chooses: typical images, for few labels, or images unlike all that have a label.",
)
@click.option(
    "--confusion",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    metavar="N",
    help="Draw the confusion matrix at N labels per class.",
)
@click.option("--why", is_flag=True, help="Also print every classifier, both kinds of spread, tests and the split.")
@options.wide
@options.seed
@click.option(
    "--jobs",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Processes that fit draws side by side; 0: one per core.",
)
@options.device
@options.offline
@options.skip_unreadable
@options.as_json
def label_efficiency(
    labelled: Sequence[str],
    references: Sequence[str],
    out: Path,
    test: Sequence[str],
    test_share: float,
    unlabelled: Sequence[str],
    wanted: int | None,
    strategy: str,
    needed: float | None,
    why: bool,
    device: str,
    offline: bool,
    skip_unreadable: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Measure how accurate classifiers on frozen features are with n labelled images per class.

    Answers how many labels a target accuracy takes. Features are computed once; each classifier is fitted to many
    random draws of labelled images and judged on images that never train. Give the same command again to continue an
    interrupted run.

    LABELLED is a dataset whose images have labels: a folder, a .csv, .npz or .h5 file, or NAME=PATH. With --next also
    one without any label, to choose from.
    """
    from dsim.cli.data import open_datasets
    from dsim.cli.label_next import separate
    from dsim.cli.label_tables import Request
    from dsim.ui import make_runtime

    runtime = make_runtime(device, offline)
    opened, pools, tests = (
        open_datasets(paths, runtime, skip_unreadable=skip_unreadable) for paths in (labelled, unlabelled, test)
    )
    known, pool = separate(opened, pools, wanted)
    result = _measure(known, references, tests or test_share, out, settings, runtime)
    chosen = None
    if pool is not None and wanted is not None:
        from dsim.efficiency.next_labels import next_labels

        more: dict[str, Any] = {"strategy": strategy, "seed": settings["seed"], "runtime": runtime}
        chosen = next_labels(pool, wanted, extractor=references[0], labelled=known, **more)
    request = Request(tuple(labelled), tuple(references), tuple(settings["baselines"]), out)
    _finish(result, chosen, pool, needed, request, why, as_json)


def _measure(
    known: Sequence[Dataset],
    references: Sequence[str],
    test: Any,
    out: Path,
    settings: Mapping[str, Any],
    runtime: Runtime,
) -> LabelEfficiency:
    """The measurement; one without curves where no image has a label yet."""
    from dsim.efficiency import LabelEfficiency
    from dsim.efficiency import label_efficiency as run

    if known:
        return run(known, extractors=references, test=test, out=out, runtime=runtime, **settings)
    asked = {name: settings[name] for name in ("repeats", "order", "min_class_size", "seed")}
    return LabelEfficiency((), (), {**asked, "counts": list(settings["counts"]), "test": None}, {}, {}, 0.0)


def _finish(
    result: LabelEfficiency,
    chosen: NextLabels | None,
    pool: Dataset | None,
    needed: float | None,
    request: Request,
    why: bool,
    as_json: bool,
) -> None:
    """Write the files, and print the answer."""
    from dsim.cli.label_next import TABLE, write_table
    from dsim.cli.label_tables import print_answer, show, show_written
    from dsim.efficiency.answer import headline
    from dsim.ui import emit_json

    answers = [headline(result, known.name, needed) for known in result.datasets]
    files = _write(result, answers, chosen, request.out)
    if chosen is not None and pool is not None:
        request = replace(request, place=write_table(request.out / TABLE, pool, chosen.ids))
        files.append(request.out / TABLE)
    if as_json:
        emit_json(_document(result, answers, chosen))
        return
    print_answer(answers, chosen, request)
    show(answers, result, why)
    show_written(files, why or not answers)


def _document(result: LabelEfficiency, answers: Sequence[Headline], chosen: NextLabels | None) -> dict[str, Any]:
    """The JSON document of schema ``dsim.label-efficiency/1``."""
    more = {"answers": [answer.to_dict() for answer in answers], "next": None if chosen is None else chosen.to_dict()}
    return {**result.to_dict(), **more}


def _write(result: LabelEfficiency, answers: Sequence[Headline], chosen: NextLabels | None, out: Path) -> list[Path]:
    """Write the document, and the pictures of what was measured."""
    from dsim.cli.label_pictures import draw_pictures
    from dsim.files.documents import to_json

    to_json(_document(result, answers, chosen), out / DOCUMENT)
    return [out / DOCUMENT, *(draw_pictures(result, answers, out) if answers else ())]
