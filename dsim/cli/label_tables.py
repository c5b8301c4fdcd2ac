"""What ``dsim label-efficiency`` prints: the answer, the curves, and with ``--why`` everything behind them."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.cli.label_next import TABLE

if TYPE_CHECKING:
    from dsim.efficiency import Curve, LabelEfficiency
    from dsim.efficiency.answer import Headline
    from dsim.efficiency.next_labels import NextLabels

#: Images to be labelled next that are printed; the file has all.
_SHOWN = 5


def print_answer(
    answers: Sequence[Headline],
    chosen: NextLabels | None,
    request: Request,
) -> None:
    """Print the answer of each dataset, what to label next, and the next command."""
    from dsim.cli.answer import NEXT, print_answers

    print_answers(answer.sentence for answer in answers)
    if chosen is not None:
        shown = ", ".join(chosen.ids[:_SHOWN])
        more = f" and {len(chosen.ids) - _SHOWN} more" if len(chosen.ids) > _SHOWN else ""
        fill = f"fill in the column label of {request.out / TABLE}, and append its lines to {request.place}"
        print_answers([f"Label next ({chosen.strategy}): {shown}{more}; {fill}."])
    print_answers([f"{NEXT}: {next_command(chosen, request)}"])


@dataclass(frozen=True)
class Request:
    """What was asked for, as far as the next command repeats it; ``place`` : where a table with labels is a dataset."""

    labelled: tuple[str, ...]
    extractors: tuple[str, ...]
    baselines: tuple[str, ...]
    out: Path
    place: Path = Path()


def next_command(chosen: NextLabels | None, request: Request) -> str:
    """Return what to type next: measure what was labelled, compare with ImageNet's features, or use the features."""
    again = ["dsim", "label-efficiency"]
    extractors = [word for reference in request.extractors for word in ("--extractor", reference)]
    if chosen is not None:
        out = str(request.out.with_name(f"{request.out.name}-curves"))
        return shlex.join([*again, str(request.place), *extractors, "--out", out])
    if not request.baselines and len(request.extractors) == 1:
        command = [*again, *request.labelled, *extractors, "--baseline", "imagenet", "--out", str(request.out)]
        return shlex.join(command)
    features = str(request.out / "features.h5")
    return shlex.join(["dsim", "extract", *request.labelled, "--extractor", request.extractors[0], "--out", features])


def show(answers: Sequence[Headline], result: LabelEfficiency, why: bool) -> None:
    """Print the curves on stdout, one table for each dataset; with ``why`` all that stands behind the answers."""
    for answer in answers:
        _show_curves(result, answer)
        if why:
            _show_evidence(result, answer)


def show_written(files: Sequence[Path], why: bool) -> None:
    """Print on stderr which files were written, and that there is more."""
    from dsim.ui import say, say_written

    say_written(files)
    if not why:
        say("more: --why prints every classifier, both kinds of spread, tests and the split")


def _show_curves(result: LabelEfficiency, answer: Headline) -> None:
    from dsim.efficiency.answer import CLASSIFIER_WORDS
    from dsim.ui import print_table

    curves = [
        curve
        for curve in result.curves
        if curve.dataset == answer.dataset and curve.classifier in (answer.classifier, "finetune")
    ]
    counts = sorted({count for curve in curves for count in curve.counts})
    rows = [[_name(curve), *(_mean(curve, count) for count in counts)] for curve in curves]
    words = CLASSIFIER_WORDS.get(answer.classifier, answer.classifier)
    title = f"{answer.dataset}: balanced accuracy by labels per class ({words})"
    print_table(title, ["extractor", *map(str, counts)], rows, right=[*map(str, counts)])


def _name(curve: Curve) -> str:
    return f"{curve.extractor}, end to end" if curve.classifier == "finetune" else curve.extractor


def _mean(curve: Curve, count: int) -> str:
    return f"{curve.mean[curve.position(count)]:.2f}" if count in curve.counts else ""


def _show_evidence(result: LabelEfficiency, answer: Headline) -> None:
    """Print every classifier at the answer's count, tests against the first extractor, and facts of the split."""
    from dsim.cli.answer import print_answers
    from dsim.ui import print_table

    needed = "labels needed" if math.isnan(answer.target) else f"labels for {answer.target:.2f}"
    columns = ["extractor", "classifier", "accuracy", "over test groups", "over draws", "plateau", needed]
    curves = [curve for curve in result.curves if curve.dataset == answer.dataset]
    rows = [_evidence(result, curve, answer) for curve in curves]
    title = f"{answer.dataset}: with {answer.count} labels per class, 95 % intervals"
    print_table(title, columns, rows, right=["accuracy", "plateau", needed], whole=columns[1:5])
    print_answers(_tests(result, answer))
    print_answers(_facts(result, answer))


def _evidence(result: LabelEfficiency, curve: Curve, answer: Headline) -> list[str]:
    from dsim.efficiency.answer import count_in_words

    key = (curve.extractor, curve.classifier, curve.dataset)
    law = result.power_law(*key)
    measured = ["", "", ""]
    if answer.count in curve.counts:
        spread = result.spread(answer.count, *key)
        bounds = [(spread.low, spread.high), (spread.lowest, spread.highest)]
        measured = [
            f"{spread.mean:.2f}",
            *("" if math.isnan(low) else f"{low:.2f} to {high:.2f}" for low, high in bounds),
        ]
    plateau = "" if math.isnan(law.plateau) else f"{law.plateau:.2f}"
    return [curve.extractor, curve.classifier, *measured, plateau, count_in_words(law.needed(answer.target).value)]


def _tests(result: LabelEfficiency, answer: Headline) -> Iterator[str]:
    """Yield the paired difference of the first extractor from each other, on the same draws and test groups."""
    from dsim.efficiency.answer import difference_in_words

    first = result.curve(answer.extractor, answer.classifier, answer.dataset)
    for curve in result.curves:
        compared = curve.dataset == answer.dataset and curve.classifier in (answer.classifier, "finetune")
        words = difference_in_words(result, first, curve, answer.count) if compared and curve is not first else ""
        if words:
            yield f"{answer.extractor} less {_name(curve)}: {words}."


def _facts(result: LabelEfficiency, answer: Headline) -> Iterator[str]:
    """Yield the division, and the classes that are short of images or left out."""
    known = result.dataset(answer.dataset)
    sides = [known.split[side] for side in ("training", "test")]
    texts = [f"{side['images']} images{_groups(side['groups'])}" for side in sides]
    yield f"{texts[0]} may train, {texts[1]} judge; {len(known.classes)} classes."
    for name, size in known.split["left_out"].items():
        yield f"Left out: class {name}, with {size} training images."
    for name in known.split["untested"]:
        yield f"Class {name} has no test image; the accuracy does not know it."
    few: dict[str, int] = {}
    for classes in known.short.values():
        few |= classes
    for name, size in few.items():
        yield f"Class {name} has {size} training images: with more labels per class, all of them are used."


def _groups(number: int | None) -> str:
    return "" if number is None else f" of {number} groups"
