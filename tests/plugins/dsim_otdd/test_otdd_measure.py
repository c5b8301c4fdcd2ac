"""OTDD as a measure: equal to its pure function, labels only where wanted, clear reasons where there is no value."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dsim
from dsim.data import Dataset, from_arrays
from dsim.errors import MeasureError, NeedError, UsageError
from dsim.measures import DatasetView, SimilarityMatrix, SimilarityMeasure, build_measure
from dsim.random import stream
from dsim.registry import Need
from dsim.runtime import Runtime
from dsim.stats import otdd as solver
from dsim.stats.otdd import Ground, NoTransportError, Sample, otdd
from dsim_otdd.specs import OTDD

SHARES = {"benign": 12, "malignant": 8, "normal": 4}


def dataset(name: str, shift: float = 0.0, seed: int = 0, d: int = 5, **shares: int) -> Dataset:
    """Classes of these sizes, far from each other, moved by ``shift``."""
    rng = np.random.default_rng(seed)
    labels = [label for label, count in (shares or SHARES).items() for _ in range(count)]
    centres = {label: 3.0 * i for i, label in enumerate(dict.fromkeys(labels))}
    features = np.stack([rng.normal(size=d) + centres[label] + shift for label in labels])
    return from_arrays(features=features.astype(np.float32), labels=labels, name=name)


def summary(measure: SimilarityMeasure[Any], data: Dataset, seed: int = 0) -> Any:
    return measure.summarise(DatasetView(data, measure.needs, "otdd", Runtime()), stream(seed))


def value(measure: str, source: Dataset, target: Dataset) -> float:
    built = build_measure(measure)
    return float(built.compare(summary(built, source), summary(built, target)))


def compare(sources: list[Dataset], measure: str, **options: Any) -> SimilarityMatrix:
    return dsim.compare(sources, measure=measure, **options)


def codes(data: Dataset) -> np.ndarray:
    return np.unique(data.labels or (), return_inverse=True)[1]


@pytest.mark.parametrize(
    ("call", "outer", "ground"),
    [
        ("otdd", "debiased", Ground()),
        ("otdd:outer=exact,inner=exact", "exact", Ground(inner="exact")),
        ("otdd:outer=sinkhorn,entreg=0.5,lambda_y=2", "sinkhorn", Ground(eps=0.5, label_weight=2.0)),
        ("otdd:p=1,inner=means,lambda_x=3", "debiased", Ground(p=1, inner="means", feature_weight=3.0)),
        ("otdd:shrinkage=fixed,shrinkage_weight=0.3", "debiased", Ground(shrinkage=0.3)),
        ("otdd:shrinkage=ledoit-wolf,inner=diagonal", "debiased", Ground(shrinkage="ledoit-wolf", inner="diagonal")),
    ],
)
def test_parameters_reach_the_pure_function(call: str, outer: str, ground: Ground) -> None:
    source, target = dataset("a"), dataset("b", 1.0, 1)
    assert source.features is not None
    assert target.features is not None
    samples = Sample(source.features, codes(source), ground), Sample(target.features, codes(target), ground)
    found = otdd(*samples, outer=outer)
    assert value(call, source, target) == pytest.approx(found.value, rel=1e-8)
    plain = ",convention=plain" if ":" in call else ":convention=plain"
    assert value(call + plain, source, target) == pytest.approx(found.plain, rel=1e-8)


def test_without_labels_none_are_read_and_none_are_needed() -> None:
    measure = build_measure("otdd:labels=false")
    assert measure.needs == {Need.FEATURES}
    source, target = dataset("a"), dataset("b", 1.0, 1)
    bare = [replace(data, labels=None) for data in (source, target)]
    assert value("otdd:labels=false", *bare) == value("otdd:labels=false", source, target)
    with pytest.raises(NeedError, match="has no labels"):
        value("otdd", bare[0], target)


def test_labels_see_what_features_alone_do_not() -> None:
    """The same images, cut into classes in another way: without labels the two datasets are one."""
    source = dataset("a")
    other = replace(source, name="b", labels=tuple("xyz"[i % 3] for i in range(len(source))))
    assert value("otdd:labels=false", source, other) == 0
    assert value("otdd", source, other) > 1


def test_a_dataset_is_nearest_to_itself_under_any_names_of_labels() -> None:
    source = dataset("a")
    renamed = replace(source, name="b", labels=tuple(f"class {label}" for label in source.labels or ()))
    matrix = compare([source, renamed, dataset("c", 2.0, 1)], "otdd")
    assert matrix.value("a", "a") == 0
    assert matrix.value("a", "b") == pytest.approx(0, abs=1e-6)
    assert matrix.value("c", "a") > 3
    assert matrix.value("c", "a") == pytest.approx(matrix.value("a", "c"), rel=1e-8)


def test_one_class_classes_of_one_and_other_numbers_of_classes_are_compared_and_remarked_upon() -> None:
    whole, one, lonely = dataset("whole"), dataset("one", only=10), dataset("lonely", much=10, little=1)
    assert np.isfinite(compare([whole, one, lonely], "otdd").values).all()
    measure = build_measure("otdd")
    assert measure.remark(summary(measure, whole)) == ""
    assert measure.remark(summary(measure, one)) == "all images are of one class, 'only'"
    told = measure.remark(summary(measure, lonely))
    assert told == "classes of one image are points without extent: little"


def test_a_size_matched_choice_is_stratified_seeded_and_told() -> None:
    measure, data = build_measure("otdd:size=12"), dataset("a")
    first, again, other = (summary(measure, data, seed) for seed in (0, 0, 1))
    assert (first.chosen == again.chosen).all()
    assert (first.chosen != other.chosen).any()
    assert np.bincount(first.codes[first.chosen]).tolist() == [6, 4, 2]
    assert measure.remark(first) == "12 of 24 images are compared (size=12)"
    with pytest.raises(MeasureError, match="'a' has 24 images, fewer than size=30") as caught:
        summary(build_measure("otdd:size=30"), data)
    assert caught.value.hint == "choose a size that every dataset has: size=24"


def test_a_class_that_the_choice_leaves_out_does_not_count() -> None:
    assert np.isfinite(value("otdd:size=4", dataset("a", much=40, little=1), dataset("b", 1.0, 1)))


def test_intervals_floor_and_test_follow_from_resampling() -> None:
    matrix = compare([dataset("a"), dataset("b", 1.0, 1)], "otdd", bootstrap=20)
    assert matrix.low is not None
    assert matrix.high is not None
    assert matrix.low[0, 1] <= matrix.high[0, 1]
    measure = build_measure("otdd")
    one, two = summary(measure, dataset("a")), summary(measure, dataset("b", 1.0, 1))
    merged = measure.merge(one, two)
    halves = np.arange(24), np.arange(24, 48)
    assert measure.compare_splits(merged, [halves])[0] == pytest.approx(measure.compare(one, two), rel=1e-9)


def test_a_resample_without_a_value_does_not_take_the_cell_along(monkeypatch: pytest.MonkeyPatch) -> None:
    measure = build_measure("otdd")
    source, target = summary(measure, dataset("a")), summary(measure, dataset("b", 1.0, 1))
    solve, calls = solver.transport_between, iter(range(9))

    def sometimes(*arguments: Any) -> Any:
        if next(calls) == 1:
            raise NoTransportError("it did not converge")
        return solve(*arguments)

    monkeypatch.setattr(solver, "transport_between", sometimes)
    draws = [np.arange(24)] * 3
    assert np.isnan(measure.compare_resampled(source, target, draws, draws)).tolist() == [False, True, False]


def test_what_was_not_solved_is_a_failed_cell_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: Any) -> Any:
        raise NoTransportError("the transport between the datasets did not converge: after 7 products")

    monkeypatch.setattr(solver, "transport_between", never)
    matrix = compare([dataset("a"), dataset("b", 1.0, 1)], "otdd")
    assert np.isnan(matrix.values).all()
    assert "did not converge: after 7 products" in matrix.notes[0][1]


def test_features_of_other_dimensions_are_refused() -> None:
    with pytest.raises(MeasureError, match="the source has 5 features per image and the target 6"):
        value("otdd", dataset("a"), dataset("b", d=6))


@pytest.mark.parametrize(
    ("call", "message", "hint"),
    [
        ("p=1", "the distance of Gaussians (inner=gaussian) is known for p = 2 only", "inner=means"),
        ("labels=false,inner=means", "inner changes nothing with labels=false", "labels=true"),
        ("labels=false,lambda_y=2", "lambda_y changes nothing with labels=false", "labels=true"),
        ("inner=means,shrinkage=fixed", "shrinkage changes nothing with inner=means", "inner=gaussian"),
        ("shrinkage_weight=0.2", "shrinkage_weight changes nothing with shrinkage=none", "shrinkage=fixed"),
        ("outer=exact,entreg=1", "entreg changes nothing with outer=exact", "outer=debiased"),
        ("labels=false,lambda_x=0", "both weights are 0", "above 0"),
    ],
)
def test_contradictions_are_refused(call: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        build_measure(f"otdd:{call}")
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_the_page_agrees_with_the_spec() -> None:
    page = (Path(__file__).parents[3] / "docs" / "measures" / "otdd.md").read_text("utf-8")
    assert page.startswith("# otdd: optimal transport dataset distance\n")
    assert f"| direction | {OTDD.direction}: " in page
    assert f"at least {OTDD.min_samples} per dataset" in page
    for parameter in OTDD.parameters:
        assert f"| `{parameter.name}` | {parameter.format(parameter.default)} |" in page
        assert all(f"`{choice}`" in page for choice in parameter.choices)
    for preset in OTDD.presets:
        assert f"`{preset}`" in page
    for reference in OTDD.references:
        assert reference.split("arXiv:")[1] in page


@pytest.mark.slow
def test_real_datasets_have_values_and_like_goes_with_like(real_data: Path) -> None:
    names = ("cxr_covid_cls", "pneumoniamnist_cls", "ham10000_cls")
    sets = [dsim.open_dataset(real_data / "classification" / name / f"{name}.npz") for name in names]
    matrix = compare(sets, "otdd")
    assert not matrix.failed
    cxr, pneumonia, skin = matrix.values[0]
    assert cxr == 0
    assert pneumonia < skin
