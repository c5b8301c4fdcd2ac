"""The page of a truth: which sources served best, then all scores, their heat map, the datasets and the record."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.pages import (
    emphasise_name,
    escape,
    format_count,
    format_decimals,
    isolate_name,
    render_list,
)
from dsim.report.layout import (
    Section,
    draw_into_page,
    render_answer,
    render_columns,
    render_document,
    render_facts,
    render_record,
    write_page,
)
from dsim.truth import TruthDataset

if TYPE_CHECKING:
    from dsim.truth import TransferMatrix

#: Sources that the answer names.
_NAMED = 3


def write_truth_report(truth: TransferMatrix, path: str | Path) -> Path:
    """Write the page on measured transfer, scores (sources, targets), whole or not at all, and return its path.

    Raises UsageError for a name that does not end in .html or .htm, and DsimError where it cannot be written.
    """
    return write_page(path, lambda: _render(truth))


def _render(truth: TransferMatrix) -> str:
    sections = [
        Section("best", "The best source of each target", _best_sources(truth)),
        Section("scores", "All scores", _scores(truth)),
        Section("picture", "Heat map", _heat_map(truth)),
        Section("datasets", "The datasets", _datasets(truth)),
        Section("provenance", "Where the numbers come from", _provenance(truth)),
    ]
    question = (
        f"<p>{escape(_score_of(truth))} of models trained on {_each(len(truth.sources), 'source')}, on"
        f" {_each(len(truth.targets), 'target')}; {escape(_repetitions(truth))}. Higher is better.</p>"
    )
    lead = render_answer(_answer(truth), _gaps(truth))
    return render_document(f"{truth.name}: measured transfer", sections, header=question, lead=lead)


def _ranked(truth: TransferMatrix, target: str) -> list[tuple[float, str]]:
    """Mean scores and names of the sources that were measured, the best first, without the target itself."""
    column = truth.mean[:, truth.targets.index(target)].tolist()
    pairs = zip(column, truth.sources, strict=True)
    known = [(score, name) for score, name in pairs if name != target and not math.isnan(score)]
    return sorted(known, key=lambda pair: -pair[0])


def _answer(truth: TransferMatrix) -> str:
    """Which source served most targets best."""
    best = Counter(source for target in truth.targets if (source := truth.best(target)) is not None)
    if not best:
        return "No target has the score of another dataset as its source."
    most = max(best.values())
    first = [name for name, times in best.items() if times == most]
    more = f" and {len(first) - _NAMED} more" if len(first) > _NAMED else ""
    who = f"{', '.join(first[:_NAMED])}{more}"
    known = best.total()
    if most == known:
        return f"{who} served {'every target' if known > 1 else next(iter(truth.targets))} best."
    each = " each" if len(first) > 1 else ""
    return f"No source is the best for all: {who} served {most} of {known} targets best{each}."


def _gaps(truth: TransferMatrix) -> list[str]:
    """How much the choice of a source matters: the mean loss of the average source against the best."""
    losses = [
        scores[0][0] - sum(score for score, _ in scores) / len(scores)
        for target in truth.targets
        if len(scores := _ranked(truth, target)) > 1
    ]
    if not losses:
        return []
    loss = f"{format_decimals(sum(losses) / len(losses), _form(truth))}{f' {truth.unit}' if truth.unit else ''}"
    return [f"A source drawn at random loses {loss} ({truth.score}) against the best, mean over targets."]


def _best_sources(truth: TransferMatrix) -> str:
    heads = ["target", "best source", truth.score, "second", truth.score, "mean of all sources"]
    base = truth.baseline_mean
    rows = []
    for place, target in enumerate(truth.targets):
        scores = _ranked(truth, target)
        mean = sum(score for score, _ in scores) / len(scores) if scores else math.nan
        row = [isolate_name(target)]
        for score, name in [*scores, (math.nan, ""), (math.nan, "")][:2]:
            row += [isolate_name(name), format_decimals(score, _form(truth))]
        row.append(format_decimals(mean, _form(truth)))
        rows.append([*row, *([] if base is None else [format_decimals(float(base[place]), _form(truth))])])
    heads += [] if base is None else ["without a source"]
    table = render_columns("Best sources", heads, rows, (0, 1, 3))
    return f'{table}\n<p class="small">A dataset is no source for itself here.</p>'


def _scores(truth: TransferMatrix) -> str:
    """All means over repetitions; the best source of each target is strong, and missing pairs say why."""
    best = [truth.best(target) for target in truth.targets]
    rows = []
    for source, values in zip(truth.sources, truth.mean.tolist(), strict=True):
        cells = [format_decimals(value, _form(truth)) for value in values]
        cells = [
            f"<strong>{cell}</strong>" if source == first else cell for cell, first in zip(cells, best, strict=True)
        ]
        rows.append([isolate_name(source), *cells])
    if truth.baseline_mean is not None:
        rows.append(
            ["without a source", *(format_decimals(each, _form(truth)) for each in truth.baseline_mean.tolist())]
        )
    table = render_columns("All scores", ["source", *truth.targets], rows, (0,))
    means = ", means over repetitions" if truth.repetitions > 1 else ""
    how = f'<p class="small">{escape(_score_of(truth))}{means}; the best source of each target is bold.</p>'
    missing = render_list(
        f"{isolate_name(source)} for {isolate_name(target)}: {escape(reason)}"
        for source, target, reason in truth.missing
    )
    return f"{table}\n{how}{missing}"


def _heat_map(truth: TransferMatrix) -> str:
    caption = "Sources are rows, targets columns; a star marks the best source of each target."
    return draw_into_page(truth.plot, "Heat map of all scores", caption)


def _datasets(truth: TransferMatrix) -> str:
    rows = []
    for name in dict.fromkeys((*truth.targets, *truth.sources)):
        facts = truth.datasets.get(name, TruthDataset())
        roles = [role for role, group in (("source", truth.sources), ("target", truth.targets)) if name in group]
        told = (
            ("", "", "") if facts is None else (f"{facts.images:,}" if facts.images else "", facts.location, facts.note)
        )
        rows.append([emphasise_name(name), " and ".join(roles), *map(escape, told)])
    return render_columns("Datasets", ("dataset", "role", "images", "where", "note"), rows, (0, 1, 3, 4))


def _provenance(truth: TransferMatrix) -> str:
    low, high = truth.bounds
    facts = [
        ("score", f"{escape(_score_of(truth))}, from {low:g} to {high:g}"),
        ("repetitions", escape(_repetitions(truth))),
        ("ImageNet", isolate_name(truth.imagenet) if truth.imagenet else ""),
        ("digest", f"<code>{truth.digest}</code>"),
    ]
    return "\n".join([render_facts(facts), render_record(truth.provenance)])


def _each(count: int, word: str) -> str:
    return f"{'each of ' if count > 1 else ''}{format_count(count, word)}"


def _score_of(truth: TransferMatrix) -> str:
    return f"{truth.score} in {truth.unit}" if truth.unit else truth.score


def _repetitions(truth: TransferMatrix) -> str:
    return f"{truth.repetitions} {truth.repetition}s each" if truth.repetitions > 1 else "measured once"


def _form(truth: TransferMatrix) -> str:
    return "z.2f" if truth.unit else "z.4f"
