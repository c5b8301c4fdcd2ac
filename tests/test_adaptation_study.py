"""The study of adaptation: nested annotations apart from what is scored, and figures that follow from the cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dsim.data import Dataset

Load = Callable[[str], ModuleType]


@pytest.fixture(scope="module")
def study(parts_of: Callable[[str], AbstractContextManager[Load]]) -> Iterator[Load]:
    with parts_of("adaptation") as load:
        yield load


def cell(target: str, count: int, tested: dict[str, float], test: dict[str, float]) -> dict[str, Any]:
    return {
        "target": target,
        "count": count,
        "draw": 0,
        "best": [0.9, 0.1],
        "candidates": [0.3, 0.5],
        "tested": {way: [value] * count for way, value in tested.items()},
        "test": {way: [value, value] for way, value in test.items()},
    }


def test_annotated_images_are_nested_and_never_scored(study: Load, discs: Callable[..., Dataset]) -> None:
    target = discs(n=40, groups=[str(index // 4) for index in range(40)])
    case = study("design").make_case(target, 0)
    assert not set(case.order) & set(case.scored)
    assert {target.groups[i] for i in case.order}.isdisjoint(target.groups[i] for i in case.scored)  # type: ignore[index]
    assert set(case.shown(3).annotated) < set(case.shown(10).annotated)
    assert len(case.shown(3).annotated) == 3
    assert study("design").make_case(target, 1).order != case.order


def test_what_adapt_takes_follows_from_the_tested_images_and_from_other_targets(study: Load) -> None:
    tables = study("tables")
    ways = {"apply": 0.5, "vote": 0.5, "finetune": 0.9, "scratch": 0.4}
    misled = cell("a", 3, ways, {"apply": 0.8, "vote": 0.7, "finetune": 0.6, "scratch": 0.5, "random": 0.2})
    others = [
        cell(name, 3, ways, {**ways, "finetune": 0.5 + lead, "random": 0.2})
        for name, lead in zip("bc", (0.1, 0.3), strict=True)
    ]
    cells = [misled, *others]
    assert tables.usual_leads(cells, 3, without="a")["finetune"][0] == pytest.approx(0.2)
    assert tables.chosen_way(misled, cells) == "finetune"
    values = tables.curve_of(misled, cells)
    assert (values["adapt"], values["best way"], values["best model"]) == pytest.approx((60, 80, 50))


def test_figures_are_means_over_targets(study: Load) -> None:
    tables = study("tables")
    ways = {"apply": 0.5, "vote": 0.5, "finetune": 0.9, "scratch": 0.4}
    cells = [
        cell(name, 3, ways, {**ways, "finetune": dice, "random": 0.2})
        for name, dice in zip("abc", (0.9, 0.8, 0.7), strict=True)
    ]
    rows = tables.summary(cells, 3, {"a": 50.0, "b": 50.0, "c": 50.0})
    assert rows["adapt"][0] == pytest.approx(80)
    assert rows["adapt over random"][0] == pytest.approx(60)
    assert rows["adapt over today"][0] == pytest.approx(30)
    assert rows["adapt behind best way"][0] == pytest.approx(0)


def test_the_picture_shows_every_target(study: Load, tmp_path: Path) -> None:
    ways = {"apply": 0.5, "vote": 0.5, "finetune": 0.9, "scratch": 0.4}
    cells = [cell(name, count, ways, {**ways, "random": 0.2}) for name in "abcd" for count in (3, 10)]
    study("picture").draw({"cells": cells, "all": {"a": 90.0}}, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 10_000


def test_today_is_known_for_every_target(study: Load) -> None:
    found = study("tables").today()
    assert len(found) == 16
    assert 40 < sum(found.values()) / 16 < 60
