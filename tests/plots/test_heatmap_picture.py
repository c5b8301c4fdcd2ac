"""The heat map: right marks on right cells for matrices of any size, quietly."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image

from dsim.measures import Likeness, Resemblance, SimilarityMatrix, Verdict
from dsim.plots import draw_heatmap, drawable, equal_decimals, heatmap, ink_on
from dsim.registry import Direction


def matrix_of(
    sources: int,
    targets: int,
    direction: Direction = Direction.DISTANCE,
    same: bool = False,
    failed: dict[tuple[int, int], str] | None = None,
    clear: bool | None = True,
) -> SimilarityMatrix:
    rng = np.random.default_rng(sources)
    names = ["a_rather_long_name_that_must_be_shortened_somewhere", "_hidden", "$x$", "显微镜"]
    rows = [*names, *(f"set {i}" for i in range(sources))][:sources]
    columns = rows[:targets] if same else [f"target {i}" for i in range(targets)]
    values = rng.uniform(1, 9, (sources, targets))
    notes = [[""] * targets for _ in rows]
    for (row, column), reason in (failed or {}).items():
        values[row, column], notes[row][column] = np.nan, reason
    identical = np.array([[row == column for column in columns] for row in rows])
    verdicts = {}
    for j, target in enumerate(columns):
        keys = np.where(identical[:, j] | np.isnan(values[:, j]), np.inf, direction.sign * values[:, j])
        best = rows[int(np.argmin(keys))] if np.isfinite(keys).any() else None
        verdicts[target] = Verdict(target, best, None, clear, np.nan, np.nan, "")
    return SimilarityMatrix(
        "toy", direction, "", tuple(rows), tuple(columns), values, tuple(map(tuple, notes)), identical, verdicts, {}
    )


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Figures as they are handed over to be written."""
    figures: list[Figure] = []
    monkeypatch.setattr(heatmap, "save", lambda figure, path, title: figures.append(figure))
    return figures


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.mark.parametrize(("sources", "targets"), [(1, 1), (3, 3), (9, 6), (30, 3), (40, 40)])
def test_any_size_is_drawn_without_a_warning(tmp_path: Path, sources: int, targets: int) -> None:
    draw_heatmap(matrix_of(sources, targets, failed={(0, 0): "reason"}), tmp_path / "h.png", note="seed 0")
    pixels = np.asarray(Image.open(tmp_path / "h.png").convert("L"))
    assert 0.02 < (pixels < 250).mean() < 0.98


def test_every_cell_tells_its_number_where_there_is_room(drawn: list[Figure]) -> None:
    small, large = matrix_of(4, 3), matrix_of(40, 40)
    draw_heatmap(small, Path("h.png"))
    draw_heatmap(large, Path("h.png"))
    assert texts(drawn[0]) == [f"{value:.2f}" for value in small.values.ravel()]
    assert texts(drawn[1]) == []


def test_numbers_tell_apart_values_that_differ_little() -> None:
    form = equal_decimals([1.023, 1.061, 1.148])
    assert [format(value, form) for value in (1.023, 1.061, -0.00001)] == ["1.023", "1.061", "0.000"]


@pytest.mark.parametrize(("largest", "text"), [(0.0123, "0.0123"), (123.4, "123"), (2e-6, "2.0e-06"), (1e7, "1.0e+07")])
def test_numbers_keep_three_digits_of_the_largest(largest: float, text: str) -> None:
    assert format(largest, equal_decimals([0.0, largest])) == text


@pytest.mark.parametrize("direction", list(Direction))
def test_the_most_similar_pair_is_the_darkest(drawn: list[Figure], direction: Direction) -> None:
    matrix = matrix_of(6, 5, direction)
    draw_heatmap(matrix, Path("h.png"))
    mesh = drawn[0].axes[0].collections[0]
    drawn[0].draw_without_rendering()
    brightness = mesh.get_facecolors()[:, :3].sum(axis=1)
    assert np.argmin(brightness) == np.argmin(direction.sign * matrix.values.ravel())


@pytest.mark.parametrize(("clear", "face"), [(True, "filled"), (None, "filled"), (False, "none")])
def test_a_star_stands_on_the_best_source_of_each_target(drawn: list[Figure], clear: bool | None, face: str) -> None:
    matrix = matrix_of(7, 4, clear=clear)
    draw_heatmap(matrix, Path("h.png"))
    stars = drawn[0].axes[0].lines
    rows = [int(star.get_ydata()[0]) for star in stars]
    assert [int(star.get_xdata()[0]) for star in stars] == [0, 1, 2, 3]
    assert [matrix.sources[row] for row in rows] == [matrix.verdicts[target].best for target in matrix.targets]
    assert all((star.get_markerfacecolor() == "none") == (face == "none") for star in stars)
    assert ("best, but no clear winner" in legend(drawn[0])) == (clear is False)


