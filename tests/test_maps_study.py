"""The study of maps: runs that can be carried out, tables that say what is stored, a page that shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import dsim
from dsim.learning import VIEW_POLICIES
from dsim.registry import default

Load = Callable[[str], ModuleType]


@pytest.fixture(scope="module")
def study(parts_of: Callable[[str], AbstractContextManager[Load]]) -> Iterator[Load]:
    with parts_of("maps") as load:
        yield load


def test_every_run_has_a_name_of_its_own_and_parameters_that_there_are(study: Load) -> None:
    design, spec = study("design"), default().trainer_spec("t-simcne")
    assert len({run.name for run in design.RUNS}) == len(design.RUNS)
    assert {run.set for run in design.RUNS} == set(design.SETS) == set(design.ADVISED)
    for run in design.RUNS:
        if run.method == design.TSIMCNE:
            spec.values(design.training_settings(run), "quick")
    assert set(design.ROTATIONS.values()) <= set(VIEW_POLICIES)


def test_the_most_important_runs_come_first(study: Load) -> None:
    design = study("design")
    first = [run.label for run in design.RUNS[:3]]
    assert first == ["t-simcne, rotations any", "t-simcne, rotations none", "pixels+tsne"]


def small_set() -> dsim.data.Dataset:
    """Three colours in six groups: maps of their features separate them."""
    rng = np.random.default_rng(0)
    levels = np.repeat([40, 120, 200], 30)[:, None, None, None]
    images = np.clip(levels + rng.normal(0, 4, (90, 12, 12, 3)), 0, 255).astype(np.uint8)
    return dsim.from_arrays(
        images, labels=np.repeat([*"abc"], 30).tolist(), groups=[*"uvwxyz"] * 15, name="chula_rbc12_cls"
    )


def test_a_queue_goes_on_where_it_stopped_and_passes_over_what_fails(
    study: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    design, runs = study("design"), study("runs")
    monkeypatch.setattr(runs, "open_set", lambda data, name: small_set())
    monkeypatch.setattr(runs, "lay_out", lambda features, layout, seed: features[:, :2])
    queue = [run for run in design.RUNS if run.label in ("pixels+tsne", "dino+tsne") and run.set == design.CELLS][:4]
    assert [run.method for run in queue] == ["pixels+tsne"] * 3 + ["dino+tsne"]
    runs.run_queue(queue[:1], tmp_path, tmp_path, None)
    stored = runs.path_of(queue[0], tmp_path)
    before = stored.read_bytes(), stored.stat().st_mtime_ns
    runs.run_queue([queue[0], queue[3], queue[1]], tmp_path, tmp_path, None)
    assert (stored.read_bytes(), stored.stat().st_mtime_ns) == before
    assert runs.path_of(queue[1], tmp_path).is_file()
    assert not runs.path_of(queue[3], tmp_path).is_file()
    assert "FAILED" in (tmp_path / "progress.txt").read_text("utf-8")


def test_results_and_tables_say_what_the_points_give(
    study: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    design, runs, results, tables = (study(name) for name in ("design", "runs", "results", "tables"))
    dataset = small_set()
    for part in (runs, results):
        monkeypatch.setattr(part, "open_set", lambda data, name: dataset)
    monkeypatch.setattr(results, "PATH", tmp_path / "results.json")
    apart = np.repeat([0.0, 50.0, 100.0], 30)[:, None] + np.random.default_rng(1).normal(size=(90, 2))
    mixed = np.random.default_rng(2).normal(size=(90, 2))
    for label, points in ((results.ANY, apart), (results.NONE, mixed)):
        monkeypatch.setitem(runs._MAKERS, design.TSIMCNE, lambda *_, points=points: (points, {}))
        queue = [run for run in design.RUNS if run.set == design.CELLS and run.label == label][:2]
        runs.run_queue(queue, tmp_path, tmp_path, None)
    results.write_results(tmp_path, tmp_path)
    found = results.read_results()["sets"][design.CELLS]
    better, worse = found["rows"]
    assert better["knn"]["value"] == better["balanced"]["value"] == 1.0
    assert worse["knn"]["high"] < 0.6
    assert better["overlap"] == 1.0
    assert better["procrustes"] == pytest.approx(0, abs=1e-6)
    (contrast,) = found["contrasts"]
    assert contrast["clear"]
    assert contrast["difference"] == pytest.approx(1 - worse["knn"]["value"], abs=2e-4)
    blocks = tables.blocks(results.read_results())
    assert "| t-simcne, rotations any | 2 | 100.0" in blocks["cells"]
    assert "**+" in blocks["cells differences"]


def test_the_page_shows_the_stored_results(study: Load) -> None:
    results, tables = study("results"), study("tables")
    if not results.PATH.is_file():
        pytest.skip("the study has no stored results yet")
    page = tables.PAGE.read_text("utf-8")
    assert tables.filled(page, tables.blocks(results.read_results())) == page
