"""Candidates and background of a session: by content, cached, cancelled, and the same after reopening."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
from drawn_discs import draw_scene
from roi_sessions import SEARCH, begin_session, region_at, write_images

from dsim.annotations import Region
from dsim.errors import DataError, UsageError, WeightsError
from dsim_simsearch.session.files import DOCUMENT, FEATURES
from dsim_simsearch.session.interruption import Requests, SupersededError
from dsim_simsearch.session.session import Session
from dsim_simsearch.session.training import select_patches
from dsim_simsearch.training_settings import TrainingSettings


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images and a session, whose candidates were computed once."""
    place = tmp_path_factory.mktemp("searched")
    with begin_session(place / "cells", write_images(place / "images")) as session:
        session.candidates("disc")
    return place


@pytest.fixture
def place(searched: Path, tmp_path: Path) -> Path:
    """A copy of it, to change."""
    return Path(shutil.copytree(searched, tmp_path / "copy"))


def rows(session: Session, label: str = "disc") -> list[Region]:
    return [region for found in session.candidates(label) for region in found.regions()]


def test_candidates_are_of_displayed_images_by_falling_score_whatever_the_threshold(place: Path) -> None:
    with Session.open(place / "cells") as session:
        found = session.candidates("disc")
        assert [one.image for one in found] == ["scene0", "scene1", "scene2"]
        for one in found:
            assert (one.score[:-1] >= one.score[1:]).all()
        session.set_threshold("disc", 0.99)
        assert [one.score.tolist() for one in session.candidates("disc")] == [one.score.tolist() for one in found]
        assert [one.image for one in session.candidates("disc", ["scene4"])] == ["scene4"]


def test_the_best_candidate_of_each_image_is_an_object_of_the_class(place: Path) -> None:
    with Session.open(place / "cells") as session:
        for image, found in enumerate(session.candidates("disc", [f"scene{number}" for number in range(5)])):
            centres = draw_scene(image)[1][:3]
            assert min(math.dist(found.centres[0], centre) for centre in centres) < 6


def test_features_are_a_cache_which_changes_nothing(place: Path) -> None:
    with Session.open(place / "cells") as session:
        before = rows(session)
    shutil.rmtree(place / "cells.dsimroi" / FEATURES)
    (place / "cells.dsimroi" / "channels.json").unlink()
    with Session.open(place / "cells") as session:
        assert rows(session) == before


def test_candidates_of_renamed_images_are_those_of_before(place: Path) -> None:
    with Session.open(place / "cells") as session:
        before = rows(session)
    for name in ("scene0", "scene3"):
        (place / "images" / f"{name}.png").rename(place / "images" / f"other-{name}.png")
    with Session.open(place / "cells") as session:
        assert len(session.notes) == 2
        assert rows(session) == before


def test_a_session_that_is_only_read_computes_the_same(place: Path) -> None:
    with Session.open(place / "cells", writing=False) as reader, Session.open(place / "cells") as writer:
        assert rows(reader) == rows(writer)


def test_other_channels_are_another_search(place: Path) -> None:
    with Session.open(place / "cells") as session:
        before = rows(session)
        session.choose_channels([1])
        assert session.engine.search(session.state, session.runtime).images.channels == 1
        assert rows(session) != before
        session.undo()
        assert rows(session) == before


def test_weights_are_remembered_and_others_refused(place: Path) -> None:
    path = place / "cells.dsimroi" / DOCUMENT
    document = json.loads(path.read_text())
    assert document["weights"]
    path.write_text(json.dumps({**document, "weights": "0" * 64}))
    with Session.open(place / "cells") as session, pytest.raises(WeightsError) as caught:
        session.candidates("disc")
    assert SEARCH.extractor in caught.value.message


def test_work_that_is_out_of_date_is_given_up(place: Path) -> None:
    requests = Requests()
    old, new = requests.begin("candidates"), requests.begin("candidates")
    with Session.open(place / "cells") as session:
        with pytest.raises(SupersededError):
            session.candidates("disc", runtime=old.runtime(session.runtime))
        assert session.candidates("disc", runtime=new.runtime(session.runtime))
        requests.cancel("candidates")
        with pytest.raises(SupersededError):
            session.candidates("ring", runtime=new.runtime(session.runtime))