@pytest.mark.parametrize("targets", [1, 3])
def test_the_star_of_a_source_that_does_not_resemble_the_target_is_hollow(targets: int) -> None:
    matrix = matrix_of(5, targets)
    unlike = Resemblance(Likeness.NONE)
    verdicts = {target: replace(verdict, resemblance=unlike) for target, verdict in matrix.verdicts.items()}
    figure = draw_heatmap(replace(matrix, verdicts=verdicts))
    stars = [line for line in figure.axes[0].lines if line.get_marker() == "*"]
    assert len(stars) == targets
    assert all(star.get_markerfacecolor() in ("none", "white") for star in stars)
    assert any("unlike the target" in text for text in legend(figure))


def test_a_failed_cell_is_hatched_and_its_reason_given(drawn: list[Figure]) -> None:
    failed = {(0, 1): "_no masks", (2, 2): "_no masks", (1, 0): "costs $5 and $6"}
    draw_heatmap(matrix_of(4, 3, failed=failed), Path("h.png"))
    hatches = {(patch.get_y(), patch.get_x()): patch.get_hatch() for patch in drawn[0].axes[0].patches}
    assert hatches.keys() == failed.keys()
    assert hatches[0, 1] == hatches[2, 2] != hatches[1, 0]
    assert legend(drawn[0])[-2:] == ["_no masks", "costs $5 and $6"]


def test_many_reasons_are_summed_up(drawn: list[Figure]) -> None:
    draw_heatmap(matrix_of(4, 3, failed={(i, j): f"{i} {j}" for i in range(4) for j in range(3)}), Path("h.png"))
    assert legend(drawn[0])[-1].startswith("9 other reasons")
    assert not drawn[0].axes[0].lines


def test_a_dataset_against_itself_is_framed_and_does_not_stretch_the_colours(drawn: list[Figure]) -> None:
    matrix = matrix_of(4, 4, same=True)
    np.fill_diagonal(matrix.values, 1000.0)
    draw_heatmap(matrix, Path("h.png"))
    frames = [(int(patch.get_y()), int(patch.get_x())) for patch in drawn[0].axes[0].patches]
    assert frames == [(i, i) for i in range(4)]
    assert drawn[0].axes[0].collections[0].norm.vmax < 10


def test_names_are_drawn_as_they_are(drawn: list[Figure]) -> None:
    draw_heatmap(matrix_of(4, 2), Path("h.png"))
    labels = drawn[0].axes[0].get_yticklabels()
    shortened = "a_rather_long_na…tened_somewhere"
    assert [label.get_text() for label in labels] == [shortened, "_hidden", "$x$", "□□□"]
    assert not any(label.get_parse_math() for label in labels)


def _tick_texts(axis: Axis) -> list[Text]:
    return [text for tick in axis.get_major_ticks() for text in (tick.label1, tick.label2)]


def _drawn_ticks(axis: Axis) -> list[Text]:
    low, high = sorted(axis.get_view_interval())
    ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return [text for tick in ticks for text in (tick.label1, tick.label2)]


def boxes_of(figure: Figure) -> list[tuple[str, Bbox]]:
    """The texts of a picture that are seen, and where they stand, in pixels."""
    FigureCanvasAgg(figure).draw()
    # Of the ticks, those within the limits alone are drawn.
    parts = [figure, *figure.axes, *(bar for axes in figure.axes for bar in axes.child_axes)]
    ticks = {text for part in parts[1:] for axis in (part.xaxis, part.yaxis) for text in _tick_texts(axis)}
    drawn_ticks = {text for part in parts[1:] for axis in (part.xaxis, part.yaxis) for text in _drawn_ticks(axis)}
    seen = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    return [(text.get_text(), text.get_window_extent()) for text in seen if text not in ticks - drawn_ticks]


@pytest.mark.parametrize(("sources", "targets"), [(2, 2), (3, 2), (2, 9), (8, 1), (30, 4), (1, 5)])
def test_no_text_runs_through_another_nor_through_the_title(sources: int, targets: int) -> None:
    matrix = replace(matrix_of(sources, targets), unit="units of a rather long name", measure="toy:parameter=long@1")
    boxes = boxes_of(draw_heatmap(matrix, note="dsim 0.1.0, seed 0", legend="what the colours mean, in many words"))
    # Names of targets stand aslant: their boxes overlap where they do not.
    upright = [(text, box) for text, box in boxes if text not in matrix.targets or targets == 1]
    hits = [(a, b) for i, (a, one) in enumerate(upright) for b, other in upright[:i] if one.overlaps(other)]
    assert hits == []


