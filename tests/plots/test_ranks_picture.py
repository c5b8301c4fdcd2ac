"""The picture of ranks: right numbers and right marks on right cells, in both panels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from scipy.stats import rankdata

from dsim.errors import UsageError
from dsim.evaluation import Evaluation, evaluate
from dsim.plots import draw_ranks, ranks

Judged = Callable[..., Evaluation]
Cells = dict[tuple[str, str], str]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Figures as they are handed over to be written."""
    figures: list[Figure] = []
    monkeypatch.setattr(ranks, "save", lambda figure, path, title: figures.append(figure))
    return figures


def sources(figure: Figure) -> list[str]:
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def numbers(axes: Axes) -> dict[tuple[int, int], str]:
    """The text of each cell by row and column; titles that are annotated are no cells."""
    cells = [text for text in axes.texts if not hasattr(text, "xyann")]
    return {(int(text.get_position()[1]), int(text.get_position()[0])): text.get_text() for text in cells}


def marked(axes: Axes, shape: str) -> set[tuple[int, int]]:
    """Row and column of the cells with a mark."""
    return {(int(one.get_ydata()[0]), int(one.get_xdata()[0])) for one in axes.lines if one.get_marker() == shape}


def framed(axes: Axes, hatched: bool) -> set[tuple[int, int]]:
    return {(int(one.get_y()), int(one.get_x())) for one in axes.patches if bool(one.get_hatch()) == hatched}


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.mark.parametrize(("count", "targets"), [(3, 1), (6, 4), (3, 30), (40, 40)])
def test_any_size_is_drawn_without_a_warning(tmp_path: Path, judged: Judged, count: int, targets: int) -> None:
    draw_ranks(judged(count, targets, failed={(0, 0): "broken"}), tmp_path / "k.png", note="seed 0")
    pixels = np.asarray(Image.open(tmp_path / "k.png").convert("L"))
    assert 0.02 < (pixels < 250).mean() < 0.98


def test_cells_tell_the_ranks_of_both_sides(drawn: list[Figure]) -> None:
    evaluation = evaluate("asap-published", "asap-dsc", resamples=200)
    draw_ranks(evaluation, Path("k.png"))
    order = [evaluation.sources.index(name) for name in sources(drawn[0])]
    for axes, values in zip(drawn[0].axes[:2], (evaluation.distances, -evaluation.scores), strict=True):
        expected = rankdata(values, axis=0)[order]
        assert numbers(axes) == {place: f"{rank:g}" for place, rank in np.ndenumerate(expected)}
    mean = rankdata(-evaluation.scores, axis=0).mean(axis=1)[order]
    assert (np.diff(mean) >= 0).all(), "the best source on average stands on top"


def test_ranks_of_many_sources_are_told_where_targets_are_few(drawn: list[Figure], judged: Judged) -> None:
    draw_ranks(judged(30, 3), Path("k.png"))
    for axes in drawn[0].axes[:2]:
        assert sorted(numbers(axes).values(), key=float) == sorted([str(rank) for rank in range(1, 31)] * 3, key=float)


def test_star_and_ring_stand_on_the_best_and_the_nearest_in_both_panels(drawn: list[Figure], judged: Judged) -> None:
    evaluation = judged(7, 5)
    draw_ranks(evaluation, Path("k.png"))
    left, right = drawn[0].axes[:2]
    assert marked(left, "*") == marked(right, "*") == {cell for cell, text in numbers(right).items() if text == "1"}
    assert marked(left, "o") == marked(right, "o") == {cell for cell, text in numbers(left).items() if text == "1"}
    assert len(marked(left, "*")) == len(marked(left, "o")) == 5


def test_tied_sources_share_their_rank_and_the_ring(drawn: list[Figure], judged: Judged) -> None:
    draw_ranks(judged(4, 1, distances=np.array([[1.0], [1], [2], [3]])), Path("k.png"))
    left = drawn[0].axes[0]
    assert sorted(numbers(left).values()) == ["1.5", "1.5", "3", "4"]
    assert marked(left, "o") == {cell for cell, text in numbers(left).items() if text == "1.5"}


