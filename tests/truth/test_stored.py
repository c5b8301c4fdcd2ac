"""The stored truths and distances: made from the transcriptions alone, and the papers' figures come out of them.

Figures are computed here with scipy and numpy, without the evaluator.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import jsonschema
import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from dsim.evaluation import BY_NAME
from dsim.measures import SimilarityMatrix
from dsim.registry import Direction
from dsim.truth import distance_names, open_distances, open_truth, published, truth_names

ROOT = Path(__file__).parents[2]
TRANSCRIPTIONS = ROOT / "benchmarks" / "transcriptions"
ASAP = {"asap-dsc": "asap-published", "asap-dsc-printed": "asap-published-printed"}


@pytest.fixture(scope="module")
def maker(program: Callable[[str], ModuleType]) -> ModuleType:
    return program("published_tables")


def printed(name: str) -> dict[tuple[str, str], float]:
    """Cells of one half of Table 4 by (source, target), read without dsim: rows are targets."""
    with open(TRANSCRIPTIONS / f"{name}.csv", newline="", encoding="utf-8") as file:
        return {
            (source, line["target"]): float(value)
            for line in csv.DictReader(file)
            for source, value in line.items()
            if source != "target"
        }


def test_what_is_stored_is_what_the_script_makes_of_the_transcriptions(maker):
    assert maker.stale() == [], "run: python benchmarks/published_tables.py"


def test_a_changed_number_is_seen(maker, monkeypatch, tmp_path):
    (tmp_path / "truth" / "asap-dsc").mkdir(parents=True)
    text = (ROOT / "benchmarks" / "truth" / "asap-dsc" / "truth.json").read_text("utf-8")
    (tmp_path / "truth" / "asap-dsc" / "truth.json").write_text(text.replace("62.77", "62.78"), encoding="utf-8")
    monkeypatch.setattr(maker, "ROOT", tmp_path)
    assert "truth/asap-dsc/truth.json" in maker.stale()


def test_every_name_is_reachable():
    assert {"asap-dsc", "asap-dsc-printed", "cats-auc"} <= set(truth_names())
    assert {"asap-published", "asap-published-printed", "cats-experts", "cats-task2vec"} <= set(distance_names())


@pytest.mark.parametrize("name", truth_names())
def test_a_truth_is_stored_under_its_own_name(name):
    assert open_truth(name).name == name


@pytest.mark.parametrize(("truth", "distances"), ASAP.items())
def test_asap_is_transposed_and_differs_from_the_print_in_the_told_cells_only(truth, distances):
    scores, matrix = open_truth(truth), open_distances(distances)
    dsc, distance = printed("asap_table4_dsc"), printed("asap_table4_distance")
    assert (len(scores.sources), len(scores.targets)) == (9, 12)
    assert "HAM10000" in scores.sources
    assert "ISIC2017" in scores.targets
    assert (matrix.sources, matrix.targets) == (scores.sources, scores.targets)
    pairs = [(source, target) for source in scores.sources for target in scores.targets]
    changed = {pair for pair in pairs if scores.restrict(*map(list, zip(pair))).mean[0, 0] != dsc[pair]}
    farther = {pair for pair in pairs if matrix.value(*pair) != distance[pair]}
    corrected = truth == "asap-dsc"
    assert changed == ({("MoNuSeg", "LIVECell"), ("MoNuSeg", "RIGA"), ("PanNuKe", "RIGA")} if corrected else set())
    assert farther == ({("MoNuSeg", "LUMINOUS")} if corrected else set())


def test_the_misprints_are_corrected_and_told():
    truth, matrix = open_truth("asap-dsc"), open_distances("asap-published")
    assert truth.to_frame().loc["MoNuSeg", "LIVECell"] == 52.58
    assert matrix.value("MoNuSeg", "LUMINOUS") == 8.2
    assert open_truth("asap-dsc-printed").to_frame().loc["MoNuSeg", "LIVECell"] == 13.02
    assert open_distances("asap-published-printed").value("MoNuSeg", "LUMINOUS") == 7.08
    told = [(cell["source"], cell["target"]) for cell in truth.provenance["corrections"]]
    assert told == [("MoNuSeg", "LIVECell"), ("MoNuSeg", "RIGA"), ("PanNuKe", "RIGA")]
    assert open_truth("asap-dsc-printed").provenance["corrections"] == []


def scores_of(truth: str, distances: str) -> dict[str, float]:
    """Table 3's scores of the distances, mean over targets."""
    near = -open_distances(distances).values.T
    scores = open_truth(truth).mean.T
    pairs = list(zip(near, scores, strict=True))
    ranks = [int((a > a[b.argmax()]).sum()) for a, b in pairs]
    return {
        "pearson": float(np.mean([pearsonr(a, b)[0] for a, b in pairs])),
        "spearman": float(np.mean([spearmanr(a, b)[0] for a, b in pairs])),
        **{f"top{k}": float(np.mean([rank < k for rank in ranks])) for k in (1, 2, 3)},
        "regret": float(np.mean([b.max() - b[a.argmax()] for a, b in pairs])),
    }


