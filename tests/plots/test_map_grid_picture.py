"""All maps of a comparison in one picture, whatever their number, names and labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dsim.errors import UsageError
from dsim.plots import MapPanel, draw_map_grid

RNG = np.random.default_rng(0)
ODD = ("_hidden", "$x_$1", "two\nlines", "显微镜")


def panels(count: int, images: int = 60) -> list[MapPanel]:
    return [
        MapPanel(f"method {number}" * (1 + 5 * (number == 1)), RNG.normal(size=(images, 2)) * 10.0**number, "0.81")
        for number in range(count)
    ]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_every_map_has_a_panel_with_its_name_and_all_images(count: int) -> None:
    labels = ["", *(ODD[index % 4] for index in range(59))]
    figure = draw_map_grid(panels(count), labels, None, "Maps", note="a note")
    drawn = [axes for axes in figure.axes if axes.axison]
    assert len(drawn) == count
    for number, axes in enumerate(drawn):
        assert f"method {number}" in axes.get_title(loc="left").replace("\n", " ")
        assert sum(len(points.get_offsets()) for points in axes.collections) == 60


def test_a_class_looks_alike_in_all_maps_and_no_two_look_alike() -> None:
    labels = [f"class {index % 12}" for index in range(60)]
    figure = draw_map_grid(panels(2), labels, None, "Maps")
    (legend,) = figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert "class 0 (5)" in texts
    looks = {(line.get_color(), line.get_marker()) for line in legend.get_lines()[1:]}
    assert len(looks) == 12


def test_equal_pictures_are_equal_files(tmp_path: Path) -> None:
    shown = panels(2)
    for name in ("one.png", "two.png"):
        draw_map_grid(shown, None, tmp_path / name, "Maps")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_what_cannot_be_drawn_is_refused() -> None:
    for shown, labels in (([], None), (panels(1), ["a"]), ([*panels(1), *panels(1, images=5)], None)):
        with pytest.raises(UsageError):
            draw_map_grid(shown, labels, None, "Maps")
    with pytest.raises(UsageError):
        draw_map_grid(panels(1), None, Path("maps.pdf"), "Maps")
