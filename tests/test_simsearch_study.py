"""The study of SimSearch: tasks and settings that there are, tables that say what is stored, a page that shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dsim.files.documents import check

Load = Callable[[str], ModuleType]


@pytest.fixture(scope="module")
def study(parts_of: Callable[[str], AbstractContextManager[Load]]) -> Iterator[Load]:
    with parts_of("simsearch") as load:
        yield load


def estimate(value: float, spread: float | None = 0.1) -> dict[str, Any]:
    bounds = {"low": None, "high": None} if spread is None else {"low": value - spread, "high": value + spread}
    return {"value": value, **bounds, "note": ""}


def score(method: str, value: float, prototypes: int = 5, negatives: int = 5, **more: Any) -> dict[str, Any]:
    counts = {"prototypes": prototypes, "negatives": negatives, "repeats": 2, "trainings": 1, "clicks": 31.0}
    areas = {"average_precision": estimate(value), "trapezoid": estimate(value + 0.01), "sd_repeats": 0.03}
    return {"class": "RBC", "method": method, **counts, **areas, "seconds": 61.0, **more}


def documents(study: Load) -> dict[str, Any]:
    tables, design = study("tables"), study("design")
    settings = {"search": design.SEARCHES["default"].to_dict()}
    rows = [score("similarity", 0.71, negatives=0), score("template matching", 0.45, negatives=0), score("k-NN", 0.66)]
    counts = {"class": "RBC", "prototypes": 5, "negatives": 5, "repeats": 2}
    contrasts = [
        {**counts, "question": "does re-ranking help?", "difference": estimate(-0.08)},
        {**counts, "question": "does it beat template matching?", "difference": estimate(0.26)},
        {**counts, "question": "do negatives help?", "difference": estimate(0.5, None)},
    ]
    choice = [
        {"class": "RBC", "method": "similarity", "prototypes": count, "negatives": 0, "sd": 0.4 / count}
        for count in (5, 10)
    ]
    untrained = {"settings": settings, "scores": rows, "contrasts": contrasts[:2], "choice": choice}
    trained = {"settings": settings, "scores": [score("Pos+Neg", 0.62)], "contrasts": contrasts[2:], "choice": []}
    return {
        tables.name_document("untrained", "bccd-rbc"): untrained,
        tables.name_document("untrained", "bccd-rbc", "no whitening"): {
            **untrained,
            "scores": [score("similarity", 0.6)],
        },
        tables.name_document("trained", "bccd-rbc"): trained,
    }


def test_settings_differ_from_the_default_and_images_of_settings_are_never_tested(study: Load) -> None:
    design = study("design")
    others = [search for name, search in design.SEARCHES.items() if name != "default"]
    assert design.DEFAULT not in others
    assert len(set(others)) == len(others)
    for task in design.TASKS.values():
        names = (design.HERE / task.settings_images).read_text("utf-8").split()
        assert len(set(names)) == len(names) > 20


@pytest.mark.slow
def test_tasks_of_real_data_test_on_no_image_that_settings_were_chosen_on(study: Load, real_data: Path) -> None:
    design = study("design")
    for name, task in design.TASKS.items():
        problem = design.pose(name, real_data)
        seen = set((design.HERE / task.settings_images).read_text("utf-8").split())
        ids = problem.annotated.dataset.ids
        assert seen <= set(ids)
        assert not seen & {ids[image] for image in problem.test}


@pytest.mark.slow
def test_the_default_beats_template_matching_on_red_cells(study: Load, real_data: Path, tmp_path: Path) -> None:
    from dsim.runtime import Runtime
    from dsim_simsearch.study.cells import find_methods
    from dsim_simsearch.study.run import Plan, run_study

    design = study("design")
    plan = Plan(find_methods(["similarity", "template matching"]), (5,), (0,), 2, 1)
    problem = design.pose("bccd-rbc", real_data, 10)
    found = run_study(problem, plan, design.settings("default"), tmp_path, Runtime(device="cpu"))
    scores = {row["method"]: row["average_precision"]["value"] for row in found["scores"]}
    assert scores["similarity"] > scores["template matching"] + 0.05


def test_tables_say_what_is_stored(study: Load) -> None:
    tables, found = study("tables"), documents(study)
    searches = tables.search_table(found).splitlines()
    assert searches[2].startswith("| default | 0.71 (0.61 to 0.81) |")
    assert searches[3].startswith("| no whitening | 0.60 (0.50 to 0.70) |")
    assert searches[-1].startswith("| template matching | 0.45 (0.35 to 0.55) |")
    assert "| RBC | k-NN | 5 | 5 | 0.66 (0.56 to 0.76) | 31 |" in tables.head_table(found)
    assert "| RBC | Pos+Neg | 5 | 5 | 0.62 (0.52 to 0.72) | 0.63 | 0.03 | 2 | 61 |" in tables.training_table(found)
    assert "| RBC | similarity |  | 0.080 | 0.040 |" in tables.choice_table(found)


def test_differences_are_bold_where_their_interval_leaves_out_nothing(study: Load) -> None:
    rows = study("tables").contrast_table(documents(study))
    assert "| does re-ranking help? | RBC | 5 | 5 | 2 | -0.08 (-0.18 to +0.02) |" in rows
    assert "| **+0.26 (+0.16 to +0.36)** |" in rows
    assert "| do negatives help? | RBC | 5 | 5 | 2 | +0.50 |" in rows


def test_aims_stand_beside_what_was_measured(study: Load) -> None:
    rows = study("tables").aim_table(documents(study)).splitlines()
    assert rows[2] == "| RBC, 5 prototypes, no training | 0.60 | 0.71 (0.61 to 0.81) |"
    assert rows[3] == "| RBC, Pos+Neg, P 5, N 5 | 0.75 | 0.62 (0.52 to 0.72) |"


def test_stored_results_hold_to_their_schema(study: Load) -> None:
    for name, document in study("tables").stored().items():
        check(document, "dsim.roi-study/1", name, "run the study again")


def test_the_page_shows_the_stored_results(study: Load) -> None:
    tables = study("tables")
    page = tables.PAGE.read_text("utf-8")
    assert tables.filled(page, tables.blocks(tables.stored())) == page
    with pytest.raises(LookupError, match="other"):
        tables.filled("<!-- table: other -->\n<!-- end -->", tables.blocks({}))
