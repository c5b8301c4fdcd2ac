"""Violins show every value, its median and quartiles, and stand in the group and colour of their series."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import FillBetweenPolyCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from dsim.errors import UsageError
from dsim.plots import ViolinPanel, draw_violins

VALUES = {
    "P 5": {"Pos": [0.5, 0.6, 0.7, 0.8, 0.9], "Pos+Neg": [0.7, 0.8]},
    "P 10": {"Pos": [0.6, 0.6, 0.6, 0.6], "Pos+Neg": [float("nan"), 0.9]},
}


def dots(figure: Figure) -> list[PathCollection]:
    return [each for each in figure.axes[0].collections if isinstance(each, PathCollection)]


def test_every_value_is_a_dot_in_its_group_and_colour() -> None:
    drawn = dots(draw_violins([ViolinPanel("RBC", "average precision", VALUES)], title="t"))
    heights = [np.asarray(each.get_offsets())[:, 1].tolist() for each in drawn]
    assert heights == [VALUES["P 5"]["Pos"], VALUES["P 5"]["Pos+Neg"], VALUES["P 10"]["Pos"], [0.9]]
    groups = [round(float(np.asarray(each.get_offsets())[:, 0].mean())) for each in drawn]
    assert groups == [0, 0, 1, 1]
    colours = [to_hex(each.get_facecolor()[0]) for each in drawn]
    assert colours[0] == colours[2] != colours[1] == colours[3]


def test_a_density_needs_several_different_values() -> None:
    bodies = [
        each
        for each in draw_violins([ViolinPanel("RBC", "", VALUES)], title="t").axes[0].collections
        if isinstance(each, FillBetweenPolyCollection)
    ]
    assert len(bodies) == 1
    heights = bodies[0].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((0.5, 0.9))


def test_the_baseline_is_a_line_across_and_stands_in_the_key() -> None:
    panel = ViolinPanel("RBC", "", VALUES, (0.75, 0.05))
    figure = draw_violins([panel], title="t", baseline="fully supervised")
    (line,) = figure.axes[0].lines
    assert set(line.get_ydata()) == {0.75}
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts[1:3] == ["Pos", "Pos+Neg"]
    assert "fully supervised" in texts[-1]


def test_panels_without_a_place_in_the_last_row_leave_it_empty(tmp_path: Path) -> None:
    panels = [ViolinPanel(name, "", VALUES) for name in ("a", "b", "c")]
    figure = draw_violins(panels, tmp_path / "violins.png", title="t")
    assert [axes.get_visible() for axes in figure.axes] == [True, True, True, False]
    assert (tmp_path / "violins.png").stat().st_size > 5000


def test_nothing_to_draw_and_other_suffixes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        draw_violins([], title="t")
    with pytest.raises(UsageError):
        draw_violins([ViolinPanel("a", "", VALUES)], tmp_path / "violins.pdf", title="t")
