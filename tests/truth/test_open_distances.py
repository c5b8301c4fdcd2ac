"""The values of a measure from a file: what a CSV does not say is asked for, and never guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dsim.errors import DataError, UsageError
from dsim.registry import Direction
from dsim.truth import distance_names, open_distances

WIDE = "source,t,b\na,1.5,2\nb,0.5,0\nc,,2\n"


def written(tmp_path: Path, text: str, name: str = "mine.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_csv_without_a_direction_is_refused(tmp_path):
    path = written(tmp_path, WIDE)
    with pytest.raises(UsageError) as error:
        open_distances(path)
    assert error.value.message == f"{path}: a CSV does not say whether small or large is similar"
    assert error.value.hint == "--direction distance|similarity"


@pytest.mark.parametrize(("direction", "best"), [("distance", "b"), (Direction.SIMILARITY, "a")])
def test_a_csv_is_read_as_the_direction_says(direction, best, tmp_path):
    matrix = open_distances(written(tmp_path, WIDE), direction=direction)
    np.testing.assert_array_equal(matrix.values, [[1.5, 2], [0.5, 0], [np.nan, 2]])
    assert matrix.failed == [("c", "t", "empty in the CSV")]
    assert matrix.same.tolist() == [[False, False], [False, True], [False, False]]
    assert matrix.verdicts["t"].best == best
    assert matrix.verdicts["t"].reason == f"{best} is nearest; not assessed: a CSV holds no intervals"
    assert matrix.verdicts["b"].reason == "no clear winner: a, c are equally near"
    assert matrix.ranking("t").entries[0].source == best


def test_a_csv_has_no_version_that_a_leaderboard_could_trust(tmp_path):
    matrix = open_distances(written(tmp_path, WIDE), direction="distance")
    assert matrix.measure == "mine.csv"
    assert matrix.provenance["source"] == "the file mine.csv"


def test_what_to_csv_writes_is_read_again(tmp_path):
    for name in distance_names():
        stored = open_distances(name)
        stored.to_csv(tmp_path / f"{name}.csv")
        back = open_distances(tmp_path / f"{name}.csv", direction="distance")
        np.testing.assert_array_equal(back.values, stored.values)
        assert (back.sources, back.targets) == (stored.sources, stored.targets)
        assert {t: v.best for t, v in back.verdicts.items()} == {t: v.best for t, v in stored.verdicts.items()}


def test_a_matrix_says_its_direction_itself_and_no_other_is_taken(tmp_path):
    open_distances("cats-experts").to_json(tmp_path / "matrix.json")
    assert open_distances(tmp_path, direction="distance").measure == "cats-experts@1"
    with pytest.raises(UsageError) as error:
        open_distances(tmp_path / "matrix.json", direction="similarity")
    assert "says that cats-experts@1 is a distance, not a similarity" in str(error.value)
    assert error.value.hint == "leave --direction out, or give --direction distance"


def test_an_unknown_direction_or_name_is_refused(tmp_path):
    with pytest.raises(UsageError, match="'near' is not a direction"):
        open_distances(written(tmp_path, WIDE), direction="near")
    with pytest.raises(UsageError) as error:
        open_distances("asap-publisched")
    assert "no published distances named 'asap-publisched'. Did you mean 'asap-published'?" in str(error.value)
    assert all(name in str(error.value) for name in distance_names())


BROKEN = {
    "another header": ("measure,t\na,1\n", "does not begin with source and the names of targets"),
    "a tidy table": ("source,target,value\na,t,1\n", "does not begin with source and the names of targets"),
    "no target": ("source\na\n", "does not begin with source and the names of targets"),
    "no source": ("source,t\n", "has no source, or one without a name"),
    "a nameless target": ("source,t,\na,1,2\n", "has no target, or one without a name"),
    "a source twice": ("source,t\na,1\na,2\n", "names source 'a' more than once"),
    "a target twice": ("source,t,t\na,1,2\n", "names target 't' more than once"),
    "a short line": ("source,t,u\na,1\n", "line 2 has 2 cells; line 1 has 3"),
    "no number": ("source,t\na,1\nb,far\n", "line 3: 'far' is not a finite number"),
    "infinity": ("source,t\na,inf\n", "line 2: 'inf' is not a finite number"),
}


@pytest.mark.parametrize(("text", "said"), BROKEN.values(), ids=BROKEN)
def test_what_is_wrong_in_a_wide_table_is_told(text, said, tmp_path):
    with pytest.raises(DataError) as error:
        open_distances(written(tmp_path, text), direction="distance")
    assert said in str(error.value)
    assert error.value.hint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{no", "is not JSON"),
        ('{"schema": "dsim.transfer/1"}', "has schema 'dsim.transfer/1', not 'dsim.matrix/1'"),
        ('{"schema": "dsim.matrix/1"}', "is not a whole dsim.matrix/1: KeyError: 'measure'"),
    ],
)
def test_a_document_that_is_no_matrix_is_told(text, said, tmp_path):
    with pytest.raises(DataError, match=said):
        open_distances(written(tmp_path, text, "mine.json"))
