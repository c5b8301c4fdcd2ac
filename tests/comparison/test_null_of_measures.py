"""p-values of the measures that come with dsim hold their level where both datasets are samples of one population."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, kstest

from dsim import compare
from dsim.data import from_arrays
from dsim.registry import Need, default

PAIRS, PERMUTATIONS = 40, 39
#: Nothing else is asked of a pair; replicates have draws of their own and change no p.
ONLY_P = {"bootstrap": 0, "floor": False}
#: Measures whose p is larger than uniform, with the reason; it must not be smaller.
TIED = {"prdc": "of few images it takes few values, and ties count as at least as far"}
#: Measures that take a while; --slow runs them.
SLOW = {"c2st", "otdd", "wasserstein"}
#: Of images 64 px wide through a network: the same test of the same arithmetic as on features.
OF_A_NETWORK = {"asap"}

TESTED = [
    pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name
    for name, spec in default().measures.items()
    if spec.two_sample and not spec.fits_pool and name not in OF_A_NETWORK
]


@pytest.fixture(scope="module")
def pairs():
    """Datasets of one population with images, features and labels."""
    rng = np.random.default_rng(5)

    def sample(n, name):
        return from_arrays(
            images=rng.integers(0, 256, (n, 8, 8), dtype=np.uint8),
            features=rng.normal(size=(n, 5)).astype(np.float32),
            labels=[f"class-{i % 2}" for i in range(n)],
            name=name,
        )

    return [(sample(16, f"s{i}"), sample(12, f"t{i}")) for i in range(PAIRS)]


@pytest.mark.parametrize("name", TESTED)
def test_p_holds_its_level_and_is_uniform(name, pairs):
    size = ":size=8" if default().measures[name].needs == {Need.IMAGES} else ""
    p = np.array(
        [
            compare([source], [target], measure=name + size, test=PERMUTATIONS, **ONLY_P).p_values[0, 0]
            for source, target in pairs
        ]
    )
    assert binom.cdf((p <= 0.05).sum(), PAIRS, 0.05) < 0.999
    agrees = kstest(p - 0.5 / (PERMUTATIONS + 1), "uniform").pvalue > 0.01
    assert agrees or (name in TIED and p.mean() > 0.5)
