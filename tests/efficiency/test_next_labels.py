"""Images to label next: of the pool only, never labelled ones, and judged against random choices of equal size."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.datasets import load_digits

from dsim.data import Dataset, from_arrays
from dsim.efficiency.next_labels import STRATEGIES, judge_choices, next_labels
from dsim.errors import DataError, UsageError


def images(count: int, labels: list[str] | None = None, name: str = "pool") -> Dataset:
    pixels = np.random.default_rng(len(name)).integers(0, 255, (count, 8, 8), dtype=np.uint8)
    return from_arrays(pixels, labels=labels, name=name)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_choices_are_of_the_pool_and_without_a_label(strategy: str) -> None:
    pool, known = images(40, ["a", "", "b", " "] * 10), images(6, ["a", "b"] * 3, name="known")
    choice = next_labels(pool, 12, extractor="pixels:", labelled=[known], strategy=strategy)
    again = next_labels(pool, 12, extractor="pixels:", labelled=[known], strategy=strategy)
    assert choice == again
    assert len(set(choice.indices)) == 12
    assert all(index % 2 for index in choice.indices)
    assert choice.ids == tuple(pool.ids[index] for index in choice.indices)
    assert (choice.labelled, choice.pool, choice.strategy) == (26, 20, strategy)
    assert json.loads(json.dumps(choice.to_dict()))["images"] == list(choice.ids)
    assert len(next_labels(pool, 100, extractor="pixels:", strategy=strategy).ids) == 20


def test_refusals_name_the_cause() -> None:
    with pytest.raises(DataError, match="has a label"):
        next_labels(images(4, ["a", "b"] * 2), 1, extractor="pixels:")
    with pytest.raises(UsageError, match="0"):
        next_labels(images(4), 0, extractor="pixels:")
    with pytest.raises(UsageError, match="typicality"):
        next_labels(images(4), 1, extractor="pixels:", strategy="typical")


def test_on_digits_typical_images_beat_random_ones_of_equal_number() -> None:
    """10 to 20 labels for ten classes: typical images find more classes."""
    features, labels = load_digits(return_X_y=True)
    random, typical = judge_choices(
        features[:800], labels[:800], features[800:], labels[800:], (10, 20), strategies=["typicality"], repeats=8
    )
    gain = typical.accuracies - random.accuracies
    assert random.accuracies.shape == (8, 2)
    assert (gain.mean(axis=0) > 0.02).all()
    assert (typical.classes.mean(axis=0) > random.classes.mean(axis=0)).all()
    with pytest.raises(UsageError, match="cannot be chosen"):
        judge_choices(features[:10], labels[:10], features[800:], labels[800:], (10,))
