"""A session finds its images again by their content, refuses what it cannot read, and has one writer."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dsim.annotations import Region
from dsim.errors import DataError, UnknownNameError, UsageError
from dsim_simsearch.session.files import DOCUMENT
from dsim_simsearch.session.log import StaleActionError
from dsim_simsearch.session.session import Session

if TYPE_CHECKING:
    from dsim.data import Dataset

BOX = Region("scene1", 10, 12, 14, 14)


@pytest.fixture
def made(tmp_path: Path, scene_folder: Path) -> Path:
    """A session with one prototype on a folder of images beside it."""
    with Session.create(tmp_path / "cells", scene_folder, displayed=2, seed=3) as session:
        session.add_prototypes("disc", [BOX])
    return session.path


def test_a_session_is_reopened_as_it_was(made: Path, scene_folder: Path) -> None:
    assert made.name == "cells.dsimroi"
    with Session.open(made.with_suffix("")) as session:
        assert session.ids == ("scene0", "scene1", "scene2", "scene3")
        assert session.state.class_of("disc").prototypes == (BOX,)
        assert len(session.state.displayed) == 2
        assert (session.rev, session.seed, session.notes) == (2, 3, ())
        displayed = session.state.displayed
    with Session.create(made.with_name("again"), scene_folder, displayed=2, seed=3) as again:
        assert again.state.displayed == displayed


def test_actions_are_written_before_they_return_and_undo_survives_a_reload(made: Path) -> None:
    with Session.open(made) as session:
        session.set_threshold("disc", 0.25)
    with Session.open(made) as session:
        assert session.undo().class_of("disc").threshold is None
    with Session.open(made) as session:
        assert session.redo().class_of("disc").threshold == 0.25
        assert [entry.action.kind for entry in session.actions] == ["begin", "add", "threshold", "undo", "redo"]


def test_a_refused_action_is_not_in_the_log(made: Path) -> None:
    with Session.open(made) as session:
        for regions, culprit in (
            ([Region("scene1", 90, 12, 14, 14)], "scene1,90,12,14,14"),
            ([Region("scene1", -1, 12, 14, 14)], "scene1,-1,12,14,14"),
            ([Region("scene1", 10, 12, 0, 0)], "scene1,10,12,0,0"),
            ([Region("scene9", 10, 12, 14, 14)], "scene9"),
        ):
            with pytest.raises(UsageError) as caught:
                session.add_prototypes("disc", regions)
            assert culprit in caught.value.message
            assert caught.value.hint
        with pytest.raises(UnknownNameError):
            session.show_images(["scene9"])
        with pytest.raises(UsageError):
            session.choose_channels([3])
        with pytest.raises(UsageError):
            session.flag("disc", [Region("scene1", 95, 12, 14, 14)])
        with pytest.raises(StaleActionError):
            session.set_threshold("disc", 0.5, rev=1)
        assert session.set_threshold("disc", 0.5, rev=2).rev == 3
        assert len(session.actions) == 3


def test_a_second_writer_is_refused_and_readers_are_not(made: Path) -> None:
    with Session.open(made) as first:
        with pytest.raises(UsageError) as caught:
            Session.open(made)
        assert made.name in caught.value.message
        with Session.open(made, writing=False) as reader:
            assert reader.state == first.state
            with pytest.raises(UsageError):
                reader.set_threshold("disc", 0.5)
    Session.open(made).close()


def test_session_and_images_move_together(made: Path, scene_folder: Path, tmp_path: Path) -> None:
    there = tmp_path / "elsewhere"
    there.mkdir()
    shutil.move(scene_folder, there / scene_folder.name)
    moved = Path(shutil.move(made, there / made.name))
    with Session.open(moved) as session:
        assert session.notes == ()
        assert session.dataset.native(1).shape == (80, 96, 3)


def test_moved_images_are_named_where_they_are_now_and_that_is_remembered(
    made: Path, scene_folder: Path, tmp_path: Path
) -> None:
    there = scene_folder.rename(tmp_path / "archive")
    with pytest.raises(DataError) as caught:
        Session.open(made)
    assert scene_folder.name in caught.value.message
    Session.open(made, there).close()
    with Session.open(made) as session:
        assert Path(session.dataset.location).name == "archive"


def test_renamed_and_swapped_images_are_matched_by_content(made: Path, scene_folder: Path) -> None:
    with Session.open(made) as session:
        pixels = [session.dataset.native(index) for index in range(4)]
    (scene_folder / "scene0.png").rename(scene_folder / "other.png")
    (scene_folder / "scene1.png").rename(scene_folder / "aside.png")
    (scene_folder / "scene2.png").rename(scene_folder / "scene1.png")
    (scene_folder / "aside.png").rename(scene_folder / "scene2.png")
    with Session.open(made) as session:
        assert session.ids == ("scene0", "scene1", "scene2", "scene3")
        for index, before in enumerate(pixels):
            assert (session.dataset.native(index) == before).all()
        assert [note.split("'")[1:4:2] for note in session.notes] == [
            ["scene0", "other"],
            ["scene1", "scene2"],
            ["scene2", "scene1"],
        ]


def test_changed_and_missing_images_are_named_and_nothing_is_written(made: Path, scene_folder: Path) -> None:
    before = {path: path.read_bytes() for path in made.iterdir()}
    shutil.copy(scene_folder / "scene0.png", scene_folder / "scene1.png")
    with pytest.raises(DataError) as caught:
        Session.open(made)
    assert "'scene1'" in caught.value.message
    assert "changed" in caught.value.message
    (scene_folder / "scene1.png").unlink()
    with pytest.raises(DataError) as caught:
        Session.open(made)
    assert "'scene1'" in caught.value.message
    assert {path: path.read_bytes() for path in made.iterdir()} == before


def test_copies_of_one_image_are_told_apart_by_name(tmp_path: Path, scene_folder: Path) -> None:
    shutil.copy(scene_folder / "scene0.png", scene_folder / "twin.png")
    Session.create(tmp_path / "twins", scene_folder).close()
    (scene_folder / "twin.png").rename(scene_folder / "brother.png")
    with Session.open(tmp_path / "twins") as session:
        assert session.dataset.ids == session.ids == ("scene0", "scene1", "scene2", "scene3", "twin")
        [note] = session.notes
        assert "'twin'" in note
        assert "'brother'" in note


def test_more_images_are_noted_and_left_out(made: Path, scene_folder: Path) -> None:
    shutil.copy(scene_folder / "scene0.png", scene_folder / "new.png")
    with Session.open(made) as session:
        assert len(session.dataset) == 4
        assert len(session.notes) == 1


def test_a_session_of_a_newer_version_is_refused(made: Path) -> None:
    document = json.loads((made / DOCUMENT).read_text())
    (made / DOCUMENT).write_text(json.dumps({**document, "schema": "dsim.roi-session/2", "dsim": "9.0"}))
    with pytest.raises(DataError) as caught:
        Session.open(made)
    assert "newer" in caught.value.message
    assert "9.0" in caught.value.message


def test_what_is_no_session_is_refused(made: Path, tmp_path: Path, scene_folder: Path) -> None:
    with pytest.raises(DataError) as caught:
        Session.open(tmp_path / "cell")
    assert "cells.dsimroi" in caught.value.message
    with pytest.raises(DataError):
        Session.create(made, scene_folder)
    with pytest.raises(UsageError):
        Session.create(tmp_path / "more", scene_folder, displayed=["scene8"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cells.dsimroi", "images"]


def test_arrays_of_a_program_are_given_again(tmp_path: Path, scenes: Callable[..., Dataset]) -> None:
    Session.create(tmp_path / "arrays", scenes()).close()
    with pytest.raises(DataError):
        Session.open(tmp_path / "arrays")
    with Session.open(tmp_path / "arrays", scenes()) as session:
        assert session.ids == tuple(f"scene{index}" for index in range(4))
