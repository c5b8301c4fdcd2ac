"""A result shows itself: short in a prompt, as a table in a notebook, as a figure, as a report; names are only text."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import dsim
from dsim.data.phantoms import open_phantom
from dsim.errors import DataError, UsageError
from dsim.evaluation import evaluate
from dsim.measures import Bounds, Likeness, Resemblance
from dsim.recommend import recommend
from dsim.truth import open_truth

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def matrix() -> dsim.SimilarityMatrix:
    pool = [open_phantom(name, count=4, size=32) for name in ("fundus", "xray")]
    hostile = open_phantom("xray-bedside", count=4, size=32).renamed("<b>mine</b>")
    return dsim.compare(pool, [hostile], measure="cc:size=32")


@pytest.fixture(scope="module")
def evaluation():
    return evaluate("asap-published", "asap-dsc", resamples=100)


def test_a_matrix_says_in_one_short_line_what_it_is(matrix):
    line = repr(matrix)
    assert "\n" not in line
    assert len(line) < 200
    assert "array" not in line
    for part in ("cc@", "2 sources", "1 target", "xray is nearest"):
        assert part in line
    assert "1. xray" in str(matrix)
    assert "2. fundus" in str(matrix)


def test_the_best_source_is_named_and_the_target_where_there_are_several(matrix):
    assert matrix.best("<b>mine</b>") == matrix.best() == "xray"
    with pytest.raises(DataError, match="<b>mine</b>"):
        matrix.best("mine")
    pool = [open_phantom(name, count=4, size=32) for name in ("fundus", "xray")]
    with pytest.raises(UsageError, match="2 targets") as caught:
        dsim.compare(pool, measure="cc:size=32").best()
    assert "fundus, xray" in caught.value.hint


@pytest.mark.parametrize("kind", ["matrix", "truth", "evaluation", "recommendation"])
def test_a_notebook_gets_a_table_whose_names_are_text(matrix, evaluation, kind):
    shown = {"matrix": matrix, "truth": open_truth("asap-dsc"), "evaluation": evaluation}.get(kind)
    if kind == "recommendation":
        rng = np.random.default_rng(0)
        near, far, target = (dsim.from_arrays(features=rng.normal(m, 1, (8, 2)), name=f"at{m}") for m in (0, 9, 1))
        shown = recommend(target.renamed("<b>mine</b>"), [near, far], measure="energy", bootstrap=0)
    html = shown._repr_html_()
    assert html.count("<table") == html.count("</table>") == 1
    assert "<b>" not in html
    assert len(repr(shown)) < 300
    assert "\n" not in repr(shown)


def test_the_best_source_of_each_target_is_strong_and_a_failed_cell_says_why(matrix):
    values = matrix.values.copy()
    values[0, 0] = np.nan
    broken = dsim.SimilarityMatrix(**{**vars(matrix), "values": values, "notes": (("it <broke>",), ("",))})
    html = broken._repr_html_()
    assert re.search(r"<th[^>]*>(<bdi>)?xray", html)
    assert html.count("<td><strong>") == 1
    assert "failed" in html
    assert "it &lt;broke&gt;" in html
    assert "1 cell failed" in repr(broken)


def test_figures_can_be_shown_and_written(matrix, evaluation, tmp_path):
    figures = [open_truth("asap-dsc").plot(), evaluation.plot(), evaluation.plot_ranks(), evaluation.plot_regret()]
    assert {type(figure).__name__ for figure in figures} == {"Figure"}
    assert matrix.plot()._repr_png_().startswith(PNG)
    matrix.plot(tmp_path / "heat.png")
    matrix.plot(str(tmp_path / "heat.svg"))
    assert (tmp_path / "heat.png").read_bytes().startswith(PNG)
    assert "<svg" in (tmp_path / "heat.svg").read_text()
    with pytest.raises(UsageError, match=r"heat\.gif"):
        matrix.plot(tmp_path / "heat.gif")


def test_a_map_is_drawn_of_a_measure_that_embeds_and_refused_with_the_fix_elsewhere(matrix, tmp_path):
    with pytest.raises(UsageError, match="cc@") as caught:
        matrix.plot_embedding()
    assert "asap" in caught.value.hint
    assert "no points" in caught.value.message
    clouds = {name: np.random.default_rng(0).normal(size=(4, 2)) for name in (*matrix.sources, *matrix.targets)}
    embedded = dsim.SimilarityMatrix(**{**vars(matrix), "clouds": clouds})
    embedded.plot_embedding(tmp_path / "map.png")
    assert (tmp_path / "map.png").read_bytes().startswith(PNG)
    recorded = dsim.SimilarityMatrix(**{**vars(matrix), "provenance": {"embedding": {}}})
    with pytest.raises(UsageError) as caught:
        recorded.plot_embedding()
    assert "compare" in caught.value.hint
    assert "asap" not in caught.value.hint, "it embeds already"


def test_the_report_of_a_matrix_is_one_page_with_images_that_lie_in_memory(matrix, tmp_path):
    rng = np.random.default_rng(0)
    pool = [dsim.from_arrays(rng.integers(0, 255, (3, 32, 32), np.uint8), name=name) for name in ("a", "b", "c")]
    found = dsim.compare(pool[:2], pool[2:], measure="cc:size=32")
    assert found.report(tmp_path / "bare.html") == tmp_path / "bare.html"
    found.report(tmp_path / "with.html", pool)
    bare, full = ((tmp_path / f"{name}.html").read_text("utf-8") for name in ("bare", "with"))
    assert full.count("<img") > bare.count("<img")
    assert "data:image" in full
    with pytest.raises(UsageError, match=r"page\.pdf"):
        found.report(tmp_path / "page.pdf")


def test_the_best_source_of_a_truth_is_the_one_that_served_best(tmp_path: Path):
    truth = dsim.TransferMatrix(
        "mine", "DSC", "%", ("a", "b", "t"), ("t",), [[[60.0]], [[40.0]], [[90.0]]], (0, 100), repetition=""
    )
    assert truth.best("t") == truth.best() == "a", "a dataset is no source for itself"
    with pytest.raises(DataError, match="u"):
        truth.best("u")


def test_where_no_source_resembles_the_target_every_form_says_so(matrix):
    verdict = matrix.verdicts["<b>mine</b>"]
    far = replace(verdict, resemblance=Resemblance(Likeness.NONE, "energy@1", 7.0, 15, Bounds(2.0, 3.0)))
    unlike = replace(matrix, verdicts={"<b>mine</b>": far})
    assert "none resembles it" in repr(unlike)
    for text in (str(unlike), unlike._repr_html_()):
        assert "None of these 2 sources resembles" in text
