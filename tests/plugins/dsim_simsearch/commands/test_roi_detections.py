"""``dsim roi suggest``, ``flag``, ``train``, ``detect``, ``export``, ``apply`` and ``replay``."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from roi_sessions import SEARCH, TRAINING, begin_session, region_at, write_images

from dsim.files.documents import check
from dsim_simsearch import training_settings
from dsim_simsearch.session.session import Session

Roi = Callable[..., Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images, a session with two classes, and a copy of it that is trained."""
    place = tmp_path_factory.mktemp("made")
    begin_session(place / "cells", write_images(place / "images")).close()
    shutil.copytree(place / "cells.dsimroi", place / "trained.dsimroi")
    with Session.open(place / "trained") as session:
        session.train(TRAINING)
    return place


@pytest.fixture(autouse=True)
def place(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in which commands run; the quick training is one of seconds."""
    monkeypatch.setitem(training_settings.PRESETS, "quick", TRAINING)
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path


def at(image: int, number: int) -> str:
    """The place of an object as the command line writes it."""
    x, y = region_at(image, number).centre
    return f"scene{image},{x:.1f},{y:.1f}"


def test_suggestions_are_a_table_a_picture_and_json(roi: Roi, place: Path) -> None:
    from PIL import Image

    outcome = roi("suggest", "cells", "--class", "disc", "--out", "discs.png", "--count", "3")
    assert outcome.code == 0
    assert outcome.out.count("scene") == 3
    assert "discs.png" in outcome.err
    with Image.open(place / "discs.png") as picture:
        assert picture.width > 900
        colours = {colour for _, colour in picture.getcolors(10**6)}
    assert {(0, 114, 178), (213, 94, 0)} <= colours  # frames of prototypes, and the line of the threshold
    document = roi("suggest", "cells", "--class", "disc", "--json").json
    check(document, "dsim.roi-candidates/1", "the output", "")
    scores = [one["similarity"] for one in document["candidates"]]
    assert scores == sorted(scores, reverse=True)
    assert sum(one["mark"] == "prototype" for one in document["candidates"]) == 2
    low = roi("suggest", "cells", "--class", "disc", "--below", str(scores[5]), "--image", "scene0", "--json").json
    assert {one["region"][0] for one in low["candidates"]} == {"scene0"}
    assert max(one["similarity"] for one in low["candidates"]) <= scores[5]


def test_flags_are_put_on_the_nearest_candidate_and_taken_back(roi: Roi) -> None:
    state = roi("flag", "cells", "--class", "disc", "--at", at(1, 7), at(2, 6), "--json").json["state"]
    flagged = state["classes"][0]["flagged"]
    assert [one[0] for one in flagged] == ["scene1", "scene2"]
    marks = roi("suggest", "cells", "--class", "disc", "--json").json["candidates"]
    assert sum(one["mark"] == "flagged" for one in marks) >= 2
    state = roi("flag", "cells", "--class", "disc", "--at", at(1, 7), "--remove", "--json").json["state"]
    assert state["classes"][0]["flagged"] == flagged[1:]


def test_flags_correct_the_similarity_at_once_where_that_is_asked_for(roi: Roi) -> None:
    words = ("suggest", "cells", "--class", "disc", "--json")

    def similarity() -> dict[str, float]:
        found = [roi(*words, *more).json["candidates"] for more in ((), ("--rerank",))]
        near = [min(one, key=lambda each: math.dist(centre(each["region"]), wrong)) for one in found]
        return dict(zip(("plain", "corrected"), (one["similarity"] for one in near), strict=True))

    def centre(region: list[Any]) -> tuple[float, float]:
        return (region[1] + 10, region[2] + 10) if region[0] == "scene1" else (1e9, 1e9)

    wrong = region_at(1, 7).centre
    before = similarity()
    roi("flag", "cells", "--class", "disc", "--at", at(1, 7))
    after = similarity()
    assert after["plain"] == before["plain"]
    assert after["corrected"] < before["corrected"]


def test_background_is_suggested_and_flagged(roi: Roi) -> None:
    found = roi("suggest", "cells", "--background", "--json").json["candidates"]
    image, x, y, width, height = found[0]["region"]
    state = roi("flag", "cells", "--background", "--at", f"{image},{x + width / 2},{y + height / 2}", "--json").json
    assert state["state"]["background"]["flagged"] == [found[0]["region"]]
    again = roi("suggest", "cells", "--background", "--json").json["candidates"]
    assert [one["mark"] for one in again].count("flagged") == 1
    words = ("flag", "cells", "--background", "--remove", "--at", f"{image},{x + 5},{y + 5}", "--json")
    assert roi(*words).json["state"]["background"]["flagged"] == []


def test_a_training_from_the_command_line_is_in_force(roi: Roi) -> None:
    outcome = roi("train", "cells", "--strategy", "pos+neg", "--seed", "3")
    assert outcome.code == 0, outcome.err
    assert "refinement" in outcome.out
    assert "Next: dsim roi detect cells.dsimroi" in outcome.out
    trained = roi("show", "cells", "--json").json["state"]["trained"]
    assert (trained["seed"], trained["settings"]["self_learning"], trained["is_current"]) == (3, False, True)


def test_detections_are_counted_at_confidences_that_are_remembered(roi: Roi) -> None:
    outcome = roi("detect", "trained", "--confidence", "0.3", "ring=0.6", "--json")
    document = outcome.json
    check(document, "dsim.roi-detections/1", "the output", "")
    assert document["confidences"] == {"disc": 0.3, "ring": 0.6}
    assert roi("detect", "trained", "--json").json["counts"] == document["counts"]
    total = sum(document["totals"].values())
    assert roi("detect", "trained").out.startswith(f"{total} detections in 5 images")
    roi("undo", "trained")
    assert roi("detect", "trained", "--json").json["confidences"] == {"disc": 0.3, "ring": 0.3}


def test_detections_of_a_session_that_was_changed_say_so(roi: Roi) -> None:
    roi("threshold", "trained", "--class", "disc", "0.4")
    outcome = roi("detect", "trained")
    assert outcome.code == 0
    assert "note:" in outcome.err
    assert "changed since it was trained" in roi("show", "trained").out


def test_an_export_writes_the_formats_that_are_asked_for(roi: Roi, place: Path) -> None:
    outcome = roi("export", "trained", "--out", "out", "--format", "csv", "geojson", "--semantic")
    assert outcome.code == 0, outcome.err
    names = {path.name for path in (place / "out").iterdir() if not path.name.startswith(".")}
    assert names == {"detections.csv", "geojson", "counts.csv", "detections.json", "semantic"}
    assert "out/geojson" in outcome.err


def test_a_session_is_applied_to_other_images(roi: Roi, place: Path) -> None:
    write_images(place / "others", 3, first=30)
    outcome = roi("apply", "trained", "others", "--out", "found", "--jobs", "2", "--format", "csv", "--json")
    assert outcome.code == 0, outcome.err
    check(outcome.json, "dsim.roi-detections/1", "the output", "")
    assert [one["image"] for one in outcome.json["counts"]] == ["scene30", "scene31", "scene32"]
    assert json.loads((place / "found/detections.json").read_text()) == outcome.json


def test_a_replay_is_the_same_byte_by_byte(roi: Roi) -> None:
    outcome = roi("replay", "trained", "again", "--json")
    assert outcome.code == 0, outcome.err
    check(outcome.json, "dsim.roi-replay/1", "the output", "")
    assert outcome.json["identical"] is True
    assert roi("replay", "cells", "untrained").out.startswith("untrained.dsimroi holds the same actions")


@pytest.mark.parametrize(
    ("words", "culprits"),
    [
        ("suggest cells --class dsic", ["'dsic'", "'disc'"]),
        ("suggest cells", ["--class"]),
        ("suggest cells --class disc --background", ["--background"]),
        ("suggest cells --class disc --image scene9", ["'scene9'"]),
        ("suggest cells --background --image scene9", ["'scene9'"]),
        ("suggest cells --class disc --out discs.pdf", ["discs.pdf", ".png"]),
        ("flag cells --class disc --at scene0,-30,5", ["scene0,-30,5"]),
        ("flag cells --class disc --at scene8,3,5", ["scene8"]),
        ("flag cells --class disc --remove --at scene0,50,50", ["scene0,50,50"]),
        ("flag cells --background --at scene3,50,50", ["scene3,50,50"]),
        ("detect cells", ["cells.dsimroi", "dsim roi train"]),
        ("detect cells --confidence high", ["'high'"]),
        ("detect cells --confidence disk=0.5", ["'disk'"]),
        ("detect cells --confidence disc=1.5", ["1.5"]),
        ("export cells --out out", ["cells.dsimroi"]),
        ("export trained --out out --format svg", ["'svg'", "geojson"]),
        ("apply cells images --out out", ["cells.dsimroi"]),
        ("apply trained images --out out --jobs 0", ["--jobs 0"]),
        ("replay trained cells", ["cells.dsimroi"]),
    ],
)
def test_bad_input_names_the_culprit_and_changes_nothing(
    refused: Callable[..., str], words: str, culprits: list[str]
) -> None:
    error = refused(*words.split())
    assert [culprit for culprit in culprits if culprit not in error] == []


def test_a_training_that_cannot_be_names_what_is_missing(roi: Roi, refused: Callable[..., str]) -> None:
    roi("add", "cells", "--class", "square", "--box", at(1, 6))
    assert "'square'" in refused("train", "cells")
    roi("threshold", "cells", "--class", "square", "0.99")
    roi("undo", "cells")
    roi("undo", "cells")
    found = roi("suggest", "cells", "--class", "disc", "--json").json["candidates"]
    wrong = [one["region"] for one in found if one["similarity"] >= 0.5]
    roi("flag", "cells", "--class", "disc", "--at", *(f"{name},{x + 10},{y + 10}" for name, x, y, *_ in wrong))
    assert "'disc'" in refused("train", "cells")
    roi("undo", "cells")
    found = roi("suggest", "cells", "--background", "--json").json["candidates"]
    places = [one["region"] for one in found]
    roi("flag", "cells", "--background", "--at", *(f"{name},{x + 10},{y + 10}" for name, x, y, *_ in places))
    assert "background" in refused("train", "cells")


def test_images_of_other_channels_are_named(roi: Roi, place: Path) -> None:
    from PIL import Image

    write_images(place / "gray", 2, first=40)
    with Image.open(place / "gray/scene41.png") as picture:
        picture.convert("L").save(place / "gray/scene41.png")
    outcome = roi("apply", "trained", "gray", "--out", "out")
    assert outcome.code == 1
    assert "scene41" in outcome.err
    assert SEARCH.extractor not in outcome.err
    roi("new", "mixed", "gray")
    roi("add", "mixed", "--class", "disc", "--box", "scene40,50,50,20,20")
    outcome = roi("suggest", "mixed", "--class", "disc")
    assert outcome.code == 1
    assert "scene41" in outcome.err