def test_below_stand_the_scores_of_each_target(drawn: list[Figure], judged: Judged) -> None:
    evaluation = judged(6, 3, failed={(row, 1): "broken" for row in range(6)})
    draw_ranks(evaluation, Path("k.png"))
    judgement = evaluation.judgement
    for axes, name, decimals in zip(drawn[0].axes[2:], ("spearman", "regret"), (2, 1), strict=True):
        texts = [text.replace("−", "-") for text in numbers(axes).values()]
        values = judgement.per_target[name]
        assert texts == ["none" if np.isnan(value) else f"{value:.{decimals}f}" for value in values]


def test_only_cells_without_a_rank_are_hatched_and_their_reasons_given(drawn: list[Figure], judged: Judged) -> None:
    failed = {(0, 1): "_no masks", (2, 2): "costs $5 and $6"}
    evaluation = judged(6, 4, failed=failed, unmeasured={(4, 3): "never trained"})
    draw_ranks(evaluation, Path("k.png"))
    left, right = drawn[0].axes[:2]
    rows = {name: row for row, name in enumerate(sources(drawn[0]))}
    shortened = {"a_very_long_name_that_nobody_shortened_2024_v3": "a_very_long_nam…rtened_2024_v3"}
    at = {i: rows[shortened.get(evaluation.sources[i], evaluation.sources[i])] for i in (0, 2, 4)}
    assert framed(left, hatched=True) == {(at[0], 1), (at[2], 2), (at[4], 3)}
    assert framed(right, hatched=True) == {(at[4], 3)}
    hatches = {(int(one.get_y()), int(one.get_x())): one.get_hatch() for one in left.patches}
    (there,) = right.patches
    assert there.get_hatch() == hatches[at[4], 3], "a hatch means the same in both panels"
    assert len(set(hatches.values())) == 3
    texts = ["no distance: _no masks", "no distance: costs $5 and $6", "no DSC: never trained"]
    assert sorted(legend(drawn[0])[-3:]) == sorted(texts)
    assert len(numbers(left)) == 21
    assert len(numbers(right)) == 23


@pytest.mark.parametrize(("self_pairs", "ranked"), [("exclude", 12), ("include", 16)])
def test_a_dataset_against_itself_is_framed(drawn: list[Figure], judged: Judged, self_pairs: str, ranked: int) -> None:
    draw_ranks(judged(4, 4, own=True, self_pairs=self_pairs), Path("k.png"))
    for axes in drawn[0].axes[:2]:
        assert len(framed(axes, hatched=False)) == 4
        assert len(numbers(axes)) == ranked
    texts = "a dataset against itself" + (", not judged" if self_pairs == "exclude" else "")
    assert texts in legend(drawn[0])


def test_names_are_drawn_as_they_are(drawn: list[Figure], judged: Judged) -> None:
    draw_ranks(judged(6, 6), Path("k.png"))
    assert {"_hidden", "$x_$1", "□□□", "Клетки", "two lines"} < set(sources(drawn[0]))
    for strip in drawn[0].axes[2:]:
        assert "$x_$1 (t)" in [label.get_text() for label in strip.get_xticklabels()]
        assert not any(label.get_parse_math() for label in strip.get_xticklabels())


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_equal_evaluations_give_equal_files(tmp_path: Path, judged: Judged, suffix: str) -> None:
    paths = [tmp_path / f"{i}{suffix}" for i in range(2)]
    for path in paths:
        draw_ranks(judged(4, 3, failed={(0, 0): "broken"}), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_another_suffix_is_refused(tmp_path: Path, judged: Judged) -> None:
    with pytest.raises(UsageError, match=r"\.png or \.svg"):
        draw_ranks(judged(3, 1), tmp_path / "k.jpg")
    assert list(tmp_path.iterdir()) == []
