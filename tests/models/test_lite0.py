"""Promises of the encoder with ImageNet's weights: frozen statistics, the zoo's weights, and one file for both uses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dsim.errors import UnknownNameError, UsageError, WeightsError
from dsim.features import recipe as recipe_of
from dsim.models import SegmentationRecipe, Segmenter, count_parameters, load_segmenter
from dsim.models.lite0 import IMAGENET, REDUCTIONS, WIDTHS, Lite0Encoder, build_features
from dsim.runtime import Runtime
from dsim.zoo import find

CPU = Runtime(device="cpu")
RECIPE = SegmentationRecipe(encoder="lite0", side=32, patch=32)


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def test_the_maps_are_as_wide_and_as_small_as_the_decoder_is_told(images: torch.Tensor) -> None:
    maps = Lite0Encoder().eval()(images)
    assert [tuple(each.shape) for each in maps] == [
        (3, wide, 32 // by, 32 // by) for wide, by in zip(WIDTHS, REDUCTIONS, strict=True)
    ]


def test_no_image_depends_on_its_batch_and_no_statistics_change_in_training_either(images: torch.Tensor) -> None:
    encoder = Lite0Encoder().train()
    before = {name: value.clone() for name, value in encoder.named_buffers()}
    together, alone = encoder(images)[-1], encoder(images[:1])[-1]
    torch.testing.assert_close(together[:1], alone)
    assert all(torch.equal(value, before[name]) for name, value in encoder.named_buffers())
    assert all(parameter.requires_grad for parameter in encoder.parameters())


def test_pretrained_takes_the_encoder_from_the_zoo_and_the_seed_draws_the_rest() -> None:
    shipped = find(IMAGENET).build().state_dict()
    first, other = (replace(RECIPE, pretrained=True).build(seed).state_dict() for seed in (0, 1))
    mine = {name.removeprefix("encoder."): value for name, value in first.items() if name.startswith("encoder.")}
    assert all(torch.equal(value, shipped[name]) for name, value in mine.items())
    assert not torch.equal(first["head.weight"], other["head.weight"])
    assert not torch.equal(
        RECIPE.build(0).state_dict()["encoder.network.conv_stem.weight"], shipped["network.conv_stem.weight"]
    )


def test_it_is_small_and_its_file_gives_the_same_probabilities(images: torch.Tensor, tmp_path: Path) -> None:
    model = Segmenter(RECIPE.build(0).eval(), RECIPE)
    file = model.save(tmp_path, "float16")
    assert count_parameters(model.network) == 793_241
    assert file.stat().st_size < 3e6
    pixels = images[0].permute(1, 2, 0).numpy()
    assert abs(load_segmenter(file, CPU).predict(pixels) - model.predict(pixels)).max() < 5e-3


def test_the_zoo_model_is_an_extractor_for_everybody() -> None:
    assert recipe_of(f"zoo:{IMAGENET}", CPU).transform == "square@1[channels=3,side=224]"
    features = find(IMAGENET).build()(torch.zeros(1, 3, 64, 64))
    assert features.shape == (1, 1280)


def test_another_model_s_weights_are_refused(tmp_path: Path) -> None:
    file = Segmenter(RECIPE.build(0).eval(), RECIPE).save(tmp_path)
    with pytest.raises(WeightsError, match="does not hold the weights of tf_efficientnet_lite0"):
        build_features(replace(find(IMAGENET), weights=file))


@pytest.mark.parametrize(
    ("settings", "error", "fix"),
    [
        ({"encoder": "lite1"}, UnknownNameError, "encoder=lite0"),
        ({"pretrained": True}, UsageError, "encoder=lite0"),
        ({"encoder_share": 0.2}, UsageError, "encoder=lite0"),
        ({"encoder": "lite0", "patch": 40}, UsageError, "patch=32"),
        ({"policy": "far"}, UsageError, "transfer"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    settings: dict[str, object], error: type[Exception], fix: str
) -> None:
    with pytest.raises(error) as caught:
        SegmentationRecipe(**settings)  # type: ignore[arg-type]
    assert fix in f"{caught.value.message} {caught.value.hint}"  # type: ignore[attr-defined]


def test_a_setting_that_came_later_changes_no_record_of_what_was_done_before() -> None:
    """Finished work is found by the record: one entry more, and all of it would be measured again."""
    assert {"policy", "encoder_share"}.isdisjoint(SegmentationRecipe().record())
    later = replace(RECIPE, policy="transfer", encoder_share=0.2)
    assert {name: later.record()[name] for name in ("policy", "encoder_share")} == {
        "policy": "transfer",
        "encoder_share": 0.2,
    }
    for each in (SegmentationRecipe(), RECIPE, later):
        assert SegmentationRecipe.of(each.record()) == each
