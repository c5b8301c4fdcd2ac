"""Measured targets that are drawn from a known model."""

from __future__ import annotations

import numpy as np
import pytest

from dsim.selection import RecordedTarget
from dsim.selection.signals import CONSENSUS, EDGES, IMAGENET, SHIPPED

MODELS = ("a1", "a2", "b1", "b2", "c1", "d1")
KIN = {"a1": "a", "a2": "a", "b1": "b", "b2": "b", "c1": "c", "d1": "d"}


def draw_target(name: str, seed: int, images: int = 20) -> RecordedTarget:
    """A target on which near candidates of its kind do well, and the others alike badly."""
    rng = np.random.default_rng(seed)
    names = tuple(model for model in MODELS if model != name)
    kin = np.array([KIN[model] == KIN[name] for model in names])
    level = np.clip(np.where(kin, 0.75, 0.2) + 0.08 * rng.standard_normal(len(names)), 0.02, 0.95)
    dice = np.clip(level[:, None] + 0.1 * rng.standard_normal((len(names), images)), 0, 1)
    near = np.where(kin, 0.3, 1.0) * np.exp(0.1 * rng.standard_normal(len(names)))
    signals = {
        IMAGENET: 14 * near,
        SHIPPED: 1.5 * near,
        CONSENSUS: np.clip(level / 2 + 0.05 * rng.standard_normal(len(names)), 0, 1),
        EDGES: np.full(len(names), 0.5),
    }
    agreement = np.where(np.equal.outer(kin, kin), 0.5, 0.1) * (1 - np.eye(len(names))) + np.eye(len(names))
    sources = tuple((model,) for model in names)
    return RecordedTarget(name, KIN[name], "0" * 64, names, names, sources, signals, agreement, dice)


@pytest.fixture(scope="session")
def measured() -> list[RecordedTarget]:
    return [draw_target(name, seed) for seed, name in enumerate(MODELS)]
