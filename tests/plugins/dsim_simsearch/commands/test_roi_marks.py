"""``dsim roi new``, ``add``, ``threshold``, ``choose``, ``undo``, ``redo`` and ``show``, which need no network."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dsim.files.documents import check

Roi = Callable[..., Any]
BOX = "scene0,10,12,14,14"


def test_what_is_marked_is_shown_and_holds_to_its_schema(roi: Roi, cells: Path) -> None:
    assert roi("add", "cells", "--class", "disc", "--box", BOX, "scene1.png,30,20,14,14").code == 0
    assert roi("threshold", "cells", "--class", "disc", "0.4").code == 0
    document = roi("show", "cells", "--json").json
    check(document, "dsim.roi-state/1", "the output", "")
    [one] = document["state"]["classes"]
    assert one["prototypes"] == [["scene0", 10, 12, 14, 14], ["scene1", 30, 20, 14, 14]]
    assert (one["threshold"], document["state"]["displayed"]) == (0.4, ["scene0", "scene1"])
    assert json.loads((cells / "session.json").read_text())["schema"] == "dsim.roi-session/1"


def test_show_says_what_there_is_and_what_comes_next(roi: Roi, cells: Path) -> None:
    first = roi("show", "cells").out
    assert "Next: dsim roi add cells.dsimroi" in first
    roi("add", "cells", "--class", "disc", "--box", BOX)
    second = roi("show", "cells", "--log").out
    assert second.startswith("cells.dsimroi: 1 prototypes of 14 x 14 pixels in 1 class, 2 of 4 images displayed")
    assert "Next: dsim roi suggest cells.dsimroi --class disc" in second
    assert "scene0,10,12,14,14" in second
    roi("threshold", "cells", "--class", "disc", "0.4")
    assert "Next: dsim roi train cells.dsimroi" in roi("show", "cells").out


def test_centres_and_files_give_prototypes_a_size(roi: Roi, cells: Path, tmp_path: Path) -> None:
    (tmp_path / "boxes.csv").write_text(
        "image,xmin,ymin,xmax,ymax,class\nscene0.png,10,10,22,20,disc\nscene1.png,30,20,50,44,disc\n"
        "scene2.png,3,3,9,9,dust\n"
    )
    roi("add", "cells", "--class", "disc", "--from", "boxes.csv", "--size", "14x12")
    roi("add", "cells", "--class", "egg", "--box", "scene3,40,40")
    first, second = roi("show", "cells", "--json").json["state"]["classes"]
    assert first["prototypes"] == [["scene0", 9, 9, 14, 12], ["scene1", 33, 26, 14, 12]]
    assert second["prototypes"] == [["scene3", 33, 34, 14, 12]]


def test_channels_are_measured_where_that_is_asked_for(roi: Roi, cells: Path) -> None:
    roi("choose", "cells", "--channels", "0,2")
    document = roi("show", "cells", "--channels", "--json").json
    check(document, "dsim.roi-state/1", "the output", "")
    assert [one["name"] for one in document["channels"]] == ["red", "green", "blue"]
    for position, one in enumerate(document["channels"]):
        assert one["correlation"][position] == pytest.approx(1)
        assert one["low"] < one["high"]
    lines = [line for line in roi("show", "cells", "--channels").out.splitlines() if "%" in line]
    assert ["yes" in line for line in lines] == [True, False, True]


def test_undo_and_redo_walk_through_the_actions_of_earlier_commands(roi: Roi, cells: Path) -> None:
    roi("add", "cells", "--class", "disc", "--box", BOX)
    roi("add", "cells", "--class", "disc", "--box", "scene1,30,20,14,14")
    roi("add", "cells", "--class", "disc", "--box", BOX, "--remove")
    assert len(roi("undo", "cells", "--json").json["state"]["classes"][0]["prototypes"]) == 2
    assert roi("undo", "cells", "--json").json["state"]["classes"][0]["prototypes"] == [["scene0", 10, 12, 14, 14]]
    roi("redo", "cells")
    [one] = roi("redo", "cells", "--json").json["state"]["classes"]
    assert one["prototypes"] == [["scene1", 30, 20, 14, 14]]


def test_choices_are_changed(roi: Roi, cells: Path) -> None:
    roi("choose", "cells", "--display", "scene2", "--channels", "0,2", "--background", "3")
    state = roi("show", "cells", "--json").json["state"]
    assert (state["displayed"], state["channels"], state["background"]["count"]) == (["scene2"], [0, 2], 3)
    assert roi("choose", "cells", "--channels", "all", "--json").json["state"]["channels"] == []


def test_a_drawn_number_of_images_is_displayed(roi: Roi, scene_folder: Path) -> None:
    outcome = roi("new", "drawn", str(scene_folder), "--display", "3", "--seed", "5", "--json").json
    assert len(outcome["state"]["displayed"]) == 3
    assert outcome["seed"] == 5


@pytest.mark.parametrize(
    ("words", "culprits"),
    [
        ("add cells --class disc --box scene0,90,12,14,14", ["scene0,90,12,14,14", "96 x 80"]),
        ("add cells --class disc --box scene0,10,12,0,14", ["scene0,10,12,0,14"]),
        ("add cells --class disc --box scene0,10,12", ["scene0,10,12"]),
        ("add cells --class disc --box scene0,10,12,14.5,14", ["14.5", "--size"]),
        ("add cells --class disc --box scene0,10,12,14,14 scene1,10,12,16,14", ["scene1,10,12,16,14", "--size 14x14"]),
        ("add cells --class disc --box scene7,10,12,14,14", ["scene7"]),
        ("add cells --class disc --box scene0:10:12", ["scene0:10:12"]),
        ("add cells --class disc --box scene0,10,12,14,14 --size big", ["big"]),
        ("add cells --class disc", ["--box", "--from"]),
        ("add cells --class disc --from absent.csv", ["absent.csv"]),
        ("threshold cells --class disc 0.5", ["disc"]),
        ("choose cells", ["--display"]),
        ("choose cells --display scene9", ["scene9"]),
        ("choose cells --channels 3", ["3"]),
        ("choose cells --channels red", ["red"]),
        ("choose cells --background 0", ["0"]),
        ("undo cells", ["undo"]),
        ("redo cells", ["redo"]),
        ("new cells images", ["cells.dsimroi"]),
        ("new other images --scales a,b", ["a,b"]),
        ("new other images --preset paper --scales 1,2", ["paper"]),
        ("show cels", ["cels", "cells.dsimroi"]),
    ],
)
def test_bad_input_names_the_culprit_and_changes_nothing(
    refused: Callable[..., str], cells: Path, words: str, culprits: list[str]
) -> None:
    error = refused(*words.split())
    assert [culprit for culprit in culprits if culprit not in error] == []


def test_annotations_that_are_degenerate_or_outside_are_named(
    roi: Roi, refused: Callable[..., str], cells: Path, tmp_path: Path
) -> None:
    head = "image,xmin,ymin,xmax,ymax,class\nscene0,1,1,9,9,good\n"
    (tmp_path / "flat.csv").write_text(head + "scene0,3,3,3,9,disc\n")
    assert "scene0" in refused("add", "cells", "--class", "disc", "--from", "flat.csv")
    (tmp_path / "out.csv").write_text(head + "scene1,90,3,120,9,disc\n")
    assert "scene1" in refused("add", "cells", "--class", "disc", "--from", "out.csv")
    assert "good" in refused("add", "cells", "--class", "dsic", "--from", "out.csv")


def test_a_session_of_a_newer_version_is_refused(roi: Roi, cells: Path) -> None:
    document = json.loads((cells / "session.json").read_text())
    (cells / "session.json").write_text(json.dumps({**document, "schema": "dsim.roi-session/9"}))
    for words in (["show", "cells"], ["undo", "cells"]):
        outcome = roi(*words)
        assert outcome.code == 1
        assert "newer" in outcome.err


def test_images_that_moved_are_given_once(roi: Roi, cells: Path, scene_folder: Path) -> None:
    scene_folder.rename(scene_folder.with_name("archive"))
    assert roi("show", "cells").code == 1
    assert roi("choose", "cells", "--display", "scene2", "--images", "archive").code == 0
    assert roi("show", "cells").code == 0
