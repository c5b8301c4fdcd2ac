"""The heat map: right marks on right cells for matrices of any size, quietly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from dsim.measures import SimilarityMatrix, Verdict
from dsim.plots import draw_heatmap, equal_decimals, heatmap
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


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_equal_matrices_give_equal_files(tmp_path: Path, suffix: str) -> None:
    paths = [tmp_path / f"{i}{suffix}" for i in range(2)]
    for path in paths:
        draw_heatmap(matrix_of(3, 3, failed={(0, 0): "reason"}), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
