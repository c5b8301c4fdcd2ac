"""dsim expert: asking, keeping every answer, and telling how far observers agree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from dsim.cli.main import run
from dsim.data import read_attributes
from dsim.errors import DataError
from dsim.files.documents import check
from dsim_expert.commands import QUESTIONS, expert, read_ratings, record

ANSWERS = ["medical", "gray", "objects", "cells", "low", "2"]
SIX = [part for question, answer in zip(QUESTIONS, ANSWERS, strict=True) for part in (f"--{question.name}", answer)]


def rate(out: Path, *options: str, typed: str | None = None) -> Result:
    arguments = ["rate", "phantoms:fluorescence", "--observer", "ann", "--out", str(out), *options]
    return CliRunner().invoke(expert, arguments, input=typed)


def test_six_properties_are_asked_and_written(tmp_path: Path) -> None:
    out = tmp_path / "ratings.csv"
    result = rate(out, typed="\n".join(ANSWERS) + "\n")
    assert result.exit_code == 0, result.output
    rows = read_ratings(out)
    assert rows == [
        {"dataset": "fluorescence", "observer": "ann"}
        | dict(zip([question.name for question in QUESTIONS], ANSWERS, strict=True))
    ]
    assert read_attributes(out)["fluorescence"]["colour@ann"] == "gray"


def test_the_picture_shows_nine_images_and_no_word(tmp_path: Path) -> None:
    rate(tmp_path / "r.csv", typed="\n".join(ANSWERS) + "\n")
    with Image.open(tmp_path / "r-fluorescence.png") as picture:
        assert picture.size == (8 + 3 * 264, 8 + 3 * 264)
        centres = {picture.getpixel((8 + 264 * i + 128, 8 + 264 * j + 128)) for i in range(3) for j in range(3)}
    assert len(centres) > 1


def test_the_same_images_are_drawn_for_every_observer_and_others_for_another_seed(tmp_path: Path) -> None:
    pictures = []
    for name, seed in (("a", "0"), ("b", "0"), ("c", "1")):
        rate(tmp_path / f"{name}.csv", "--seed", seed, "--sheet", str(tmp_path / f"{name}.png"), typed="medical\n")
        pictures.append((tmp_path / f"{name}.png").read_bytes())
    assert pictures[0] == pictures[1] != pictures[2]


def test_scripts_answer_by_options_and_no_picture_is_drawn(tmp_path: Path) -> None:
    out = tmp_path / "ratings.csv"
    assert rate(out, *SIX).exit_code == 0
    assert list(tmp_path.iterdir()) == [out]
    assert len(read_ratings(out)) == 1


def test_an_interrupted_rating_keeps_its_answers_and_asks_only_the_rest(tmp_path: Path) -> None:
    out = tmp_path / "ratings.csv"
    record(out, "other", "bob", {"colour": "colour", "remark": "blurred, I think"})
    interrupted = rate(out, typed="medical\ngray\n")
    assert interrupted.exit_code != 0
    assert [row["colour"] for row in read_ratings(out)] == ["colour", "gray"]
    resumed = rate(out, typed="\n".join(ANSWERS[2:]) + "\n")
    assert resumed.exit_code == 0, resumed.output
    assert "natural or medical" not in resumed.output
    rows = read_ratings(out)
    assert rows[0]["remark"] == "blurred, I think"
    assert [rows[1][question.name] for question in QUESTIONS] == ANSWERS


def test_what_was_answered_is_asked_again_only_when_told(tmp_path: Path) -> None:
    out = tmp_path / "ratings.csv"
    rate(out, *SIX)
    assert rate(out).exit_code == 0
    again = rate(out, "--again", typed="\n".join(["natural", *ANSWERS[1:]]) + "\n")
    assert again.exit_code == 0
    assert [row["origin"] for row in read_ratings(out)] == ["natural"]


def test_a_table_of_something_else_is_left_as_it_is(tmp_path: Path) -> None:
    out = tmp_path / "other.csv"
    out.write_text("path,label\na.png,1\n")
    with pytest.raises(DataError, match="not a table of ratings"):
        record(out, "a", "ann", {"colour": "gray"})
    assert out.read_text() == "path,label\na.png,1\n"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--observer", "a@b", "--out", "x.csv"], "a@b"),
        (["--observer", "ann", "--out", "x.json"], "end its name in .csv"),
    ],
)
def test_names_that_cannot_be_kept_are_refused(
    options: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["expert", "rate", "phantoms:xray", *options]) == 2
    assert expected in capsys.readouterr().err


def test_an_answer_that_was_not_offered_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["expert", "rate", "phantoms:xray", "--observer", "ann", "--out", str(tmp_path / "r.csv")]
    assert run([*arguments, "--colour", "pink"]) == 2
    assert "'gray', 'colour'" in capsys.readouterr().err
    assert not (tmp_path / "r.csv").exists()


def ratings(path: Path) -> Path:
    """Three observers, two datasets: colour is agreed, kind is not, and all call everything medical."""
    for dataset, colour in (("a", "gray"), ("b", "colour")):
        for observer, kind in (("ann", "cells"), ("bob", "tissue"), ("cem", "skin")):
            record(path, dataset, observer, {"origin": "medical", "colour": colour, "kind": kind})
    return path


def test_agreement_is_told_by_property_and_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = ratings(tmp_path / "r.csv")
    assert run(["expert", "agreement", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    check(found, "dsim.expert-agreement/1", "what is printed", "")
    assert found["properties"]["colour"]["kappa"] == 1
    assert found["properties"]["kind"]["kappa"] == pytest.approx((0 - 1 / 3) / (1 - 1 / 3))
    assert found["properties"]["origin"]["kappa"] is None
    assert found["properties"]["origin"]["observers"] == 3
    assert found["overall"]["kappa"] == pytest.approx((2 / 3 - 11 / 18) / (1 - 11 / 18))
    assert run(["expert", "agreement", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "all alike" in printed
    assert "-0.500" in printed


def test_observers_may_keep_a_table_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [tmp_path / f"{observer}.csv" for observer in ("ann", "bob")]
    for path in paths:
        record(path, "a", path.stem, {"colour": "gray"})
        record(path, "b", path.stem, {"colour": "colour"})
    assert run(["expert", "agreement", *map(str, paths), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["overall"]["kappa"] == 1
    assert run(["expert", "agreement", str(paths[0])]) == 0
    assert "none" in capsys.readouterr().out


def test_a_table_of_ratings_is_given_to_a_comparison(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "r.csv"
    phantoms = ["phantoms:xray", "phantoms:ultrasound", "phantoms:fundus"]
    for name, colour in (("xray", "gray"), ("ultrasound", "gray"), ("fundus", "colour")):
        record(path, name, "ann", {"colour": colour, "origin": "medical"})
    out = ["--out", str(tmp_path / "out"), "--json", "--attributes", str(path)]
    assert run(["compare", "--measure", "expert", "--sources", *phantoms, *out]) == 0
    values = json.loads(capsys.readouterr().out)["results"][0]["values"]
    assert values == [[0, 0, 1], [0, 0, 1], [1, 1, 0]]


def test_a_table_of_choices_is_given_to_a_comparison(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.csv"
    path.write_text("observer,target,source\nann,fundus,xray\nbob,fundus,ultrasound\ncem,fundus,xray\n")
    where = ["--sources", "phantoms:xray", "phantoms:ultrasound", "--targets", "phantoms:fundus"]
    out = ["--out", str(tmp_path / "out"), "--json", "--attributes", str(path)]
    assert run(["compare", "--measure", "expert-choice", *where, *out]) == 0
    assert json.loads(capsys.readouterr().out)["results"][0]["values"] == [[2 / 3], [1 / 3]]
