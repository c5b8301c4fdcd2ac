"""The map of datasets: draws whatever it is given, quietly, and says what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsim.errors import UsageError
from dsim.plots import Role, draw_embedding, embedding_map

NAMES = ["a_very_long_name_that_nobody_shortened_2024_v3", "_hidden", "$x_$1", "显微镜", "Клетки", "two\nlines"]


def clouds_of(count: int, k: int = 2, images: int = 20) -> tuple[dict[str, np.ndarray], dict[str, Role]]:
    rng = np.random.default_rng(count)
    names = [*NAMES, *(f"dataset {i}" for i in range(count))][:count]
    clouds = {name: 5 * rng.standard_normal(k) + rng.standard_normal((images, k)) for name in names}
    roles: dict[str, Role] = {name: "source" if i % 3 < 2 else "target" for i, name in enumerate(names)}
    return clouds, roles


def ink_of(path: Path) -> float:
    """Share of pixels that are not white."""
    return float((np.asarray(Image.open(path).convert("L")) < 250).mean())


@pytest.mark.parametrize("count", [1, 2, 8, 30])
def test_any_number_of_datasets_is_drawn_without_a_warning(tmp_path: Path, count: int) -> None:
    draw_embedding(*clouds_of(count), tmp_path / "map.png", "title with $ and 中文", note="asap@1, seed 0")
    assert ink_of(tmp_path / "map.png") > 0.01


def test_matplotlib_logs_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    draw_embedding(*clouds_of(6), tmp_path / "map.png", "title")
    assert caplog.records == []


def test_identical_points_are_drawn(tmp_path: Path) -> None:
    clouds = {name: np.zeros((5, 2)) for name in "abcdef"}
    draw_embedding(clouds, dict.fromkeys(clouds, "source"), tmp_path / "map.png", "title")
    assert ink_of(tmp_path / "map.png") > 0.01


def test_points_that_are_not_finite_are_left_out(tmp_path: Path) -> None:
    clouds = {"a": np.array([[0.0, 0.0], [np.nan, 1.0]]), "b": np.array([[np.inf, 0.0]]), "c": np.array([[1.0, 1.0]])}
    kept = {"a": clouds["a"][:1], "b": np.empty((0, 2)), "c": clouds["c"]}
    roles: dict[str, Role] = dict.fromkeys(clouds, "source")
    for cloud in (clouds, kept):
        draw_embedding(cloud, roles, tmp_path / f"{cloud is clouds}.png", "title")
    a, b = (np.asarray(Image.open(tmp_path / f"{which}.png"))[:, :1000] for which in (True, False))
    assert np.array_equal(a, b)


@pytest.mark.parametrize("k", [1, 3, 16])
def test_other_dimensions_are_drawn_in_the_plane(tmp_path: Path, k: int) -> None:
    draw_embedding(*clouds_of(4, k=k), tmp_path / "map.svg", "title")
    assert (tmp_path / "map.svg").read_text("utf-8").startswith("<?xml")


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_same_picture_is_the_same_file(tmp_path: Path, suffix: str) -> None:
    paths = [tmp_path / f"{i}{suffix}" for i in range(2)]
    for path in paths:
        draw_embedding(*clouds_of(5), path, "title")
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_drawing_leaves_the_settings_of_matplotlib_alone(tmp_path: Path) -> None:
    import matplotlib

    with matplotlib.rc_context({"font.size": 31.0}):
        draw_embedding(*clouds_of(2), tmp_path / "map.png", "title")
        assert matplotlib.rcParams["font.size"] == 31.0
        assert matplotlib.rcParams["svg.hashsalt"] is None


def test_a_refusal_names_the_cause_and_writes_nothing(tmp_path: Path) -> None:
    clouds, roles = clouds_of(2)
    nothing = {name: np.full((3, 2), np.nan) for name in clouds}
    mixed = {**clouds, "other": np.zeros((4, 3))}
    for wrong, known, path, message in (
        (clouds, {}, "map.png", "no role for"),
        (nothing, roles, "map.png", "no point to draw"),
        (mixed, {**roles, "other": "target"}, "map.png", r"one k, not .*other \(4, 3\)"),
        (clouds, roles, "map.jpg", r"cannot write a picture as 'map.jpg'"),
    ):
        with pytest.raises(UsageError, match=message):
            draw_embedding(wrong, known, tmp_path / path, "title")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_dataset_keeps_its_look_where_another_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, object]] = []
    monkeypatch.setattr(embedding_map, "add_legend", lambda figure, look, *rest: seen.append(dict(look)))
    clouds, roles = clouds_of(6)
    draw_embedding(clouds, roles, tmp_path / "map.png", "title")
    draw_embedding({name: clouds[name] for name in list(clouds)[1:]}, roles, tmp_path / "map.png", "title")
    assert seen[1].items() < seen[0].items()
