"""Promises of the recipe: presets are what the paper prints, wrong settings are told, folds are fair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight

from dsim.data import Dataset, from_arrays
from dsim.data.splits import absent_classes, source_split, target_folds
from dsim.errors import NeedError, TooFewSamplesError, UnknownNameError, UsageError
from dsim.learning import EXTENTS, augment_classification
from dsim.transfer.classification.objective import (
    LabelledImages,
    build_classifier,
    check_labels,
    class_weights,
    gather_images,
)
from dsim.transfer.classification.recipe import PRESETS, SETTINGS, ClassificationRecipe

Make = Callable[..., Dataset]


def images(n: int = 40, kinds: int = 2, seed: int = 0, **more: object) -> Dataset:
    """Noise with labels; no two images are alike."""
    pixels = np.random.default_rng(seed).integers(0, 256, (n, 8, 8), dtype=np.uint8)
    return from_arrays(pixels, labels=[f"class {i % kinds}" for i in range(n)], name="noise", **more)


def test_the_settings_are_those_of_the_recipe_with_its_defaults():
    defaults = ClassificationRecipe().record()
    assert {setting.name: setting.default for setting in SETTINGS} == {
        k: v for k, v in defaults.items() if k != "version"
    }


def test_the_preset_of_the_cats_paper_is_its_appendix():
    cats = ClassificationRecipe.preset("cats")
    assert (cats.network, cats.side, cats.batch, cats.optimizer) == ("timm:resnet50", 112, 128, "adam")
    assert (cats.pretrain_epochs, cats.epochs, cats.rate, cats.balanced) == (70, 50, "constant", True)
    # 80, 10 and 10 % in five folds; a fixed number of epochs; rates between 1e-4 and 1e-6; one training a source.
    assert (cats.tested, cats.patience, cats.keep, cats.pretrainings) == (0.5, 0, "last", "one")
    assert 1e-6 <= cats.lr <= 1e-4


@pytest.mark.parametrize(
    ("given", "error", "expected"),
    [
        ({"epoch": "3"}, UnknownNameError, "Did you mean 'epochs'"),
        ({"epochs": "many"}, UsageError, "'epochs' takes int"),
        ({"network": "resnet18"}, UnknownNameError, "timm:resnet18"),
        ({"network": "timm:resnet18.a1_in1k"}, UsageError, "names weights"),
        ({"tested": "1"}, UsageError, "without validation images"),
        ({"validation": "0"}, UsageError, "without validation images"),
        ({"augment": "wild"}, UsageError, "choose one of"),
    ],
)
def test_a_wrong_setting_is_told(given, error, expected):
    with pytest.raises(error) as caught:
        ClassificationRecipe().changed(given)
    assert expected in str(caught.value)


def test_an_unknown_preset_or_network_is_told():
    with pytest.raises(UnknownNameError, match="Did you mean 'cats'"):
        ClassificationRecipe.preset("cat")
    with pytest.raises(UnknownNameError, match="resnet18"):
        build_classifier(ClassificationRecipe(network="timm:resnet181"), 2, 0)


def test_presets_are_recipes():
    assert all(ClassificationRecipe.preset(name) for name in PRESETS)


def test_five_folds_are_80_10_and_10_percent_and_hold_every_image_out_once():
    data = images(100)
    parts = target_folds(data, 5, tested=0.5, neighbours=1, seed=0)
    assert [(len(p.training), len(p.validation), len(p.test)) for p in parts] == [(80, 10, 10)] * 5
    held = [index for part in parts for index in (*part.validation, *part.test)]
    assert sorted(held) == list(range(100))
    assert all(not set(p.training) & {*p.validation, *p.test} for p in parts)
    assert all(Counter(np.array(data.labels)[[*p.test]]) == {"class 0": 5, "class 1": 5} for p in parts)


def test_groups_are_never_divided_nor_copies_of_an_image():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    pixels[20:] = pixels[:20]
    groups = [f"patient {i // 2}" for i in range(40)]
    data = from_arrays(pixels, labels=["a", "b"] * 20, groups=groups, name="copies")
    for part in target_folds(data, 3, tested=0.5, neighbours=1, seed=1):
        sides = [{data.image_digests[i] for i in side} for side in (part.training, part.validation, part.test)]
        assert not sides[0] & sides[1]
        assert not sides[0] & sides[2]
        assert not sides[1] & sides[2]
        patients = [{groups[i] for i in side} for side in (part.training, part.validation, part.test)]
        assert not patients[0] & patients[1]
        assert not patients[0] & patients[2]


def test_neighbours_stay_together_where_no_groups_are_known():
    for part in target_folds(images(80), 4, tested=0.5, neighbours=4, seed=0):
        for side in (part.training, part.validation, part.test):
            assert all(times == 4 for times in Counter(index // 4 for index in side).values())


def test_all_of_a_fold_is_scored_where_nothing_stops_the_training():
    parts = target_folds(images(), 4, tested=1, neighbours=1, seed=0)
    assert sorted(index for part in parts for index in part.test) == list(range(40))
    assert all(part.validation == () for part in parts)


def test_a_source_trains_on_all_but_its_validation_images():
    part = source_split(images(), 0.2, neighbours=1, seed=0, repetition=0)
    assert (len(part.training), len(part.validation), part.test) == (32, 8, ())
    assert part != source_split(images(), 0.2, neighbours=1, seed=0, repetition=1)


def test_a_fold_that_would_score_one_class_is_refused_and_one_that_lacks_a_class_is_not():
    labels = ["a"] * 30 + ["b"] * 30 + ["rare"] * 3
    pixels = np.random.default_rng(0).integers(0, 256, (63, 8, 8), dtype=np.uint8)
    data = from_arrays(pixels, labels=labels, name="rare")
    parts = target_folds(data, 5, tested=0.5, neighbours=1, seed=0)
    assert {absent_classes(data, part.test) for part in parts} >= {("rare",)}
    few = data.subset([*range(30), 60, 61], name="few")
    with pytest.raises(TooFewSamplesError, match="one class"):
        target_folds(few, 5, tested=0.5, neighbours=1, seed=0)


def test_labels_are_asked_for_and_must_be_of_two_classes():
    with pytest.raises(NeedError, match="labels"):
        check_labels(from_arrays(np.zeros((3, 8, 8), np.uint8), name="plain"), "this")
    with pytest.raises(Exception, match="of one class, 'class 0'"):
        check_labels(images(kinds=1), "this")


def test_classes_weigh_alike_as_in_sklearn():
    labels = np.array([0, 0, 0, 0, 1, 2, 2])
    found = class_weights(LabelledImages(torch.zeros(7, 3, 8, 8), torch.tensor(labels), 3))
    np.testing.assert_allclose(found, compute_class_weight("balanced", classes=np.arange(3), y=labels), rtol=1e-6)
    # One that training lacks does not take weight from the others.
    found = class_weights(LabelledImages(torch.zeros(7, 3, 8, 8), torch.tensor(labels), 4))
    np.testing.assert_allclose(found[:3], compute_class_weight("balanced", classes=np.arange(3), y=labels), rtol=1e-6)


def test_images_are_squares_of_three_channels_whatever_they_were():
    gray = from_arrays(np.full((2, 10, 20), 100, np.uint8), labels=["a", "b"], name="gray")
    found = gather_images(gray, 16)
    assert found.images.shape == (2, 3, 16, 16)
    assert found.images.dtype == torch.uint8
    assert (found.images == 100).all()
    assert found.labels.tolist() == [0, 1]


@pytest.mark.parametrize("how", EXTENTS)
def test_augmentation_changes_images_by_the_generator_alone_and_keeps_their_range(how):
    given = torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    first, again, other = (augment_classification(given, torch.Generator().manual_seed(s), how) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == given.shape
    assert first.min() >= 0
    assert first.max() <= 1
    assert augment_classification(given, torch.Generator(), "none") is given


def test_the_head_is_the_same_whatever_the_body():
    recipe = ClassificationRecipe(width=4, levels=2)
    first = build_classifier(recipe, 3, seed=5)
    other = build_classifier(recipe, 3, seed=5, body=build_classifier(recipe, 2, seed=6).body.state_dict())
    assert torch.equal(first.head.weight, other.head.weight)
    assert not torch.equal(next(first.body.parameters()), next(other.body.parameters()))
