"""The permutation test holds its level, sees a difference, and depends on nothing but the pair."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom, kstest

from dsim import compare
from dsim.comparison.draws import p_value, permutations, units_of
from dsim.data import from_arrays
from dsim.errors import UsageError
from dsim.plugin import Direction
from dsim.runtime import Runtime
from dsim.stats.shares import holm


def samples(rng, count, n, name, patients=0, spread=1.0):
    """Datasets of n images; of patients, whose images lie closely around a place of their own, where any are given."""
    found = []
    for index in range(count):
        places = rng.normal(size=(patients, 1)) * 3 if patients else np.zeros((1, 1))
        groups = np.sort(rng.integers(patients, size=n)) if patients else np.zeros(n, dtype=int)
        features = places[groups] + spread * rng.normal(size=(n, 1))
        named = {"groups": [f"p{group}" for group in groups]} if patients else {}
        found.append(from_arrays(features=np.c_[features, np.zeros(n)], name=f"{name}{index}", **named))
    return found


def p_of_pairs(measure, pairs):
    """p of each pair by itself, through the public function."""
    found = [compare([s], [t], measure=measure(), test=99, bootstrap=0, floor=False).p_values[0, 0] for s, t in pairs]
    return np.array(found)


@pytest.mark.parametrize(("pairs", "patients"), [(200, 0), (100, 6)])
def test_p_is_uniform_where_both_are_samples_of_one_population(gap_of_two, pairs, patients):
    """Independent pairs; p takes the values k / 100, so it is compared with the uniform at the steps' middles."""
    rng = np.random.default_rng(4)
    sources, targets = samples(rng, pairs, 24, "s", patients), samples(rng, pairs, 18, "t", patients)
    p = p_of_pairs(gap_of_two, zip(sources, targets, strict=True))
    assert kstest(p - 0.005, "uniform").pvalue > 0.05
    assert binom.cdf((p <= 0.05).sum(), pairs, 0.05) < 0.99


def test_permuting_images_of_patients_one_by_one_would_be_wrong(gap_of_two):
    """The guard of the test above: without their groups, alike data give p that are far too small."""
    rng = np.random.default_rng(4)
    sources, targets = samples(rng, 40, 24, "s", patients=6), samples(rng, 40, 18, "t", patients=6)
    bare = [(replace(s, groups=None), replace(t, groups=None)) for s, t in zip(sources, targets, strict=True)]
    assert (p_of_pairs(gap_of_two, bare) <= 0.05).mean() > 0.3


def test_a_clear_difference_has_the_least_p_there_is(gap_of_two, line):
    matrix = compare(line([0, 3]), measure=gap_of_two(), test=99)
    np.testing.assert_array_equal(matrix.p_values, [[np.nan, 0.01], [0.01, np.nan]])
    assert matrix.permutations == 99
    assert matrix.provenance["test"] == 99


def test_a_similarity_is_tested_in_its_own_direction(gap_of_two, line):
    class Nearness(gap_of_two):
        spec = replace(gap_of_two.spec, direction=Direction.SIMILARITY, bounds=(-np.inf, 0.0))

        def compare(self, source, target):
            return -super().compare(source, target)

    assert compare(line([0, 3]), measure=Nearness(), test=99).p_values[0, 1] == 0.01


def test_p_counts_the_divisions_that_are_at_least_as_far_and_itself():
    assert p_value(3.0, [1.0, 2.0, 4.0]).value == 0.5
    assert p_value(3.0, [3.0 - 1e-9, 2.0, 1.0]).value == 0.5, "rounding is a tie"
    assert p_value(3.0, [1.0, 1.0, 1.0]).value == 0.25
    undefined = p_value(3.0, [np.nan, 1.0])
    assert np.isnan(undefined.value)
    assert undefined.note == "1 of 3 divisions of the merged images have no value"


def test_neither_order_nor_role_nor_other_datasets_nor_jobs_change_p(gap_of_two, tmp_path):
    datasets = samples(np.random.default_rng(0), 4, 20, "s")
    runtimes = [Runtime(cache=tmp_path / name) for name in "abc"]
    together = compare(datasets, measure=gap_of_two(), test=99, runtime=runtimes[0])
    turned = compare(datasets[::-1], measure=gap_of_two(), test=99, jobs=2, runtime=runtimes[1])
    np.testing.assert_array_equal(together.p_values, turned.p_values[::-1, ::-1])
    np.testing.assert_array_equal(together.p_values, together.p_values.T)
    alone = compare(datasets[2:3], datasets[1:2], measure=gap_of_two(), test=99, runtime=runtimes[2])
    assert alone.p_values[0, 0] == together.p_values[2, 1]


def test_an_asymmetric_measure_is_asked_source_before_target(gap_of_two):
    class Lopsided(gap_of_two):
        spec = replace(gap_of_two.spec, symmetric=False, bounds=(-np.inf, np.inf))

        def compare(self, source, target):
            return float(source.values.mean() - target.values.mean())

    low, high = (from_arrays(features=np.arange(20.0)[:, None] + c, name=f"at{c}") for c in (0, 30))
    matrix = compare([low, high], measure=Lopsided(), test=99)
    assert matrix.p_values[1, 0] == 0.01
    assert matrix.p_values[0, 1] == 1.0


def test_a_symmetric_pair_is_permuted_once(gap_of_two, line):
    measure = gap_of_two()
    compare(line([0, 3]), measure=measure, test=19, bootstrap=0, floor=False)
    assert measure.log.count("compare") == 4 + 20