def test_a_place_stands_for_the_candidate_there(place: Path) -> None:
    wanted = region_at(1, 7)
    with Session.open(place / "cells") as session:
        found = session.nearest_candidate("disc", wanted)
        assert math.dist(found.centre, wanted.centre) <= 10
        assert (
            min(rows(session), key=lambda one: math.dist(one.centre, wanted.centre) + (one.image != "scene1") * 1e9)[:5]
            == (found[:5])
        )
        with pytest.raises(UsageError) as caught:
            session.nearest([], wanted, "candidate")
        assert "scene1" in caught.value.message


def test_flags_take_candidates_out_and_make_them_negatives(place: Path) -> None:
    settings = TrainingSettings.preset("quick")
    with Session.open(place / "cells") as session:
        session.set_threshold("disc", 0.2)
        before = select_patches(session.engine, session.state, settings, 0, session.runtime).clean
        wrong = session.nearest_candidate("disc", region_at(1, 7))
        session.flag("disc", [wrong])
        after = select_patches(session.engine, session.state, settings, 0, session.runtime).clean
        assert before.count(0) > after.count(0)
        assert (before.negative_of >= 0).sum() == 0
        assert [after.regions[row][:5] for row in (after.negative_of == 0).nonzero()[0]] == [wrong[:5]]


def test_noisy_patches_are_of_the_images_that_are_not_displayed(place: Path) -> None:
    with Session.open(place / "cells") as session:
        found = select_patches(session.engine, session.state, TrainingSettings(), 0, session.runtime)
        assert found.noisy is not None
        assert {one.image for one in found.noisy.regions} == {"scene3", "scene4"}
        assert {one.image for one in found.clean.regions} <= {"scene0", "scene1", "scene2"}
        alone = TrainingSettings.preset("paper", "pos")
        assert select_patches(session.engine, session.state, alone, 0, session.runtime).noisy is None


def test_background_is_suggested_and_what_is_flagged_is_taken_out(place: Path) -> None:
    with Session.open(place / "cells") as session:
        suggested = session.background()
        assert len(suggested) == 2 * 2 * 3
        for one in suggested:
            marked = [other for state in session.state.classes for other in state.prototypes]
            assert all(other.image != one.image or math.dist(one.centre, other.centre) > 7 for other in marked)
        session.flag_background(suggested[:2])
        assert [one[:5] for one in session.background()] == [one[:5] for one in suggested]
        clean = select_patches(session.engine, session.state, TrainingSettings(), 0, session.runtime).clean
        assert clean.count(clean.background) == len(suggested) - 2


def test_what_is_missing_for_a_training_is_named(place: Path) -> None:
    with Session.open(place / "cells") as session:
        above = [one for found in session.candidates("disc") for one in found.above(0.5).regions()]
        session.flag("disc", above)
        with pytest.raises(UsageError) as caught:
            session.train()
        assert "'disc'" in caught.value.message
        session.undo()
        session.flag_background(session.background())
        with pytest.raises(UsageError) as caught:
            session.train()
        assert "background" in caught.value.message
        session.undo()
        session.add_prototypes("square", [region_at(0, 6)])
        with pytest.raises(UsageError) as caught:
            session.train()
        assert "'square'" in caught.value.message
        assert not session.state.is_trained


def test_images_of_other_channels_are_named(tmp_path: Path) -> None:
    from PIL import Image

    images = write_images(tmp_path / "images", 2)
    Image.fromarray(draw_scene(7)[0][:, :, 0]).save(images / "scene7.png")
    with Session.create(tmp_path / "mixed", images, settings=SEARCH) as session:
        session.add_prototypes("disc", [region_at(0, 0)])
        with pytest.raises(DataError) as caught:
            session.candidates("disc")
        assert "'scene7'" in caught.value.message
        session.undo()
        with pytest.raises(UsageError) as missing:
            session.background()
        assert "mixed" in missing.value.message
