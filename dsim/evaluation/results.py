"""Results of an evaluation: scores with intervals, beside baselines and the ceiling; as JSON and as a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError
from dsim.evaluation.scores import SCORES, bounds, shown
from dsim.files.documents import array, check, nullable, number, or_nan, read_either, to_json
from dsim.measures import describe_result, draw_result
from dsim.registry import load

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray


SCHEMA = "dsim.evaluation/1"


@dataclass(frozen=True)
class Score:
    """One score: its value, the bounds of its interval, and of how many targets it is.

    NaN with the reason in ``note`` where there is none; ``note`` otherwise holds what must be said of the value.
    """

    name: str
    value: float
    low: float
    high: float
    targets: int
    note: str = ""


@dataclass(frozen=True)
class Judgement:
    """The quality of one ranking of the sources: a measure's, or a baseline's.

    Parameters
    ----------
    name : identity of the measure, or name of the baseline.
    per_target : by name of each score of ``PER_TARGET``, float64 (targets,); NaN where it is undefined.
    reasons : why one is undefined, by (score, target).
    selected : for each target, the sources that are nearest: several where they are tied, none where none has a value.
    scores : by name, in the order of ``SCORES``.
    note : what the baseline is.
    """

    name: str
    per_target: Mapping[str, NDArray[np.float64]]
    reasons: Mapping[tuple[str, str], str]
    selected: tuple[tuple[str, ...], ...]
    scores: Mapping[str, Score]
    note: str = ""


@dataclass(frozen=True)
class Contrast:
    """A paired comparison of two rankings on the same targets, for one score.

    ``difference`` is first less second, with its interval; ``p`` of the sign-flip permutation test over the targets
    that both have; ``p_adjusted`` Holm's, for all contrasts of that score that were asked for together.
    """

    score: str
    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    targets: int
    p_adjusted: float
    note: str = ""


@dataclass(frozen=True)
class Evaluation:
    """A measure judged against a truth.

    Parameters
    ----------
    measure, truth : identity of the measure, name of the truth. ``score``, ``unit`` : of the truth.
    sources, targets : those judged. ``distances`` : float64 (sources, targets), small is near, NaN where the measure
        has none; ``scores`` : the truth's, means over repetitions, NaN where not measured; ``transferability`` :
        relative to the baseline without a source, percent (Eq. 1 of the cats paper), or None without one.
    counted : bool (sources, targets), the pairs that were judged: known on both sides, and no excluded self pair.
    candidates : bool (sources, targets), the pairs that a choice is measured against: with a known score, and no
        excluded self pair. Those that are not counted lack a distance: the measure cannot choose them.
    self_pairs : ``exclude`` or ``include``.
    left_out : names that only one side has, by side, where the intersection was asked for.
    unknown : (source, target, which side, reason) of each pair with NaN.
    judgement : of the measure. ``baselines`` : random, best fixed source, largest source, ... and the oracle.
    ceiling : by name of score, the best that any measure could reach given the noise of the truth.
    contrasts : of the measure with each baseline.
    confidence, resamples, interval, seed : of the intervals. ``notes`` : what must be said.
    provenance : of the matrix and the truth.
    """

    measure: str
    truth: str
    score: str
    unit: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    distances: NDArray[np.float64]
    scores: NDArray[np.float64]
    transferability: NDArray[np.float64] | None
    counted: NDArray[np.bool_]
    candidates: NDArray[np.bool_]
    self_pairs: str
    left_out: Mapping[str, tuple[str, ...]]
    unknown: tuple[tuple[str, str, str, str], ...]
    judgement: Judgement
    baselines: tuple[Judgement, ...]
    ceiling: Mapping[str, Score]
    contrasts: tuple[Contrast, ...]
    confidence: float
    resamples: int
    interval: str
    seed: int
    notes: tuple[str, ...]
    provenance: Mapping[str, Any]

    def __str__(self) -> str:
        return _table_of(self)

    def __repr__(self) -> str:
        words = {name: self.judgement.scores[name] for name in _IN_SHORT if name in self.judgement.scores}
        said = [f"{name} {shown(name, score.value, self.unit)}" for name, score in words.items()]
        kind, what = type(self).__name__, f"{self.measure} by {self.truth}"
        return describe_result(kind, what, self.sources, self.targets, said)

    def _repr_html_(self) -> str:
        from dsim.pages import render_result

        head, *rows = _rows(self)
        return render_result(_head(self), ["score", *head[1:]], rows, self.notes)

    def plot(self, path: str | Path | None = None) -> Figure:
        """Return the picture of distance against transfer of each pair, as a figure; with a path also as a file.

        Raises UsageError for a path that does not end in .png or .svg.
        """
        return draw_result("draw_transfer", path, self)

    def plot_ranks(self, path: str | Path | None = None) -> Figure:
        """Return the picture of ranks by the measure and by the truth, as a figure; with a path also as a file.

        Raises UsageError for a path that does not end in .png or .svg.
        """
        return draw_result("draw_ranks", path, self)

    def plot_regret(self, path: str | Path | None = None) -> Figure:
        """Return the picture of what each target loses by the choice, as a figure; with a path also as a file.

        Raises UsageError for a path that does not end in .png or .svg.
        """
        return draw_result("draw_regret", path, [self])

    def report(self, path: str | Path) -> Path:
        """Write one HTML page on the judgement, and return its path.

        How often the choices were right and what they lost beside chance, then the tables and the pictures of
        ``dsim evaluate`` on the distances (sources, targets), notes, and what the numbers depend on; the page needs
        nothing else. Raises UsageError unless the name ends in .html, and DsimError where the disk refuses.

        >>> import tempfile
        >>> from dsim.evaluation import evaluate
        >>> found = evaluate("cats-experts", "cats-auc", resamples=100)
        >>> page = found.report(Path(tempfile.mkdtemp()) / "experts.html")
        >>> "Its choices were right for" in page.read_text("utf-8")
        True
        """
        written: Path = load("dsim.report:write_evaluation_report")(self, path)
        return written

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON document of schema ``dsim.evaluation/1``; NaN is null."""
        return _evaluation_document(self)

    def to_json(self, path: str | Path | None = None) -> str:
        """Return the JSON text; written atomically where a path is given. Raises DsimError where the disk refuses."""
        return to_json(self.to_dict(), path)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Evaluation:
        """Return the evaluation of a document; raises DataError where it is not of schema ``dsim.evaluation/1``.

        Its distances and scores are float64 (sources, targets).
        """
        return _parse_evaluation(document)

    @classmethod
    def from_json(cls, source: str | Path) -> Evaluation:
        """Return the evaluation of a document, from a path or its text; raises DataError where it is not one.

        Its distances and scores are float64 (sources, targets).
        """
        return _parse_evaluation(*read_either(source, _HINT))


