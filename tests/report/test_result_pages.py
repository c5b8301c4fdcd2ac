"""The pages of a truth and of an evaluation: the answer first, every name and value, nothing from elsewhere.

In a browser, needs playwright with a Chromium, as the page of a comparison; skipped without.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_pages import Page

from dsim.errors import UsageError
from dsim.evaluation import Evaluation, choices_in_words, evaluate
from dsim.measures import SimilarityMatrix
from dsim.truth import TransferMatrix, TruthDataset

SOURCES = ("near", "<b>far</b>", "wide-" + "name-" * 9, "t0")
TARGETS = ("t0", "t1", "t2")


@pytest.fixture(scope="module")
def truth() -> TransferMatrix:
    """``near`` is best for t0 and t1, the name that looks like markup for t2; one pair was not measured."""
    scores = np.array([[71.25, 64.0, 30.0], [50.0, 41.0, 66.5], [33.0, 22.0, 11.0], [90.0, 10.0, np.nan]])
    return TransferMatrix(
        "mine",
        "DSC",
        "%",
        SOURCES,
        TARGETS,
        np.stack([scores, scores], axis=-1),
        (0, 100),
        repetition="seed",
        baseline=np.full((3, 2), 20.75),
        datasets={"near": TruthDataset(1234, "images/near", note="stained <twice>")},
        reasons={("t0", "t2"): "the disk <broke>"},
        provenance={"source": {"paper": "A & B", "doi": "10.1/x"}, "steps": [{"seed": 7, "skipped": []}], "empty": {}},
    )


@pytest.fixture(scope="module")
def evaluation(truth: TransferMatrix) -> Evaluation:
    """A measure that puts ``near`` first for all targets: right for two of three."""
    distances = np.array([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0], [3.0, 3.0, 3.0], [0.0, 4.0, 4.0]])
    same = np.array([[source == target for target in TARGETS] for source in SOURCES])
    bare = SimilarityMatrix.of_distances(SOURCES, TARGETS, distances, same)
    return evaluate(replace(bare, measure="ruler@1:unit=<mm>"), truth, resamples=100)


@pytest.fixture(scope="module")
def pages(truth: TransferMatrix, evaluation: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    results = {"truth": truth, "evaluation": evaluation}
    return {name: result.report(str(folder / f"{name}.html")) for name, result in results.items()}


def words(path: Path) -> str:
    """The text of a page that is well formed."""
    page = Page(path.read_text("utf-8"))
    assert page.faults == []
    return " ".join("".join(page.texts).split())


def test_a_truth_says_first_which_source_served_best(pages: dict[str, Path]) -> None:
    text = words(pages["truth"])
    answer = text.index("near served 2 of 3 targets best")
    assert answer < text.index("71.25")
    for part in ("4 sources", "3 targets", "2 seeds", "66.50", "20.75", "1,234", "images/near", "stained <twice>"):
        assert part in text
    assert "the disk <broke>" in text
    assert "doi: 10.1/x" in text
    assert "seed: 7" in text
    assert "empty" not in text


def test_a_dataset_is_no_source_for_itself_on_the_page(truth: TransferMatrix, tmp_path: Path) -> None:
    only = truth.restrict(SOURCES, ("t0",))
    text = words(only.report(tmp_path / "only.html"))
    assert "near served t0 best" in text
    assert "on 1 target;" in text
    alone = truth.restrict(("t0",), ("t0",))
    assert "No target has the score of another dataset" in words(alone.report(tmp_path / "alone.html"))


def test_several_sources_that_are_best_equally_often_are_all_named(truth: TransferMatrix, tmp_path: Path) -> None:
    text = words(truth.restrict(SOURCES, ("t1", "t2")).report(tmp_path / "two.html"))
    assert "near, <b>far</b> served 1 of 2 targets best each" in text


def test_an_evaluation_says_first_how_often_it_was_right_and_what_it_lost(
    pages: dict[str, Path], evaluation: Evaluation
) -> None:
    text = words(pages["evaluation"])
    random = next(one for one in evaluation.baselines if one.name == "random")
    regrets = evaluation.judgement.scores["regret"].value, random.scores["regret"].value
    said = choices_in_words(2 / 3, *regrets)
    assert "7 targets in 10" in said
    assert text.index(said) < text.index("66.67 %") < text.index("Scores")
    assert f"{regrets[0]:.2f} %" in text
    for part in (
        *SOURCES,
        *TARGETS,
        "ruler@1:unit=<mm>",
        "best fixed source",
        "oracle",
        "mean Spearman",
        "100 resamples",
    ):
        assert part in text
    assert "only 3 targets" in text


def test_pictures_are_in_the_page_and_told_in_words(pages: dict[str, Path]) -> None:
    counts = {name: len(Page(path.read_text("utf-8")).all("img")) for name, path in pages.items()}
    assert counts == {"truth": 1, "evaluation": 3}
    for path in pages.values():
        for image in Page(path.read_text("utf-8")).all("img"):
            assert str(image["src"]).startswith("data:image/")
            assert image["alt"]


@pytest.mark.parametrize("name", ["truth", "evaluation"])
def test_names_are_text_and_nothing_is_loaded_from_elsewhere(pages: dict[str, Path], name: str) -> None:
    text = pages[name].read_text("utf-8")
    assert "<b>" not in text
    assert "<script" not in text
    assert "default-src 'none'" in text
    assert 'src="http' not in text
    assert 'href="http' not in text


@pytest.mark.parametrize("name", ["truth", "evaluation"])
def test_the_same_result_gives_the_same_page(
    truth: TransferMatrix, evaluation: Evaluation, pages: dict[str, Path], name: str, tmp_path: Path
) -> None:
    again = {"truth": truth, "evaluation": evaluation}[name].report(tmp_path / "again.html")
    assert again.read_bytes() == pages[name].read_bytes()


@pytest.mark.parametrize("name", ["truth", "evaluation"])
def test_a_page_of_another_kind_is_refused(
    truth: TransferMatrix, evaluation: Evaluation, name: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"page\.pdf") as caught:
        {"truth": truth, "evaluation": evaluation}[name].report(tmp_path / "page.pdf")
    assert ".html" in caught.value.hint
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["truth", "evaluation"])
def test_no_screen_scrolls_sideways(open_page: Callable[[Path], Any], pages: dict[str, Path], name: str) -> None:
    page = open_page(pages[name])
    assert page.evaluate("[...document.images].every(one => one.complete && one.naturalWidth > 0)")
    for width in (320, 390, 1200):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
