"""Parts of the pictures: looks, labels, projections, texts, files."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from dsim.embeddings import to_plane
from dsim.errors import UsageError
from dsim.plots import COLOURS, ROLE_COLOURS, Role, drawable, looks, place_labels, save


@pytest.mark.parametrize(("role", "count"), [("source", 56), ("target", 42)])
def test_datasets_of_a_role_all_look_different(role: Role, count: int) -> None:
    chosen = looks({f"d{i}": role for i in range(count)})
    assert len({(look.colour, look.shape) for look in chosen.values()}) == count


@pytest.mark.parametrize("count", [2, 15, 200])
def test_no_target_has_the_colour_or_the_shape_of_a_source(count: int) -> None:
    roles: dict[str, Role] = {f"d{i}": "target" if i % 3 else "source" for i in range(count)}
    chosen = looks(roles)
    sources, targets = ([chosen[name] for name in roles if roles[name] == role] for role in ("source", "target"))
    assert not {look.shape for look in sources} & {look.shape for look in targets}
    assert not {look.colour for look in sources} & {look.colour for look in targets}


def test_few_datasets_differ_in_colour_and_in_shape() -> None:
    for role in ("source", "target"):
        chosen = looks(dict.fromkeys("abcdef", role)).values()
        assert len({look.colour for look in chosen}) == len({look.shape for look in chosen}) == 6


#: As seen by all, without red and without green cones: Machado et al. 2009 (doi:10.1109/TVCG.2009.113), linear RGB.
SEEN = {
    "all": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}


def lab_of(colours: Sequence[str], seen: str) -> np.ndarray:
    """CIE L*a*b* of colours, (n, 3)."""
    rgb = np.array([[int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] for colour in colours])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]])
    xyz = np.clip(linear @ SEEN[seen].T, 0, 1) @ to_xyz.T / [0.9505, 1, 1.0888]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def apart(some: Sequence[str], others: Sequence[str], seen: str) -> float:
    """The smallest distance in Lab of two different colours; 2.3 is just noticeable."""
    distance = np.linalg.norm(lab_of(some, seen)[:, None] - lab_of(others, seen), axis=2)
    return float(distance[np.array(some)[:, None] != np.array(others)].min())


@pytest.mark.parametrize("seen", SEEN)
def test_colours_stay_apart_for_the_colour_blind(seen: str) -> None:
    sources, targets = ROLE_COLOURS["source"], ROLE_COLOURS["target"]
    assert apart(sources, targets, seen) > 20
    for colours, least in ((COLOURS, 15), (sources, 15), (targets, 9)):
        assert apart(colours, colours, seen) > least
    assert lab_of(targets, seen)[:, 0].max() < lab_of(sources, seen)[:, 0].min(), "targets are the darker ones"


def test_labels_overlap_neither_each_other_nor_marks() -> None:
    rng = np.random.default_rng(0)
    anchors = rng.uniform(300, 600, (30, 2))
    sizes = np.stack([rng.uniform(30, 120, 30), np.full(30, 14.0)], axis=1)
    area = np.array([[0.0, 0.0], [1000.0, 800.0]])
    centres = place_labels(anchors, sizes, rng.uniform(200, 700, (500, 2)), area, clearance=9)
    apart = np.abs(centres[:, None] - centres) >= (sizes[:, None] + sizes) / 2
    assert (apart.any(axis=2) | np.eye(30, dtype=bool)).all()
    assert (np.abs(centres[:, None] - anchors) >= sizes[:, None] / 2).any(axis=2).all()
    assert (centres - sizes / 2 >= area[0]).all()
    assert (centres + sizes / 2 <= area[1]).all()


def test_labels_avoid_points_where_a_free_place_is_near() -> None:
    above = np.stack(np.meshgrid(np.linspace(-40, 40, 40), np.linspace(5, 60, 40)), axis=2).reshape(-1, 2)
    area = np.array([[-300.0, -300.0], [300.0, 300.0]])
    centre = place_labels(np.zeros((1, 2)), np.array([[40.0, 12.0]]), above, area, clearance=5)[0]
    assert centre[1] < 0


def test_projection_keeps_distances_of_points_in_a_plane() -> None:
    rng = np.random.default_rng(1)
    plane = rng.standard_normal((40, 2))
    axes = np.linalg.qr(rng.standard_normal((7, 2)))[0].T
    points, how = to_plane({"a": plane[:15] @ axes + 3, "b": plane[15:] @ axes + 3})
    found = np.concatenate([points["a"], points["b"]])
    expected = np.linalg.norm(plane[:, None] - plane, axis=2)
    assert np.allclose(np.linalg.norm(found[:, None] - found, axis=2), expected)
    assert how == "first two principal components of 7 dimensions, 100 % of the variance"


def test_the_projection_states_the_share_of_variance_it_shows() -> None:
    points = np.concatenate([np.eye(4), -np.eye(4)])
    assert "4 dimensions, 50 % of the variance" in to_plane({"a": points})[1]


def test_two_dimensions_are_left_alone() -> None:
    points, how = to_plane({"a": np.array([[1.0, 2.0]])})
    assert points["a"].tolist() == [[1.0, 2.0]]
    assert how == ""


def test_texts_keep_both_ends_and_lose_only_what_the_font_lacks() -> None:
    assert drawable("Zellen ÄÖÜ, Клетки, µm²") == "Zellen ÄÖÜ, Клетки, µm²"
    assert drawable("显微镜 a") == "□□□ a"
    assert drawable("start" + "-" * 100 + "the end", 20).startswith("start")
    assert drawable("start" + "-" * 100 + "the end", 20).endswith("the end")
    assert len(drawable("x" * 100, 20)) == 20


def test_a_picture_carries_its_title_and_no_date(tmp_path: Path) -> None:
    for suffix in (".png", ".svg"):
        save(Figure(), tmp_path / f"p{suffix}", "Название")
    assert Image.open(tmp_path / "p.png").text == {"Title": "Название", "Software": "dsim"}
    text = (tmp_path / "p.svg").read_text("utf-8")
    assert "Название" in text
    assert "dc:date" not in text


def test_a_failure_leaves_the_former_picture_and_no_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "p.png"
    path.write_text("former")

    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(RuntimeError):
        save(Figure(), path, "title")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("p.png", "former")]


def test_an_unknown_suffix_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.png or \.svg"):
        save(Figure(), tmp_path / "p.gif", "title")


def test_drawing_needs_no_pyplot_and_importing_no_matplotlib() -> None:
    code = (
        "import sys, dsim.plots.embedding_map as e, dsim.plots.heatmap; assert 'matplotlib' not in sys.modules;"
        "import numpy as np, tempfile, pathlib; folder = tempfile.mkdtemp();"
        "e.draw_embedding({'a': np.eye(2)}, {'a': 'source'}, pathlib.Path(folder, 'a.png'), 't');"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
