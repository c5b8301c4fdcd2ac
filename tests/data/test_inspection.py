"""``dsim data inspect`` and the sheet: what is told is what is there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from dsim.cli.data import inspect as command
from dsim.data import from_arrays, open_dataset
from dsim.data.inspection import draw_sheet, inspect, save_sheet
from dsim.errors import DataError, UnreadableImageError


@pytest.fixture
def cells(tmp_path: Path, write) -> Path:
    half = np.zeros((10, 20), np.uint8)
    half[:5] = 255
    for stem, pixels in (("a", None), ("b", np.full((10, 20), 9, np.uint8)), ("c", np.full((10, 20), 9, np.uint8))):
        write(f"cells/images/{stem}.png", np.arange(200, dtype=np.uint8).reshape(10, 20) if pixels is None else pixels)
        write(f"cells/masks/{stem}.png", half)
    (tmp_path / "cells/labels.csv").write_text("file,label,group\na,x,1\nb,y,1\nc,x,2\n")
    return tmp_path / "cells"


def test_everything_that_was_understood_is_told(cells: Path) -> None:
    found = inspect(open_dataset(cells))
    assert (found.name, found.format, found.count) == ("cells", "images and masks", 3)
    assert found.height is not None
    assert found.width is not None
    assert (found.height.median, found.width.maximum) == (10, 20)
    assert (found.dtypes, found.channels) == ({"uint8": 3}, {"1": 3})
    assert (found.classes, found.groups, found.masked) == ({"x": 2, "y": 1}, 2, True)
    assert (found.foreground, found.repeated) == (0.5, 1)
    assert found.fingerprint == open_dataset(cells).images_fingerprint
    assert json.loads(json.dumps(found.to_json()))["count"] == 3


def test_deep_images_tell_their_scale(rng) -> None:
    found = inspect(from_arrays(rng.integers(0, 4096, (3, 8, 8)).astype(np.uint16)))
    assert found.dtypes == {"uint16": 3}
    assert found.treatment["scales"]["uint16x1"]["rules"] == ["percentiles"]
    assert any("becomes 0 to 1 (percentiles)" in note for note in found.notes)


def test_features_alone_can_be_inspected() -> None:
    found = inspect(from_arrays(features=np.eye(4), labels=list("aabb")))
    assert (found.count, found.features, found.height, found.classes) == (4, 4, None, {"a": 2, "b": 2})


def test_inspecting_reads_every_image(cells: Path) -> None:
    path = cells / "images/b.png"
    data = bytearray(path.read_bytes())
    data[45:50] = b"\0" * 5
    path.write_bytes(data)
    dataset = open_dataset(cells)
    with pytest.raises(UnreadableImageError, match=r"b\.png"):
        inspect(dataset)


# Command line -----------------------------------------------------------------------------------------------------


def test_the_command_prints_a_table_and_writes_the_sheet(cells: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(command, [str(cells), f"again={cells}", "--sheet", str(tmp_path / "s.png")])
    assert result.exit_code == 0, result.output
    for text in ("cells", "again", "images and masks", "x (2), y (1)", "all images, 50.0% foreground", "10 px"):
        assert text in result.stdout
    assert "s.png" in result.stderr
    assert "s.png" not in result.stdout
    with Image.open(tmp_path / "s.png") as sheet:
        assert sheet.width > 300


def test_the_command_prints_nothing_but_json_on_request(cells: Path) -> None:
    result = CliRunner().invoke(command, [str(cells), "--json"])
    (found,) = json.loads(result.stdout)
    assert (found["name"], found["classes"]) == ("cells", {"x": 2, "y": 1})


def test_the_command_lists_what_it_skipped(cells: Path) -> None:
    (cells / "images/a.png").write_bytes(b"no image")
    runner = CliRunner()
    assert isinstance(runner.invoke(command, [str(cells)]).exception, UnreadableImageError)
    found = json.loads(runner.invoke(command, [str(cells), "--json", "--skip-unreadable"]).stdout)[0]
    assert found["count"] == 2
    assert len(found["skipped"]) == 1
    assert "a.png" in found["skipped"][0]
    assert "skipped 1 of 1" in runner.invoke(command, [str(cells), "--skip-unreadable"]).stdout


# Sheet ------------------------------------------------------------------------------------------------------------


def test_the_sheet_holds_a_block_per_dataset() -> None:
    red = from_arrays(np.full((3, 8, 8, 3), (255, 0, 0), np.uint8), name="red")
    blue = from_arrays(np.full((30, 8, 8, 3), (0, 0, 255), np.uint8), name="a very long name " * 20)
    sheet = np.asarray(draw_sheet([red, blue], per_dataset=10))
    of_red = (sheet == (255, 0, 0)).all(axis=2).sum()
    of_blue = (sheet == (0, 0, 255)).all(axis=2).sum()
    assert of_blue / of_red == pytest.approx(10 / 3)


def test_a_sheet_without_images_or_of_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no images to draw"):
        draw_sheet([from_arrays(features=np.eye(2))])
    with pytest.raises(DataError, match=r"cannot write a sheet to .*\.doc"):
        save_sheet([from_arrays(np.zeros((1, 8, 8), np.uint8))], tmp_path / "s.doc")


def test_the_sheet_shows_each_image_beside_its_mask() -> None:
    images = np.full((2, 16, 16, 3), (200, 100, 50), np.uint8)
    masks = np.zeros((2, 16, 16), np.uint8)
    masks[:, :8] = 255
    plain = draw_sheet([from_arrays(images, name="cells")])
    beside = draw_sheet([from_arrays(images, masks=masks, name="cells")])
    assert beside.height == plain.height
    pixels = np.asarray(beside).reshape(-1, 3)
    assert (pixels == (0, 0, 0)).all(axis=1).sum() >= 2 * 112 * 56
    half = draw_sheet([from_arrays(images, masks=[masks[0], None], name="cells")])
    assert half.size == beside.size
    assert (np.asarray(half) != np.asarray(beside)).any()
