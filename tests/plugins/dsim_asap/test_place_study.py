"""``dsim asap place``: images rank datasets, p-values are those of chance, strays are found and counted honestly."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import dsim
from dsim.embeddings import Cloud, find_strays, place_images
from dsim.errors import UsageError
from dsim.files.documents import check
from dsim.plots import draw_sheet
from dsim_asap.studies.placement import _caption, placement_document


def cloud(name: str, points: np.ndarray, seed: int = 0) -> Cloud:
    pixels = np.random.default_rng(seed).integers(0, 255, (len(points), 8, 8, 3)).astype(np.uint8)
    return Cloud(dsim.from_arrays(pixels, name=name), points)


def around(x: float, n: int, seed: int) -> np.ndarray:
    return np.array([x, 0.0]) + np.random.default_rng(seed).standard_normal((n, 2))


def test_an_image_alone_in_a_dataset_has_no_distance_to_its_rest() -> None:
    alone, other = cloud("alone", around(0, 1, 1)), cloud("other", around(5, 4, 2), seed=9)
    told = placement_document(alone, [alone, other], place_images(alone, [alone, other]), "m")
    assert [row["dataset"] for row in told["images"][0]["datasets"]] == ["other", "alone"]
    assert told["images"][0]["datasets"][1]["mean_distance"] is None
    check(told, "dsim.asap-place/1", "the study", "")


def test_the_strongest_stray_comes_first_and_chance_is_told(tmp_path: Path) -> None:
    points = np.concatenate([around(0, 38, 1), [[9.0, 0.0], [6.5, 0.0]]])
    mine, other = cloud("mine", points), cloud("other", around(9, 30, 2), seed=5)
    found = find_strays(mine, [other], np.random.default_rng(0))
    assert [stray.index for stray in found.found[:2]] == [38, 39]
    assert found.found[0].nearer
    assert found.found[0].far
    assert found.found[0].p_other > 0.5
    assert all(stray.strength >= 1 for stray in found.found)
    assert found.expected_far == sum(stray.far for stray in found.found) == 2
    assert 0 < found.expected_nearer < 1
    check(found.document("dsim.asap-strays/1", "mine", "m"), "dsim.asap-strays/1", "the study", "")
    draw_sheet(mine.dataset, {stray.index: _caption(stray) for stray in found.found}, tmp_path / "strays.png", "mine")
    assert (tmp_path / "strays.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [([], "images to place"), (["a.png", "--dataset", "b"], "one of both"), (["a.png"], "among")],
)
def test_it_says_what_is_missing(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    from dsim.cli.main import run

    assert run(["asap", "place", *arguments]) == UsageError("").exit_code
    assert message in capsys.readouterr().err


def test_the_command_ranks_an_image_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    from dsim.cli.main import run
    from dsim.data.phantoms import open_phantom

    Image.fromarray(open_phantom("histology", count=9, size=32).native(8)).save(tmp_path / "mine.png")
    sets = [f"phantoms:{name}[count=8,size=32]" for name in ("fundus", "histology")]
    call = ["asap", "place", str(tmp_path / "mine.png"), "--sources", *sets, "--device", "cpu"]
    assert run([*call, "--json", "--out", str(tmp_path / "out")]) == 0
    captured = json.loads(capsys.readouterr().out)
    assert captured["images"][0]["datasets"][0]["dataset"].startswith("histology")
    assert json.loads((tmp_path / "out" / "place.json").read_text()) == captured
