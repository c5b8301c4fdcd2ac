"""None of these resembles yours: phantoms, which had no part in the bounds, and what cannot be assessed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import dsim
from dsim.comparison import assess_resemblance, compare
from dsim.data import Dataset
from dsim.data.phantoms import open_phantom
from dsim.measures import Likeness
from dsim.runtime import Runtime

#: A network looks at some 90 images once: a second and more, for all tests of this file.
COUNT = 18


@pytest.fixture(scope="module")
def pool() -> dict[str, Dataset]:
    names = ("ultrasound", "ultrasound-portable", "histology", "fluorescence", "fundus")
    return {name: open_phantom(name, count=COUNT, size=64) for name in names}


def test_a_source_of_the_targets_kind_resembles_it_and_others_do_not(pool: dict[str, Dataset]) -> None:
    target = pool["ultrasound-portable"]
    found = assess_resemblance([(pool[name], target) for name in ("ultrasound", "histology", "fundus")], Runtime())
    assert [one.likeness for one in found.values()] == [Likeness.RESEMBLES, Likeness.NONE, Likeness.NONE]


def test_the_verdict_is_none_where_no_source_resembles_the_target_however_clear_the_first(
    pool: dict[str, Dataset],
) -> None:
    foreign = [pool[name] for name in ("histology", "fluorescence", "fundus")]
    matrix = compare(foreign, [pool["ultrasound-portable"]], measure="asap", bootstrap=50)
    verdict = matrix.verdicts["ultrasound-portable"]
    assert (verdict.clear, verdict.likeness) == (True, Likeness.NONE)


def test_it_is_the_same_by_every_measure_that_sees_the_images_through_the_network(pool: dict[str, Dataset]) -> None:
    sources, targets = [pool["histology"], pool["fundus"]], [pool["ultrasound"]]
    said = [compare(sources, targets, measure=name, bootstrap=0).verdicts["ultrasound"] for name in ("asap", "energy")]
    by_source = {verdict.best: verdict.resemblance for verdict in said}
    assert all(known is not None and known.likeness is Likeness.NONE for known in by_source.values())


def test_the_size_of_a_dataset_does_not_decide(pool: dict[str, Dataset]) -> None:
    target = pool["ultrasound-portable"]
    many = open_phantom("ultrasound", count=60, size=64).renamed("many")
    found = assess_resemblance([(pool["ultrasound"], target), (many, target)], Runtime())
    few, more = (one.distance for one in found.values())
    assert more == pytest.approx(few, rel=0.25)


def test_too_few_images_and_features_alone_are_not_assessed_and_say_why(pool: dict[str, Dataset]) -> None:
    few = open_phantom("fundus", count=4, size=64).renamed("few")
    bare = dsim.from_arrays(features=np.zeros((20, 512), np.float32), name="bare")
    found = assess_resemblance([(few, pool["histology"]), (bare, pool["histology"])], Runtime())
    assert {one.likeness for one in found.values()} == {Likeness.NOT_ASSESSED}
    assert "4" in found["few", "histology"].reason
    assert "features" in found["bare", "histology"].reason


def test_features_that_were_given_with_images_are_not_taken_for_those_of_the_network(pool: dict[str, Dataset]) -> None:
    source, target = pool["ultrasound"], pool["ultrasound-portable"]
    given = replace(source, features=np.zeros((COUNT, 512), np.float32))
    found = [assess_resemblance([(one, target)], Runtime()) for one in (source, given)]
    assert found[0] == found[1]


def test_a_measure_without_the_network_of_the_record_is_told_apart_by_its_floor(pool: dict[str, Dataset]) -> None:
    sources, targets = [pool["histology"], pool["fundus"]], [pool["ultrasound"]]
    matrix = compare(sources, targets, measure="wasserstein:extractor=pixels:[side=4]", bootstrap=0)
    resemblance = matrix.verdicts["ultrasound"].resemblance
    assert resemblance is not None
    assert resemblance.likeness is Likeness.NOT_ASSESSED
    assert "times the noise floor" in resemblance.reason
    assert "wasserstein" in resemblance.reason


def test_without_floors_it_is_not_asked(pool: dict[str, Dataset]) -> None:
    matrix = compare(
        [pool["histology"], pool["fundus"]], [pool["ultrasound"]], measure="energy", bootstrap=0, floor=False
    )
    assert matrix.verdicts["ultrasound"].resemblance is None


def test_it_survives_the_file(pool: dict[str, Dataset]) -> None:
    matrix = compare([pool["histology"], pool["fundus"]], [pool["ultrasound"]], measure="energy", bootstrap=0)
    again = dsim.SimilarityMatrix.from_json(matrix.to_json())
    assert again.verdicts["ultrasound"].resemblance == matrix.verdicts["ultrasound"].resemblance