#: Fields that stand in the document as they are, and those that are tuples here and lists there.
_PLAIN = ("measure", "truth", "score", "unit", "self_pairs", "confidence", "resamples", "interval", "seed")
_LISTS = ("sources", "targets", "notes")
_ARRAYS = ("distances", "scores", "transferability")
_MASKS = ("counted", "candidates")
_NUMBERS = ("difference", "low", "high", "p", "p_adjusted")
_UNKNOWN = ("source", "target", "side", "reason")
_HINT = "give an evaluation.json that dsim evaluate wrote"


def _evaluation_document(found: Evaluation) -> dict[str, Any]:
    """The document of an evaluation."""
    return {
        "schema": SCHEMA,
        **{name: getattr(found, name) for name in _PLAIN},
        **{name: list(getattr(found, name)) for name in _LISTS},
        **{name: nullable(getattr(found, name)) for name in _ARRAYS},
        **{name: getattr(found, name).tolist() for name in _MASKS},
        "left_out": {side: list(names) for side, names in found.left_out.items()},
        "unknown": [dict(zip(_UNKNOWN, pair, strict=True)) for pair in found.unknown],
        "judgement": _judgement_document(found.judgement),
        "baselines": [_judgement_document(baseline) for baseline in found.baselines],
        "ceiling": _scores_document(found.ceiling),
        "contrasts": [_contrast_document(contrast) for contrast in found.contrasts],
        "provenance": dict(found.provenance),
    }


