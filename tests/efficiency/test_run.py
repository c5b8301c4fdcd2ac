"""Label efficiency as a whole: its curves, what it keeps, and that nothing but the request decides its numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dsim.data import Dataset, from_arrays
from dsim.efficiency import CLASSIFIERS, LabelEfficiency, label_efficiency
from dsim.errors import DataError, DsimError, NeedError, UsageError


@pytest.fixture(scope="module")
def blobs() -> Dataset:
    """Features of three classes that overlap a little."""
    rng = np.random.default_rng(0)
    labels = np.repeat([*"abc"], [40, 30, 20])
    features = rng.normal(size=(90, 12)) + 3 * np.eye(12)[np.searchsorted([*"abc"], labels)]
    return from_arrays(features=features.astype(np.float32), labels=labels, name="blobs")


def measured(dataset: Dataset, **asked: object) -> LabelEfficiency:
    settings = {"extractors": ["given:"], "counts": (1, 5, 100, 200), "repeats": 12, **asked}
    return label_efficiency(dataset, **settings)  # type: ignore[arg-type]


def test_every_classifier_learns_from_more_images(blobs: Dataset) -> None:
    found = measured(blobs, order="none", repeats=6)
    assert [curve.classifier for curve in found.curves] == list(CLASSIFIERS)
    for curve in found.curves:
        assert curve.counts == (1, 5, 100)
        assert curve.accuracies.shape == (6, 3)
        assert 1 / 3 < curve.mean[0] < curve.mean[2]
        assert curve.mean[2] > 0.7


def test_classes_with_fewer_images_give_all_they_have_and_are_named(blobs: Dataset) -> None:
    known = measured(blobs, classifiers=["knn"]).dataset()
    assert known.sizes == {"a": 28, "b": 21, "c": 14}
    assert known.short == {100: {"a": 28, "b": 21, "c": 14}}


def test_numbers_do_not_depend_on_jobs_or_on_what_else_is_asked(blobs: Dataset) -> None:
    all_of_it = measured(blobs, counts=(1, 5), classifiers=["knn", "linear"], jobs=2)
    alone = measured(blobs, classifiers=["linear", "knn"], counts=(5,), repeats=3)
    for name in ("linear", "knn"):
        expected = all_of_it.curve("given:", name).predictions
        found = alone.curve("given:", name).predictions
        assert expected is not None
        assert found is not None
        assert (found[:, 0] == expected[:3, 1]).all()


def test_a_second_run_takes_finished_draws_from_its_folder(
    blobs: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = measured(blobs, classifiers=["knn", "svm"], out=tmp_path)
    monkeypatch.setattr("dsim.efficiency.run.predict_block", lambda *call: pytest.fail("computed again"))
    again = measured(blobs, classifiers=["svm"], out=tmp_path)
    assert (again.curves[0].accuracies == first.curves[1].accuracies).all()
    with pytest.raises(pytest.fail.Exception):
        measured(blobs, classifiers=["svm"], out=tmp_path, seed=1)


def test_a_killed_run_goes_on(blobs: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dsim.efficiency import run

    whole, done = run.predict_block, []

    def killed(*call: object) -> object:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(call)
        return whole(*call)  # type: ignore[arg-type]

    monkeypatch.setattr(run, "predict_block", killed)
    with pytest.raises(KeyboardInterrupt):
        measured(blobs, classifiers=["knn"], out=tmp_path)
    monkeypatch.setattr(run, "predict_block", lambda *call: done.append(call) or whole(*call))
    found = measured(blobs, classifiers=["knn"], out=tmp_path)
    assert len(done) == 5  # two blocks for each of two counts, and the one draw that takes every image
    assert (found.curves[0].accuracies == measured(blobs, classifiers=["knn"]).curves[0].accuracies).all()


def test_the_document_gives_the_curves_back(blobs: Dataset, tmp_path: Path) -> None:
    found = measured(blobs, classifiers=["svm"], confusion=5)
    found.save(tmp_path / "label-efficiency.json")
    read = LabelEfficiency.load(tmp_path / "label-efficiency.json")
    assert (read.curves[0].accuracies == found.curves[0].accuracies).all()
    assert read.dataset("blobs").sizes == found.dataset("blobs").sizes
    for one, other in zip(read.confusion("given:"), found.confusion("given:", count=5), strict=True):
        assert np.allclose(one, other)
    assert np.allclose(np.diag(found.confusion("given:")[0]).mean(), found.curves[0].at(5).mean())


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ({"extractors": []}, UsageError),
        ({"classifiers": ["svn"]}, UsageError),
        ({"order": "text"}, UsageError),
        ({"counts": [0]}, UsageError),
        ({"test": 1.5}, UsageError),
    ],
)
def test_a_wrong_request_is_refused(blobs: Dataset, asked: dict[str, object], kind: type[DsimError]) -> None:
    with pytest.raises(kind):
        measured(blobs, **asked)


def test_labels_must_be_there_whole_and_of_two_classes(blobs: Dataset) -> None:
    labels = blobs.labels or ()
    with pytest.raises(NeedError):
        measured(replace(blobs, labels=None))
    with pytest.raises(DataError, match="7 of 90"):
        measured(replace(blobs, labels=("",) * 7 + labels[7:]))
    with pytest.raises(DataError, match="one label"):
        measured(replace(blobs, labels=("a",) * 90))
