"""The pictures of ``dsim label-efficiency``: all curves, and the confusion matrix of each dataset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsim.efficiency import Curve, LabelEfficiency
    from dsim.efficiency.answer import Headline
    from dsim.plots.label_curves import LabelCurve

CURVES, CONFUSION = "curves.png", "confusion"


def draw_pictures(result: LabelEfficiency, answers: Sequence[Headline], out: Path) -> Iterator[Path]:
    """Write ``curves.png``, one panel for each dataset, and ``confusion.png`` of each; yield the files."""
    from dsim.files import slug
    from dsim.plots.confusion import draw_confusion
    from dsim.plots.label_curves import draw_label_curves

    chance = {answer.dataset: 1 / len(result.dataset(answer.dataset).classes) for answer in answers}
    grouped = all(result.dataset(answer.dataset).groups for answer in answers)
    lines = [line for answer in answers for line in _lines(result, answer)]
    draw_label_curves(lines, out / CURVES, chance=chance, units="test groups" if grouped else "test images")
    yield out / CURVES
    for answer in answers:
        curve = result.curve(answer.extractor, answer.classifier, answer.dataset)
        if curve.confusion is None:
            continue
        known = result.dataset(answer.dataset)
        sizes = known.split["test"]["classes"]
        path = out / (f"{CONFUSION}.png" if len(answers) == 1 else f"{CONFUSION}-{slug(answer.dataset)}.png")
        draw_confusion(
            curve.confusion.mean,
            known.classes,
            path,
            spread=curve.confusion.std,
            frequencies=[sizes.get(name, 0) for name in known.classes],
            title=f"{answer.dataset}: {answer.extractor} with {curve.confusion.count} labels per class",
        )
        yield path


def _lines(result: LabelEfficiency, answer: Headline) -> Iterator[LabelCurve]:
    """The curves of a dataset by the answer's classifier, and those of networks trained end to end."""
    first = answer.extractor
    for curve in result.curves:
        if curve.dataset == answer.dataset and curve.classifier in (answer.classifier, "finetune"):
            yield _line(result, curve, curve.extractor != first or curve.classifier == "finetune")


def _line(result: LabelEfficiency, curve: Curve, baseline: bool) -> LabelCurve:
    import numpy as np

    from dsim.plots.label_curves import LabelCurve

    key = (curve.extractor, curve.classifier, curve.dataset)
    spreads = [result.spread(count, *key) for count in curve.counts]
    end = ", end to end" if curve.classifier == "finetune" else ""
    return LabelCurve(
        f"{curve.extractor}{end}",
        curve.dataset,
        curve.counts,
        curve.accuracies,
        np.array([spread.low for spread in spreads]),
        np.array([spread.high for spread in spreads]),
        None if baseline else result.power_law(*key),
        baseline,
    )
