"""``dsim adapt``: from a folder with some masks to a model that ``dsim prelabel`` applies, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsim.cli.adapt import adapt
from dsim.cli.prelabel import prelabel
from dsim.errors import DataError, NeedError, UnknownNameError
from dsim.files.documents import check
from dsim.models import SegmentationRecipe, Segmenter


def run(*arguments: str | Path) -> None:
    adapt.main([*map(str, arguments), "--device", "cpu"], standalone_mode=False)


def write_images(place: Path, masks: int, value: int = 255) -> Path:
    """Six images of a bright square, and masks of the first of them."""
    for folder in ("images", "masks"):
        (place / folder).mkdir(parents=True)
    for number in range(6):
        image = np.full((32, 32), 40, np.uint8)
        image[8 : 20 + number, 6:24] = 200
        Image.fromarray(image).save(place / "images" / f"{number}.png")
        if number < masks:
            Image.fromarray((image > 100).astype(np.uint8) * value).save(place / "masks" / f"{number}.png")
    return place


@pytest.fixture
def source(tmp_path: Path) -> str:
    """A dataset with a model of random weights, as --sources has it."""
    recipe = SegmentationRecipe(width=4, levels=2, side=32, patch=32)
    file = Segmenter(recipe.build(0).eval(), recipe).save(tmp_path / "model.safetensors")
    return f"squares={write_images(tmp_path / 'source', 2)}[model={file}]"


def test_the_answer_comes_first_and_prelabel_takes_the_model(
    tmp_path: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    target, out = write_images(tmp_path / "target", 3), tmp_path / "model"
    run(target, "--out", out, "--sources", source, "--ways", "apply,vote", "--label", "squares")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Wrote ")
    assert any(line.startswith("Next: dsim prelabel ") and str(out) in line for line in lines)
    prelabel.main(
        [str(target), "--model", str(out), "--out", str(tmp_path / "labels"), "--sheet", "0"], standalone_mode=False
    )
    coco = json.loads((tmp_path / "labels" / "coco.json").read_text("utf-8"))
    assert [each["name"] for each in coco["categories"]] == ["squares"]


def test_json_is_of_its_schema(tmp_path: Path, source: str, capsys: pytest.CaptureFixture[str]) -> None:
    target = write_images(tmp_path / "target", 2)
    run(target, "--out", tmp_path / "m", "--sources", source, "--ways", "apply", "--json")
    document = json.loads(capsys.readouterr().out)
    check(document, "dsim.adapt/1", "what was printed", "")
    assert (document["way"], document["annotated"], document["models"]) == ("apply", 2, ["squares"])


def test_what_cannot_be_adapted_to_is_refused_with_a_way_out(tmp_path: Path, source: str) -> None:
    bare = write_images(tmp_path / "bare", 0)
    with pytest.raises(NeedError) as error:
        run(bare, "--out", tmp_path / "m", "--sources", source)
    assert "annotate-next" in (error.value.hint or "")
    with pytest.raises(DataError, match="marks nothing"):
        run(write_images(tmp_path / "empty", 2, value=0), "--out", tmp_path / "m", "--sources", source)
    with pytest.raises(UnknownNameError, match="finetune"):
        run(bare, "--out", tmp_path / "m", "--ways", "finetun")
    assert not (tmp_path / "m").exists()


def test_classes_of_masks_are_chosen_with_foreground(tmp_path: Path, source: str) -> None:
    target = write_images(tmp_path / "target", 2, value=2)
    mask = np.asarray(Image.open(target / "masks" / "0.png")).copy()
    mask[0] = 1
    Image.fromarray(mask).save(target / "masks" / "0.png")
    more = ("--sources", source, "--ways", "apply", "--out", tmp_path / "m")
    with pytest.raises(DataError) as error:
        run(target, *more)
    assert "--foreground" in (error.value.hint or "")
    run(target, *more, "--foreground", "2")
