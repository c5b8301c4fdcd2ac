"""Distance against transferability: every judged pair is there, named, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from dsim.errors import UsageError
from dsim.evaluation import Evaluation, evaluate
from dsim.plots import draw_transfer, transfer

Judged = Callable[..., Evaluation]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Figures as they are handed over to be written."""
    figures: list[Figure] = []
    monkeypatch.setattr(transfer, "save", lambda figure, path, title: figures.append(figure))
    return figures


def points(axes: Axes) -> list[Line2D]:
    """The marks of pairs: lines of one point each."""
    return [one for one in axes.lines if one.get_linestyle() == "None" and len(one.get_xdata()) == 1]


def places(axes: Axes) -> set[tuple[float, float]]:
    return {(float(one.get_xdata()[0]), float(one.get_ydata()[0])) for one in points(axes)}


def names(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts if text.get_text() != "no gain"]


def below_title(figure: Figure) -> str:
    return next(artist for artist in figure.artists if hasattr(artist, "get_text")).get_text()


@pytest.mark.parametrize(("sources", "targets"), [(3, 1), (6, 4), (15, 9), (30, 24)])
def test_any_size_is_drawn_without_a_warning(tmp_path: Path, judged: Judged, sources: int, targets: int) -> None:
    draw_transfer(judged(sources, targets, baseline=True), tmp_path / "t.png", note="seed 0")
    pixels = np.asarray(Image.open(tmp_path / "t.png").convert("L"))
    assert 0.01 < (pixels < 250).mean() < 0.98


def test_every_counted_pair_has_a_mark_and_a_name_and_no_other(drawn: list[Figure], judged: Judged) -> None:
    evaluation = judged(6, 4, own=True, failed={(0, 1): "no masks"}, unmeasured={(3, 2): "costs"}, baseline=True)
    draw_transfer(evaluation, Path("t.png"))
    assert evaluation.transferability is not None
    counted = evaluation.counted
    assert places(drawn[0].axes[0]) == set(
        zip(evaluation.distances[counted], evaluation.transferability[counted], strict=True)
    )
    assert len(names(drawn[0].axes[0])) == counted.sum() == 18
    assert not any(text.get_parse_math() for text in drawn[0].axes[0].texts if text.get_text().startswith("$"))


def test_the_height_is_the_score_where_there_is_no_baseline(drawn: list[Figure], judged: Judged) -> None:
    evaluation = judged(5, 3)
    draw_transfer(evaluation, Path("t.png"))
    axes = drawn[0].axes[0]
    assert {y for _, y in places(axes)} == set(evaluation.scores.ravel())
    assert axes.get_ylabel() == "DSC, %"
    assert "no gain" not in [text.get_text() for text in axes.texts]


def test_a_dataset_against_itself_is_hollow(drawn: list[Figure], judged: Judged) -> None:
    draw_transfer(judged(5, 4, own=True, self_pairs="include", baseline=True), Path("t.png"))
    assert sum(one.get_markerfacecolor() == "none" for one in points(drawn[0].axes[0])) == 4
    assert "a dataset against itself" in [text.get_text() for text in drawn[0].legends[0].get_texts()]


def test_targets_differ_in_colour_and_in_shape(drawn: list[Figure], judged: Judged) -> None:
    draw_transfer(judged(5, 4), Path("t.png"))
    looks = {(one.get_markerfacecolor(), one.get_marker()) for one in points(drawn[0].axes[0])}
    assert len(looks) == len({colour for colour, _ in looks}) == len({shape for _, shape in looks}) == 4


@pytest.mark.parametrize(("name", "r"), [("cats-experts", "0.24"), ("cats-task2vec", "−0.11")])
def test_r_is_that_of_the_cats_paper_and_the_judges_sign_is_given(drawn: list[Figure], name: str, r: str) -> None:
    evaluation = evaluate(name, "cats-auc", self_pairs="include", resamples=200)
    draw_transfer(evaluation, Path("t.png"))
    assert below_title(drawn[0]).startswith(f"r of distance and transferability: {r}, 95 %")
    assert below_title(drawn[0]).endswith("(24 pairs, 3 targets)")
    note = drawn[0].get_supxlabel().replace("−", "-")
    assert f"pooled Pearson {evaluation.judgement.scores['pooled_pearson'].value:.3f}" in note
    assert "3 targets are few for that" in note