def _parse_evaluation(document: Mapping[str, Any], what: str = "the document") -> Evaluation:
    """The evaluation of a document; DataError, which names the place, where it does not hold to the schema."""
    check(document, SCHEMA, what, _HINT)
    fields: dict[str, Any] = {
        **{name: document[name] for name in _PLAIN},
        **{name: tuple(document[name]) for name in _LISTS},
        **{name: None if document[name] is None else _table(document, name) for name in _ARRAYS},
        **{name: _table(document, name, bool) for name in _MASKS},
    }
    shape = len(fields["sources"]), len(fields["targets"])
    for name in (*_ARRAYS, *_MASKS):
        if fields[name] is not None and fields[name].shape != shape:
            raise DataError(f"{name} is not a table of {shape[0]} sources and {shape[1]} targets", hint=_HINT)
    return Evaluation(
        **fields,
        left_out={side: tuple(names) for side, names in document["left_out"].items()},
        unknown=tuple((pair["source"], pair["target"], pair["side"], pair["reason"]) for pair in document["unknown"]),
        judgement=_judgement_of(document["judgement"]),
        baselines=tuple(_judgement_of(baseline) for baseline in document["baselines"]),
        ceiling=_scores_of(document["ceiling"]),
        contrasts=tuple(Contrast(**{**each, **_numbers(each, _NUMBERS)}) for each in document["contrasts"]),
        provenance=document["provenance"],
    )


def _judgement_document(found: Judgement) -> dict[str, Any]:
    return {
        "name": found.name,
        "note": found.note,
        "scores": _scores_document(found.scores),
        "per_target": {name: nullable(values) for name, values in found.per_target.items()},
        "reasons": [
            {"score": score, "target": target, "reason": why} for (score, target), why in found.reasons.items()
        ],
        "selected": [list(names) for names in found.selected],
    }


def _judgement_of(document: Mapping[str, Any]) -> Judgement:
    return Judgement(
        name=document["name"],
        note=document["note"],
        scores=_scores_of(document["scores"]),
        per_target={name: _table(document["per_target"], name) for name in document["per_target"]},
        reasons={(each["score"], each["target"]): each["reason"] for each in document["reasons"]},
        selected=tuple(tuple(names) for names in document["selected"]),
    )


def _scores_document(scores: Mapping[str, Score]) -> dict[str, Any]:
    return {
        name: {
            "value": number(score.value),
            "low": number(score.low),
            "high": number(score.high),
            "targets": score.targets,
            "note": score.note,
        }
        for name, score in scores.items()
    }


def _scores_of(document: Mapping[str, Any]) -> dict[str, Score]:
    return {
        name: Score(name=name, **{**each, **_numbers(each, ("value", "low", "high"))})
        for name, each in document.items()
    }


def _contrast_document(found: Contrast) -> dict[str, Any]:
    return {
        "score": found.score,
        "first": found.first,
        "second": found.second,
        **{name: number(getattr(found, name)) for name in _NUMBERS},
        "targets": found.targets,
        "note": found.note,
    }


def _table(tables: Mapping[str, Any], name: str, dtype: type = float) -> Any:
    return array(tables[name], name, _HINT, dtype)


def _numbers(document: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, float]:
    return {name: or_nan(document[name]) for name in names}


#: Baselines that stand beside the measure; the others are in the document.
_BESIDE = ("random", "best fixed source")
#: Scores that the short form names.
_IN_SHORT = ("spearman", "top1", "regret")


def _table_of(found: Evaluation) -> str:
    """The scores that there are, with intervals, beside two baselines and the ceiling; then what must be said."""
    notes = [f"note: {note}" for note in found.notes]
    return "\n".join([f"{_head(found)}", "", *_aligned(_rows(found)), "", *notes]).rstrip()


def _head(found: Evaluation) -> str:
    size = f"{len(found.sources)} sources, {len(found.targets)} targets"
    return f"{found.measure} judged by {found.truth} ({found.score}): {size}"


def _rows(found: Evaluation) -> list[list[str]]:
    """A row of headings, and one for each score that has a value."""
    beside = [baseline for baseline in found.baselines if baseline.name in _BESIDE]
    percent = f"{100 * found.confidence:g} % interval"
    rows = [["", found.measure, percent, "targets", *(baseline.name for baseline in beside), "ceiling"]]
    for spec in SCORES:
        score = found.judgement.scores[spec.name]
        if not math.isnan(score.value):
            others = [baseline.scores[spec.name].value for baseline in beside]
            highest = found.ceiling[spec.name].value if spec.name in found.ceiling else math.nan
            values = [shown(spec.name, value, found.unit) for value in (*others, highest)]
            between = bounds(spec.name, score.low, score.high, found.unit)
            rows.append([spec.title, shown(spec.name, score.value, found.unit), between])
            rows[-1] += [str(score.targets or ""), *values]
    return rows


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for title, *cells in rows:
        right = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
        lines.append("  ".join([title.ljust(widths[0]), *right]).rstrip())
    return lines
