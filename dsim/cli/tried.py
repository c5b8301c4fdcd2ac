"""The models that were tried on a target, printed: the table of the answer, and the evidence behind it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsim.recommend import Tried, TriedModel

#: Models in a table; the file holds all.
_SHOWN = 10
_RIGHT = ("rank", "expected Dice", "best with")


def show_models(tried: Tried) -> None:
    """Print the models that were tried, the best first: expected Dice, interval, chance of being the best."""
    from dsim.ui import print_table

    more = f" ({_SHOWN} of {len(tried.models)})" if len(tried.models) > _SHOWN else ""
    rows = [
        [str(rank), model.name, f"{model.expected:.2f}", _interval(model), f"{model.best:.2f}", model.marks]
        for rank, model in enumerate(tried.models[:_SHOWN], 1)
    ]
    columns = ["rank", "model", "expected Dice", "95% interval", "best with", "marks"]
    print_table(f"models for {tried.target}{more}", columns, rows, right=_RIGHT, optional=["95% interval", "marks"])


def show_evidence(tried: Tried) -> None:
    """Print what the answer rests on: of each model the Dice on annotated images, and what it does without labels."""
    from dsim.ui import print_table

    signals = sorted({name for model in tried.models for name in model.signals or {}})
    rows = [
        [model.name, _held_out(model), *_scores(model, tried), *(_signal(model, name) for name in signals)]
        for model in tried.models
    ]
    numbers = ["own source", *(["annotated"] if tried.annotated else []), *signals]
    title = "what each model did: Dice on held-out images of its own source"
    title += f", mean Dice on the {len(tried.annotated)} annotated" if tried.annotated else ""
    print_table(f"{title}; signals without labels", ["model", *numbers], rows, right=numbers, optional=signals)


def _interval(model: TriedModel) -> str:
    return f"{model.low:.2f} to {model.high:.2f}"


def _held_out(model: TriedModel) -> str:
    return "" if math.isnan(model.held_out) else f"{model.held_out / 100:.2f}"


def _scores(model: TriedModel, tried: Tried) -> list[str]:
    """The cell of the mean over the annotated images; no cell where there are none."""
    known = [score for score in model.scores if not math.isnan(score)]
    return [f"{sum(known) / len(known):.2f}" if known else ""] if tried.annotated else []


def _signal(model: TriedModel, name: str) -> str:
    value = (model.signals or {}).get(name, math.nan)
    return "" if math.isnan(value) else f"{value:.3g}"