def test_names_cover_neither_each_other_nor_leave_the_panel(drawn: list[Figure]) -> None:
    draw_transfer(evaluate("cats-task2vec", "cats-auc", self_pairs="include", resamples=200), Path("t.png"))
    axes = drawn[0].axes[0]
    boxes = [text.get_window_extent() for text in axes.texts if text.get_text() != "no gain"]
    assert len(boxes) == 24
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    frame = axes.get_window_extent()
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 <= frame.y1 for box in boxes)


def test_many_targets_have_panels_of_their_own_with_their_correlation(drawn: list[Figure], judged: Judged) -> None:
    evaluation = judged(9, 10, failed={(row, 3): "broken" for row in range(9)})
    draw_transfer(evaluation, Path("t.png"))
    panels = [axes for axes in drawn[0].axes if axes.get_visible()]
    assert [axes.get_title("left") for axes in panels][6:] == list(evaluation.targets)[6:]
    pearson = evaluation.judgement.per_target["pearson"]
    titles = [axes.get_title("right").replace("−", "-") for axes in panels]
    assert titles == ["no r" if np.isnan(r) else f"r = {-r:z.2f}" for r in pearson]
    assert [len(points(axes)) for axes in panels] == [9, 9, 9, 0, 9, 9, 9, 9, 9, 9]
    assert names(panels[3]) == ["no pair counts"]
    assert len({axes.get_xlim() for axes in panels}) == len({axes.get_ylim() for axes in panels}) == 1


def test_of_many_sources_the_nearest_and_the_best_are_named(drawn: list[Figure], judged: Judged) -> None:
    evaluation = judged(20, 9)
    draw_transfer(evaluation, Path("t.png"))
    for column, axes in enumerate(drawn[0].axes[:9]):
        near, best = (
            evaluation.sources[row]
            for row in (np.argmin(evaluation.distances[:, column]), np.argmax(evaluation.scores[:, column]))
        )
        assert len(names(axes)) == len({near, best})


def test_the_band_holds_the_line(drawn: list[Figure], judged: Judged) -> None:
    for targets in (1, 3, 7):
        draw_transfer(judged(6, targets), Path("t.png"))
        axes = drawn[-1].axes[0]
        fitted = next(one for one in axes.lines if len(one.get_xdata()) == 101)
        edge = axes.collections[0].get_paths()[0].vertices
        for x, y in zip(fitted.get_xdata(), fitted.get_ydata(), strict=True):
            bounds = edge[edge[:, 0] == x, 1]
            assert bounds.min() <= y <= bounds.max()
            assert bounds.min() < bounds.max()


@pytest.mark.parametrize("case", ["nothing is known", "all distances are equal"])
def test_without_a_line_the_picture_says_so(drawn: list[Figure], judged: Judged, case: str) -> None:
    nothing = case == "nothing is known"
    failed = {(row, 0): "broken" for row in range(3)} if nothing else None
    draw_transfer(judged(3, 1, failed=failed, distances=np.ones((3, 1))), Path("t.png"))
    assert "not defined" in below_title(drawn[0])
    assert ("no pair counts" in names(drawn[0].axes[0])) == nothing
    assert "least squares" not in drawn[0].get_supxlabel()


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_equal_evaluations_give_equal_files(tmp_path: Path, judged: Judged, suffix: str) -> None:
    paths = [tmp_path / f"{i}{suffix}" for i in range(2)]
    for path in paths:
        draw_transfer(judged(4, 3, baseline=True), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_another_suffix_is_refused(tmp_path: Path, judged: Judged) -> None:
    with pytest.raises(UsageError, match=r"\.png or \.svg"):
        draw_transfer(judged(3, 1), tmp_path / "t.jpg")
    assert list(tmp_path.iterdir()) == []
