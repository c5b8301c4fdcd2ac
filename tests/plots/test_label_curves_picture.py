"""The picture of label efficiency: each line, both kinds of spread and the forecast stand where they should."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from dsim.errors import UsageError
from dsim.plots import LabelCurve, draw_label_curves
from dsim.stats.power_law import fit_power_law

COUNTS = (1, 5, 10, 25, 50)


def curve(name: str, panel: str = "cells, svm", lift: float = 0.0, **others: object) -> LabelCurve:
    rng = np.random.default_rng(len(name))
    accuracies = 0.7 + lift - 0.4 * np.array(COUNTS) ** -0.5 + rng.normal(0, 0.02, (6, 5))
    mean = accuracies.mean(axis=0)
    law = fit_power_law(COUNTS, accuracies, resamples=20)
    return LabelCurve(name, panel, COUNTS, accuracies, mean - 0.05, mean + 0.05, law, **others)  # type: ignore[arg-type]


def key_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_lines_bands_bars_and_forecasts_are_those_of_the_curves() -> None:
    one = curve("dino:own")
    figure = draw_label_curves([one], chance={"cells, svm": 0.25}, until=400)
    axes = figure.axes[0]
    mean = one.accuracies.mean(axis=0)
    line = next(each for each in axes.lines if each.get_marker() == "o")
    np.testing.assert_allclose(line.get_xdata(), COUNTS)
    np.testing.assert_allclose(line.get_ydata(), mean)
    band, bars = axes.collections
    heights = band.get_paths()[0].vertices[:, 1]
    sd = one.accuracies.std(axis=0, ddof=1)
    assert heights.max() == pytest.approx((mean + sd).max())
    assert heights.min() == pytest.approx((mean - sd).min())
    assert [tuple(bar[:, 1]) for bar in bars.get_segments()] == list(zip(mean - 0.05, mean + 0.05, strict=True))
    forecast = next(each for each in axes.lines if len(each.get_xdata()) == 41)
    assert one.law is not None
    assert (forecast.get_xdata()[0], forecast.get_xdata()[-1]) == pytest.approx((50, 400))
    assert forecast.get_ydata()[-1] == pytest.approx(one.law.at(400).value)
    assert axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_xticklabels()] == [str(count) for count in COUNTS]


def test_the_key_explains_what_is_drawn_and_nothing_else() -> None:
    full = key_of(draw_label_curves([curve("_a"), curve("$b$", baseline=True)], chance={"cells, svm": 0.5}))
    assert full[1:3] == ["_a", "$b$"]
    for meaning in ("sd over draws", "test groups", "forecast", "chance"):
        assert sum(meaning in text for text in full) == 1
    plain = LabelCurve("pixels", "cells, svm", COUNTS, np.linspace(0.2, 0.6, 5)[None])
    assert key_of(draw_label_curves([plain])) == ["Extractors", "pixels"]


def test_an_extractor_looks_alike_in_all_panels_and_no_two_are_equal() -> None:
    curves = [curve(name, panel) for panel in ("cells, svm", "skin, svm", "skin, knn", "lungs") for name in "abc"]
    figure = draw_label_curves(curves[:-1])
    shown = [axes for axes in figure.axes if axes.get_visible()]
    looks = [
        [(line.get_color(), line.get_marker()) for line in axes.lines if len(line.get_xdata()) == 5] for axes in shown
    ]
    marks = [[look for look in panel if look[1] != "_"] for panel in looks]
    assert marks[0] == marks[1] == marks[2] == [*marks[3], marks[0][-1]]
    assert len(set(marks[0])) == 3


def test_levels_are_named_and_missing_accuracies_are_gaps() -> None:
    gaps = curve("a").accuracies.copy()
    gaps[:, 2] = np.nan
    figure = draw_label_curves(
        [LabelCurve("a", "cells", COUNTS, gaps)], levels={"cells": {"published $1": 0.83}}, until=50
    )
    line = next(each for each in figure.axes[0].lines if each.get_marker() == "o")
    assert np.isnan(line.get_ydata()).tolist() == [False, False, True, False, False]
    assert any("published $1" in text.get_text() for text in figure.axes[0].texts)


@pytest.mark.parametrize(("panels", "lines", "size"), [(1, 1, (2.4, 1.8)), (4, 8, (3.0, 2.4))])
def test_any_size_is_drawn_without_a_warning(
    tmp_path: Path, panels: int, lines: int, size: tuple[float, float]
) -> None:
    curves = [curve("name " * 12 + str(i), f"panel {panel}", 0.02 * i) for panel in range(panels) for i in range(lines)]
    draw_label_curves(curves, tmp_path / "l.png", note="seed 0", size=size)
    pixels = np.asarray(Image.open(tmp_path / "l.png").convert("L"))
    assert 0.01 < (pixels < 250).mean() < 0.98


def test_a_refusal_names_the_cause_and_writes_nothing(tmp_path: Path) -> None:
    for curves, name in (([], "l.png"), ([curve("a")], "l.jpg")):
        with pytest.raises(UsageError):
            draw_label_curves(curves, tmp_path / name)
    assert list(tmp_path.iterdir()) == []
