"""Reliability of choices: judged on a truth with the target left out; told in words; never another procedure's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import dsim
from dsim.errors import DataError
from dsim.files.documents import check
from dsim.files.shipped import shipped
from dsim.recommend import DEFAULT, Procedure
from dsim.recommend.reliability import (
    FILE,
    SCHEMA,
    UNKNOWN,
    Reliability,
    measure_reliability,
    records,
    said,
    stored,
    write,
)
from dsim.runtime import Runtime
from dsim.truth import TransferMatrix, open_truth

CENTRES = {"a": 0.0, "b": 1.0, "c": 5.0, "d": 7.0}
ENSEMBLE = "ensemble:of=energy+frechet+wasserstein"
#: The best other source by transfer is the nearest one for a, b and c; for d it is b.
SCORES = [[95, 90, 20, 10], [80, 95, 30, 60], [40, 30, 95, 50], [10, 20, 70, 95]]


@pytest.fixture(scope="module")
def pool() -> list[dsim.Dataset]:
    noise = np.random.default_rng(0).normal(0, 0.1, (4, 12, 2))
    return [dsim.from_arrays(features=noise[k] + [x, 0], name=name) for k, (name, x) in enumerate(CENTRES.items())]


@pytest.fixture(scope="module")
def truth() -> TransferMatrix:
    names = tuple(CENTRES)
    return TransferMatrix("mine", "DSC", "%", names, names, np.array(SCORES, float)[:, :, None], (0, 100))


def measured(truth: TransferMatrix, pool: list[dsim.Dataset], call: str = ENSEMBLE) -> Reliability:
    return measure_reliability(truth, pool, pool, Procedure.of(call, Runtime()), notes=["Only drawn points."])


def test_top_1_and_regret_are_those_of_the_choices_with_the_target_left_out(
    truth: TransferMatrix, pool: list[dsim.Dataset]
) -> None:
    found = measured(truth, pool)
    assert (found.sources, found.targets) == (4, 4)
    assert found.top1.value == 0.75
    # d is given c, 50, where b has 60.
    assert found.regret.value == pytest.approx(10 / 4)
    # One of three others is the best; its expected regret is the mean over targets of best less mean.
    assert found.beside["random"][0].value == pytest.approx(1 / 3)
    assert found.beside["random"][1].value == pytest.approx(np.mean([80 - 130 / 3, 90 - 140 / 3, 70 - 40, 60 - 40]))


def test_no_score_of_the_truth_enters_a_choice(truth: TransferMatrix, pool: list[dsim.Dataset]) -> None:
    """With the scores turned round the same choices are the worst ones."""
    found = measured(replace(truth, values=100 - truth.values), pool)
    assert found.top1.value == 0
    assert found.procedure == measured(truth, pool).procedure


def test_targets_with_a_clear_winner_are_told_from_the_others(truth: TransferMatrix, pool: list[dsim.Dataset]) -> None:
    found = measured(truth, pool)
    assert found.clear is not None
    assert found.unclear is not None
    assert found.clear.targets + found.unclear.targets == 4
    assert found.clear.best + found.unclear.best == 3
    single = measured(truth, pool, "energy")
    assert (single.clear, single.unclear) == (None, None)


def test_records_come_back_from_their_file_and_replace_those_of_the_same_measure(
    truth: TransferMatrix, pool: list[dsim.Dataset], tmp_path: Path
) -> None:
    first, other = measured(truth, pool), measured(truth, pool, "energy")
    path = tmp_path / "mine" / FILE
    for record in (first, other, first):
        write(path, record)
    check(json.loads(path.read_text()), SCHEMA, "the file", "")
    assert records(path) == [other, first]


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"schema": "dsim.reliability/1", "records": [{}]}')
    with pytest.raises(DataError, match=r"does not hold to dsim.reliability/1"):
        records(tmp_path / FILE)


def test_only_records_of_this_procedure_and_of_the_truth_as_it_is_are_told(
    truth: TransferMatrix, pool: list[dsim.Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = measured(truth, pool)
    truth.to_json(tmp_path / "mine" / "truth.json")
    write(tmp_path / "mine" / FILE, record)
    monkeypatch.setattr("dsim.recommend.reliability.shipped", lambda name: tmp_path)
    assert stored(Procedure.of(ENSEMBLE, Runtime())) == (record,)
    assert stored(Procedure.of("energy", Runtime())) == ()
    replace(truth, values=truth.values / 2).to_json(tmp_path / "mine" / "truth.json")
    assert stored(Procedure.of(ENSEMBLE, Runtime())) == ()


def test_words_tell_the_numbers_the_baselines_and_the_notes(truth: TransferMatrix, pool: list[dsim.Dataset]) -> None:
    found = measured(truth, pool)
    top1, regret, *rest = said([replace(found, seen=("a", "b"))])
    assert "On mine (4 targets, 4 sources) this procedure chose the best source for 75 % of the targets" in top1
    assert "a source drawn at random: 33 %" in top1
    assert "Its choice lost 2.5 points of DSC against the best source" in regret
    assert rest[-2].startswith("A network of the measure was trained, without scores, on the images of 2 of these 4")
    assert rest[-1] == "Only drawn points."


def test_what_was_not_measured_is_said_not_to_be_known() -> None:
    assert said([]) == [UNKNOWN]


def test_the_shipped_records_are_of_the_truths_as_they_are_and_the_default_is_among_them() -> None:
    """Fails where the default procedure or a truth changed: run benchmarks/reliability.py again."""
    default = Procedure.of(DEFAULT, Runtime())
    paths = sorted(shipped("truth").glob(f"*/{FILE}"))
    assert "phantoms-dsc" in [path.parent.name for path in paths]
    for path in paths:
        assert all(record.digest == open_truth(path.parent).digest for record in records(path))
        assert default.key in [record.procedure for record in records(path)]
