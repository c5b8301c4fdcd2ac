"""docs/evaluation.md tells what the code does."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import numpy as np

from dsim.evaluation import SCORES, evaluate
from dsim.evaluation.evaluator import FEW_TARGETS

PAGE = Path(__file__).parents[2] / "docs" / "evaluation.md"


def rows(heading: str) -> list[list[str]]:
    section = PAGE.read_text("utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return found[2:]


def test_the_python_examples_run() -> None:
    results = doctest.testfile(str(PAGE), module_relative=False)
    assert results.attempted >= 5
    assert results.failed == 0


def test_every_score_stands_in_the_table_with_its_direction() -> None:
    told = [(title, name.strip("`"), better) for title, name, better, _ in rows("The scores")]
    assert told == [(spec.title, spec.name, spec.better) for spec in SCORES]


def test_every_baseline_stands_in_the_table_in_its_order(make_matrix, make_truth) -> None:
    truth = make_truth(np.eye(4, 9) * 50, imagenet="s0", baseline=[[10]] * 9)
    found = evaluate(make_matrix(np.eye(4, 9)), truth, resamples=100)
    assert [row[0].strip("`") for row in rows("Baselines")] == [baseline.name for baseline in found.baselines]


def test_numbers_of_the_rules_are_those_of_the_code() -> None:
    text = PAGE.read_text("utf-8")
    assert FEW_TARGETS == 8
    assert "fewer than eight targets" in text
    asap = evaluate("asap-published", "asap-dsc", resamples=100).judgement.scores
    assert re.search(rf"top-1 {100 * asap['top1'].value:.0f} %, mean Spearman {asap['spearman'].value:.3f}", text)