def test_table_3_comes_out_of_table_4_as_corrected():
    found = scores_of("asap-dsc", "asap-published")
    (row,) = [row for row in published("asap-dsc") if row["measure"] == "ASAP"]
    for score in ("pearson", "spearman"):
        assert round(found[score], 3) == row["published"][score]
    for score in ("top1", "top2", "top3"):
        assert round(found[score], 4) == row["published"][score]
    # The paper cuts 3.897 off to 3.89.
    assert found["regret"] == pytest.approx(3.8975)
    assert found["pearson"] == pytest.approx(0.1478, abs=5e-5)
    assert found["spearman"] == pytest.approx(0.1847, abs=5e-5)


def test_as_printed_the_tables_contradict_each_other():
    found = scores_of("asap-dsc-printed", "asap-published-printed")
    assert found["pearson"] == pytest.approx(0.1607, abs=5e-5)
    assert found["spearman"] == pytest.approx(0.2022, abs=5e-5)
    assert (found["top1"], found["regret"]) == (0.75, pytest.approx(3.8975))


def test_with_the_two_misprints_alone_the_tie_of_riga_would_change_the_rank_correlation():
    truth = open_truth("asap-dsc")
    scores = np.round(truth.mean, 2).T
    near = -open_distances("asap-published").values.T
    tied = np.mean([spearmanr(a, b)[0] for a, b in zip(near, scores, strict=True)])
    assert tied == pytest.approx(0.1856, abs=5e-5)


def test_a_random_source_and_the_best_fixed_one_cost_what_is_known():
    scores = open_truth("asap-dsc").mean
    regret = scores.max(axis=0) - scores
    assert regret.mean() == pytest.approx(28.9, abs=0.05)
    best = int(scores.mean(axis=1).argmax())
    assert open_truth("asap-dsc").sources[best] == "Fluo-N2DL-HeLa"
    assert regret[best].mean() == pytest.approx(18.1, abs=0.05)


CATS = {
    # r and rho of the distance (not its negative) with transferability: with self pairs, without.
    "cats-experts": (0.2378, 0.2913, 0.2919, 0.2279),
    "cats-task2vec": (-0.1092, 0.0135, -0.1728, -0.1047),
}


@pytest.mark.parametrize(("name", "expected"), CATS.items())
def test_the_correlations_of_the_cats_paper_come_out_with_self_pairs(name, expected):
    truth, matrix = open_truth("cats-auc"), open_distances(name)
    assert (matrix.sources, matrix.targets) == (truth.sources, truth.targets)
    gain = truth.transferability
    assert gain is not None
    found = []
    for counted in (~np.isnan(gain), ~np.isnan(gain) & ~matrix.same):
        distance, transferred = matrix.values[counted], gain[counted]
        found += [pearsonr(distance, transferred)[0], spearmanr(distance, transferred)[0]]
    assert found == pytest.approx(expected, abs=6e-5)
    (row,) = [row for row in published("cats-auc") if name == f"cats-{row['measure'].lower()}"]
    assert f"{found[0]:.2f}" == row["printed"]["pooled r of distance"]
    assert row["published"] == {"pooled_pearson": pytest.approx(-found[0], abs=5e-3)}


