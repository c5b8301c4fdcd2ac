"""The promises of ``dsim.compare``."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
import pytest

from dsim import compare
from dsim.comparison.plan import FEWEST_REPLICATES
from dsim.data import from_arrays
from dsim.data.phantoms import open_phantom
from dsim.errors import DataError, NeedError, UsageError
from dsim.plugin import MeasureError, Need


def test_values_are_the_measures_own_for_every_pair(gap, line):
    sources, targets = line([0, 1, 5]), line([0.5, 4])
    matrix = compare(sources, targets, measure=gap)
    for source in sources:
        for target in targets:
            expected = np.linalg.norm(
                source.features.astype("f4").mean(0, dtype="f8") - target.features.astype("f4").mean(0, dtype="f8")
            )
            assert matrix.value(source.name, target.name) == pytest.approx(expected, rel=1e-6)
    assert matrix.values.dtype == np.float64


def test_ranking_is_best_first_by_distance(gap, line):
    matrix = compare(line([0, 1, 5]), line([4]), measure=gap)
    assert [entry.source for entry in matrix.ranking("at4").entries] == ["at5", "at1", "at0"]


def test_leave_one_out_by_default_a_dataset_is_never_its_own_source(gap, line):
    matrix = compare(line([0, 1, 5]), measure=gap)
    assert matrix.sources == matrix.targets
    for target in matrix.targets:
        assert target not in [entry.source for entry in matrix.ranking(target).entries]


def test_the_same_images_under_another_name_are_not_ranked(gap, line):
    sources = line([0, 1, 5])
    matrix = compare(sources, [sources[0].renamed("alias")], measure=gap)
    assert [entry.source for entry in matrix.ranking("alias").entries] == ["at1", "at5"]


def test_adding_one_dataset_computes_one_summary_and_the_new_pairs_only(gap_class, line):
    first, second = gap_class(), gap_class()
    datasets = line([0, 1, 2, 3])
    compare(datasets[:3], measure=first, bootstrap=0)
    compare(datasets, measure=second, bootstrap=0)
    assert first.log.count("summarise") == 3
    assert second.log.count("summarise") == 1
    assert second.log.count("compare") == 4 * 4 - 3 * 3


def test_a_second_run_computes_nothing(gap_class, line):
    compare(line([0, 1, 5]), measure=gap_class(), bootstrap=20)
    again = gap_class()
    compare(line([0, 1, 5]), measure=again, bootstrap=20)
    assert again.log == []


def test_parameters_and_seed_are_part_of_the_cache_key(gap_class, line):
    one = compare(line([0, 1]), measure=gap_class())
    two = compare(line([0, 1]), measure=gap_class(scale=2.0))
    assert two.value("at0", "at1") == pytest.approx(2 * one.value("at0", "at1"))


def test_a_measure_that_is_edited_is_computed_anew(tmp_path, line, monkeypatch):
    """The version is a contract; an author who forgets to bump it must still not meet yesterday's numbers."""
    source = Path(__file__).with_name("conftest.py").read_text("utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    found = []
    for factor in ("1.0", "30.0"):
        (tmp_path / "edited_measure.py").write_text(source.replace("self.scale *", f"{factor} * self.scale *"))
        sys.modules.pop("edited_measure", None)
        importlib.invalidate_caches()
        measure = importlib.import_module("edited_measure").Gap()
        found.append(compare(line([0, 1]), measure=measure).value("at0", "at1"))
    assert found[1] == pytest.approx(30 * found[0])


def test_a_vectorised_measure_is_asked_once_per_target(gap_class, line):
    class Vectorised(gap_class):
        def compare_many(self, sources, targets):
            self.log.append("many")
            return super().compare_many(sources, targets)

    measure = Vectorised()
    matrix = compare(line([0, 1, 5]), line([2, 3]), measure=measure, bootstrap=0)
    assert measure.log.count("many") == 2
    assert matrix.ranking("at2").entries[0].source == "at1"


def test_jobs_and_any_joblib_backend_change_nothing(gap, gap_class, line, tmp_path):
    from dsim.runtime import Runtime

    datasets = line([0, 1, 5])
    alone = compare(datasets, measure=gap, bootstrap=20, runtime=Runtime(cache=tmp_path / "a"))
    threads = compare(datasets, measure=gap_class(), bootstrap=20, jobs=2, runtime=Runtime(cache=tmp_path / "b"))
    with joblib.parallel_config(backend="sequential"):
        chosen = compare(datasets, measure=gap_class(), bootstrap=20, jobs=2, runtime=Runtime(cache=tmp_path / "c"))
    for other in (threads, chosen):
        np.testing.assert_array_equal(alone.values, other.values)
        np.testing.assert_array_equal(alone.low, other.low)


def test_processes_of_their_own_give_the_same_numbers(tmp_path):
    """What Dask or Ray would carry elsewhere travels: datasets, measure, summaries."""
    from dsim.data.phantoms import open_phantom
    from dsim.runtime import Runtime

    datasets = [open_phantom(name, count=4, size=32) for name in ("xray", "fundus", "relief")]
    here = compare(datasets, measure="cc:size=32", bootstrap=20, runtime=Runtime(cache=tmp_path / "a"))
    with joblib.parallel_config(backend="loky"):
        there = compare(datasets, measure="cc:size=32", bootstrap=20, jobs=2, runtime=Runtime(cache=tmp_path / "b"))
    np.testing.assert_array_equal(here.values, there.values)
    np.testing.assert_array_equal(here.low, there.low)


def test_one_failing_dataset_is_nan_with_its_reason_and_stops_nobody(gap, line):
    broken = from_arrays(features=np.full((5, 2), 7.0), name="broken")
    matrix = compare([*line([0, 1]), broken], line([0.4]), measure=gap, bootstrap=20)
    assert np.isnan(matrix.value("broken", "at0.4"))
    assert matrix.failed == [("broken", "at0.4", "all features are constant")]
    assert [entry.source for entry in matrix.ranking("at0.4").entries] == ["at0", "at1", "broken"]
    assert matrix.verdicts["at0.4"].best == "at0"


def test_too_few_samples_are_refused_in_the_cell(gap, line):
    tiny = from_arrays(features=np.zeros((1, 2)), name="tiny")
    matrix = compare([*line([0]), tiny], line([1]), measure=gap)
    assert "1 samples" in matrix.failed[0][2]


@pytest.mark.parametrize("outcome", [np.inf, np.nan, ValueError("boom"), MeasureError("no value here")])
def test_whatever_a_measure_does_wrong_is_nan_with_a_reason(gap_class, line, outcome):
    class Wrong(gap_class):
        def compare(self, source, target):
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

    matrix = compare(line([0, 1]), measure=Wrong())
    assert np.isnan(matrix.values).all()
    assert all(note for row in matrix.notes for note in row)


def test_a_failed_cell_is_computed_anew_next_time(gap_class, line, monkeypatch):
    def flaky(self, source, target):
        raise ValueError("today only")

    with monkeypatch.context() as patch:
        patch.setattr(gap_class, "compare", flaky)
        assert compare(line([0, 1]), measure=gap_class()).failed
    assert not compare(line([0, 1]), measure=gap_class()).failed


def test_a_dataset_s_draws_do_not_depend_on_the_others_or_their_order(gap, gap_class, line, tmp_path):
    from dsim.runtime import Runtime

    datasets = line([0, 1, 5])
    together = compare(datasets, measure=gap, bootstrap=30, runtime=Runtime(cache=tmp_path / "a"))
    turned = compare(datasets[::-1], measure=gap_class(), bootstrap=30, runtime=Runtime(cache=tmp_path / "b"))
    row, column = turned.sources.index("at0"), turned.targets.index("at5")
    assert together.low[0, 2] == turned.low[row, column]


def test_groups_are_resampled_whole(gap_class, line):
    """Twenty images of two patients are two pieces of evidence, not twenty: the interval must be wider."""
    rng = np.random.default_rng(1)
    patients = np.repeat([0.0, 1.0], 10)
    features = np.c_[patients + 0.01 * rng.standard_normal(20), np.zeros(20)]
    single = from_arrays(features=features, name="t")
    grouped = from_arrays(features=features, groups=[f"p{int(p)}" for p in patients], name="t")
    by_image = compare(line([9]), [single], measure=gap_class(), bootstrap=300)
    by_group = compare(line([9]), [grouped], measure=gap_class(), bootstrap=300)
    assert by_group.high[0, 0] - by_group.low[0, 0] > 2 * (by_image.high[0, 0] - by_image.low[0, 0])


def test_the_same_samples_in_another_order_do_not_meet_a_summary_in_the_first(gap_class, line, tmp_path):
    """Resamples go by position: with groups, a cached summary in another order would be drawn wrongly."""
    from dsim.runtime import Runtime

    features = np.c_[np.arange(6.0), np.zeros(6)]
    groups, ids = ["p", "p", "p", "q", "q", "r"], list("abcdef")
    order = [5, 0, 3, 1, 4, 2]
    first = from_arrays(features=features, groups=groups, ids=ids, name="t")
    turned = from_arrays(
        features=features[order], groups=[groups[i] for i in order], ids=[ids[i] for i in order], name="t"
    )
    shared, fresh = Runtime(cache=tmp_path / "shared"), Runtime(cache=tmp_path / "fresh")
    compare(line([9]), [first], measure=gap_class(), bootstrap=50, runtime=shared)
    after = compare(line([9]), [turned], measure=gap_class(), bootstrap=50, runtime=shared)
    alone = compare(line([9]), [turned], measure=gap_class(), bootstrap=50, runtime=fresh)
    assert after.low[0, 0] == alone.low[0, 0]


def test_missing_needs_are_refused_before_any_work(gap_class, line):
    class NeedsLabels(gap_class):
        spec = replace(gap_class.spec, needs=frozenset({Need.LABELS}))

    measure = NeedsLabels()
    with pytest.raises(NeedError, match="has no labels"):
        compare(line([0, 1]), measure=measure)
    assert measure.log == []


def test_bad_requests_are_refused(gap, line):
    with pytest.raises(UsageError, match="no sources"):
        compare([], measure=gap)
    with pytest.raises(UsageError, match="itself alone"):
        compare(line([0]), measure=gap)
    with pytest.raises(DataError, match="two sources are named 'at0'"):
        compare([*line([0]), *line([0])], measure=gap)
    with pytest.raises(DataError, match="both named"):
        compare(line([0, 1]), [line([3])[0].renamed("at0")], measure=gap)
    with pytest.raises(UsageError, match="0 jobs"):
        compare(line([0, 1]), measure=gap, jobs=0)


@pytest.mark.parametrize("replicates", [-1, 1, FEWEST_REPLICATES - 1])
def test_an_interval_needs_replicates_outside_of_it(replicates, line, gap):
    with pytest.raises(UsageError, match=f"^{replicates} bootstrap") as caught:
        compare(line([0, 1]), measure=gap, bootstrap=replicates)
    assert str(FEWEST_REPLICATES) in str(caught.value.hint)
    assert compare(line([0, 1]), measure=gap, bootstrap=FEWEST_REPLICATES).replicates == FEWEST_REPLICATES


def test_a_target_that_is_the_only_source_has_a_verdict_that_says_so(line, gap):
    mine, other = line([0, 3])
    verdict = compare([mine], [mine, other], measure=gap).verdicts["at0"]
    assert verdict.best is None
    assert "at0 is the target itself" in verdict.reason


def test_images_that_source_and_target_share_are_in_the_provenance(tmp_path):
    whole, far = (open_phantom(name, count=4, size=32) for name in ("xray", "fundus"))
    part = whole.subset([0, 3], "part")
    matrix = compare([whole, far], [part, whole], measure="cc:size=32")
    assert matrix.provenance["shared_images"] == [{"source": "xray", "target": "part", "images": 2}]
    given = [replace(one, features=np.ones((len(one), 2), np.float32)) for one in (whole, far, part)]
    on_features = compare(given[:2], given[2:], measure="energy")
    assert on_features.provenance["shared_images"] == []


@pytest.mark.parametrize("measure", ["cc:size=16", "energy"])
def test_one_dataset_that_was_opened_twice_is_the_target_itself(measure):
    rng = np.random.default_rng(0)
    mine, other = rng.integers(0, 255, (2, 5, 16, 16), np.uint8)
    features = rng.normal(size=(5, 3))
    again = [from_arrays(mine, features=features, name="mine") for _ in range(2)]
    rest = from_arrays(other, features=features + 1, name="other")
    matrix = compare([again[0], rest], [again[1]], measure=measure, bootstrap=0)
    assert matrix.same[:, 0].tolist() == [True, False]
    assert matrix.provenance["shared_images"] == []


def test_an_interrupt_keeps_finished_pairs(gap_class, line, monkeypatch):
    whole = gap_class.compare

    def interrupted(self, source, target):
        if self.log.count("compare") == 4:
            raise KeyboardInterrupt
        return whole(self, source, target)

    monkeypatch.setattr(gap_class, "compare", interrupted)
    with pytest.raises(KeyboardInterrupt):
        compare(line([0, 1, 5]), measure=gap_class(), bootstrap=0)
    monkeypatch.setattr(gap_class, "compare", whole)
    resumed = gap_class()
    compare(line([0, 1, 5]), measure=resumed, bootstrap=0)
    assert "summarise" not in resumed.log
    assert resumed.log.count("compare") == 9 - 3  # pairs are finished target by target


def test_provenance_names_everything_that_the_numbers_depend_on(gap, line):
    matrix = compare(line([0, 1]), measure=gap, seed=7)
    record = matrix.provenance
    assert record["measure"] == "gap@1"
    assert record["seed"] == 7
    assert record["datasets"]["at0"]["samples"] == 20
    assert len(record["datasets"]["at0"]["fingerprint"]) == 64
    (conditions,) = record["conditions"]
    assert conditions["cells"] == 4
    assert {"numpy", "torch"} <= set(conditions["libraries"])
