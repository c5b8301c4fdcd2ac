"""The measure ``sl-pca-umap``: fitted on the sources, the same for all who come later."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dsim
from dsim.cli.compare_tables import notes
from dsim.comparison import compare
from dsim.comparison.engine import embedding_quality
from dsim.data import Dataset
from dsim.errors import MeasureError
from dsim.measures import DatasetView
from dsim.random import stream
from dsim.runtime import Runtime
from dsim.stats.embedding import eqc
from dsim.stats.euclidean import mean_distance
from dsim_umap.measure import PlacedCloud, SlPcaUmap

MEASURE = "sl-pca-umap:neighbours=8"


def dataset(name: str, axis: int, seed: int, count: int = 20) -> Dataset:
    features = np.random.default_rng(seed).normal(size=(count, 6)) + 6 * np.eye(6)[axis]
    return dsim.from_arrays(features=features.astype(np.float32), name=name)


@pytest.fixture(scope="module")
def sources() -> list[Dataset]:
    return [dataset(f"source-{axis}", axis, axis) for axis in range(3)]


@pytest.fixture(scope="module")
def targets() -> list[Dataset]:
    return [dataset(f"target-{axis}", axis, 10 + axis, count=9) for axis in range(3)]


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(device="cpu", offline=True, cache=tmp_path / "cache")


def test_each_target_is_nearest_to_the_source_of_its_kind(
    sources: list[Dataset], targets: list[Dataset], runtime: Runtime
) -> None:
    matrix = compare(sources, targets, measure=MEASURE, runtime=runtime)
    assert matrix.values.argmin(axis=0).tolist() == [0, 1, 2]


def test_the_value_is_the_mean_distance_of_the_clouds_that_are_drawn(
    sources: list[Dataset], targets: list[Dataset], runtime: Runtime
) -> None:
    matrix = compare(sources, targets, measure=MEASURE, runtime=runtime)
    assert matrix.clouds is not None
    expected = mean_distance(matrix.clouds["source-1"], matrix.clouds["target-2"])
    assert matrix.value("source-1", "target-2") == pytest.approx(expected, rel=1e-12)


def test_who_else_is_compared_and_in_which_order_changes_no_value(
    sources: list[Dataset], targets: list[Dataset], tmp_path: Path
) -> None:
    """Each with a cache of its own, so that nothing can be looked up."""
    every = compare(sources, targets, measure=MEASURE, runtime=Runtime(device="cpu", cache=tmp_path / "one"))
    alone = compare(sources[::-1], targets[1:2], measure=MEASURE, runtime=Runtime(device="cpu", cache=tmp_path / "two"))
    for source in every.sources:
        assert alone.value(source, "target-1") == every.value(source, "target-1")


def test_a_source_is_placed_as_it_is_as_a_target(sources: list[Dataset], runtime: Runtime) -> None:
    """A copy of a source's images under another name lands on the source itself."""
    images = sources[0].features
    twin = dsim.from_arrays(features=np.concatenate([images, images]), name="twin")
    matrix = compare(sources, [twin], measure=MEASURE, runtime=runtime)
    assert matrix.clouds is not None
    np.testing.assert_array_equal(matrix.clouds["twin"][: len(sources[0])], matrix.clouds["source-0"])


def test_the_eqc_of_the_sources_is_part_of_the_result(
    sources: list[Dataset], targets: list[Dataset], runtime: Runtime
) -> None:
    matrix = compare(sources, targets, measure=MEASURE, runtime=runtime)
    clouds = [matrix.clouds[source.name] for source in sources] if matrix.clouds else []
    told = matrix.to_dict()["provenance"]["embedding"]
    assert told["sources"] == [source.name for source in sources]
    assert told["eqc"] == {form: eqc(clouds, form) for form in ("paper", "reference")}
    printed = [line for line in notes(matrix) if "EQC" in line]
    assert len(printed) == 1
    assert f"{told['eqc']['paper']:.4g} (form of the reference code: {told['eqc']['reference']:.4g})" in printed[0]


def test_one_source_has_no_eqc() -> None:
    assert embedding_quality({"a": np.zeros((3, 2))}, ["a"]) == {
        "eqc": {"paper": None, "reference": None},
        "sources": ["a"],
    }


def test_the_map_is_kept_and_is_part_of_the_identity_of_what_it_gave(
    sources: list[Dataset], targets: list[Dataset], runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = compare(sources, targets, measure=MEASURE, runtime=runtime)
    calls = []
    monkeypatch.setattr("dsim_umap.measure.fit_umap", lambda *args, **kwargs: calls.append(args))
    second = compare(sources, targets, measure=MEASURE, runtime=runtime)
    assert calls == []
    assert first.provenance["fitted"] == second.provenance["fitted"] != ""
    np.testing.assert_array_equal(first.values, second.values)


def test_clouds_of_another_map_are_never_mixed_in(
    sources: list[Dataset], targets: list[Dataset], runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other libraries give another map of the same pool: sources that were placed in the old one are placed again."""
    import dsim_umap.measure as module

    before = compare(sources, targets[:1], measure=MEASURE, runtime=runtime)
    fit = module.fit_umap

    def mirrored(features: object, **settings: object) -> object:
        import dataclasses

        fitted = fit(features, **settings)  # type: ignore[arg-type]
        return dataclasses.replace(fitted, places=-fitted.places)

    monkeypatch.setattr(module, "fit_umap", mirrored)
    monkeypatch.setattr(module, "version", lambda name: "another")
    after = compare(sources, targets, measure=MEASURE, runtime=runtime)
    assert before.clouds is not None
    assert after.clouds is not None
    assert before.provenance["fitted"] != after.provenance["fitted"]
    for name in before.clouds:
        assert np.sign(after.clouds[name].mean()) == -np.sign(before.clouds[name].mean())


def test_a_dataset_whose_features_are_others_is_refused(sources: list[Dataset], runtime: Runtime) -> None:
    stranger = dsim.from_arrays(features=np.ones((5, 4), np.float32), name="stranger")
    matrix = compare(sources, [stranger], measure=MEASURE, runtime=runtime)
    assert all("features" in note for row in matrix.notes for note in row)
    with pytest.raises(MeasureError, match="different extractors"):
        compare([*sources, stranger], measure=MEASURE, runtime=runtime)


def test_it_does_not_summarise_before_it_was_fitted(sources: list[Dataset], runtime: Runtime) -> None:
    measure = SlPcaUmap()
    view = DatasetView(sources[0], measure.needs, "test", runtime)
    with pytest.raises(MeasureError, match="was not fitted"):
        measure.summarise(view, stream(0))


def test_splits_and_resamples_are_of_the_same_points() -> None:
    rng = np.random.default_rng(0)
    measure, cloud, other = SlPcaUmap(), PlacedCloud(rng.normal(size=(8, 2))), PlacedCloud(rng.normal(size=(5, 2)))
    draw = rng.integers(8, size=8)
    value = measure.compare(measure.resample(cloud, draw), other)
    assert measure.compare_resampled(cloud, other, [draw], [np.arange(5)])[0] == pytest.approx(value, rel=1e-12)
    assert len(measure.merge(cloud, other).points) == 13
