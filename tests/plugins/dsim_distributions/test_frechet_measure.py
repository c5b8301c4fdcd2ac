"""The measure frechet: features of any number in flat memory, what is kept, what is refused, bias and its remedies."""

from __future__ import annotations

import math
from pathlib import Path

import h5py
import numpy as np
import pytest

import dsim_distributions.frechet as module
from dsim.comparison import compare
from dsim.data import from_arrays, open_dataset
from dsim.errors import MeasureError, UsageError
from dsim.measures import DatasetView
from dsim.random import stream
from dsim.runtime import Runtime
from dsim.stats.frechet import covariance_factor, frechet_distance, moments
from dsim.testing import check_measure
from dsim_distributions.frechet import FrechetDistance, Gaussians

OPTIONS = [{}, {"unbiased": "extrapolate"}]


@pytest.fixture
def clouds() -> tuple[np.ndarray, np.ndarray]:
    """Two samples in 6 dimensions that differ in mean and spread, float32."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(300, 6)).astype("f4"), rng.normal(0.5, 1.5, size=(200, 6)).astype("f4")


def summary(measure: FrechetDistance, features: np.ndarray, name: str = "some") -> Gaussians:
    data = from_arrays(features=features, name=name)
    view = DatasetView(data, measure.needs, "measure 'frechet'", Runtime())
    return measure.summarise(view, stream(0, data.features_fingerprint))


def value(measure: FrechetDistance, source: np.ndarray, target: np.ndarray) -> float:
    return measure.compare(summary(measure, source), summary(measure, target))


@pytest.mark.parametrize(
    ("options", "deviations"),
    [
        ({}, {"duplication": "covariances are unbiased, divided by the images less one"}),
        ({"unbiased": "extrapolate"}, {"merging": "what was merged and split again is halved anew"}),
    ],
    ids=str,
)
def test_every_variant_conforms(options: dict[str, str], deviations: dict[str, str]) -> None:
    report = check_measure(FrechetDistance(**options), expected_failures=deviations)
    assert report.ok, str(report)


def test_it_is_the_distance_of_the_gaussians(clouds) -> None:
    parts = [(found.mean, covariance_factor(found.covariance)) for found in map(moments, clouds)]
    assert value(FrechetDistance(), *clouds) == pytest.approx(frechet_distance(*parts[0], *parts[1]), rel=1e-12)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_more_images_than_are_kept_give_the_same_value_from_a_summary_without_them(
    clouds, options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is flat in n: moments of blocks, with the same halves, instead of the points."""
    measure = FrechetDistance(**options)
    kept = value(measure, *clouds)
    monkeypatch.setattr(module, "KEPT", 10)
    assert len(summary(measure, clouds[0]).points) == 0
    assert value(measure, *clouds) == pytest.approx(kept, rel=1e-9)


def test_few_images_are_kept_where_there_are_more_features(monkeypatch: pytest.MonkeyPatch) -> None:
    """The n x n' route needs them, however few KEPT would allow."""
    monkeypatch.setattr(module, "KEPT", 10)
    features = np.random.default_rng(0).normal(size=(20, 30))
    found = summary(FrechetDistance(), features)
    assert found.points.shape == (20, 30)
    assert found.ranks == (20,)


def test_features_in_a_file_give_the_value_of_features_in_memory(clouds, tmp_path: Path) -> None:
    for name, cloud in zip("st", clouds, strict=True):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["features"] = cloud
    files = [open_dataset(tmp_path / f"{name}.h5") for name in "st"]
    arrays = [from_arrays(features=cloud, name=name) for name, cloud in zip("st", clouds, strict=True)]
    of_files, of_arrays = (compare(pool[:1], pool[1:], measure=FrechetDistance()) for pool in (files, arrays))
    assert of_files.values == of_arrays.values


def test_without_points_a_value_has_no_interval_and_no_floor_and_says_why(clouds, monkeypatch) -> None:
    monkeypatch.setattr(module, "KEPT", 10)
    source, target = (from_arrays(features=cloud, name=name) for name, cloud in zip("st", clouds, strict=True))
    found = compare([source], [target], measure=FrechetDistance(), bootstrap=20, test=19)
    assert math.isfinite(found.values[0, 0])
    assert np.isnan(found.low).all()
    assert found.floor is not None
    assert math.isnan(found.floor["s"])
    assert "features of more than 10 images are not kept" in found.floor_notes["s"]
    assert "are not kept" in found.p_notes[0][0]


def test_one_sample_without_points_leaves_the_other_nothing_to_resample(clouds, monkeypatch) -> None:
    measure = FrechetDistance()
    monkeypatch.setattr(module, "KEPT", 250)
    source, target = (summary(measure, cloud) for cloud in clouds)
    draws = [np.arange(5)], [np.arange(5)]
    number, replicates = measure.compare_with_replicates(source, target, *draws)
    assert math.isfinite(number)
    assert np.isnan(replicates).all()


