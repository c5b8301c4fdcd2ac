"""A board made by hand: good, alike, partial, failed, hostile and published rows on six targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dsim.evaluation import evaluate
from dsim.leaderboard import Board, Row, Status
from dsim.measures import SimilarityMatrix, Verdict
from dsim.registry import Direction
from dsim.truth import TransferMatrix, TruthDataset

SOURCES, TARGETS = ("a", "b", "c", "d", "e"), ("t1", "t2", "t3", "t4", "t5", "a")
PRINTS = {name: f"{place:064x}" for place, name in enumerate(dict.fromkeys((*SOURCES, *TARGETS)))}
SETTINGS = {"self_pairs": "exclude", "resamples": 400, "interval": "expanded", "confidence": 0.95, "seed": 0}
HOSTILE = '<script>alert("x")</script>|`*@1:q=<img src=x>'


def truth() -> TransferMatrix:
    rng = np.random.default_rng(5)
    values = rng.uniform(20, 90, (5, 6, 1)) + rng.normal(0, 2, (5, 6, 3))
    values[0, 5] = np.nan
    return TransferMatrix(
        "by-hand", "DSC", "%", SOURCES, TARGETS, values, (0.0, 100.0), "seed",
        datasets={name: TruthDataset(images=10 + place) for place, name in enumerate(PRINTS)},
        reasons={("a", "a"): "the target itself"},
    )  # fmt: skip


def distances(measure: str, values: Any, **changes: Any) -> SimilarityMatrix:
    values = np.array(values, dtype=float)
    described: Mapping[str, Any] = {
        "location": "", "format": "", "samples": 1, "resampled_by": "image", "treatment": {}, "notes": [],
        "skipped": [], "seen_by": [],
    }  # fmt: skip
    fields: dict[str, Any] = {
        "measure": measure, "direction": Direction.DISTANCE, "unit": "", "sources": SOURCES, "targets": TARGETS,
        "values": values, "notes": tuple(tuple("lost" if np.isnan(v) else "" for v in line) for line in values),
        "same": np.array([[source == target for target in TARGETS] for source in SOURCES]),
        "verdicts": {t: Verdict(t, None, None, None, np.nan, np.nan, "") for t in TARGETS},
        "provenance": {
            "dsim": "0", "created": "2026-01-01T00:00:00+00:00", "measure": measure, "plugin": "mine 1.0",
            "extractors": [], "parameters": {}, "seed": 0, "bootstrap": 0, "conditions": [],
            "datasets": {name: {**described, "fingerprint": f"read-{digest}"} for name, digest in PRINTS.items()},
        },
    }  # fmt: skip
    return SimilarityMatrix(**{**fields, **changes})


def judged(measure: str, values: Any, status: Status = Status.OK, **changes: Any) -> Row:
    matrix = distances(measure, values, **changes.pop("matrix", {}))
    given = {"plugin": "mine 1.0", "code": "abc", "seconds": 1.5, "peak_mb": 120.0, "parameters": {"size": 32}}
    environment = {"dsim": "0", "device": "cpu"}
    verdict = evaluate(matrix, truth(), **SETTINGS)
    return Row(measure, status, matrix=matrix, evaluation=verdict, environment=environment, **{**given, **changes})


def _board() -> Board:
    rng = np.random.default_rng(0)
    good = -np.nan_to_num(truth().mean, nan=50.0)
    partial = good.copy()
    partial[:, 1] = np.nan
    flat = rng.uniform(0, 1, good.shape)
    flat[:, 2] = 1.0
    flat[2, 0] = np.nan
    rows = (
        Row(
            "lost@1:size=8",
            Status.FAILED,
            reason="it needs masks | and has none",
            plugin="mine 1.0",
            environment={"fix": "give it masks"},
        ),
        Row("ASAP", Status.PUBLISHED, published={"regret": 3.89, "top1": 0.75}, source="Table 3"),
        judged("random@1:seed=3", flat, seconds=float("nan")),
        judged("partial@1", partial),
        judged("twin@1", np.where(np.arange(6) == 3, -good, good), source="ann.json", status=Status.ADDED),
        judged("good@2", good),
        judged("wrong@1", -good),
        judged(HOSTILE, rng.uniform(0, 1, good.shape)),
    )
    elsewhere = (Row("CC", Status.PUBLISHED, published={"regret": 21.29}, source="A paper <b>"),)
    return Board(truth(), PRINTS, rows, SETTINGS, elsewhere)


@pytest.fixture(scope="session")
def board() -> Board:
    """``good`` is perfect, ``twin`` errs at one target, ``wrong`` turns orders round, ``partial`` lacks a target."""
    return _board()


@pytest.fixture(scope="session")
def hostile() -> str:
    """A measure's name that is markup in HTML and in Markdown."""
    return HOSTILE


@pytest.fixture(scope="session")
def make_row() -> Callable[..., Row]:
    """``make_row(measure, values)``: a row of distances (5 sources, 6 targets), judged; ``matrix=`` changes them."""
    return judged


@pytest.fixture(scope="session")
def stranger(board: Board) -> Callable[..., dict[str, Any]]:
    """``stranger(row, ...)``: the document of someone who ran the same benchmark and has these rows."""

    def make(*rows: Row, **changes: Any) -> dict[str, Any]:
        return replace(board, rows=rows, **changes).to_dict()

    return make
