"""The errors of comparing and judging that no other test holds, word for word: the thing, the cause, the fix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dsim
from dsim.comparison import compare_rankings
from dsim.data import Dataset
from dsim.errors import DsimError
from dsim.evaluation import contrast_all, evaluate, nested_choice
from dsim.measures import SimilarityMatrix, SimilarityMeasure
from dsim.plots import draw_embedding, draw_regret
from dsim.truth import TransferMatrix

CC, RNG = dsim.build_measure("cc"), np.random.default_rng(0)
VALUES = np.arange(12.0).reshape(4, 3)


def flat(name: str) -> Dataset:
    return dsim.from_arrays(features=np.eye(3), name=name)


@pytest.fixture
def judged(make_matrix: Any, make_truth: Any) -> dict[str, Any]:
    """A matrix, a truth, and the evaluations of two measures."""
    matrix, truth = make_matrix(VALUES), make_truth(VALUES)
    other = replace(matrix, measure="other@1")
    one, two = (evaluate(found, truth, resamples=100) for found in (matrix, other))
    return {"matrix": matrix, "truth": truth, "one": one, "two": two}


Act = Callable[[SimilarityMatrix, TransferMatrix, Any, Any], object]
ALIKE = "against the same truth, with the same sources, targets and settings"

WORDING: dict[str, tuple[Act, str]] = {
    "no sources": (
        lambda matrix, truth, one, two: dsim.compare([], measure="frechet"),
        "nothing to compare: no sources were given\n  fix: give at least one dataset",
    ),
    "no jobs": (
        lambda matrix, truth, one, two: dsim.compare([flat("a"), flat("b")], measure="frechet", jobs=0),
        "0 jobs do no work\n  fix: give 1, or more to work side by side, or -1 for all cores",
    ),
    "no targets": (
        lambda matrix, truth, one, two: dsim.compare([flat("a"), flat("b")], [], measure="frechet"),
        "nothing to compare with: the list of targets is empty\n"
        "  fix: give at least one, or leave targets out to compare the sources",
    ),
    "no such dataset": (
        lambda matrix, truth, one, two: matrix.ranking("mine"),
        "the matrix has no dataset 'mine'\n  fix: it has: t0, t1, t2",
    ),
    "a measure that is not fitted": (
        lambda matrix, truth, one, two: SimilarityMeasure.fit(CC, [], RNG),
        "measure cc declares fits_pool but does not implement fit\n  fix: implement it",
    ),
    "a measure without replicates": (
        lambda matrix, truth, one, two: SimilarityMeasure.resample(CC, None, np.arange(2)),
        "measure cc cannot be resampled\n  fix: compare without intervals: --bootstrap 0",
    ),
    "a measure without tests": (
        lambda matrix, truth, one, two: SimilarityMeasure.merge(CC, None, None),
        "measure cc cannot merge two datasets\n  fix: compare without p-values: leave --test out",
    ),
    "a measure without a map": (
        lambda matrix, truth, one, two: SimilarityMeasure.embedding(CC, None),
        "measure cc has no embedding\n  fix: choose a measure that has: dsim measures",
    ),
    "a measure twice in agreement": (
        lambda matrix, truth, one, two: compare_rankings([matrix, matrix]),
        "mine@1: given more than once\n  fix: give each measure once",
    ),
    "a name twice": (
        lambda matrix, truth, one, two: evaluate(replace(matrix, sources=("s0", "s0", "s2", "s3")), truth),
        "the matrix has sources twice: s0\n  fix: give each dataset another name",
    ),
    "one measure in a paired test": (
        lambda matrix, truth, one, two: contrast_all([one]),
        "a paired test needs two measures\n  fix: give two or more matrices",
    ),
    "a paired test of what was not judged alike": (
        lambda matrix, truth, one, two: contrast_all([one, replace(two, seed=7)]),
        f"mine@1 and other@1 were not judged alike: seed differ\n  fix: judge both {ALIKE}",
    ),
    "an unknown score to choose by": (
        lambda matrix, truth, one, two: nested_choice([one, two], "regrets"),
        "no score named 'regrets'. Did you mean 'regret'?\n  fix: choose by one of: ",
    ),
    "a choice of what was not judged alike": (
        lambda matrix, truth, one, two: nested_choice([one, replace(two, seed=7)]),
        f"the evaluations differ in seed\n  fix: judge all measures {ALIKE}",
    ),
    "clouds of two spaces": (
        lambda matrix, truth, one, two: draw_embedding(
            {"a": np.zeros((3, 2)), "b": np.zeros((3, 4))}, {"a": "source", "b": "target"}, Path("map.png"), "map"
        ),
        "clouds must have shape (n, k) with one k, not a (3, 2), b (3, 4)\n  fix: embed all datasets alike",
    ),
    "nothing to draw": (
        lambda matrix, truth, one, two: draw_regret([], Path("regret.png")),
        "no evaluation was given\n  fix: give at least one",
    ),
}


@pytest.mark.parametrize(("act", "expected"), WORDING.values(), ids=WORDING)
def test_wording_of_judging(act: Act, expected: str, judged: dict[str, Any]) -> None:
    with pytest.raises(DsimError) as caught:
        act(**judged)
    assert expected in str(caught.value)
    assert caught.value.hint
