"""The models that were tried on a target: the card of the answer, the chart of expected Dice, and the evidence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dsim.pages import MISSING, escape, isolate_name, render_list, render_scroll, render_table
from dsim.recommend import answer_by_models, said_of_models
from dsim.report.rankings import Scale, WordedVerdict, render_bar
from dsim.selection import Fit

if TYPE_CHECKING:
    from dsim.recommend import Tried, TriedModel

#: Models in the chart and the table of evidence; the document has all.
_MOST_SHOWN = 16
#: Dice in [0, 1]: bars of all pages can be compared.
_SCALE = Scale(0.0, 1.0)
_BADGES = {Fit.FITS: ("sure", "fits"), Fit.UNCERTAIN: ("open", "may fit"), Fit.NONE: ("none", "nothing fits")}


def word_tried(tried: Tried) -> WordedVerdict:
    """Return the answer by models for the card: which to take, what to expect of it, what it marks."""
    kind, badge = _BADGES[tried.fit]
    words = " ".join(escape(line) for line in (answer_by_models(tried), *said_of_models(tried)))
    return WordedVerdict(tried.chosen.name, kind, badge, words)


def render_tried(tried: Tried) -> str:
    """Return the section: a row for each model with its interval drawn, and a table of what that rests on."""
    rows = "\n".join(_row(rank, model) for rank, model in enumerate(tried.models[:_MOST_SHOWN], 1))
    heads = (
        '<th scope="col"><span class="unseen">rank</span></th><th scope="col" class="text">model</th>'
        '<th scope="col" class="drawn"><span class="unseen">drawn</span></th>'
        '<th scope="col">expected\u00a0Dice</th><th scope="col">best\u00a0with</th>'
        '<th scope="col" class="text">marks</th>'
    )
    table = f"<table><thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>"
    card = f'<article class="card ranking"><h3>for {isolate_name(tried.target)}</h3>\n{table}</article>'
    notes = render_list([*map(escape, tried.reliability), *map(escape, tried.notes)])
    return f'{card}\n<p class="small key">{_key(tried)}</p>\n{_evidence(tried)}\n{notes}'


def _row(rank: int, model: TriedModel) -> str:
    name = f'<td>{rank}</td><th scope="row" class="text">{isolate_name(model.name)}</th>'
    bounds = f'<span class="ci">{_dice(model.low)} to {_dice(model.high)}</span>'
    bar = render_bar(model.expected, model.low, model.high, math.nan, _SCALE)
    cells = f'<td class="drawn">{bar}</td><td>{_dice(model.expected)}{bounds}</td><td>{_dice(model.best)}</td>'
    return f'<tr>{name}{cells}<td class="text">{escape(model.marks)}</td></tr>'


def _key(tried: Tried) -> str:
    left = len(tried.models) - _MOST_SHOWN
    more = f" {left} more models are in recommendation.json." if left > 0 else ""
    meant = "the images without a mask" if tried.rest else "new images of this kind"
    return (
        f"Expected Dice on {meant}, drawn on a scale from 0 to 1. Bar: 95 % interval. Best with: the probability that"
        f" the model is the best of all that were tried.{more}"
    )


def _evidence(tried: Tried) -> str:
    """What each model did: on its own source, on the annotated images, and without labels."""
    signals = sorted({name for model in tried.models for name in model.signals or {}})
    heads = ["model", "own source", *(["annotated"] if tried.annotated else []), *signals]
    rows = [
        [
            isolate_name(model.name),
            _dice(model.held_out / 100),
            *([_dice(_mean(model.scores))] if tried.annotated else []),
            *(_number((model.signals or {}).get(name, math.nan)) for name in signals),
        ]
        for model in tried.models[:_MOST_SHOWN]
    ]
    kinds = ["text", *[""] * (len(heads) - 1)]
    table = render_table([isolate_name(head) for head in heads], rows, kinds=kinds, kind="names")
    said = "Own source: Dice on held-out images of its own source."
    said += f" Annotated: mean Dice on the {len(tried.annotated)} annotated images." if tried.annotated else ""
    return f'<h3>What that rests on</h3>\n{render_scroll("Evidence", table)}\n<p class="small key">{said}</p>'


def _mean(scores: tuple[float, ...]) -> float:
    known = [score for score in scores if not math.isnan(score)]
    return sum(known) / len(known) if known else math.nan


def _dice(value: float) -> str:
    return MISSING if math.isnan(value) else f"{value:.2f}"


def _number(value: float) -> str:
    return MISSING if math.isnan(value) else f"{value:.3g}"