def test_values_that_hardly_differ_are_not_drawn_as_if_they_did(drawn: list[Figure]) -> None:
    values = np.random.default_rng(0).uniform(2.72, 2.83, (4, 3))
    draw_heatmap(replace(matrix_of(4, 3), values=values), Path("h.png"))
    draw_heatmap(matrix_of(4, 3), Path("h.png"))
    drawn[0].draw_without_rendering()
    colours = drawn[0].axes[0].collections[0].get_facecolors()[:, :3]
    assert np.ptp(colours, axis=0).max() < 0.2
    remarks = [[text for text in legend(figure) if "%" in text] for figure in drawn]
    assert [len(found) for found in remarks] == [1, 0]


@pytest.mark.parametrize(
    ("low", "high", "limits"), [(2, 9, (0, 9)), (-9, -2, (-9, 0)), (-1, 3, (-1, 3)), (0, 0, (0, 1))]
)
def test_colours_include_zero(drawn: list[Figure], low: int, high: int, limits: tuple[int, int]) -> None:
    draw_heatmap(replace(matrix_of(2, 2), values=np.array([[low, high], [high, low]], float)), Path("h.png"))
    assert drawn[0].axes[0].collections[0].get_clim() == limits


def test_the_colour_bar_shows_the_noise_floors_of_the_targets(drawn: list[Figure]) -> None:
    matrix = matrix_of(3, 2)
    floor = {"target 0": 0.25, "target 1": math.nan, matrix.sources[0]: 0.5}
    draw_heatmap(replace(matrix, floor=floor), Path("h.png"))
    bar = drawn[0].axes[0].child_axes[0]
    assert [line.get_ydata()[0] for line in bar.lines] == [0.25]
    assert any("noise floor" in text for text in legend(drawn[0]))


@pytest.mark.parametrize("colours", ["viridis", "viridis_r", "RdBu"])
def test_writing_can_be_read_on_every_colour(colours: str) -> None:
    """Contrast as WCAG 2.2 defines it; 3 is its least for large letters and for graphics."""

    def luminance(colour: object) -> float:
        rgb = np.array(to_rgb(colour))  # type: ignore[arg-type]
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    for share in np.linspace(0, 1, 101):
        ground = colormaps[colours](share)
        low, high = sorted((luminance(ground[:3]), luminance(ink_on(ground))))
        assert (high + 0.05) / (low + 0.05) > 3.9


def points_of(figure: Figure) -> list[float]:
    """The values of the points, from the top."""
    found = {line.get_ydata()[0]: line.get_xdata()[0] for line in figure.axes[0].lines if line.get_marker() in "o*"}
    return [value for _, value in sorted(found.items())]


@pytest.mark.parametrize("direction", list(Direction))
def test_one_target_is_a_line_of_values_the_most_similar_on_top(direction: Direction) -> None:
    matrix = matrix_of(5, 1, direction)
    figure = draw_heatmap(matrix)
    assert points_of(figure) == sorted(matrix.values.ravel(), key=lambda value: direction.sign * value)
    assert figure.axes[0].get_xlim()[0] <= 0 <= figure.axes[0].get_xlim()[1]
    assert figure.axes[0].get_yticklabels()[0].get_text() == drawable(matrix.verdicts["target 0"].best or "", 36)
    assert figure.get_figheight() < 2


def test_one_source_is_a_line_of_its_targets() -> None:
    matrix = matrix_of(1, 4)
    figure = draw_heatmap(matrix)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == [matrix.targets[place] for place in np.argsort(matrix.values[0])]


def test_a_line_of_values_shows_intervals_floor_failures_and_the_dataset_itself() -> None:
    matrix = matrix_of(5, 1, same=True, failed={(1, 0): "_no masks"}, clear=False)
    low, high, floor = matrix.values - 0.5, matrix.values + 0.5, {matrix.targets[0]: 0.3}
    figure = draw_heatmap(replace(matrix, low=low, high=high, floor=floor))
    said = legend(figure)
    assert len(said) == 4
    for meaning in ("noise floor", "95 % interval", "against itself", "no clear winner"):
        assert any(meaning in text for text in said)
    last = [text.get_text() for text in figure.axes[0].texts][-1]
    assert "_no masks" in last
    assert figure.axes[0].get_yticklabels()[-1].get_text() == matrix.sources[1]


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_equal_matrices_give_equal_files(tmp_path: Path, suffix: str) -> None:
    paths = [tmp_path / f"{i}{suffix}" for i in range(2)]
    for path in paths:
        draw_heatmap(matrix_of(3, 3, failed={(0, 0): "reason"}), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
