"""Mean distances of clouds: equal to the full matrix, however they are blocked."""

from __future__ import annotations

import numpy as np
import pytest

from dsim.stats import distances
from dsim.stats.distances import mean_distance, mean_distance_within


@pytest.mark.parametrize("block", [1, 7, 10_000])
def test_blocks_do_not_change_the_mean(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distances, "_BLOCK", block)
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(13, 2)), rng.normal(size=(9, 2))
    full = np.linalg.norm(a[:, None] - b[None], axis=2).mean()
    assert mean_distance(a, b) == pytest.approx(full, rel=1e-12)


def test_within_counts_distinct_pairs_only() -> None:
    assert mean_distance_within(np.array([[0.0], [1.0], [5.0]])) == pytest.approx((1 + 5 + 4) / 3)
    assert np.isnan(mean_distance_within(np.zeros((1, 2))))
