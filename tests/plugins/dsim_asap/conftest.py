"""A network and recipes small enough to train in a second, and a pool that can be told apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dsim_asap.pool import Member, Pool, gather
from dsim_asap.specs import SPEC, AsapRecipe

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


@pytest.fixture(scope="session")
def recipe() -> Callable[..., AsapRecipe]:
    return make_recipe


@pytest.fixture(scope="session")
def members() -> list[Member]:
    """Three datasets of 12, 8 and 10 noisy images of another brightness each, at the side that is kept in memory."""
    rng = np.random.default_rng(0)
    levels = {"dark": (0.2, 12), "middle": (0.5, 8), "bright": (0.8, 10)}
    return [
        Member(name, np.clip(level + 0.1 * rng.standard_normal((n, 3, 40, 40)), 0, 1).astype(np.float32))
        for name, (level, n) in levels.items()
    ]


@pytest.fixture
def pool(members: list[Member]) -> Pool:
    import torch

    return gather(members, 0.25, torch.Generator().manual_seed(0))
