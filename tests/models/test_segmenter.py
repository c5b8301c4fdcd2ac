"""Promises of a segmenter: any size, the same in any batch, flat memory, a file gives the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dsim.data import Dataset, from_arrays
from dsim.errors import DataError, DsimError, UnknownNameError, WeightsError
from dsim.models import SegmentationRecipe, Segmenter, load_segmenter
from dsim.runtime import Runtime

CPU = Runtime(device="cpu")


def segmenter(recipe: SegmentationRecipe, seed: int = 0) -> Segmenter:
    return Segmenter(recipe.build(seed).eval(), recipe)


class Threshold(nn.Module):
    """Calls bright pixels foreground: what it must find is known."""

    def forward(self, images: Tensor) -> Tensor:
        return (images.mean(1) - 0.5) * 100


@pytest.mark.parametrize("shape", [(5, 9, 1), (16, 16, 3), (70, 33, 3), (1, 40, 1)])
@pytest.mark.parametrize("side", [0, 16])
def test_an_image_of_any_size_gives_probabilities_of_its_size(
    tiny: SegmentationRecipe, shape: tuple[int, ...], side: int
) -> None:
    recipe = SegmentationRecipe.of({**tiny.record(), "side": side})
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    found = segmenter(recipe).predict(pixels)
    assert found.shape == shape[:2]
    assert found.dtype == np.float32
    assert ((found >= 0) & (found <= 1)).all()


def test_tiles_put_together_find_what_the_whole_image_shows(
    tiny: SegmentationRecipe, discs: Callable[..., Dataset]
) -> None:
    dataset = discs(n=2, side=75)
    found = Segmenter(Threshold(), SegmentationRecipe.of({**tiny.record(), "side": 0})).predict(dataset.pixels(1))
    assert ((found > 0.5) == (dataset.mask(1) > 0)).all()


def test_a_stream_gives_each_image_what_it_gets_alone(tiny: SegmentationRecipe) -> None:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (rng.integers(8, 60), rng.integers(8, 60), 3)).astype(np.uint8) for _ in range(9)]
    dataset, model = from_arrays(images, name="mixed"), segmenter(SegmentationRecipe.of({**tiny.record(), "side": 0}))
    for workers in (0, 2):
        found = dict(model.predict_many(dataset, workers=workers))
        assert list(found) == list(range(9))
        assert all(np.allclose(found[i], model.predict(images[i]), atol=1e-5) for i in range(9))
    assert [index for index, _ in model.predict_many(dataset, [7, 2])] == [7, 2]


def test_only_a_few_images_are_held_at_a_time(tiny: SegmentationRecipe) -> None:
    held, most = [0], [0]

    class Counted:
        def image(self, index: int) -> np.ndarray:
            held[0] += 1
            most[0] = max(most[0], held[0])
            return np.zeros((16, 16, 3), np.uint8)

        def image_digest(self, index: int) -> str:
            return str(index)

        mask = image
        mask_digest = image_digest

    dataset = Dataset("many", tuple(map(str, range(500))), Counted(), dtypes=("uint8",) * 500)
    for _ in segmenter(tiny).predict_many(dataset):
        held[0] -= 1
    assert most[0] < 40


def test_a_file_gives_the_same_numbers_and_tells_what_it_was_trained_on(
    tiny: SegmentationRecipe, tmp_path: Path
) -> None:
    model = Segmenter(tiny.build(3).eval(), tiny, ({"name": "a", "n": 2, "images_fingerprint": "f"},), "mine")
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    for place in (tmp_path / "folder", tmp_path / "file.safetensors"):
        again = load_segmenter(model.save(place), CPU)
        assert np.array_equal(again.predict(pixels), model.predict(pixels))
        assert (again.recipe, again.trained_on, again.name) == (model.recipe, model.trained_on, "mine")
    assert np.array_equal(load_segmenter(tmp_path / "folder", CPU).predict(pixels), model.predict(pixels))
    half = model.save(tmp_path / "half.safetensors", dtype="float16")
    assert half.stat().st_size < 0.6 * (tmp_path / "file.safetensors").stat().st_size
    assert np.allclose(load_segmenter(half, CPU).predict(pixels), model.predict(pixels), atol=5e-3)


def test_what_is_no_model_is_refused_with_a_fix(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no segmentation model at"):
        load_segmenter(tmp_path / "nowhere", CPU)
    (tmp_path / "text.safetensors").write_text("no weights")
    with pytest.raises(WeightsError, match="not a safetensors file"):
        load_segmenter(tmp_path / "text.safetensors", CPU)
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="not a segmentation model of dsim"):
        load_segmenter(tmp_path / "other.safetensors", CPU)
    with pytest.raises(UnknownNameError, match=r"no zoo model named 'unet\.nobody\.r1'"):
        load_segmenter("zoo:unet.nobody.r1", CPU)


def test_a_full_disk_while_saving_is_an_error_and_the_older_file_stays(
    tiny: SegmentationRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import safetensors.torch

    file = segmenter(tiny).save(tmp_path / "m.safetensors")
    before = file.read_bytes()

    def full(*given: object, **more: object) -> None:
        raise safetensors.SafetensorError("I/O error: No space left on device")

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(DsimError, match="No space left on device"):
        segmenter(tiny, seed=1).save(file)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_many_channels_are_refused(tiny: SegmentationRecipe) -> None:
    with pytest.raises(DataError, match="the image has 5 channels"):
        segmenter(tiny).predict(np.zeros((9, 9, 5), np.uint8))


@pytest.mark.parametrize("encoder", ["timm:resnet10t", "timm:mobilenetv3_small_050"])
def test_an_encoder_of_timm_segments_too(encoder: str, tmp_path: Path) -> None:
    recipe = SegmentationRecipe(encoder=encoder, side=64, patch=64)
    model = segmenter(recipe)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 64, 3)).astype(np.uint8)
    found = model.predict(pixels)
    assert found.shape == (40, 64)
    assert np.array_equal(load_segmenter(model.save(tmp_path), CPU).predict(pixels), found)


def test_an_encoder_that_cannot_be_one_is_refused() -> None:
    from dsim.errors import UsageError

    with pytest.raises(UsageError, match="patch=100 is not a multiple of 32"):
        SegmentationRecipe(encoder="timm:resnet10t", patch=100)
    with pytest.raises(UsageError, match="cannot be an encoder"):
        SegmentationRecipe(encoder="timm:nonesuch").build(0)
    with pytest.raises(UnknownNameError, match="no encoder named 'resnet18'"):
        SegmentationRecipe(encoder="resnet18")
    with pytest.raises(UsageError, match="no published weights"):
        SegmentationRecipe(pretrained=True)


def test_pretrained_weights_of_a_file_reach_the_encoder(tmp_path: Path) -> None:
    import timm
    from safetensors.torch import save_file

    torch.manual_seed(5)
    whole = timm.create_model("resnet10t", num_classes=3)
    save_file(whole.state_dict(), tmp_path / "w.safetensors")
    recipe = SegmentationRecipe(
        encoder=f"timm:resnet10t[weights={tmp_path / 'w.safetensors'}]", pretrained=True, patch=32, side=32
    )
    network = recipe.build(0, CPU)
    own = dict(network.encoder.named_parameters())  # type: ignore[union-attr]
    assert torch.equal(own["layer4.0.conv1.weight"], whole.state_dict()["layer4.0.conv1.weight"])
    with pytest.raises(DsimError):
        SegmentationRecipe.of({**recipe.record(), "encoder": "timm:resnet10t[weights=nowhere.pth]"}).build(0, CPU)


def test_a_zoo_model_is_built_verified_and_answers_its_probe(
    tiny: SegmentationRecipe, tmp_path: Path, write_zoo_model: Callable[..., dict[str, Any]]
) -> None:
    import tomli_w

    from dsim.models import open_segmenter
    from dsim.zoo import read_model

    known = {"name": "a", "n": 2, "images_fingerprint": "f", "licence": "CC0"}
    model = Segmenter(tiny.build(3).eval(), tiny, (known,), "mine")
    manifest = write_zoo_model(model, tmp_path, id="unet.test.r1")
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    found = open_segmenter(read_model(tmp_path), CPU)
    assert np.array_equal(found.predict(pixels), model.predict(pixels))
    assert (found.name, found.trained_on) == ("unet.test.r1", (known,))
    manifest["probe"]["expected"][0][0] += 0.1
    (tmp_path / "manifest.toml").write_bytes(tomli_w.dumps(manifest).encode())
    with pytest.raises(WeightsError, match="fails its probe"):
        open_segmenter(read_model(tmp_path), CPU)


def test_a_model_whose_manifest_names_the_builder_at_its_former_place_is_built(
    tiny: SegmentationRecipe, tmp_path: Path, write_zoo_model: Callable[..., dict[str, Any]]
) -> None:
    from dsim.models import open_segmenter
    from dsim.zoo import Model

    segmenter = Segmenter(tiny.build(3).eval(), tiny, ({"name": "a", "n": 2, "images_fingerprint": "f"},))
    folder = tmp_path / "unet8.a.r1"
    manifest = write_zoo_model(segmenter, folder)
    manifest["builder"] = ".".join(["dsim", "transfer.segmentation.segmenter:build"])
    model = Model(folder.name, folder, manifest, folder / manifest["weights"]["file"])
    assert open_segmenter(model, CPU).recipe == tiny
