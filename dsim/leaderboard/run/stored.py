"""Rows of what was published: distances that are judged here, and scores that are only printed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dsim.leaderboard.rows import Row, Status
from dsim.measures import SimilarityMatrix
from dsim.truth import TransferMatrix, distance_names, open_distances, open_truth, published, truth_names

#: How papers are numbered, and what stands in front.
_NUMBERS = {"doi": "doi", "arxiv": "arXiv"}


def published_here(truth: TransferMatrix) -> tuple[Row, ...]:
    """Published distances between the datasets of this truth, and scores that papers print of measures judged on it."""
    return (*_distances(truth), *(row for name in truth_names() if _is(name, truth) for row in _printed(name)))


def elsewhere(truth: TransferMatrix) -> tuple[Row, ...]:
    """Scores that papers print of measures judged on other truths."""
    return tuple(row for name in truth_names() if not _is(name, truth) for row in _printed(name))


def _is(name: str, truth: TransferMatrix) -> bool:
    """Whether the stored truth of that name is this one; a name alone could be borrowed."""
    return name == truth.name and open_truth(name).digest == truth.digest


def _distances(truth: TransferMatrix) -> Iterator[Row]:
    for name in distance_names():
        matrix = open_distances(name)
        if _fits(matrix, truth):
            yield Row(matrix.measure, Status.PUBLISHED, matrix=matrix, source=_source(matrix, name))


def _fits(matrix: SimilarityMatrix, truth: TransferMatrix) -> bool:
    return {*matrix.sources} == {*truth.sources} and {*matrix.targets} == {*truth.targets}


def _source(matrix: SimilarityMatrix, name: str) -> str:
    """Where the distances are printed: the paper's number and the table."""
    paper = matrix.provenance.get("source", {})
    number = next((f"{kind}:{paper[key]}" for key, kind in _NUMBERS.items() if paper.get(key)), name)
    return ", ".join(part for part in (number, matrix.provenance.get("table", "")) if part)


def _printed(name: str) -> Iterator[Row]:
    for row in published(name):
        yield _row(row, name)


def _row(printed: dict[str, Any], truth: str) -> Row:
    return Row(
        measure=printed["measure"],
        status=Status.PUBLISHED,
        published=printed["published"],
        source=printed["source"],
        environment={"truth": truth, **({"note": printed["note"]} if printed.get("note") else {})},
    )
