"""The picture of regret: each target in its row, each measure at its regret, the sources' names beside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from dsim.errors import UsageError
from dsim.evaluation import Evaluation, evaluate
from dsim.plots import draw_regret, regret

Judged = Callable[..., Evaluation]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Figures as they are handed over to be written."""
    figures: list[Figure] = []
    monkeypatch.setattr(regret, "save", lambda figure, path, title: figures.append(figure))
    return figures


def marks(axes: Axes, shape: str) -> dict[float, float]:
    """Where the marks of a shape stand: the regret by row."""
    found = [one for one in axes.lines if one.get_marker() == shape]
    return {float(y): float(x) for one in found for x, y in zip(one.get_xdata(), one.get_ydata(), strict=True)}


def rows(axes: Axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def columns(axes: Axes) -> list[tuple[str, ...]]:
    """The texts beside the rows, row by row; the headings first."""
    beside: dict[float, list[str]] = {}
    for text in axes.texts:
        beside.setdefault(text.xy[1], []).append(text.get_text())
    return [tuple(beside[row]) for row in sorted(beside)]


@pytest.mark.parametrize(("sources", "targets"), [(3, 1), (6, 4), (40, 40)])
def test_any_size_is_drawn_without_a_warning(tmp_path: Path, judged: Judged, sources: int, targets: int) -> None:
    draw_regret([judged(sources, targets, baseline=True)], tmp_path / "r.png", note="seed 0")
    pixels = np.asarray(Image.open(tmp_path / "r.png").convert("L"))
    assert 0.01 < (pixels < 250).mean() < 0.98


def test_targets_come_in_the_order_of_their_regret_with_all_marks(drawn: list[Figure]) -> None:
    evaluation = evaluate("asap-published", "asap-dsc", resamples=200)
    draw_regret([evaluation], Path("r.png"))
    above, below = drawn[0].axes
    regrets = evaluation.judgement.per_target["regret"]
    order = np.argsort(-regrets, kind="stable")
    assert rows(above) == [evaluation.targets[target] for target in order]
    assert list(marks(above, "o").values()) == list(regrets[order])
    fixed = next(one for one in evaluation.baselines if one.name == "best fixed source")
    assert list(marks(above, "d").values()) == list(fixed.per_target["regret"][order])
    assert rows(below) == ["asap-published@1", "random", "best fixed source", "best fixed source, others"]


def test_the_sources_stand_beside_with_their_scores(drawn: list[Figure]) -> None:
    draw_regret([evaluate("asap-published", "asap-dsc", resamples=200)], Path("r.png"))
    above, below = drawn[0].axes
    beside = columns(above)
    assert beside[0] == ("nearest source", "best source")
    assert dict(zip(rows(above), beside[1:], strict=True))["LUNG"] == ("URI-CADS  28.0", "HAM10000  59.1")
    assert beside[-1] == ("heartSeg  23.0", "the same")
    assert columns(below)[0][0].startswith("3.9  (")


def test_the_mean_is_a_line_with_its_interval(drawn: list[Figure], judged: Judged) -> None:
    evaluation = judged(6, 9)
    draw_regret([evaluation], Path("r.png"))
    above, below = drawn[0].axes
    score = evaluation.judgement.scores["regret"]
    upright = [one.get_xdata()[0] for one in above.lines if one.get_marker() == "None"]
    assert upright == [0, score.value]
    (band,) = above.patches
    assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((score.low, score.high))
    assert marks(below, "o")[0] == score.value


def test_a_target_without_a_regret_comes_last_with_its_reason(drawn: list[Figure], judged: Judged) -> None:
    evaluation = judged(5, 4, failed={(row, 1): "broken" for row in range(5)})
    draw_regret([evaluation], Path("r.png"))
    above, below = drawn[0].axes
    assert rows(above)[-1] == "_hidden (t)"
    assert columns(above)[-1][0] == "the measure has no distance to it"
    assert np.isnan(marks(above, "o")[3])
    assert columns(below)[0][0].endswith(", 3 targets")
    assert "A mark is missing where the regret is not known" in drawn[0].get_supxlabel().replace("\n", " ")


def test_without_any_regret_the_mean_is_none(drawn: list[Figure], judged: Judged) -> None:
    draw_regret([judged(3, 1, failed={(row, 0): "broken" for row in range(3)})], Path("r.png"))
    assert columns(drawn[0].axes[1])[0] == ("none",)


def test_tied_sources_are_named_as_such(drawn: list[Figure], judged: Judged) -> None:
    draw_regret([judged(5, 2, distances=np.ones((5, 2)))], Path("r.png"))
    assert [row[0] for row in columns(drawn[0].axes[0])[1:]] == ["5 sources alike"] * 2
    draw_regret([judged(5, 2, distances=np.array([[1.0, 1], [1, 2], [2, 3], [3, 4], [4, 5]]))], Path("r.png"))
    assert "a_very_l…2024_v3 or _hidden" in {row[0] for row in columns(drawn[1].axes[0])}


def test_marks_of_several_measures_never_hide_each_other(drawn: list[Figure], judged: Judged) -> None:
    alike = judged(6, 4).distances
    evaluations = [judged(6, 4, measure=f"toy@{i}", distances=alike.copy()) for i in range(12)]
    draw_regret(evaluations, Path("r.png"))
    above, below = drawn[0].axes
    heights = [one.get_ydata()[0] for one in above.lines if len(one.get_xdata()) == 4 and one.get_marker() not in "|d"]
    assert len(heights) == 12
    assert np.diff(heights) == pytest.approx(0.75 / 12)
    assert rows(below)[:12] == [f"toy@{i}" for i in range(12)]
    looks = [(one.get_markerfacecolor(), one.get_marker()) for one in below.lines if one.get_linestyle() == "None"]
    assert len(set(looks[:12])) == 12


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_equal_evaluations_give_equal_files(tmp_path: Path, judged: Judged, suffix: str) -> None:
    paths = [tmp_path / f"{i}{suffix}" for i in range(2)]
    for path in paths:
        draw_regret([judged(4, 3)], path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_refusal_names_the_cause_and_writes_nothing(tmp_path: Path, judged: Judged) -> None:
    one = judged(4, 3)
    for wrong, name, message in (
        ([], "r.png", "no evaluation"),
        ([one, judged(4, 2)], "r.png", "not of the same truth, sources and targets"),
        ([one], "r.jpg", "cannot write a picture"),
    ):
        with pytest.raises(UsageError, match=message):
            draw_regret(wrong, tmp_path / name)
    assert list(tmp_path.iterdir()) == []
