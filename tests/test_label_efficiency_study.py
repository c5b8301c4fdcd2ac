"""The study of label efficiency: runs that can be trained, tables that say what is stored, a page that shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any

import pytest

from dsim.learning import VIEW_POLICIES
from dsim.registry import default

Load = Callable[[str], ModuleType]


@pytest.fixture(scope="module")
def study(parts_of: Callable[[str], AbstractContextManager[Load]]) -> Iterator[Load]:
    with parts_of("label_efficiency") as load:
        yield load


def document(name: str = "cells") -> dict[str, Any]:
    curve = {"order": "none", "classifier": "svm", "counts": [1, 25], "mean": [0.4, 0.61], "sd": [0.02, None]}
    contrast = {"order": "none", "second": "pixels", "count": 25, "difference": 0.1, "low": 0.05, "high": 0.15}
    run = {
        "run": f"lite0-{name}",
        "sets": {name: [420, "0123456789ab"]},
        "epochs": 3,
        "seconds": 120,
        "settings": {"size": 48, "local_size": 24, "views": "turned"},
        "last": {"loss": 2.0, "teacher_entropy": 0.2, "kl": 0.6, "initial_teacher_left": 0.01},
    }
    return {
        "name": name,
        "runs": [run],
        "curves": [{"extractor": "DINO, own images", **curve}, {"extractor": "pixels", **curve, "mean": [0.3, 0.51]}],
        "contrasts": [{**contrast, "clear": True}],
    }


def test_every_run_names_parameters_and_policies_that_there_are(study: Load) -> None:
    design, spec = study("design"), default().trainer_spec("dino")
    for run in design.RUNS:
        spec.values({**run.settings, "epochs": run.epochs}, "small")
        assert run.settings["views"] in VIEW_POLICIES
        assert set(run.sets) <= set(design.SETS)
    assert len({run.name for run in design.RUNS}) == len(design.RUNS)


def test_tables_say_what_is_stored(study: Load) -> None:
    tables = study("tables")
    found = document()
    rows = tables.extractor_table(found, "none").splitlines()
    assert rows[2] == "| DINO, own images | 0.40 (0.02) | 0.61 |"
    assert "**+10.0 (5.0 to 15.0)**" in tables.contrast_table(found, "none")
    table = tables.paper_table({"cells": found}, "none").splitlines()
    assert next(row for row in table if row.startswith("| 25 ")).endswith("| 0.51 (0.01) | 0.61 |")
    assert "| lite0-cells | 420 | 48/24 | turned | 3 | 2 |" in tables.run_table({"cells": found})


def test_a_page_gets_its_tables_and_one_that_asks_for_another_is_refused(study: Load) -> None:
    tables = study("tables")
    page = "before\n<!-- table: runs -->\nold\n<!-- end -->\nafter"
    assert tables.filled(page, {"runs": "new"}) == "before\n<!-- table: runs -->\nnew\n<!-- end -->\nafter"
    with pytest.raises(LookupError, match="runs"):
        tables.filled(page, {"other": ""})


def test_the_page_shows_the_stored_results(study: Load) -> None:
    tables = study("tables")
    if not tables.PAGE.is_file():
        pytest.skip("the page is not written yet")
    page = tables.PAGE.read_text("utf-8")
    assert tables.filled(page, tables.blocks(tables.stored())) == page
