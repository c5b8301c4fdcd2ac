"""Trainings, detections, exports and replays of a session; what is interrupted goes on to the same end."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from drawn_discs import draw_scene
from roi_sessions import SEARCH, TRAINING, begin_session, region_at, write_images

from dsim.annotations import read_regions
from dsim.data import open_dataset
from dsim.errors import DataError, UsageError
from dsim.files import documents
from dsim.runtime import Runtime
from dsim_simsearch.session import detection
from dsim_simsearch.session.application import TrainedSession
from dsim_simsearch.session.files import DETECTIONS, MODELS
from dsim_simsearch.session.interruption import Request, Requests, SupersededError
from dsim_simsearch.session.replay import replay, to_dict
from dsim_simsearch.session.session import Session


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images and a session that was trained, and detected in its images."""
    place = tmp_path_factory.mktemp("trained")
    with begin_session(place / "cells", write_images(place / "images")) as session:
        session.train(TRAINING)
        session.detect()
    return place


@pytest.fixture
def place(trained: Path, tmp_path: Path) -> Path:
    """A copy of it, to change."""
    return Path(shutil.copytree(trained, tmp_path / "copy"))


def no_detection(*arguments: Any, **more: Any) -> None:
    raise AssertionError("an image was searched again")


def test_a_training_is_an_action_and_its_detector_is_in_the_session(place: Path) -> None:
    with Session.open(place / "cells") as session:
        state = session.state
        assert state.trained is not None
        assert (state.is_trained, state.undoable) == (True, "train")
        assert session.model.open(session.runtime).digest == state.trained.model
        assert not session.undo().is_trained
        assert session.redo().is_trained


