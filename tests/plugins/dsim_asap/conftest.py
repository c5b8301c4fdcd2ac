"""A network and recipes small enough to train in a second, and a pool that can be told apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dsim.learning import ImagePool, Position
from dsim_asap.specs import SPEC, AsapRecipe

Member = tuple[str, NDArray[np.float32]]

TINY = {
    "backbone": "test_resnet",
    "size": 32,
    "epochs": 3,
    "batch": 8,
    "precision": "float32",
    "split": 0.25,
}


def make_recipe(**params: Any) -> AsapRecipe:
    """The default recipe with a tiny network, changed as said."""
    return AsapRecipe.of({parameter.name: parameter.default for parameter in SPEC.parameters} | TINY | params)


def make_pool(members: Sequence[Member], split: float, groups: Sequence[str] | None = None) -> ImagePool:
    """A pool of images in [0, 1]; the groups are those of every dataset."""
    import torch

    from dsim.learning.images import build_bank, gather_pool

    names = [(name, groups or tuple(map(str, range(len(images))))) for name, images in members]
    bank = build_bank(image for _, images in members for image in images)
    return gather_pool(names, bank, split, torch.Generator().manual_seed(0))


@pytest.fixture(scope="session")
def recipe() -> Callable[..., AsapRecipe]:
    return make_recipe


@pytest.fixture(scope="session")
def pool_of() -> Callable[..., ImagePool]:
    return make_pool


@pytest.fixture(scope="session")
def members() -> list[Member]:
    """Three datasets of 12, 8 and 10 noisy images of another brightness each, at the side that is kept in memory."""
    rng = np.random.default_rng(0)
    levels = {"dark": (0.2, 12), "middle": (0.5, 8), "bright": (0.8, 10)}
    return [
        (name, np.clip(level + 0.1 * rng.standard_normal((n, 3, 40, 40)), 0, 1).astype(np.float32))
        for name, (level, n) in levels.items()
    ]


@pytest.fixture
def pool(members: list[Member]) -> ImagePool:
    return make_pool(members, 0.25)


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The next training is interrupted in its second epoch; returns the epochs begun, as they come."""
    from dsim_asap import objective as training

    begun: list[int] = []

    def patch(kind: type[training.AsapObjective]) -> None:
        begin = kind.begin_epoch

        def interrupt(self: training.AsapObjective, position: Position) -> None:
            begun.append(position.epoch)
            if begun == [0, 1]:
                raise KeyboardInterrupt
            begin(self, position)

        monkeypatch.setattr(kind, "begin_epoch", interrupt)

    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0)
    for kind in (training.ExtensionObjective, training.AsapObjective):
        patch(kind)
    return begun