def test_cats_has_folds_a_baseline_from_its_self_pairs_imagenet_and_sizes():
    truth = open_truth("cats-auc")
    assert (truth.repetition, truth.repetitions, truth.imagenet) == ("fold", 5, "ImageNet")
    assert truth.baseline is not None
    for column, target in enumerate(truth.targets):
        np.testing.assert_array_equal(truth.baseline[column], truth.values[truth.sources.index(target), column])
    gain = truth.transferability
    assert gain is not None
    assert gain[~np.isnan(gain)].size == 24
    assert truth.datasets["ImageNet"].images == 1431167
    assert {(source, target) for source, target, _ in truth.missing} == {
        ("PCam-small", "PCam-middle"), ("KimiaPath960", "ISIC2018"), ("KimiaPath960", "Chest-Xray"),
    }  # fmt: skip
    assert all("not trained" in why or "not published" in why for _, _, why in truth.missing)


def test_images_of_asap_are_told_of_the_sources_alone():
    truth = open_truth("asap-dsc")
    assert {truth.datasets[name].images for name in truth.sources} == {51}
    assert {truth.datasets[name].images for name in truth.targets} == {0}


@pytest.mark.parametrize("name", distance_names())
def test_published_distances_are_whole_matrices_that_claim_nothing_more(name):
    schema = json.loads((ROOT / "docs" / "schema" / "dsim.matrix.1.schema.json").read_text("utf-8"))
    text = (ROOT / "benchmarks" / "distances" / name / "matrix.json").read_text("utf-8")
    jsonschema.Draft202012Validator(schema).validate(json.loads(text))
    matrix = SimilarityMatrix.from_json(text)
    assert matrix.measure == f"{name}@1"
    assert matrix.direction is Direction.DISTANCE
    assert matrix.low is None
    assert matrix.provenance["published"] is True
    assert matrix.provenance["conditions"] == []
    assert all(note for _, _, note in matrix.failed)
    for row, source in enumerate(matrix.sources):
        for column, target in enumerate(matrix.targets):
            assert matrix.same[row, column] == (source == target)
    for verdict in matrix.verdicts.values():
        told = "equally near" if verdict.clear is False else "not assessed: published without intervals"
        assert told in verdict.reason


def test_eqc_of_asap_is_that_of_table_3_and_said_to_be():
    embedding = open_distances("asap-published").provenance["embedding"]
    (row,) = [row for row in published("asap-dsc") if row["measure"] == "ASAP"]
    assert embedding["eqc"]["paper"] == row["published"]["eqc"] == 0.358
    assert "as printed in Table 3" in embedding["note"]


def test_table_3_is_whole_and_its_misprint_is_told():
    rows = {row["measure"]: row for row in published("asap-dsc")}
    assert len(rows) == 12
    assert all(set(row["published"]) <= set(BY_NAME) for row in rows.values())
    assert rows["OTDD"]["published"]["top3"] == 0.5
    assert rows["OTDD"]["printed"]["Top-3 acc. (%)"] == "0.5"
    assert "read as 50 %" in rows["OTDD"]["note"]
    assert rows["CC"]["published"]["top1"] == pytest.approx(0.3333)
    assert "eqc" not in rows["CC"]["published"]
    assert rows["Group of experts"]["published"] == {"top1": 0.3691, "top2": 0.6191, "top3": 0.7976, "regret": 15.26}


def test_nothing_is_published_on_a_truth_of_ones_own():
    assert published("mine") == []
    assert published("../truth/asap-dsc") == []
