"""The picture of a confusion matrix: numbers, spreads, frequencies and empty rows are where they belong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsim.errors import UsageError
from dsim.plots import draw_confusion

LONG = ["ulcerative colitis grade 1-2, with a long name", "_hidden", "$x$", "显微镜"]


def matrix(classes: int) -> np.ndarray:
    return 0.3 * np.random.default_rng(classes).dirichlet(np.ones(classes), classes) + 0.7 * np.eye(classes)


def names(classes: int) -> list[str]:
    return [*LONG, *(f"class {i}" for i in range(classes))][:classes]


@pytest.mark.parametrize("classes", [2, 23])
def test_any_number_of_classes_is_drawn_without_a_warning(tmp_path: Path, classes: int) -> None:
    mean = matrix(classes)
    draw_confusion(
        mean, names(classes), tmp_path / "c.png", spread=mean / 10, frequencies=[1, *range(3, 3 * classes, 3)]
    )
    pixels = np.asarray(Image.open(tmp_path / "c.png").convert("L"))
    assert 0.02 < (pixels < 250).mean() < 0.98


def test_cells_hold_mean_and_spread_and_bars_the_frequencies() -> None:
    mean = np.array([[0.7141, 0.2839, 0.002], [0.0, 1.0, 0.0], [0.1, 0.2, 0.7]])
    figure = draw_confusion(mean, ["a", "b", "c"], spread=mean / 10, frequencies=[1, 10, 1000])
    axes, bars = figure.axes[0], figure.axes[0].child_axes[0]
    shown = {(int(text.get_position()[1]), int(text.get_position()[0]), text.get_text()) for text in axes.texts}
    assert {(0, 0, ".71"), (0, 0, "±.07"), (0, 1, ".28"), (1, 1, "1.0"), (2, 2, ".70")} <= shown
    assert not any((row, column) == (0, 2) for row, column, _ in shown)
    assert [text.get_text() for text in bars.texts] == ["1", "10", "1000"]
    lengths = [bar.get_width() for bar in bars.patches]
    assert np.diff(lengths) == pytest.approx([1, 2])
    assert axes.get_ylim()[0] > axes.get_ylim()[1]


def test_small_cells_hold_no_spread_and_say_so() -> None:
    mean = matrix(40)
    figure = draw_confusion(mean, names(40), spread=mean / 10)
    assert not any("±" in text.get_text() for text in figure.axes[0].texts)
    assert "mean over draws" in figure.texts[-1].get_text()


def test_a_class_without_test_images_is_an_empty_row() -> None:
    mean = matrix(3)
    mean[1] = np.nan
    figure = draw_confusion(mean, names(3))
    assert {int(text.get_position()[1]) for text in figure.axes[0].texts} == {0, 2}
    assert "no test image" in figure.texts[-1].get_text()


def test_a_refusal_names_the_cause_and_writes_nothing(tmp_path: Path) -> None:
    for mean, name, others in (
        (matrix(3), "c.png", {}),
        (matrix(2), "c.jpg", {}),
        (matrix(2), "c.png", {"frequencies": [1]}),
        (matrix(2), "c.png", {"spread": matrix(3)}),
    ):
        with pytest.raises(UsageError):
            draw_confusion(mean, ["a", "b"], tmp_path / name, **others)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
