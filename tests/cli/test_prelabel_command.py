"""``dsim prelabel``: a real segmentation model, from its file to the folder of pre-labels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dsim
from dsim.cli.prelabel import prelabel
from dsim.errors import DataError, DsimError, UsageError, WeightsError
from dsim.files.documents import check
from dsim.models import SegmentationRecipe, Segmenter, load_segmenter


def run(*arguments: str | Path) -> None:
    prelabel.main([str(argument) for argument in arguments], standalone_mode=False)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained network of the smallest kind: what it marks is arbitrary, but always the same."""
    recipe = SegmentationRecipe(width=4, levels=2, side=32, patch=32, batch=3)
    seen = {"name": "fluorescence", "images_fingerprint": "0" * 64, "image_digests": ["1"]}
    return Segmenter(recipe.build(0).eval(), recipe, (seen,)).save(tmp_path_factory.mktemp("model"))


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    place = tmp_path / "cells"
    place.mkdir()
    rng = np.random.default_rng(0)
    for name, shape in (("a", (40, 64)), ("b", (64, 40)), ("c", (33, 47, 3))):
        Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(place / f"{name}.png")
    return place


def test_masks_are_those_of_the_model_at_the_size_of_the_images(cells: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(cells, "--model", model, "--out", out, "--probabilities", "tif", "--device", "cpu")
    target = dsim.open_dataset(cells)
    segmenter = load_segmenter(model, dsim.runtime.Runtime(device="cpu"))
    import tifffile

    for index, id in enumerate(target.ids):
        expected = segmenter.predict(target.pixels(index))
        assert expected.shape == target.native(index).shape[:2]
        np.testing.assert_allclose(tifffile.imread(out / f"probabilities/{id}.tif"), expected, atol=1e-5)
        with Image.open(out / f"masks/{id}.png") as mask:
            differs = (np.asarray(mask) == 255) != (expected >= segmenter.recipe.threshold)
        # Batches of other images change the last bits of a probability.
        assert (abs(expected[differs] - 0.5) < 1e-5).all()


def test_json_is_the_summary_and_nothing_else_is_printed(
    cells: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(cells, "--model", model, "--out", tmp_path / "out", "--json", "--label", "nucleus", "--threshold", "0.4")
    document = json.loads(capsys.readouterr().out)
    check(document, "dsim.prelabel/1", "the output", "")
    assert document["settings"] == {"threshold": 0.4, "label": "nucleus", "probabilities": ""}
    assert (document["images"], document["new"]) == (3, 3)


def test_a_table_tells_what_to_look_at_first(
    cells: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(cells, "--model", model.parent, "--out", tmp_path / "out")
    captured = capsys.readouterr()
    assert "cells: look at these first" in captured.out
    assert "in 3 images" in captured.err
    assert "coco.json, uncertainty.csv, overlays.png, prelabel.json" in captured.err
    # The same again, from the file instead of its folder: everything is there.
    run(cells, "--model", model, "--out", tmp_path / "out")
    assert "note: 3 of 3 images are labelled already" in capsys.readouterr().err


def test_a_second_model_is_refused(cells: Path, model: Path, tmp_path: Path) -> None:
    recipe = SegmentationRecipe(width=4, levels=2, side=32, patch=32)
    other = Segmenter(recipe.build(1).eval(), recipe).save(tmp_path / "other.safetensors")
    run(cells, "--model", model, "--out", tmp_path / "out", "--sheet", "0")
    with pytest.raises(DataError, match="pre-labels by another model") as told:
        run(cells, "--model", other, "--out", tmp_path / "out")
    assert told.value.exit_code == 1
    run(cells, "--model", other, "--out", tmp_path / "out", "--overwrite", "--sheet", "0")


def test_a_model_that_is_not_there_is_told(cells: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="there is no segmentation model at"):
        run(cells, "--model", tmp_path / "absent.safetensors", "--out", tmp_path / "out")
    with pytest.raises(DsimError, match="no zoo model named 'absent'"):
        run(cells, "--model", "zoo:absent", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_images_that_the_model_cannot_take_are_told_and_the_others_kept(model: Path, tmp_path: Path) -> None:
    import tifffile

    place = tmp_path / "odd"
    place.mkdir()
    Image.fromarray(np.zeros((20, 20), np.uint8)).save(place / "a.png")
    tifffile.imwrite(place / "b.tif", np.zeros((5, 20, 20), np.uint8), metadata={"axes": "CYX"}, ome=True)
    with pytest.raises(DataError, match="'b' of 'odd'"):
        run(place, "--model", model, "--out", tmp_path / "out")


def test_an_empty_target_is_told(model: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="none"):
        run(tmp_path / "none", "--model", model, "--out", tmp_path / "out")


def test_best_applies_the_zoo_model_of_the_recommended_source_and_says_why(
    phantom_zoo: Path, untried: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("phantoms:fluorescence-dim[count=3,size=32]", "--best", "--out", tmp_path, "--device", "cpu", "--json")
    captured = capsys.readouterr()
    assert json.loads(captured.out)["model"]["name"] == "zoo:unet4.fluorescence.r1"
    assert "Take fluorescence for fluorescence-dim" in captured.err
    assert "zoo:unet4.fluorescence.r1, trained on fluorescence" in captured.err
    assert "1 target in 5" in captured.err
    assert len(list((tmp_path / "masks").iterdir())) == 3


def test_best_refuses_where_no_source_resembles_the_target_and_tells_what_else_to_do(
    phantom_zoo: Path, untried: None, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="resembles histology-pale") as caught:
        run("phantoms:histology-pale[count=12,size=64]", "--best", "--out", tmp_path, "--device", "cpu")
    assert "annotate" in (caught.value.hint or "")
    assert not (tmp_path / "masks").exists()


def test_best_without_a_model_of_the_best_source_tells_what_to_do(
    phantom_zoo: Path, untried: None, tmp_path: Path
) -> None:
    given = ["phantoms:histology", "phantoms:fundus[count=6,size=32]", "phantoms:xray"]
    sources = [word for path in given for word in ("--sources", path)]
    with pytest.raises(DataError, match=r"histology .*no segmentation model") as told:
        run("mine=phantoms:histology-pale", "--best", *sources, "--out", tmp_path / "out")
    assert "train one: dsim transfer segmentation --sources phantoms:histology" in str(told.value.hint)
    assert "take the nearest source that has one: --model zoo:unet4.fundus.r1" in str(told.value.hint)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "neither --model nor --best"),
        (("--model", "zoo:any", "--best"), "both --model and --best"),
        (("--model", "zoo:any", "--sources", "phantoms:xray"), "--sources: only with --best"),
    ],
)
def test_one_way_to_a_model_is_asked_for(cells: Path, tmp_path: Path, arguments: tuple[str, ...], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        run(cells, *arguments, "--out", tmp_path / "out")
