"""The page of a recommendation: the model to take on the card, every model's interval drawn, and what that rests on."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from report_pages import Page

from dsim.cli.report import report, write_recommendation_report
from dsim.data import Dataset
from dsim.errors import DataError
from dsim.measures import SimilarityMatrix
from dsim.recommend import Tried, TriedModel
from dsim.report import Results, Step, make_report, open_results, recommended, to_html
from dsim.selection import Fit


@pytest.fixture
def tried() -> Tried:
    """Twenty models on xray-bedside; the last has an undefined signal."""
    one = TriedModel(
        "zoo:u.xray.r1", "xray", ("xray",), "lungs", 88.0, 0.81, 0.68, 0.9, 0.72, (0.8, 0.6), {"energy": 0.25}
    )
    odd = replace(one, name="<b>odd", marks="a & b", held_out=math.nan, signals={"energy": math.nan})
    others = (replace(one, name=f"other_{n}", expected=0.4, low=0.2, high=0.6, best=0.01) for n in range(18))
    return Tried(
        "xray-bedside", (one, odd, *others), ("a", "b"), 4, Fit.FITS, "it fits", ("It was right.",), ("c is left out",)
    )


@pytest.fixture
def results(matrices: tuple[SimilarityMatrix, ...], tried: Tried) -> Results:
    matrix = matrices[0]
    return Results((matrix,), (None,), tried=tried, advice=(Step("Apply it.", "dsim prelabel x"),))


def page_of(results: Results, datasets: Mapping[str, Dataset]) -> Page:
    return Page(to_html(make_report(results, datasets, steps=results.advice)))


def test_the_card_says_which_model_and_what_to_expect(results: Results, datasets: Mapping[str, Dataset]) -> None:
    page = page_of(results, datasets)
    assert page.faults == []
    said = page.said
    for part in ("0.81 (0.68 to 0.90)", "marks lungs", "from 2 annotated images", "It was right.", "c is left out"):
        assert part in said
    assert ("h2", "The models that were tried") in page.headings
    assert any("Which model for xray-bedside" in text for tag, text in page.headings if tag == "h1")


def test_intervals_are_drawn_on_a_scale_from_0_to_1(results: Results, datasets: Mapping[str, Dataset]) -> None:
    page = page_of(results, datasets)
    spans = [line for line in page.all("line") if line.get("class") == "span"]
    assert ("68%", "90%") in {(span["x1"], span["x2"]) for span in spans}
    assert any(dot["cx"] == "81%" for dot in page.all("circle"))
    assert "4 more models" in page.said


@pytest.mark.parametrize(("fit", "badge"), [(Fit.FITS, "sure"), (Fit.UNCERTAIN, "open"), (Fit.NONE, "none")])
def test_nothing_is_green_unless_it_fits(
    results: Results, datasets: Mapping[str, Dataset], tried: Tried, fit: Fit, badge: str
) -> None:
    page = page_of(replace(results, tried=replace(tried, fit=fit)), datasets)
    first = next(element["class"] for element in page.all("span") if (element.get("class") or "").startswith("badge"))
    assert first == f"badge {badge}"


def test_names_are_escaped(results: Results, datasets: Mapping[str, Dataset]) -> None:
    page = page_of(results, datasets)
    assert page.all("b") == []
    assert "<b>odd" in page.said
    assert "a & b" in page.said


def document(matrix: SimilarityMatrix, tried: Tried | None) -> dict[str, object]:
    """What of a recommendation a report reads."""
    command = {"words": "Or first", "command": "dsim annotate-next x --out y"}
    selection = None if tried is None else tried.to_dict()
    return {
        "matrix": matrix.to_dict(),
        "selection": selection,
        "command": "dsim prelabel x",
        "also": [command],
        "instead": [],
    }


def test_a_recommendation_becomes_a_page_in_python_with_or_without_models(
    matrices: tuple[SimilarityMatrix, ...], tried: Tried, datasets: Mapping[str, Dataset], tmp_path: Path
) -> None:
    for known, title in ((tried, "The models that were tried"), (None, "Ranking")):
        path = write_recommendation_report(document(matrices[0], known), tmp_path / "page.html", datasets.values())
        page = Page(path.read_text("utf-8"))
        assert ("h2", title) in page.headings
        assert ("dsim annotate-next" in page.said) is (known is not None)


def test_what_the_page_advises_is_what_its_command_does(matrices: tuple[SimilarityMatrix, ...], tried: Tried) -> None:
    """While it is open whether a model fits, the command chooses images to annotate, and the words say that."""
    known = document(matrices[0], replace(tried, fit=Fit.UNCERTAIN))
    apply = recommended(known).advice[0]
    annotate = recommended(known | {"command": "dsim annotate-next x --out y"}).advice[0]
    assert "pre-label" in apply.text
    assert "pre-label" not in annotate.text
    assert "annotate" in annotate.text


def test_the_folder_of_a_recommendation_becomes_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dsim.data.phantoms import open_phantom
    from dsim.recommend import recommend
    from dsim.recommend.trial import Trial

    one = TriedModel("zoo:u.xray.r1", "xray", ("xray",), "lungs", 88.0, 0.81, 0.68, 0.9, 0.72, (), {})
    known = Tried("xray-bedside", (one,), (), 4, Fit.FITS, "it fits")
    monkeypatch.setattr("dsim.recommend.answer.try_models", lambda *_, **__: Trial(tried=known))
    monkeypatch.setattr("dsim.recommend.pool.REFERENCE", "pixels:[side=4]")
    monkeypatch.setattr("dsim.recommend.advice.trained_as", lambda *_: ())
    pool = [open_phantom(name, count=4, size=16) for name in ("fundus", "xray")]
    target = open_phantom("xray-bedside", count=4, size=16)
    recommend(target, pool, measure="energy:extractor=pixels:[side=4]", bootstrap=0, out=tmp_path)
    assert open_results(tmp_path).tried == known
    report.main([str(tmp_path), "--offline"], standalone_mode=False)
    assert "0.81 (0.68 to 0.90)" in Page((tmp_path / "report.html").read_text("utf-8")).said
    damaged = json.loads((tmp_path / "recommendation.json").read_text())
    del damaged["selection"]["models"]
    (tmp_path / "recommendation.json").write_text(json.dumps(damaged))
    with pytest.raises(DataError, match=r"recommendation\.json"):
        open_results(tmp_path)
