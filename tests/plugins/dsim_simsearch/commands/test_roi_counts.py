"""``dsim roi sample`` and ``dsim roi counts`` on known detections, which stand in for those of a trained detector."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dsim.annotations import Region
from dsim.files.documents import check

Roi = Callable[..., Any]


@pytest.fixture
def detected(cells: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The session ``cells`` with twelve detections of two classes in four images of 80 x 96 pixels."""
    from dsim_simsearch.detection import Detections
    from dsim_simsearch.session.session import Session

    rng = np.random.default_rng(0)
    regions = tuple(
        Region(f"scene{number % 4}", 20.0 * (number // 4), 30.0, 14, 14, "disc" if number % 3 else "dot", score)
        for number, score in enumerate(rng.uniform(0.5, 1, 12).tolist())
    )
    images = tuple(f"scene{number}" for number in range(4))
    found = Detections(("disc", "dot"), images, regions, {"disc": 0.5, "dot": 0.5}, radius=5)
    model = SimpleNamespace(open=lambda runtime: SimpleNamespace(patch=(14, 14)))
    monkeypatch.setattr(Session, "detect", lambda self: found)
    monkeypatch.setattr(Session, "model", model)
    return cells


def fill(table: Path, correct: str, missed: str) -> None:
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["correct" if row["kind"] == "detection" else "missed"] = correct if row["kind"] == "detection" else missed
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_a_sample_is_drawn_filled_in_and_counted(roi: Roi, detected: Path, tmp_path: Path) -> None:
    outcome = roi("sample", "cells", "--windows", "3", "--out", "check")
    assert outcome.code == 0, outcome.err
    assert "12 of 12" in outcome.out
    assert {path.name for path in (tmp_path / "check").iterdir()} == {
        "sample.csv",
        "sample.json",
        "detections.png",
        "windows.png",
    }
    check(json.loads((tmp_path / "check/sample.json").read_text()), "dsim.roi-sample/1", "the file", "")
    fill(tmp_path / "check/sample.csv", "1", "0")
    document = roi("counts", "cells", "--verified", "check/sample.csv", "--json").json
    check(document, "dsim.roi-counts/1", "the output", "")
    assert document["detections"] == {"disc": 8, "dot": 4}
    disc = document["estimates"]["disc"]
    assert disc["correct"] == {"value": 8, "low": 8, "high": 8, "note": ""}
    assert disc["total"]["value"] == disc["total"]["low"] == 8
    assert disc["total"]["high"] > 8
    printed = roi("counts", "cells", "--verified", "check/sample.csv")
    assert "8 of disc (8 to " in printed.out
    assert max(map(len, printed.out.splitlines()[1:])) <= 80


def test_sheets_show_pixels_of_the_images(roi: Roi, detected: Path, tmp_path: Path) -> None:
    """A crop of a bright disc is bright; the sheet has a row of crops for each class, and all windows."""
    assert roi("sample", "cells", "--count", "2", "--windows", "3", "--out", "check").code == 0
    with Image.open(tmp_path / "check/detections.png") as sheet:
        pixels = np.asarray(sheet)
    assert pixels.std(axis=-1).max() > 20  # colours of the scene, not only of paper and ink
    with Image.open(tmp_path / "check/windows.png") as sheet:
        assert sheet.height > 2 * sheet.width / 3
        found = {tuple(colour) for colour in np.asarray(sheet).reshape(-1, 3).tolist()}
    assert {(0, 114, 178), (213, 94, 0)} <= found
    assert (190, 190, 190) in found  # beyond the image there is nothing, not its mirrored continuation


def test_without_a_sample_detections_are_counted(roi: Roi, detected: Path) -> None:
    outcome = roi("counts", "cells")
    assert outcome.out.startswith("12 detections in 4 images: 8 of disc, 4 of dot")
    document = roi("counts", "cells", "--json").json
    check(document, "dsim.roi-counts/1", "the output", "")
    assert document["estimates"] is None


def test_groups_have_counts_of_their_own(roi: Roi, detected: Path, scene_folder: Path, tmp_path: Path) -> None:
    refusal = roi("counts", "cells", "--groups")
    assert refusal.code == 1
    assert "group" in refusal.err
    rows = [f"scene{number},x,{group}" for number, group in enumerate(["ann", "ann", "bob", "bob"])]
    (tmp_path / "groups.csv").write_text("\n".join(["file,label,group", *rows]))
    assert roi("new", "smears", f"{scene_folder}[labels={tmp_path / 'groups.csv'}]").code == 0
    assert roi("sample", "smears", "--windows", "1000", "--out", "check").code == 0
    fill(tmp_path / "check/sample.csv", "yes", "1")
    document = roi("counts", "smears", "--groups", "--verified", "check/sample.csv", "--json").json
    check(document, "dsim.roi-counts/1", "the output", "")
    assert [one["group"] for one in document["groups"]] == ["ann", "bob"]
    both = [one["estimates"]["disc"]["total"]["value"] for one in document["groups"]]
    assert sum(both) == pytest.approx(document["estimates"]["disc"]["total"]["value"])
    printed = roi("counts", "smears", "--groups", "--verified", "check/sample.csv").out
    assert "ann" in printed
    assert "bob" in printed


def test_what_was_not_verified_is_unknown_and_says_why(roi: Roi, detected: Path, tmp_path: Path) -> None:
    assert roi("sample", "cells", "--windows", "0", "--out", "check").code == 0
    assert not (tmp_path / "check/windows.png").exists()
    fill(tmp_path / "check/sample.csv", "0", "")
    outcome = roi("counts", "cells", "--verified", "check/sample.csv")
    assert "unknown of disc" in outcome.out
    assert "note: disc" in outcome.out
    assert "window" in outcome.out


def test_bad_samples_are_refused(roi: Roi, detected: Path, tmp_path: Path) -> None:
    outcome = roi("sample", "cells", "--count", "0", "--windows", "0", "--out", "check")
    assert (outcome.code, "--count 0" in outcome.err) == (2, True)
    assert roi("sample", "cells", "--out", "check").code == 0
    fill(tmp_path / "check/sample.csv", "1", "0")
    before = (tmp_path / "check/sample.csv").read_bytes()
    assert "sample.csv" in roi("sample", "cells", "--out", "check").err
    assert (tmp_path / "check/sample.csv").read_bytes() == before
    document = json.loads((tmp_path / "check/sample.json").read_text())
    (tmp_path / "check/sample.json").write_text(json.dumps({**document, "detections": "0" * 64}))
    outcome = roi("counts", "cells", "--verified", "check/sample.csv")
    assert outcome.code == 1
    assert "dsim roi sample" in outcome.err


def test_a_session_that_was_not_trained_has_no_counts(roi: Roi, cells: Path) -> None:
    outcome = roi("counts", "cells")
    assert outcome.code == 2
    assert "dsim roi train" in outcome.err