def test_replicates_lie_around_the_value_with_the_spread_of_resamples(clouds) -> None:
    """Uncentred they all lie above it: 60 images drawn from 60 are 38 different ones, and the bias grows."""
    measure = FrechetDistance()
    rng = np.random.default_rng(2)
    source, target = (summary(measure, rng.normal(size=(60, 50))) for _ in range(2))
    draws = [list(rng.integers(60, size=(20, 60))) for _ in range(2)]
    number, replicates = measure.compare_with_replicates(source, target, *draws)
    raw = measure.compare_resampled(source, target, *draws)
    assert raw.min() > number
    assert replicates.mean() == pytest.approx(number, rel=1e-12)
    np.testing.assert_allclose(replicates - number, raw - raw.mean(), rtol=1e-9, atol=1e-9)


def test_replicates_of_a_distance_are_none_below_zero() -> None:
    measure = FrechetDistance()
    rng = np.random.default_rng(2)
    source = summary(measure, rng.normal(size=(6, 3)))
    draws = [list(rng.integers(6, size=(20, 6))) for _ in range(2)]
    _, replicates = measure.compare_with_replicates(source, source, *draws)
    assert replicates.min() == 0


def test_what_is_merged_is_split_into_the_sets_again(clouds) -> None:
    """What noise floor and permutation test stand on."""
    measure = FrechetDistance()
    source, target = (summary(measure, cloud) for cloud in clouds)
    split = np.arange(300), np.arange(300, 500)
    found = measure.compare_splits(measure.merge(source, target), [split])
    assert found[0] == pytest.approx(measure.compare(source, target), rel=1e-12)


def test_p_values_of_one_population_and_of_two(clouds) -> None:
    rng = np.random.default_rng(1)
    names = ("a", "b", "shifted")
    pool = [rng.normal(size=(40, 50)), rng.normal(size=(60, 50)), rng.normal(0.5, 1, size=(40, 50))]
    datasets = [from_arrays(features=cloud, name=name) for name, cloud in zip(names, pool, strict=True)]
    found = compare(datasets, measure=FrechetDistance(), test=39)
    assert found.p_values is not None
    assert found.p_values[0, 1] > 0.05
    assert found.p_values[0, 2] == 1 / 40


def test_extrapolation_takes_the_bias_away_that_the_plain_value_has() -> None:
    """Samples of one Gaussian, of different sizes; values may be negative, and a dataset's distance to itself is 0."""
    rng = np.random.default_rng(5)
    many, few = rng.normal(size=(1000, 20)), rng.normal(size=(100, 20))
    plain, unbiased = FrechetDistance(), FrechetDistance(unbiased="extrapolate")
    assert value(plain, many, few) > 1
    assert abs(value(unbiased, many, few)) < 0.2
    assert value(unbiased, few, few) == pytest.approx(0, abs=1e-9)


def test_extrapolation_needs_four_images() -> None:
    with pytest.raises(MeasureError, match="'three' has 3 images, and frechet:unbiased=extrapolate needs 4"):
        summary(FrechetDistance(unbiased="extrapolate"), np.eye(3), "three")


def test_a_resample_of_one_image_has_no_covariance() -> None:
    measure = FrechetDistance()
    with pytest.raises(MeasureError, match="a resample has 1 images"):
        measure.resample(summary(measure, np.eye(3)), np.array([0]))


def test_features_of_different_dimensions_are_refused(clouds) -> None:
    measure = FrechetDistance()
    source, target = summary(measure, clouds[0]), summary(measure, clouds[1][:, :4])
    for refuse in (measure.compare, measure.merge):
        with pytest.raises(MeasureError, match="the source has 6 features per image and the target 4"):
            refuse(source, target)


def test_too_few_images_are_remarked_on() -> None:
    cloud = np.random.default_rng(0).normal(size=(30, 20))
    plain, unbiased = FrechetDistance(), FrechetDistance(unbiased="extrapolate")
    assert plain.remark(summary(plain, cloud)) == ""
    assert "fewer images than features (20)" in plain.remark(summary(plain, cloud[:19]))
    assert "fewer images than twice its features (20)" in unbiased.remark(summary(unbiased, cloud))
    assert unbiased.remark(summary(unbiased, np.tile(cloud, (2, 1)))) == ""


def test_wrong_parameters_are_refused() -> None:
    with pytest.raises(UsageError, match="cannot be 'yes'") as caught:
        FrechetDistance(unbiased="yes")
    assert caught.value.hint == "choose one of: none, extrapolate"


@pytest.mark.parametrize("exponent", [-500, 500])
@pytest.mark.parametrize("far", [0.0, 1e12])
def test_what_rounding_hides_does_not_depend_on_the_unit(exponent: int, far: float) -> None:
    points = np.vstack([np.random.default_rng(0).normal(size=(30, 4)), [far] * 4])
    pair = points, points[::-1]
    refused = []
    for scale in (0, exponent):
        try:
            value(FrechetDistance(), *(np.ldexp(cloud, scale) for cloud in pair))
            refused.append(False)
        except MeasureError:
            refused.append(True)
    assert refused == [far > 0] * 2
