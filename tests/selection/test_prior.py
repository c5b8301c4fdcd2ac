"""The prior: what signals are worth is learnt, without annotations it is all, and with many it is forgotten."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dsim.errors import DataError
from dsim.selection import Prior, Record, RecordedTarget, read_record, shipped_prior
from dsim.selection.prior import design, fit_noise
from dsim.selection.record import shipped_record
from dsim.selection.signals import CONSENSUS, EDGES, IMAGENET, VERSION


@pytest.fixture(scope="module")
def record(measured: list[RecordedTarget]) -> Record:
    return Record("drawn", "command", 1, tuple(measured))


@pytest.fixture(scope="module")
def prior(record: Record) -> Prior:
    return Prior.fit(record, without=("a1",))


def test_a_target_that_is_left_out_has_no_say(prior: Prior, measured: list[RecordedTarget]) -> None:
    other = replace(measured[0], dice=1 - measured[0].dice)
    changed = Prior.fit(Record("drawn", "command", 1, (other, *measured[1:])), without=("a1",))
    assert "a1" not in prior.targets
    assert np.array_equal(prior.regression.weights, changed.regression.weights)
    assert prior.widening == changed.widening


def test_without_annotations_the_prior_alone_finds_the_kin(prior: Prior, measured: list[RecordedTarget]) -> None:
    one = measured[0]
    found = prior.posterior(one.signals, one.agreement, one.dice[:, :0], 20)
    assert one.candidates[found.order[0]] == "a2"
    assert found.best.argmax() == found.order[0]
    assert found.best.sum() == pytest.approx(1)


def test_one_annotated_image_leaves_a_wide_interval_and_many_a_narrow_one(
    prior: Prior, measured: list[RecordedTarget]
) -> None:
    one = measured[0]
    widths = []
    for count in (0, 1, 15):
        found = prior.posterior(one.signals, one.agreement, one.dice[:, :count], 0)
        widths.append(float((found.high - found.low).mean()))
    assert widths[0] > widths[1] > 2 * widths[2]


def test_many_annotated_images_outweigh_a_wrong_prior(prior: Prior, measured: list[RecordedTarget]) -> None:
    one = measured[0]
    scores = np.tile(one.dice[::-1], (1, 20))
    found = prior.posterior(one.signals, one.agreement, scores, 0)
    assert found.mean == pytest.approx(scores.mean(axis=1), abs=0.02)


def test_one_image_with_nothing_right_does_not_settle_it(prior: Prior, measured: list[RecordedTarget]) -> None:
    """A score of 0 would have no spread were it taken for the level."""
    one = measured[0]
    found = prior.posterior(one.signals, one.agreement, np.zeros((5, 1)), 19)
    assert found.deviation.min() > 0.03


def test_missing_signals_are_in_the_middle() -> None:
    unknown = np.full(3, np.nan)
    rows = design({IMAGENET: np.array([14.0, np.nan, 7.0]), CONSENSUS: unknown, EDGES: unknown})
    assert np.isfinite(rows).all()
    assert rows[1, 3] == pytest.approx(0), "as near as the mean of the others"
    assert rows[2, 3] > 0 > rows[0, 3]
    usual = {CONSENSUS: np.full(3, 0.23), EDGES: np.full(3, 0.59)}
    assert np.array_equal(design({CONSENSUS: unknown}), design(usual)), "as usual, not as good as half"


def test_noise_is_that_of_the_draws(measured: list[RecordedTarget]) -> None:
    noise = fit_noise(measured)
    found = np.sqrt(np.diag(noise.covariance(np.array([0.2, 0.75]), np.eye(2))))
    assert found == pytest.approx([0.1, 0.1], abs=0.02)


def test_a_record_survives_its_file_and_its_fit(record: Record, tmp_path: Path) -> None:
    fitted = Prior.fit(record)
    replace(record, fitted=fitted.to_dict()).to_json(tmp_path / "record.json")
    again = Prior.fit(read_record(tmp_path / "record.json"))
    assert again.targets == fitted.targets
    assert again.widening == fitted.widening
    assert again.regression.weights == pytest.approx(fitted.regression.weights, abs=2e-3)


def test_a_file_that_is_no_record_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"schema": "dsim.kinds/1"}')
    with pytest.raises(DataError, match=r"x\.json.*dsim\.kinds/1"):
        read_record(tmp_path / "x.json")


def test_the_shipped_record_is_of_these_signals_and_was_measured() -> None:
    record = shipped_record()
    assert record.version == VERSION, "python -m benchmarks.selection, and then the study, make it again"
    assert record.errors
    fitted, stored = Prior.fit(replace(record, fitted={})).to_dict(), record.fitted
    assert fitted["deviations"] == pytest.approx(stored["deviations"], rel=0.05)
    assert fitted["widening"] == pytest.approx(stored["widening"], rel=0.05)


def test_the_shipped_prior_prefers_near_candidates_that_others_agree_with() -> None:
    _, consensus, _, near, *_ = shipped_prior().regression.weights
    assert consensus > 0
    assert near > 0
    assert shipped_prior().widening >= 1
