"""A study's summary: cells in whole experiments, scores that survive their file, paired answers, a picture of all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from blank_problem import problem

from dsim.errors import UnknownNameError, UsageError
from dsim.stats.detection_scores import MatchedDetections, average_precision, trapezoid_area
from dsim_simsearch.study.cells import (
    METHODS,
    UNTRAINED,
    Cell,
    find_methods,
    plan_cells,
    read_matched,
    record_scores,
)
from dsim_simsearch.study.pictures import draw_study
from dsim_simsearch.study.problem import Problem
from dsim_simsearch.study.summary import summarise_choice, summarise_contrasts, summarise_scores

POSED = problem([[]] * 4 + [[(10.0, 10.0), (20.0, 30.0)]])


def matched(order: str) -> MatchedDetections:
    """Detections of the one test image with two objects, the best first: + is correct."""
    correct = np.array([sign == "+" for sign in order], dtype=bool)
    scores = np.linspace(0.9, 0.1, len(order)) if len(order) else np.zeros(0)
    return MatchedDetections(scores, np.zeros(len(order), np.intp), correct, np.array([2]))


def record(order: str, seconds: float = 1.0) -> dict[str, object]:
    return {"classes": record_scores({"cell": matched(order)}), "clicks": 7, "seconds": seconds}


def test_methods_that_do_not_depend_on_a_number_are_planned_once() -> None:
    cells = plan_cells(tuple(METHODS.values()), [5, 10], [0, 5], 2, 3)
    assert len(set(cells)) == len(cells)
    per_method = {name: [cell for cell in cells if cell.method == name] for name in METHODS}
    # 2 experiments, then prototypes, negatives, trainings.
    assert {name: len(found) for name, found in per_method.items()} == {
        "template matching": 2 * 2,
        "random weights": 2 * 2,
        "similarity": 2 * 2,
        "k-NN": 2 * 2 * 2,
        "LDA": 2 * 2 * 2,
        "re-ranked": 2 * 2 * 2,
        "Pos": 2 * 2 * 2 * 3,
        "Pos+Neg": 2 * 2 * 3,
        "Pos+Selflearn": 2 * 2 * 2 * 3,
        "Pos+Neg+Selflearn": 2 * 2 * 3,
        "supervised": 2 * 3,
    }
    assert [cell.repeat for cell in cells] == sorted(cell.repeat for cell in cells)
    assert all(cell.training == 0 for cell in cells if cell.method in UNTRAINED)


def test_unknown_methods_and_empty_plans_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="Pos\\+Neg"):
        find_methods(["Pos+Neq"])
    for numbers in (([], [0], 1, 1), ([5], [], 1, 1), ([0], [0], 1, 1), ([5], [-1], 1, 1), ([5], [0], 0, 1)):
        with pytest.raises(UsageError):
            plan_cells(find_methods(["Pos"]), *numbers)


@pytest.mark.parametrize("order", ["+-+", "----", "", "+" * 2 + "-" * 40])
def test_matched_detections_survive_their_file(order: str) -> None:
    written = json.loads(json.dumps(record_scores({"cell": matched(order)})))["cell"]
    again = read_matched(written, POSED.truth("cell"))
    assert again.correct.tolist() == matched(order).correct.tolist()
    np.testing.assert_allclose(again.scores, matched(order).scores, rtol=1e-6)
    assert float(average_precision(again)) == written["average_precision"] == float(average_precision(matched(order)))
    assert float(trapezoid_area(again)) == pytest.approx(written["trapezoid"])


def records() -> dict[Cell, dict[str, object]]:
    """Two experiments: negatives help by as much in both; self-learning does not."""
    found: dict[Cell, dict[str, object]] = {Cell("similarity", 5, 0, repeat, 0): record("-+-") for repeat in (0, 1)}
    for repeat, (pos, neg) in enumerate([("-+-+", "++"), ("--+-+", "+-+")]):
        for training in (0, 1):
            found[Cell("Pos", 5, 5, repeat, training)] = record(pos)
            found[Cell("Pos+Neg", 5, 5, repeat, training)] = record(neg)
            found[Cell("Pos+Selflearn", 5, 5, repeat, training)] = record(pos)
    found[Cell("supervised", 0, 0, 0, 0)] = record("++")
    return found


def test_scores_are_means_over_experiments_of_means_over_trainings() -> None:
    rows = {row["method"]: row for row in summarise_scores(POSED, records())}
    assert [*rows] == ["similarity", "Pos", "Pos+Neg", "Pos+Selflearn", "supervised"]
    assert rows["Pos+Neg"]["values"] == pytest.approx([1.0, (1 + 2 / 3) / 2])
    assert rows["Pos+Neg"]["average_precision"]["value"] == pytest.approx((1 + (1 + 2 / 3) / 2) / 2)
    assert rows["similarity"]["recall"] == 0.5
    assert (rows["Pos"]["repeats"], rows["Pos"]["trainings"], rows["Pos"]["clicks"]) == (2, 2, 7)
    assert rows["Pos"]["sd_trainings"] == [0, 0]
    assert rows["Pos"]["sd_repeats"] == pytest.approx(np.std([0.5, (1 / 3 + 2 / 5) / 2], ddof=1))


def test_answers_are_differences_of_the_same_experiments() -> None:
    rows = {row["question"]: row for row in summarise_contrasts(POSED, records())}
    scores = {row["method"]: row["average_precision"]["value"] for row in summarise_scores(POSED, records())}
    negatives = rows["do negatives help?"]
    assert negatives["difference"]["value"] == pytest.approx(scores["Pos+Neg"] - scores["Pos"])
    assert (negatives["prototypes"], negatives["negatives"], negatives["repeats"]) == (5, 5, 2)
    assert rows["does self-learning help?"]["difference"]["value"] == 0
    training = rows["does training help?"]
    assert training["difference"]["value"] == pytest.approx(scores["Pos+Neg"] - scores["similarity"])
    assert "does re-ranking help?" not in rows


def test_experiments_that_only_one_method_has_enter_no_difference() -> None:
    some = records()
    del some[Cell("Pos", 5, 5, 1, 0)], some[Cell("Pos", 5, 5, 1, 1)]
    row = next(row for row in summarise_contrasts(POSED, some) if row["question"] == "do negatives help?")
    assert row["repeats"] == 1
    assert row["difference"]["value"] == pytest.approx(1.0 - 0.5)


def test_the_spread_over_experiments_says_how_much_the_choice_matters() -> None:
    rows = {row["method"]: row for row in summarise_choice(summarise_scores(POSED, records()))}
    assert rows["similarity"]["sd"] == 0
    assert rows["Pos"]["highest"] - rows["Pos"]["lowest"] == pytest.approx(rows["Pos"]["sd"] * np.sqrt(2))
    assert "supervised" not in rows


def document(posed: Problem) -> dict[str, object]:
    scores = summarise_scores(posed, records())
    return {"classes": [{"name": "cell"}], "scores": scores, "set": "cells", "test_images": 1}


def test_the_picture_has_scores_and_their_spread_over_trainings(tmp_path: Path) -> None:
    figure = draw_study(document(POSED), tmp_path / "study.png")
    assert [axes.get_ylabel() for axes in figure.axes] == ["average precision", "deviation over trainings"]
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts[1:5] == ["similarity", "Pos", "Pos+Neg", "Pos+Selflearn"]
    assert "fully supervised" in texts[-1]
    (line,) = figure.axes[0].lines
    assert set(line.get_ydata()) == {1.0}
