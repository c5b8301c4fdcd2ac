"""The figures that papers print come out of stored data, by the library and by one command; so do the page's tables."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import dsim
from dsim.cli.main import run
from dsim.evaluation import Evaluation

ROOT = Path(__file__).parents[1]


def scores(found: Evaluation, *names: str) -> list[float]:
    return [found.judgement.scores[name].value for name in names]


@pytest.fixture(scope="module")
def asap() -> Evaluation:
    return dsim.evaluate("asap-published", "asap-dsc")


def test_asaps_row_of_table_3_follows_from_table_4(asap):
    assert [round(value, 3) for value in scores(asap, "pearson", "spearman")] == [0.148, 0.185]
    assert scores(asap, "top1", "top2", "top3") == pytest.approx([9 / 12, 10 / 12, 10 / 12])
    assert round(scores(asap, "regret")[0], 2) == 3.90
    assert round(scores(asap, "regret_sum")[0], 2) == 46.77


def test_the_tables_as_printed_give_what_the_paper_does_not_print():
    printed = dsim.evaluate("asap-published-printed", "asap-dsc-printed")
    assert [round(value, 3) for value in scores(printed, "pearson", "spearman")] == [0.161, 0.202]
    assert round(scores(printed, "regret")[0], 2) == 3.90


def test_asaps_mean_correlation_is_not_told_from_zero():
    r = dsim.evaluate("asap-published", "asap-dsc", interval="percentile").judgement.scores["pearson"]
    assert (round(r.low, 2), round(r.high, 2)) == (-0.07, 0.34)


def test_asaps_regret_stands_beside_that_of_random_and_of_one_fixed_source(asap):
    regrets = {other.name: round(other.scores["regret"].value, 1) for other in asap.baselines}
    assert (regrets["random"], regrets["best fixed source"]) == (28.9, 18.1)
    fixed = next(other for other in asap.baselines if other.name == "best fixed source")
    assert set(fixed.selected) == {("Fluo-N2DL-HeLa",)}


@pytest.mark.parametrize(
    ("distances", "self_pairs", "pearson", "spearman"),
    [
        ("cats-experts", "include", 0.238, 0.2913),
        ("cats-experts", "exclude", 0.292, 0.2279),
        ("cats-task2vec", "include", -0.109, 0.0135),
        ("cats-task2vec", "exclude", -0.173, -0.1047),
    ],
)
def test_the_cats_papers_r_is_of_distance_and_pearsons_with_self_pairs(distances, self_pairs, pearson, spearman):
    found = dsim.evaluate(distances, "cats-auc", self_pairs=self_pairs)
    assert int(found.counted.sum()) == (24 if self_pairs == "include" else 21)
    # The paper's r is of distance, the judge's of nearness.
    r, rho = (-value for value in scores(found, "pooled_pearson", "pooled_spearman"))
    assert round(r, 3) == pearson
    assert rho == pytest.approx(spearman, abs=6e-5)
    assert f"{pearson:.3f}" in found.judgement.scores["pooled_pearson"].note


def test_imagenet_is_best_for_every_target_of_the_cats_paper():
    found = dsim.evaluate("cats-experts", "cats-auc")
    assert next(other for other in found.baselines if other.name == "ImageNet").scores["top1"].value == 1


def test_one_command_prints_the_published_row(tmp_path, capsys):
    assert run(["evaluate", "asap-published", "--truth", "asap-dsc", "--out", str(tmp_path)]) == 0
    rows = {line.split("│")[1].strip(): line for line in capsys.readouterr().out.splitlines() if line.startswith("│")}
    said = {"mean Pearson": "0.148", "mean Spearman (RCI)": "0.185", "top-1": "75.00 %", "top-2": "83.33 %"}
    for score, value in {**said, "top-3": "83.33 %", "mean regret": "3.90 %"}.items():
        assert f" {value} " in rows[score]
    assert (tmp_path / "evaluation.json").exists()


def test_one_command_prints_both_correlations_of_the_cats_paper_in_its_sign(tmp_path, capsys):
    command = ["evaluate", "cats-experts", "cats-task2vec", "--truth", "cats-auc", "--self", "include", "--json"]
    assert run([*command, "--out", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    values = [
        result["judgement"]["scores"]["pooled_pearson"]["value"] for result in json.loads(captured.out)["results"]
    ]
    assert [round(value, 3) for value in values] == [-0.238, 0.109]
    for correlation in ("0.238", "-0.109", "0.291", "0.014"):
        assert f"distance and transferability is {correlation}" in captured.err


def test_the_tables_of_the_page_are_those_that_the_benchmark_prints(tmp_path):
    page = ROOT / "docs" / "reproduction.md"
    copy = tmp_path / "page.md"
    copy.write_text(page.read_text("utf-8"), encoding="utf-8")
    subprocess.run([sys.executable, ROOT / "benchmarks" / "reproduction.py", copy], check=True)
    assert copy.read_text("utf-8") == page.read_text("utf-8"), "run benchmarks/reproduction.py docs/reproduction.md"
