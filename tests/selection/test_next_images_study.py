"""The benchmark of chosen images: equal numbers, what it keeps of images, and what a rule may know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from dsim.selection import Record, RecordedTarget

COUNT, CANDIDATES = 18, 4


def _target(seed: int) -> RecordedTarget:
    rng = np.random.default_rng(seed)
    level = rng.uniform(0.2, 0.9, CANDIDATES)
    dice = np.clip(level[:, None] + rng.normal(0, 0.1, (CANDIDATES, COUNT)), 0, 1)
    signals = {
        "energy": 1 - level + rng.normal(0, 0.1, CANDIDATES),
        "consensus": np.clip(level + rng.normal(0, 0.1, CANDIDATES), 0, 1),
        "edge-agreement": np.clip(level + rng.normal(0, 0.2, CANDIDATES), 0, 1),
    }
    names = tuple(f"m{place}" for place in range(CANDIDATES))
    agreement = 0.3 + 0.7 * np.eye(CANDIDATES)
    return RecordedTarget(
        f"t{seed}", "kind", f"{seed:064d}", names, ("",) * CANDIDATES, ((),) * CANDIDATES, signals, agreement, dice
    )


@pytest.fixture(scope="module")
def study(program: Callable[[str], ModuleType]) -> ModuleType:
    """benchmarks/selection/next_images.py."""
    return program("selection/next_images")


@pytest.fixture(scope="module")
def record() -> Record:
    return Record("drawn", "", 1, tuple(map(_target, range(4))), {})


@pytest.fixture(scope="module")
def images(record: Record, study: ModuleType) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    found = {}
    for target in record.targets:
        agreements = rng.uniform(0, 1, (COUNT, CANDIDATES, CANDIDATES))
        agreements = (agreements + agreements.transpose(0, 2, 1)) / 2
        agreements[:, range(CANDIDATES), range(CANDIDATES)] = 1
        found[target.name] = study.Images(agreements, rng.normal(size=(COUNT, 5)))
    return found


def test_equal_numbers_are_read_off_the_curve_of_random_images(study: ModuleType) -> None:
    at_random = np.tile(10.0 / (1 + np.arange(13)), (2, 3, 1))
    np.testing.assert_allclose(study.equal_numbers(at_random, at_random), np.arange(1, 13), atol=1e-6)
    twice = np.tile(10.0 / (1 + 2 * np.arange(13)), (2, 3, 1))
    np.testing.assert_allclose(study.equal_numbers(twice, at_random)[:6], 2 * np.arange(1, 7), atol=1e-6)
    assert study._share(at_random, at_random) == pytest.approx(1)
    assert study._share(twice, at_random) == pytest.approx(0.5)


def test_images_are_read_as_they_were_written_and_only_for_the_same_record(
    study: ModuleType, record: Record, images: dict[str, Any], tmp_path: Path
) -> None:
    study.write_images(tmp_path / "images.npz", record, images)
    again = study.read_images(tmp_path / "images.npz", record)
    np.testing.assert_allclose(again["t1"].agreements, images["t1"].agreements, atol=0.006)
    np.testing.assert_allclose(again["t1"].features, images["t1"].features, atol=0.01)
    other = Record("drawn", "", 1, tuple(target.of([0, 1, 2]) for target in record.targets), {})
    with pytest.raises(ValueError, match="t0"):
        study.read_images(tmp_path / "images.npz", other)


def test_every_rule_is_judged_on_the_same_draws_and_says_what_it_took(
    study: ModuleType, record: Record, images: dict[str, Any]
) -> None:
    found = study.study(record, images, draws=2)
    regrets = np.stack([found[rule]["regret"] for rule in study.RULES])
    assert regrets.shape == (len(study.RULES), 4, 2, study.STEPS + 1)
    assert (regrets >= 0).all()
    assert (regrets[:, :, :, 0] == regrets[0, :, :, 0]).all(), "without an annotation all rules choose alike"
    document = study.summary(found, resamples=20)
    assert set(document["shares"]) == set(study.RULES) - {"random"}
    assert "chosen" in study.table(document)
