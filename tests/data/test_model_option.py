"""A dataset names the segmentation model that was trained on it: by an option, in Python, and in what is shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsim.data import from_arrays, inspect, open_dataset
from dsim.errors import NeedError, UnknownNameError, UsageError, WeightsError
from dsim.registry import Need


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cells").mkdir()
    for number in range(2):
        Image.fromarray(np.full((8, 8), 40 * number, np.uint8)).save(tmp_path / "cells" / f"{number}.png")
    return tmp_path / "cells"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "models" / "segmenter.safetensors"
    path.parent.mkdir()
    path.write_bytes(b"weights")
    return path


def test_the_option_names_a_model_and_the_dataset_can_be_opened_again(folder: Path, weights: Path) -> None:
    found = open_dataset(f"mine={folder}[model={weights}]")
    assert (found.name, found.model, found.has(Need.MODEL)) == ("mine", str(weights), True)
    assert open_dataset(found.reference).model == str(weights)
    assert open_dataset(folder).model is None


def test_a_model_may_be_a_folder_or_of_the_zoo(folder: Path, weights: Path) -> None:
    assert open_dataset(f"{folder}[model={weights.parent}]").model == str(weights.parent)
    assert open_dataset(f"{folder}[model=zoo:unet8.drive.r1]").model == "zoo:unet8.drive.r1"


def test_phantoms_take_the_option_beside_their_own(weights: Path) -> None:
    found = open_dataset(f"phantoms:xray[count=2,size=32,model={weights}]")
    assert found.model == str(weights)
    assert len(found) == 2
    assert str(weights) not in found.name
    assert open_dataset(found.reference).model == str(weights)


def test_a_model_that_is_not_there_is_refused_when_the_dataset_is_opened(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no-such\.safetensors") as caught:
        open_dataset(f"{folder}[model={tmp_path / 'no-such.safetensors'}]")
    assert "zoo:" in (caught.value.hint or "")
    with pytest.raises(UsageError, match="model"):
        open_dataset(f"{folder}[model=]")
    with pytest.raises(UnknownNameError, match="modle"):
        open_dataset(f"{folder}[modle=zoo:x.y.r1]")


def test_a_dataset_without_a_model_is_refused_with_the_way_to_name_one() -> None:
    plain = from_arrays(np.zeros((2, 8, 8), np.uint8), name="x")
    with pytest.raises(NeedError, match="'x' has no model, and consistency needs one") as caught:
        plain.require(Need.MODEL, "consistency")
    hint = caught.value.hint or ""
    assert "x[model=FILE]" in hint
    assert "dsim transfer segmentation" in hint


def test_the_identity_of_a_model_is_its_content_and_leaves_other_parts_alone(weights: Path, tmp_path: Path) -> None:
    plain = from_arrays(np.zeros((2, 8, 8), np.uint8), name="x")
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(weights.read_bytes())
    first, second = plain.with_model(weights), plain.with_model(copy)
    both = [Need.IMAGES, Need.MODEL]
    assert first.fingerprint(both) == second.fingerprint(both) != plain.with_model("zoo:a.b.r1").fingerprint(both)
    assert first.fingerprint([Need.IMAGES]) == plain.fingerprint([Need.IMAGES])
    assert first.subset([1]).model == str(weights)
    with pytest.raises(NeedError):
        plain.fingerprint([Need.MODEL])


def test_inspection_shows_the_model(weights: Path) -> None:
    images = np.zeros((2, 8, 8), np.uint8)
    assert inspect(from_arrays(images, model=str(weights))).model == str(weights)
    assert inspect(from_arrays(images)).model is None
