"""Tables of studies fit 80 columns, with long names and every column that a study can have."""

from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len

from dsim_asap.studies import tables

NAMES = [f"images_of_the_department_of_pathology_{year}" for year in range(2016, 2020)]
MEAN = {"mean": 0.123456, "sd": 0.0456, "low": 0.1, "high": 0.2, "n": 5}
SHARE = {"share": 0.95, "low": 0.9, "high": 0.975}
SCORES = ("pearson", "spearman", "top1", "top2", "top3", "regret")


def ablation() -> dict[str, Any]:
    names = ("eqc", "eqc_validation", *SCORES, "training_seconds", "images_per_second", "embedding_seconds")
    score = {name: {"value": 0.5} for name in SCORES}
    variant = {"mean": dict.fromkeys(names, MEAN), "gmac": 12.3456, "parameters": 11_234_567, "embedded": 1234}
    contrast = {"p": 0.03, "low": -0.1, "high": 0.2}
    return {
        "judge": {
            "truth": "biomed16-dsc",
            "unit": "%",
            "targets": NAMES,
            "ceiling": score,
            "baselines": {"random": score},
        },
        "seeds": [0, 1],
        "sources": NAMES,
        "reference": "the reference of this study",
        "variants": [{**variant, "title": name, "runs": [{"epochs": 12}]} for name in NAMES],
        "eqc_contrasts": [{"second": name, "mean": 0.1, "n": 5, **contrast} for name in NAMES],
        "contrasts": [
            {"second": name, "score": score, "difference": 0.12, "targets": 16, **contrast}
            for name in NAMES
            for score in SCORES
        ],
    }


def tuning() -> dict[str, Any]:
    over = ("learning_rate", "weight_of_style", "weight_of_reconstruction", "layers")
    setting = {**dict.fromkeys(over[:3], 0.000123), "layers": [64.0, 128.0, 256.0]}
    trials = [{"setting": setting, "eqc": 0.123, "seconds": 12.3, "reason": ""}] * 3
    failed = {"setting": setting, "eqc": None, "seconds": None, "reason": "the loss was not finite in epoch 3: " * 3}
    finalists = [{"role": "reference", "setting": setting, "eqc": MEAN}]
    return {"trials": [*trials, failed], "over": over, "seed": 0, "finalists": finalists}


def coherence() -> dict[str, Any]:
    row = {"images": 1234, "groups": 12, "by_centre": SHARE, "by_mean_distance": SHARE, "inside_own": SHARE}
    far = {"spread": 1.23, "spread_over_median": 2.34, "spread_over_widest": 1.02, "inside": SHARE}
    foreign = {name: {"images": 12, "trained_on": False, **far} for name in NAMES}
    return {"model": NAMES[0], "unseen": dict.fromkeys(NAMES, row), "all_unseen": row, "foreign": foreign}


def robustness() -> dict[str, Any]:
    quantities = ("spearman", "same_nearest", "regret", "top1")
    curves = [{"measure": name, "share": 0.05, **dict.fromkeys(quantities, MEAN)} for name in NAMES]
    return {"quantities": quantities, "seeds": [0, 1], "curves": curves}


def strays() -> dict[str, Any]:
    numbers = dict.fromkeys(("strength", "own", "p_own", "other", "p_other"), 0.00123)
    return {"dataset": NAMES[0], "strays": [{"id": name, "nearest": name, **numbers} for name in NAMES]}


def placement() -> dict[str, Any]:
    row = {"mean_distance": 1.234, "centre_rank": 1, "p": 0.0123}
    datasets = [{"rank": rank, "dataset": name, **row} for rank, name in enumerate(NAMES)]
    return {"images": [{"given": NAMES[0], "alone": False, "id": NAMES[1], "datasets": datasets}]}


def a_map() -> dict[str, Any]:
    datasets = [{"name": name, "role": "source", "modality": "stained histology", "images": 1234} for name in NAMES]
    return {"datasets": datasets, "mean_distances": [[1.234] * 4] * 4, "told": NAMES[0], "eqc": {"paper": 0.123}}


@pytest.mark.parametrize(
    ("show", "document"),
    [
        (tables.show_ablation, ablation()),
        (tables.show_tuning, tuning()),
        (tables.show_coherence, coherence()),
        (tables.show_robustness, robustness()),
        (tables.show_strays, strays()),
        (lambda document: tables.show_placement(document, 3), placement()),
        (tables.show_map, a_map()),
    ],
    ids=["ablation", "tuning", "coherence", "robustness", "strays", "placement", "map"],
)
def test_tables_of_a_study_fit_80_columns(show, document, capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    show(document)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if cell_len(line) > 80] == []
    assert sum(line.startswith("│") for line in lines) >= 3
