"""Draws are of whole groups; intervals and verdicts of a comparison rest on them; units change sides together."""

from __future__ import annotations

import numpy as np
import pytest

from dsim import compare
from dsim.comparison.draws import draws, joined, random_split, units_of
from dsim.data import from_arrays
from dsim.plugin import Direction

DISTANCE, SIMILARITY = Direction.DISTANCE, Direction.SIMILARITY


def test_interval_covers_the_true_value_about_as_often_as_it_claims(gap_class, line, tmp_path):
    """100 experiments on a closed form: the distance of two means; 95 % intervals, so 88 to 100 must hold it."""
    from dsim.data import from_arrays
    from dsim.runtime import Runtime

    rng = np.random.default_rng(3)
    held = 0
    for trial in range(100):
        pair = [from_arrays(features=rng.normal([c, 0], [1, 0.0], (40, 2)), name=f"{c}") for c in (0, 5)]
        runtime = Runtime(cache=tmp_path / str(trial % 5))
        matrix = compare(pair[:1], pair[1:], measure=gap_class(), bootstrap=200, seed=trial, runtime=runtime)
        held += bool(matrix.low[0, 0] <= 5 <= matrix.high[0, 0])
    assert 88 <= held <= 100


def test_paired_draws_see_a_difference_that_separate_intervals_hide(gap, line):
    """Both distances vary with the target's draw together: their difference does not."""
    matrix = compare(line([0, 0.6], spread=0.05), line([50], n=10, spread=5.0), measure=gap, bootstrap=300)
    overlap = matrix.low[0, 0] < matrix.high[1, 0]
    assert overlap
    assert matrix.verdicts["at50"].clear is True


def test_draws_are_whole_groups(line):
    (dataset,) = line([0], n=6, groups=["p", "p", "q", "q", "q", "r"])
    for draw in draws(dataset, "fingerprint", 50, seed=0):
        counts = np.bincount(draw, minlength=6)
        assert counts[0] == counts[1]
        assert counts[2] == counts[3] == counts[4]


def test_a_tie_is_seen_by_the_engine(gap, line):
    source, target = line([0, 1])
    found = compare([source, source.renamed("twin")], [target], measure=gap).verdicts["at1"]
    assert found.reason == "no clear winner: at0, twin are equally near"


@pytest.mark.parametrize("share", [0, 1, 4, 9, 10, 12])
def test_single_images_are_divided_like_units_of_one(share: int) -> None:
    """The array only saves time and memory: draws of earlier runs stay what they were."""
    units = units_of(from_arrays(features=np.zeros((10, 2))))
    assert isinstance(units, np.ndarray)
    of_array = random_split(units, share, np.random.default_rng(1))
    of_list = random_split(list(units), share, np.random.default_rng(1))
    for one, other in zip(of_array, of_list, strict=True):
        np.testing.assert_array_equal(one, other)
    assert sorted(np.concatenate(of_array)) == list(range(10))
    assert min(map(len, of_array)) > 0


@pytest.mark.parametrize("grouped", [False, True])
def test_merged_units_count_on_from_the_first(grouped: bool) -> None:
    first = units_of(from_arrays(features=np.zeros((3, 2))))
    second = units_of(from_arrays(features=np.zeros((4, 2)), groups=list("ppqq") if grouped else None))
    found = joined(first, second, 3)
    assert [unit.tolist() for unit in found][:3] == [[0], [1], [2]]
    assert [unit.tolist() for unit in found][3:] == ([[3, 4], [5, 6]] if grouped else [[3], [4], [5], [6]])


def test_a_resample_without_a_value_takes_the_interval_and_not_the_value(gap_class, line):
    from dsim.plugin import MeasureError

    class Refusing(gap_class):
        def resample(self, summary, draw):
            raise MeasureError("too few kinds of images")

    matrix = compare(line([0, 1, 5]), measure=Refusing(), bootstrap=20)
    plain = compare(line([0, 1, 5]), measure=gap_class(), bootstrap=0)
    np.testing.assert_array_equal(matrix.values, plain.values)
    assert np.isnan(matrix.low).all()
    assert "no interval: too few kinds" in matrix.notes[0][1]
    assert matrix.verdicts["at0"].clear is None
