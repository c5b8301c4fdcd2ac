"""benchmarks/asap_variants.py: its candidates are fixed and can be built, and its choices are told honestly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from dsim.evaluation import Evaluation, evaluate
from dsim.evaluation.contrasts import nested_choice
from dsim.measures import build_measure
from dsim.truth import open_distances, open_truth


@pytest.fixture(scope="module")
def variants(program: Callable[[str], ModuleType]) -> ModuleType:
    return program("asap_variants")


@pytest.fixture(scope="module")
def ranked(variants: ModuleType) -> list[Any]:
    """ASAP as published, which loses 3.9 points, and the same turned around."""
    matrix, truth = replace(open_distances("asap-published"), measure="asap@1"), open_truth("asap-dsc")
    turned = replace(matrix, values=-matrix.values, measure="turned@1")
    found: list[Evaluation] = [evaluate(one, truth) for one in (matrix, turned)]
    return [
        variants.Ranked("latent", "mean", "asap", found[0], 1.0),
        variants.Ranked("latent", "far", "turned", found[1], 1.0),
    ]


def test_every_candidate_is_another_measure_and_can_be_built(variants: ModuleType) -> None:
    identities = {build_measure(call).identity for call in variants.CANDIDATES.values()}
    assert len(identities) == len(variants.CANDIDATES)
    assert variants.CANDIDATES["latent", "mean"] == "asap"


def test_differences_are_less_asap(variants: ModuleType, ranked: list[Any]) -> None:
    regrets = [one.evaluation.judgement.scores["regret"].value for one in ranked]
    found = variants.against_own(ranked)["turned"]["regret"]
    assert found.difference == pytest.approx(regrets[1] - regrets[0])
    assert found.low < found.difference < found.high
    assert found.low > 0


def test_the_report_says_which_choice_saw_the_truth(variants: ModuleType, ranked: list[Any]) -> None:
    nested = {score: nested_choice([one.evaluation for one in ranked], score) for score in variants.CHOSEN_BY}
    document = variants.document(ranked, nested, None)
    assert [variants.best(document["rows"], score) for score in ("regret", "spearman")] == ["asap", "asap"]
    lines = list(variants.report(ranked, nested, {"truth": "phantoms-dsc", "rows": document["rows"][1:]}))
    table = [line for line in lines if line.startswith("| ")]
    assert table[1].startswith("| latent | mean | 3.9 (")
    assert [line.count("|") for line in table] == [10] * len(table)
    assert any(line.startswith("| best of them | by mean regret, too good | 3.9 (") for line in table)
    assert any(line.startswith("| frozen | by mean regret on phantoms-dsc |") for line in table)
    assert "Nested choice by mean regret: latent, mean (12 targets)." in lines
    assert "Frozen choice by mean regret: latent, far." in lines
