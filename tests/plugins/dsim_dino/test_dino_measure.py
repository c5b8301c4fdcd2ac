"""The measure ``dino``: each statistic is the pure function of that name, and its resamples are honest."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import dsim
from dsim.data import Dataset
from dsim.errors import MeasureError, UnknownNameError, UsageError, WeightsError
from dsim.measures import FeatureCloud, build_measure
from dsim.runtime import Runtime
from dsim_dino.measure import Dino
from dsim_dino.specs import STATISTICS


def features(shift: float, seed: int, n: int = 20, d: int = 5) -> NDArray[np.float32]:
    return (np.random.default_rng(seed).normal(size=(n, d)) + shift).astype(np.float32)


def dataset(name: str, shift: float, seed: int) -> Dataset:
    return dsim.from_arrays(features=features(shift, seed), name=name)


def test_energy_is_twice_the_mean_distance_between_less_those_within() -> None:
    from scipy.spatial.distance import cdist, pdist

    a, b = features(0.0, 1), features(1.0, 2, n=12)
    expected = 2 * cdist(a, b).mean() - pdist(a).mean() - pdist(b).mean()
    assert Dino().distance(a, b) == pytest.approx(expected, rel=1e-6)


def test_mmd_has_a_gaussian_kernel_as_wide_as_the_median_distance() -> None:
    from scipy.spatial.distance import cdist, pdist

    a, b = features(0.0, 1), features(1.0, 2, n=12)
    width = np.median(pdist(np.concatenate([a, b])))

    def kernel(distances: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.exp(-(distances**2) / (2 * width**2)))

    expected = kernel(pdist(a)).mean() + kernel(pdist(b)).mean() - 2 * kernel(cdist(a, b)).mean()
    assert Dino(statistic="mmd").distance(a, b) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("n", [4, 20])
def test_frechet_is_that_of_two_gaussians_with_more_and_with_fewer_images_than_features(n: int) -> None:
    from scipy.linalg import sqrtm

    a, b = (features(shift, seed, n=n).astype(np.float64) for shift, seed in ((0.0, 1), (1.0, 2)))
    covariances = [np.cov(cloud, rowvar=False) for cloud in (a, b)]
    if n <= 5:  # the independent route needs matrices of full rank
        covariances = [covariance + 1e-10 * np.eye(5) for covariance in covariances]
    root = np.trace(np.real(sqrtm(covariances[0] @ covariances[1])))
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(covariances[0] + covariances[1]) - 2 * root
    found = Dino(statistic="frechet").distance(a.astype(np.float32), b.astype(np.float32))
    assert found == pytest.approx(expected, rel=1e-3 if n <= 5 else 1e-6)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_a_farther_dataset_has_a_larger_value(statistic: str) -> None:
    pool = [dataset(f"at-{shift}", shift, seed) for seed, shift in enumerate((0.0, 0.6, 1.2))]
    values = dsim.compare(pool[1:], pool[:1], measure=Dino(statistic=statistic)).values[:, 0]
    assert values[0] < values[1]


@pytest.mark.parametrize("statistic", STATISTICS)
def test_the_identity_draw_gives_the_value(statistic: str) -> None:
    measure, clouds = Dino(statistic=statistic), (FeatureCloud(features(0.0, 1)), FeatureCloud(features(1.0, 2)))
    everyone = np.arange(20)
    value = measure.compare(*clouds)
    assert measure.compare_resampled(*clouds, [everyone], [everyone])[0] == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_a_split_is_the_comparison_of_its_parts(statistic: str) -> None:
    """But for the bandwidth of mmd, which is of all images together, whichever part they are in."""
    measure, whole = Dino(statistic=statistic), FeatureCloud(features(0.0, 1))
    one, other = np.arange(10), np.arange(10, 20)
    parts = measure.compare(FeatureCloud(whole.points[one]), FeatureCloud(whole.points[other]))
    assert measure.compare_splits(whole, [(one, other)])[0] == pytest.approx(parts, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("statistic", ["energy", "mmd"])
def test_copies_that_the_bootstrap_draws_do_not_move_the_mean(statistic: str) -> None:
    """As pairs of different images they would pull the replicates up by their distance of 0."""
    measure, clouds = Dino(statistic=statistic), (FeatureCloud(features(0.0, 1)), FeatureCloud(features(0.3, 2)))
    rng = np.random.default_rng(0)
    draws = [list(rng.integers(20, size=(2000, 20))) for _ in range(2)]
    replicates = measure.compare_resampled(*clouds, *draws)
    error = replicates.std() / np.sqrt(len(replicates))
    assert abs(replicates.mean() - measure.compare(*clouds)) < 4 * error


def test_images_that_are_all_alike_have_no_nearest_other() -> None:
    with pytest.raises(MeasureError, match="none has a nearest other image"):
        Dino(statistic="nearest").distance(np.zeros((3, 2), np.float32), features(0.0, 1, d=2))
    with pytest.raises(MeasureError, match="MMD has no bandwidth"):
        Dino(statistic="mmd").distance(np.zeros((9, 2), np.float32), np.zeros((9, 2), np.float32))


def test_an_unknown_statistic_is_refused() -> None:
    with pytest.raises(UsageError, match="choose one of: energy, mmd, frechet, nearest"):
        build_measure("dino:statistic=fid")
    with pytest.raises(UnknownNameError, match="Did you mean 'statistic'"):
        build_measure("dino:statistc=energy")


def test_without_weights_the_error_says_which_file_to_get(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    pool = [dsim.open_dataset(f"phantoms:{name}") for name in ("fundus", "xray")]
    with pytest.raises(WeightsError, match=r"get https://\S*dino_xcit_small_12_p8_pretrain.pth and give it: --weights"):
        dsim.compare(pool, measure="dino", runtime=Runtime(device="cpu", offline=True))
