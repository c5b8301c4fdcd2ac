"""Measures of features keep the laws of their parameters, beyond the defaults that the conformance kit checks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dsim
from dsim.measures import build_measure
from dsim.registry import Law
from dsim.testing.laws import LAWS
from dsim.testing.report import NotApplicable
from dsim.testing.runner import named
from dsim.testing.subject import Subject

#: Measures, with the power of a scale factor that multiplies their value; None: no law of scales is declared.
DEGREES = {
    "energy:estimator=biased": 1,
    "mmd:kernel=cauchy": 0,
    "mmd:kernel=linear": 2,
    "mmd:kernel=gaussian,bandwidth=2": None,
    "dino:statistic=mmd": 0,
    "dino:statistic=frechet": 2,
    "dino:statistic=nearest": 0,
    "frechet:unbiased=extrapolate": 2,
    "wasserstein:order=1": 1,
    "wasserstein:method=sinkhorn": 1,
    "wasserstein:method=divergence": 1,
    "sliced-wasserstein:order=1": 1,
    "marginal-wasserstein:order=2": 1,
    "prdc:statistic=density": 0,
    "c2st:classifier=knn": 0,
    "otdd:outer=exact": 2,
    "otdd:outer=exact,labels=false,p=1": 1,
    "otdd:outer=exact,inner=exact,p=1": 1,
    "otdd:inner=means": None,
    "h-score:representation=extractor": 0,
    "h-score:representation=extractor,plain=true": 0,
    "gbc:representation=extractor,gaussian=diagonal": 0,
    "nleep:representation=extractor": 0,
    "parc:representation=extractor": 0,
}
#: Without any law: different datasets stay different, or the value is refused.
LAWLESS = ("kid:block=10", "mmd:kernel=polynomial", "kld-tf:variant=bkld", "logme:representation=extractor")


@pytest.mark.parametrize("check", named(LAWS).values(), ids=named(LAWS))
@pytest.mark.parametrize("call", [*DEGREES, *LAWLESS])
def test_values_follow_features_of_any_size(call: str, check, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    try:
        check(Subject(build_measure(call), tmp_path))
    except NotApplicable:
        return


@pytest.mark.parametrize(("call", "degree"), DEGREES.items())
def test_the_laws_are_those_of_the_parameters(call: str, degree: int | None) -> None:
    laws = build_measure(call).laws
    assert Law.SHIFT_INVARIANT in laws
    scales = laws - {Law.SHIFT_INVARIANT}
    assert [law.degree for law in scales] == ([] if degree is None else [degree])


def cell(call: str, source: np.ndarray, target: np.ndarray, **options: int) -> dsim.SimilarityMatrix:
    clouds = [dsim.from_arrays(features=x, name=name) for x, name in ((source, "a"), (target, "b"))]
    return dsim.compare(clouds[:1], clouds[1:], measure=call, floor=False, **options)


@pytest.mark.parametrize("call", ["energy", "kid", "mmd", "frechet", "wasserstein", "c2st", "otdd:labels=false"])
def test_a_value_lies_within_its_interval_or_says_why_there_is_none(call: str) -> None:
    rng = np.random.default_rng(1)
    source = rng.normal(size=(40, 8))
    target = source + 3
    for far in (0.0, 1e6, 1e30):
        matrix = cell(call, np.vstack([source, [far] * 8]), target, bootstrap=20)
        value, low, high = (float(x[0, 0]) for x in (matrix.values, matrix.low, matrix.high))
        assert matrix.notes[0][0] if np.isnan(value) else value != 0
        assert np.isnan(value) or np.isnan(low) or low <= value <= high


@pytest.mark.parametrize("call", ["kld-tf", "kld-tf:variant=bkld"])
def test_bins_that_see_no_difference_are_refused(call: str) -> None:
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(30, 4)), rng.normal(size=(30, 4)) * 1.3 + 0.5
    assert cell(call, source, target).values[0, 0] > 0
    far = cell(call, source + 1e8, target + 1e8)
    assert np.isnan(far.values[0, 0])
    assert "bin" in far.notes[0][0]
    clouds = [dsim.from_arrays(features=x + 1e8, name=name) for x, name in ((source, "a"), (target, "b"))]
    assert np.isnan(dsim.compare(clouds[:1], clouds[1:], measure=call).floor["b"])
    # Features that are equal in both, such as dead neurons, share a bin rightly.
    dead = np.ones((30, 40))
    assert cell(call, np.hstack([source, dead]), np.hstack([target, dead])).values[0, 0] > 0


def test_features_of_one_scale_need_a_regularisation_of_that_scale() -> None:
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(20, 4)), rng.normal(size=(20, 4)) + 0.5
    small = cell("otdd:labels=false", source * 1e-9, target * 1e-9)
    assert np.isnan(small.values[0, 0])
    assert "entreg" in small.notes[0][0]
    exact = cell("otdd:labels=false,outer=exact", source * 1e-9, target * 1e-9).values[0, 0]
    assert exact == pytest.approx(cell("otdd:labels=false,outer=exact", source, target).values[0, 0] * 1e-18, rel=1e-9)


@pytest.mark.parametrize("call", ["energy", "kid", "dino"])
def test_a_noise_floor_keeps_its_digits_or_is_refused(call: str) -> None:
    grid = np.round(np.random.default_rng(0).normal(size=(24, 4)) * 256) / 256
    near, far = ([np.vstack([grid + step, last]) for step in (0, 1)] for last in ([0.0] * 4, [1e30] * 4))
    # Of the cubic kernel, which knows an origin, 0 was all that cancellation left.
    assert abs(floor(call, [x + 2.0**30 for x in near])) > 1e-3
    assert call == "kid" or np.isnan(floor(call, far))


def floor(call: str, pair: list[np.ndarray]) -> float:
    clouds = [dsim.from_arrays(features=x, name=name) for x, name in zip(pair, "ab", strict=True)]
    return dsim.compare(clouds[:1], clouds[1:], measure=call).floor["b"]