def test_the_second_run_permutes_nothing(gap_of_two, line):
    first = compare(line([0, 1]), measure=gap_of_two(), test=19)
    again = gap_of_two()
    second = compare(line([0, 1]), measure=again, test=19)
    np.testing.assert_array_equal(first.p_values, second.p_values)
    assert again.log == []
    more = gap_of_two()
    compare(line([0, 1]), measure=more, test=39)
    assert more.log.count("compare") == 40


def test_the_seed_draws_other_permutations(gap_of_two):
    datasets = samples(np.random.default_rng(0), 2, 20, "s")
    found = {compare(datasets, measure=gap_of_two(), test=199, seed=seed).p_values[0, 1] for seed in range(4)}
    assert len(found) > 1


def test_whole_groups_change_sides_and_sizes_are_kept():
    first = from_arrays(features=np.zeros((6, 1)), groups=list("aabbcc"), name="s")
    second = from_arrays(features=np.zeros((4, 1)), groups=list("aadd"), name="t")
    observed, *permuted = permutations(units_of(first), units_of(second), 30, 0, ("pair",))
    assert observed[0].tolist() == [0, 1, 2, 3, 4, 5]
    assert observed[1].tolist() == [6, 7, 8, 9]
    for one, other in permuted:
        assert (len(one), len(other)) == (6, 4)
        assert sorted([*one, *other]) == list(range(10))
        assert all((i in one) == (i + 1 in one) for i in (0, 2, 4, 6, 8)), "a patient 'a' in both is two patients"
    assert len({tuple(sorted(one)) for one, _ in permuted}) > 3


def test_a_dataset_that_failed_has_no_p_and_the_reason(gap_of_two, line):
    broken = from_arrays(features=np.full((5, 2), 7.0), name="broken")
    matrix = compare([*line([0]), broken], line([3]), measure=gap_of_two(), test=19)
    assert np.isnan(matrix.p_values[1, 0])
    assert matrix.p_notes[1][0] == "all features are constant"
    assert matrix.p_values[0, 0] == 0.05


def test_the_mean_over_all_pairs_is_tested_like_the_energy_distance(gap_of_two):
    """For equally many images the sum over all pairs is fixed, so both order the divisions alike: docs/results.md."""

    def mean_distance(a, b):
        return float(np.abs(a.values[:, 0][:, None] - b.values[:, 0]).mean())

    class MeanDistance(gap_of_two):
        spec = replace(gap_of_two.spec, name="mean-distance", self_is_optimal=False)

        def compare(self, source, target):
            return mean_distance(source, target)

    class Energy(gap_of_two):
        spec = replace(gap_of_two.spec, name="energy-by-hand")

        def compare(self, source, target):
            within = mean_distance(source, source) + mean_distance(target, target)
            return 2 * mean_distance(source, target) - within

    rng = np.random.default_rng(2)
    broad, compact = samples(rng, 3, 20, "broad", spread=1.0), samples(rng, 3, 20, "compact", spread=0.5)
    found = [compare(broad, compact, measure=measure(), test=99).p_values for measure in (MeanDistance, Energy)]
    np.testing.assert_array_equal(*found)
    assert 0.01 < np.median(found[0]) < 0.5


def test_what_goes_wrong_in_a_permutation_is_the_reason(gap_of_two, line):
    class Unmerged(gap_of_two):
        def merge(self, first, second):
            raise KeyError("second")

    matrix = compare(line([0, 1]), measure=Unmerged(), test=19)
    assert matrix.p_notes[0][1].startswith("it raised KeyError: 'second' (test_permutation.py, line ")
    assert not matrix.failed


def test_the_same_images_under_another_name_are_not_tested(gap_of_two, line):
    sources = line([0, 1])
    matrix = compare(sources, [sources[0].renamed("alias")], measure=gap_of_two(), test=19)
    assert np.isnan(matrix.p_values[0, 0])
    assert matrix.p_values[1, 0] == 0.05


def test_adjusted_p_are_holms_for_each_target(gap_of_two, line):
    matrix = compare(line([0, 3, 6, 9]), measure=gap_of_two(), test=19)
    for column in range(4):
        np.testing.assert_array_equal(matrix.p_adjusted[:, column], holm(matrix.p_values[:, column]))
    assert matrix.ranking("at0").entries[0].p_adjusted == pytest.approx(0.15)


def test_requests_that_say_nothing_are_refused(gap, gap_of_two, line):
    with pytest.raises(UsageError, match=r"18 permutations: p is never less than 1/19") as caught:
        compare(line([0, 1]), measure=gap_of_two(), test=18)
    assert caught.value.hint == "give 0 for no test, or 19 at least; 999 is usual"
    with pytest.raises(UsageError, match="-1 permutations"):
        compare(line([0, 1]), measure=gap_of_two(), test=-1)
    with pytest.raises(UsageError, match="'gap' is not a statistic of two samples") as caught:
        compare(line([0, 1]), measure=gap, test=19)
    assert "by one of: asap, " in str(caught.value.hint)


def test_a_measure_that_was_fitted_on_the_sources_has_no_p(gap_of_two, line):
    """It knows the images of one side: not even samples of one population could change places."""

    class Fitted(gap_of_two):
        fits_pool = True

        def fit(self, pool, rng):
            pass

    matrix = compare(line([0, 1]), line([5]), measure=Fitted(), test=19)
    assert np.isfinite(matrix.values).all()
    assert np.isnan(matrix.p_values).all()
    assert "fitted on the sources" in matrix.p_notes[0][0]
