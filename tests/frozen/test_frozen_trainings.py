"""Tiny seeded trainings of segmentation and classification come out as they were recorded.

The values stand in ``trainings.json``. A change here changes every number that such a training leads to: raise the
recipe's version, say why in the changelog, and record anew on one thread:

    DSIM_RECORD_FROZEN=1 OMP_NUM_THREADS=1 pytest tests/frozen/test_frozen_trainings.py
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from dsim.data.builders import from_arrays
from dsim.data.dataset import Dataset
from dsim.models.recipe import SegmentationRecipe
from dsim.models.segmenter import Segmenter, dice
from dsim.runtime import Runtime
from dsim.stats.auc import weighted_auc
from dsim.transfer.classification.objective import build_classifier, gather_images, predict_classes
from dsim.transfer.classification.objective import train_classifier as learn_classes
from dsim.transfer.classification.recipe import ClassificationRecipe
from dsim.transfer.segmentation.objective import adapt_unet, train_unet

CPU = Runtime(device="cpu")
FILE = "trainings.json"
SEGMENTATION = SegmentationRecipe(
    side=32, patch=32, width=8, levels=3, epochs=5, shown=16, batch=4, lr=0.005, adapt_epochs=3
)
CLASSIFICATION = ClassificationRecipe(side=16, width=8, levels=2, pretrain_epochs=4, epochs=4, batch=8)
Compare = Callable[[str, str, Mapping[str, Any]], None]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Sums of several threads depend on how many there are."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def discs(seed: int, dark: bool = False, n: int = 12, side: int = 32) -> Dataset:
    """Bright discs on dark ground, or the reverse, with masks, and labels by size: small, middle, large."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side]
    centres = rng.uniform(side * 0.3, side * 0.7, (n, 2, 1, 1))
    radius = rng.uniform(side * 0.1, side * 0.3, (n, 1, 1))
    masks = (rows - centres[:, 0]) ** 2 + (columns - centres[:, 1]) ** 2 < radius**2
    shade = np.where(masks ^ dark, 170, 90) + rng.integers(-40, 40, masks.shape)
    order = np.argsort(np.argsort(radius.ravel())) * 3 // n
    labels = [("small", "middle", "large")[rank] for rank in order]
    return from_arrays(shade.astype(np.uint8), masks=masks.astype(np.uint8) * 255, labels=labels, name=f"discs{seed}")


def mean_dice(network: Any, recipe: SegmentationRecipe, target: Dataset) -> float:
    found = Segmenter(network, recipe).predict_many(target)
    return float(np.mean([dice(p >= recipe.threshold, target.mask(index) > 0) for index, p in found]))


def curves(done: Any) -> dict[str, Any]:
    return {name: [row[name] for row in done.curves] for name in ("loss", "validation", "lr", "images")}


@pytest.mark.parametrize(
    ("case", "changes"),
    [
        ("cosine", {}),
        ("plateau", {"rate": "plateau", "patience": 5, "epochs": 7, "lr": 0.05, "side": 0, "patch": 16}),
        ("bfloat16", {"precision": "bfloat16", "augment": False, "rate": "constant"}),
    ],
)
def test_segmentation_and_its_fine_tuning(
    case: str, changes: dict[str, Any], compare_with_frozen: Compare, digest_of: Callable[..., str]
) -> None:
    recipe = replace(SEGMENTATION, **changes)
    source, target = discs(1), discs(2)
    done = train_unet(source, range(8), range(8, 12), recipe, seed=3, runtime=CPU, foreground={})
    state = {name: value.clone() for name, value in done.network.state_dict().items()}
    tuned = adapt_unet(
        done.network.requires_grad_(True), target, [0, 1, 2, 3, 4], recipe, seed=4, runtime=CPU, foreground={}
    )
    before = {**curves(done), "best_epoch": done.best_epoch}
    measured = {
        **before,
        "tuned_loss": curves(tuned)["loss"],
        "dice": mean_dice(tuned.network, recipe, discs(5)),
        "digest": digest_of({**state, **{f"tuned.{k}": v for k, v in tuned.network.state_dict().items()}}),
    }
    compare_with_frozen(FILE, f"segmentation, {case}", measured)


@pytest.mark.parametrize(
    ("case", "changes"),
    [
        ("adamw", {}),
        ("sgd", {"optimizer": "sgd", "rate": "plateau", "patience": 3, "lr": 0.05, "epochs": 8}),
        ("adam", {"optimizer": "adam", "rate": "constant", "keep": "last", "augment": "small", "balanced": False}),
    ],
)
def test_classification_and_its_fine_tuning(
    case: str, changes: dict[str, Any], compare_with_frozen: Compare, digest_of: Callable[..., str]
) -> None:
    recipe = replace(CLASSIFICATION, **changes)
    source, target = gather_images(discs(6, n=36), recipe.side), gather_images(discs(7, dark=True, n=36), recipe.side)
    start = learn_classes(
        build_classifier(recipe, 3, 1),
        source.chosen(range(24)),
        source.chosen(range(24, 36)),
        recipe,
        recipe.pretraining(),
        seed=1,
        runtime=CPU,
    )
    body = {name: value.clone() for name, value in start.network.body.state_dict().items()}
    done = learn_classes(
        build_classifier(recipe, 3, 2, body),
        target.chosen(range(24)),
        target.chosen(range(24, 30)),
        recipe,
        recipe.course(),
        seed=2,
        runtime=CPU,
    )
    scored = target.chosen(range(24, 36))
    measured = {
        **curves(done),
        "best_epoch": done.best_epoch,
        "source_loss": curves(start)["loss"],
        "source_validation": curves(start)["validation"],
        "auc": weighted_auc(scored.labels.numpy(), predict_classes(done.network, scored, "cpu")),
        "digest": digest_of({**body, **{f"tuned.{k}": v for k, v in done.network.state_dict().items()}}),
    }
    compare_with_frozen(FILE, f"classification, {case}", measured)
