"""The base classes of measures: parameters, identity, and what follows from the two methods that must be written."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from dsim.errors import MeasureError, UnknownNameError, UsageError
from dsim.measures import DatasetView, PairwiseMeasure, SimilarityMeasure
from dsim.registry import Direction, MeasureSpec, Need, Parameter

SPEC = MeasureSpec(
    name="mean",
    version=3,
    title="Difference of means",
    factory="tests:Mean",
    needs=frozenset({Need.FEATURES}),
    direction=Direction.DISTANCE,
    symmetric=True,
    self_is_optimal=True,
    formula="|mean x - mean y|",
    cost="n",
    references=("this test",),
    parameters=(
        Parameter("scale", "float", 1.0, "factor"),
        Parameter("fit", "str", "zoo", "which model", attribute="trained_on"),
    ),
)


@dataclass(frozen=True)
class Sample:
    """Numbers, float64 (n,)."""

    numbers: NDArray[np.float64]


class Mean(SimilarityMeasure[Sample]):
    """The least that a measure must have, and a resample."""

    spec = SPEC
    scale: float
    trained_on: str

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Sample:
        return Sample(data.features("unused").ravel().astype(np.float64))

    def compare(self, source: Sample, target: Sample) -> float:
        return self.scale * abs(float(source.numbers.mean() - target.numbers.mean()))

    def resample(self, summary: Sample, draw: NDArray[np.intp]) -> Sample:
        return Sample(summary.numbers[draw])


class Bare(Mean):
    """A measure that cannot be resampled."""

    resample = SimilarityMeasure.resample


class Differences(PairwiseMeasure[Sample]):
    """Mean absolute difference of all pairs."""

    spec = replace(SPEC, name="differences")

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Sample:
        raise NotImplementedError

    def pairwise(self, source: Sample, target: Sample) -> NDArray[np.float64]:
        self.asked = getattr(self, "asked", 0) + 1
        return np.abs(source.numbers[:, None] - target.numbers[None])


A, B = Sample(np.array([0.0, 1.0, 5.0])), Sample(np.array([2.0, 2.0, 4.0, 8.0]))


def test_parameters_have_their_defaults_and_take_values_by_name() -> None:
    assert Mean().params == {"scale": 1.0, "fit": "zoo"}
    measure = Mean(scale=2, fit="pool")
    assert measure.params == {"scale": 2.0, "fit": "pool"}
    assert (measure.scale, measure.trained_on) == (2.0, "pool")


def test_a_parameter_with_an_attribute_leaves_the_method_of_its_name_alone() -> None:
    assert callable(Mean(fit="pool").fit)


def test_unknown_and_ill_typed_parameters_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'scale'"):
        Mean(scael=2)
    with pytest.raises(UsageError, match="'scale' takes float"):
        Mean(scale="2")


def test_repr_holds_only_what_differs_from_the_defaults() -> None:
    assert repr(Mean()) == repr(Mean(scale=1.0)) == "mean"
    assert repr(Mean(scale=2, fit="pool")) == "mean:fit=pool,scale=2.0"


def test_identity_adds_the_version() -> None:
    assert Mean().identity == "mean@3"
    assert Mean(scale=0.5).identity == "mean@3:scale=0.5"


def test_what_is_not_implemented_is_told_by_the_measures_name() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(MeasureError, match="mean declares fits_pool but does not implement fit"):
        Mean().fit([], rng)
    with pytest.raises(MeasureError, match="mean cannot be resampled"):
        Bare().resample(A, np.array([0]))
    with pytest.raises(MeasureError, match="mean has no embedding"):
        Mean().embedding(A)


def test_a_measure_without_summarise_or_compare_cannot_be_made() -> None:
    class Half(SimilarityMeasure[Sample]):
        spec = SPEC

        def summarise(self, data: DatasetView, rng: np.random.Generator) -> Sample:
            return A

    with pytest.raises(TypeError, match="compare"):
        Half()


def test_compare_many_is_compare_for_each_pair() -> None:
    found = Mean().compare_many([A, B], [A, B, A])
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, [[0, 2, 0], [2, 0, 2]])


def test_resampled_values_pair_the_draws() -> None:
    sources, targets = [np.array([0, 0]), np.array([2])], [np.array([0]), np.array([3, 3])]
    np.testing.assert_allclose(Mean().compare_resampled(A, B, sources, targets), [2.0, 3.0])
    with pytest.raises(ValueError, match="shorter"):
        Mean().compare_resampled(A, B, sources, targets[:1])


def test_a_value_and_its_replicates_come_together() -> None:
    value, replicates = Mean().compare_with_replicates(A, B, [np.array([0])], [np.array([0])])
    assert value == 2.0
    np.testing.assert_allclose(replicates, [2.0])


def test_a_pairwise_measure_is_the_mean_over_pairs() -> None:
    expected = np.mean([abs(a - b) for a in A.numbers for b in B.numbers])
    assert Differences().compare(A, B) == pytest.approx(expected, rel=1e-12)


def test_replicates_of_a_pairwise_measure_are_those_of_redrawn_samples() -> None:
    rng = np.random.default_rng(0)
    sources = [rng.integers(3, size=3) for _ in range(20)]
    targets = [rng.integers(4, size=size) for size in rng.integers(2, 7, size=20)]
    measure = Differences()
    value, found = measure.compare_with_replicates(A, B, sources, targets)
    redrawn = [
        Differences().compare(Sample(A.numbers[i]), Sample(B.numbers[j])) for i, j in zip(sources, targets, strict=True)
    ]
    np.testing.assert_allclose(found, redrawn, rtol=1e-12)
    np.testing.assert_allclose(measure.compare_resampled(A, B, sources, targets), redrawn, rtol=1e-12)
    assert value == Differences().compare(A, B)


def test_a_pairwise_bootstrap_computes_every_pair_once() -> None:
    measure = Differences()
    measure.compare_with_replicates(A, B, [np.arange(3)] * 50, [np.arange(4)] * 50)
    assert measure.asked == 1
