"""A board is written and read without loss, and nothing that its schema does not allow is taken for one."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dsim.errors import DataError
from dsim.leaderboard import Board, Row, Status, write_board

SCHEMA = Path(__file__).parents[3] / "docs" / "schema" / "dsim.leaderboard.1.schema.json"


@pytest.fixture(scope="module")
def document(board: Board) -> dict[str, Any]:
    """As it comes from a file: NaN would not survive."""
    return json.loads(json.dumps(board.to_dict(), allow_nan=False))


def row_of(document: dict[str, Any], measure: str) -> dict[str, Any]:
    return next(row for row in document["rows"] if row["measure"] == measure)


def test_a_board_is_read_as_it_was_written(board, document):
    again = Board.from_dict(document)
    assert json.dumps(again.to_dict()) == json.dumps(document)
    assert [row.measure for row in again.rows] == [row.measure for row in board.rows]
    assert again.rows[0].matrix is not None
    assert again.rows[0].scores["regret"] == board.rows[0].scores["regret"]


def test_what_is_not_known_is_null(document):
    assert row_of(document, "random@1:seed=3")["seconds"] is None
    assert math.isnan(next(row for row in Board.from_dict(document).rows if row.measure == "random@1:seed=3").seconds)


def test_the_schema_is_one_and_closed(document):
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is schema["$defs"]["row"]["additionalProperties"] is False
    assert set(schema["required"]) == set(document)
    assert set(schema["$defs"]["row"]["required"]) == set(document["rows"][0])


def test_ranks_and_ties_are_spelled_out_for_readers(document):
    assert document["ranks"]["good@2"] == 1
    assert document["ranks"]["lost@1:size=8"] is None
    assert "twin@1" in document["tied_with_best"]["regret"]


@pytest.mark.parametrize("measure", ["mine", "mine@", "@1", "mine@one", "mine:size=1@2", ""])
@pytest.mark.parametrize("status", [Status.OK, Status.FAILED, Status.ADDED])
def test_a_measure_without_version_is_refused(measure, status):
    with pytest.raises(DataError, match="has no version"):
        Row(measure, status)


def test_a_published_row_has_the_name_that_the_paper_prints():
    assert Row("Best expert", Status.PUBLISHED).measure == "Best expert"


def test_a_measure_stands_on_a_board_once(board):
    with pytest.raises(DataError, match="on the board twice: good@2"):
        replace(board, rows=(*board.rows, board.rows[0]))


BROKEN: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "another schema": (lambda d: d.update(schema="dsim.matrix/1"), "schema 'dsim.matrix/1'"),
    "something more": (lambda d: d.update(extra=1), "'extra' was unexpected"),
    "something less": (lambda d: d.pop("fingerprints"), "'fingerprints' is a required property"),
    "no version": (lambda d: d["rows"][0].update(measure="good"), "row 'good', measure"),
    "seconds below 0": (lambda d: d["rows"][0].update(seconds=-1), "row 'good@2', seconds: -1 is less than"),
    "no distances": (lambda d: d["rows"][0].update(matrix=None), "row 'good@2', matrix"),
    "distances of another schema": (lambda d: d["rows"][0]["matrix"].update(direction="up"), "row 'good@2', matrix"),
    "no verdict": (lambda d: d["rows"][0].update(evaluation=None), "row 'good@2', evaluation"),
    "failed without a reason": (lambda d: row_of(d, "lost@1:size=8").update(reason=""), "row 'lost@1:size=8', reason"),
    "published without source": (lambda d: row_of(d, "ASAP").update(source=""), "row 'ASAP', source"),
    "an unknown score": (lambda d: row_of(d, "ASAP").update(published={"luck": 1.0}), "row 'ASAP', published"),
    "an unknown setting": (lambda d: d["settings"].update(luck=1), "settings: "),
    "an edited truth": (lambda d: d["truth"]["values"][1][0].__setitem__(0, 1.0), "does not have the digest"),
    "a cut table": (lambda d: d["rows"][0]["matrix"]["values"].pop(), "'good@2' is not consistent: its values have"),
    "a ragged table": (lambda d: d["rows"][0]["matrix"]["values"][0].pop(), "'good@2' is not consistent"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_what_is_wrong_with_a_document_is_named_with_its_place(document, fault):
    spoil, message = BROKEN[fault]
    broken = copy.deepcopy(document)
    spoil(broken)
    with pytest.raises(DataError) as raised:
        Board.from_dict(broken, "theirs.json")
    assert message in raised.value.message
    assert raised.value.hint


def test_files_that_are_no_document_are_distinguished(tmp_path):
    for text, message in {"{": "is not JSON", "[]": "holds no JSON object", '{"a": NaN}': "it holds NaN"}.items():
        (tmp_path / "r.json").write_text(text)
        with pytest.raises(DataError, match=message):
            Board.from_json(tmp_path / "r.json")
    with pytest.raises(DataError, match="there is no file"):
        Board.from_json(tmp_path / "none.json")


def test_a_board_is_written_three_times_over(board, tmp_path):
    paths = write_board(board, tmp_path / "new")
    assert [path.name for path in paths] == ["results.json", "leaderboard.md", "leaderboard.html"]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(path.name for path in paths)
    assert Board.from_json(paths[0]).to_dict() == board.to_dict()


def test_nothing_is_written_of_a_board_that_its_schema_refuses(board, tmp_path):
    with pytest.raises(DataError, match="settings"):
        write_board(replace(board, settings={**board.settings, "luck": 1}), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_where_one_of_the_three_cannot_be_made(board, tmp_path, monkeypatch):
    def fail(board: Board) -> str:
        raise RuntimeError("no page")

    monkeypatch.setattr("dsim.leaderboard.page.to_html", fail)
    with pytest.raises(RuntimeError):
        write_board(board, tmp_path)
    assert list(tmp_path.iterdir()) == []