def test_confidences_change_detections_without_another_search(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detection, "_detect_part", no_detection)
    with Session.open(place / "cells") as session:
        session.set_confidence("disc", 0.0)
        many = session.detect()
        scores = sorted(one.score for one in many.regions if one.label == "disc")
        middle = scores[len(scores) // 2]
        session.set_confidence("disc", middle)
        few = session.detect()
    assert few.candidates == many.candidates
    assert 0 < sum(one.label == "disc" for one in few.regions) < len(scores)
    assert min(one.score for one in few.regions if one.label == "disc") == middle


def test_detections_do_not_depend_on_jobs_or_the_cache(place: Path) -> None:
    with Session.open(place / "cells") as session:
        before = session.detect()
        for jobs in (1, 2):
            (session.path / DETECTIONS).unlink()
            assert session.detect(jobs) == before
        (session.path / DETECTIONS).unlink()
        with pytest.raises(UsageError):
            session.detect(0)


def test_a_replay_gives_the_same_detections_to_the_byte(place: Path) -> None:
    with Session.open(place / "cells") as session:
        session.set_confidence("ring", 0.3)
        # What was changed since the training does not enter.
        session.set_threshold("ring", 0.4)
        found = replay(session, place / "again", place / "tables", session.runtime)
        again = documents.canonical_json(to_dict(session, found))
    documents.check(to_dict(session, found), "dsim.roi-replay/1", again, "")
    assert found.identical is True
    assert found.model == found.before
    assert found.detections > 0
    assert (place / "tables/now/detections.csv").read_bytes() == (place / "tables/before/detections.csv").read_bytes()
    with Session.open(place / "again") as repeated, Session.open(place / "cells") as session:
        assert repeated.state == session.state
        assert repeated.detect() == session.detect()


def test_a_replay_that_differs_says_so(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dsim_simsearch.session import training

    train = training.train
    monkeypatch.setattr(
        training, "train", lambda engine, state, settings, seed, runtime: train(engine, state, settings, 7, runtime)
    )
    with Session.open(place / "cells") as session:
        found = replay(session, place / "again", place / "tables", session.runtime)
    assert found.model != found.before
    assert found.identical is False


def test_the_detector_that_is_gone_or_changed_is_named(place: Path) -> None:
    with Session.open(place / "cells") as session:
        folder = session.model.folder
        (folder / "detector.safetensors").write_bytes(b"other")
        detection._opened.cache_clear()
        with pytest.raises(DataError) as caught:
            session.detect()
        assert folder.name in caught.value.message
        shutil.rmtree(folder)
        found = replay(session, place / "again", place / "tables", session.runtime)
        assert (found.model, found.identical) == (found.before, None)


def test_files_of_an_export_hold_the_detections(place: Path) -> None:
    from PIL import Image

    with Session.open(place / "cells") as session:
        found = session.detect()
        session.export(place / "out", ["csv", "coco"], semantic=True)
        document = documents.read(place / "out/detections.json", "")
    documents.check(document, "dsim.roi-detections/1", "detections.json", "")
    read = read_regions(place / "out/detections.csv")
    assert [(one.image, one.label) for one in read] == [(one.image, one.label) for one in found.regions]
    assert document["totals"] == {name: sum(one.label == name for one in found.regions) for name in found.classes}
    lines = (place / "out/counts.csv").read_text().splitlines()
    assert lines[0] == "image,disc,ring"
    assert lines[1].split(",")[0] == "scene0"
    assert sorted(path.name for path in (place / "out/semantic").iterdir()) == [f"scene{n}.png" for n in range(5)]
    with Image.open(place / "out/semantic/scene0.png") as picture:
        assert picture.size == (160, 120)
        assert picture.getextrema()[1] <= 2


class Stopping:
    """Progress that gives up in the middle of a task whose description begins with some text."""

    def __init__(self, description: str, after: int, then: Any = None) -> None:
        self.description, self.left, self.then = description, after, then

    def task(self, description: str, total: float | None = None, unit: str = "") -> Any:
        from contextlib import nullcontext

        self.now = description
        return nullcontext(self)

    def note(self, text: str) -> None:
        pass

    def advance(self, amount: float = 1, **fields: object) -> None:
        if self.now.startswith(self.description) and amount:
            self.left -= 1
            if self.left == 0:
                (self.then or self.stop)()

    def stop(self) -> None:
        raise KeyboardInterrupt


def test_a_training_that_was_interrupted_goes_on_to_the_same_detector(place: Path, trained: Path) -> None:
    with Session.open(place / "cells") as session:
        first = session.state.trained
        session.undo()
        runtime = Runtime(progress=Stopping("refinement", 2))
        with pytest.raises(KeyboardInterrupt):
            session.train(TRAINING, runtime=runtime)
        shutil.rmtree(session.path / MODELS / first.model[:16])
    with Session.open(place / "cells") as session:
        assert not session.state.is_trained
        assert session.train(TRAINING).trained == first
        assert [path.name for path in (session.path / MODELS).iterdir()] == [first.model[:16]]


def test_a_session_that_is_changed_during_its_training_is_not_trained(place: Path) -> None:
    with Session.open(place / "cells") as session:
        session.undo()
        progress = Stopping("classifier", 1, lambda: session.flag("disc", [region_at(1, 7)]))
        with pytest.raises(UsageError):
            session.train(TRAINING, runtime=Runtime(progress=progress))
        assert session.state.trained is None
        assert session.state.undoable == "flag"


def test_a_training_that_is_out_of_date_is_given_up(place: Path) -> None:
    requests = Requests()
    request: Request = requests.begin("train")
    progress = Stopping("refinement", 1, lambda: requests.cancel("train"))
    with Session.open(place / "cells") as session:
        session.undo()
        with pytest.raises(SupersededError):
            session.train(TRAINING, runtime=request.runtime(Runtime(progress=progress)))
        assert session.state.trained is None


def test_detections_before_a_training_are_refused(place: Path, tmp_path: Path) -> None:
    with Session.open(place / "cells") as session:
        session.undo()
        with pytest.raises(UsageError) as caught:
            session.detect()
        assert "cells.dsimroi" in caught.value.message
    with pytest.raises(UsageError):
        TrainedSession(place / "cells")


def test_other_images_need_neither_the_sessions_own_nor_its_lock(place: Path) -> None:
    write_images(place / "others", 6, first=20)
    with Session.open(place / "cells") as session:
        (place / "images").rename(place / "gone")
        found, paths = TrainedSession(place / "cells").apply(open_dataset(place / "others"), place / "out", Runtime())
        assert found.images == tuple(f"scene{number}" for number in range(20, 26))
        assert {path.relative_to(place / "out").parts[0] for path in paths} >= {"detections.csv", "counts.csv", "rois"}
        assert session.confidences == dict(found.thresholds)


def test_an_application_that_was_interrupted_searches_only_what_is_left(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = open_dataset(write_images(place / "others", 6, first=20))
    trained = TrainedSession(place / "cells")
    whole, _ = trained.apply(dataset, place / "whole", Runtime(), jobs=2)
    with pytest.raises(KeyboardInterrupt):
        trained.apply(dataset, place / "out", Runtime(progress=Stopping("detecting", 1)))
    searched: list[int] = []
    part = detection._detect_part
    monkeypatch.setattr(
        detection,
        "_detect_part",
        lambda model, images, indices, runtime: searched.extend(indices) or part(model, images, indices, runtime),
    )
    found, _ = trained.apply(dataset, place / "out", Runtime())
    assert searched == [4, 5]
    assert found == whole
    for name in ("detections.csv", "counts.csv", "coco.json"):
        assert (place / "out" / name).read_bytes() == (place / "whole" / name).read_bytes()


def test_what_was_marked_is_what_is_detected(place: Path) -> None:
    """Two epochs on drawn objects suffice: most discs are detections of their class, and few squares are."""
    import math

    with Session.open(place / "cells") as session:
        found = session.detect()
    hits = []
    for image in range(5):
        centres = draw_scene(image)[1]
        discs = [one.centre for one in found.regions if one.image == f"scene{image}" and one.label == "disc"]
        hits += [min((math.dist(centre, disc) for disc in discs), default=99) < 6 for centre in centres[:3]]
    assert sum(hits) >= 10


def test_settings_of_search_and_training_are_those_of_the_session(place: Path) -> None:
    with Session.open(place / "cells") as session:
        assert session.settings == SEARCH
        assert session.state.trained is not None
        assert dict(session.state.trained.settings) == TRAINING.to_dict()
