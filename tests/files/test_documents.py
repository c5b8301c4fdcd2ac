"""Documents are held to their schemas, and what is wrong with one is told with its place."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dsim.errors import DataError, DsimError
from dsim.files.documents import array, check, nullable, plain, read, read_either


def whole() -> dict[str, object]:
    """A document of dsim.agreement/1 in which nothing is wrong."""
    measures = [{"measure": name, "seconds": None, "failed_cells": 0} for name in ("cc@1", "nmi@1")]
    target = {"target": "a", "unanimous": None, "votes": {}, "nearest": {}, "kendall": None}
    target |= {"orders_alike": 0, "orders": 0, "agreed": []}
    table = [[1.0, 1.0], [1.0, 1.0]]
    return {
        "schema": "dsim.agreement/1",
        "measures": measures,
        "targets": [target],
        "kendall": table,
        "spearman": table,
        "failed": [],
    }


def test_the_place_of_a_fault_is_told() -> None:
    document = whole()
    check(document, "dsim.agreement/1", "mine.json", "")
    document["measures"][1]["seconds"] = "many"  # type: ignore[index]
    with pytest.raises(DataError, match=r"mine.json does not hold to dsim.agreement/1: measures.1.seconds: 'many'"):
        check(document, "dsim.agreement/1", "mine.json", "write it anew")


def test_another_schema_is_refused_by_its_name() -> None:
    with pytest.raises(DataError, match=r"has schema 'dsim.matrix/1', not"):
        check({"schema": "dsim.matrix/1"}, "dsim.transfer/1", "mine.json", "give a truth")


def test_a_schema_that_is_not_shipped_is_a_damaged_installation() -> None:
    with pytest.raises(DsimError, match=r"dsim.nothing.1.schema.json is missing"):
        check({"schema": "dsim.nothing/1"}, "dsim.nothing/1", "mine.json", "")


def test_a_long_message_is_cut_in_its_middle() -> None:
    document = whole() | {"measures": "x" * 1000}
    with pytest.raises(DataError) as told:
        check(document, "dsim.agreement/1", "mine.json", "")
    assert len(told.value.message) < 500
    assert " ... " in told.value.message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "is not JSON"),
        (b"[1]", "holds no JSON object"),
        (b'{"a": NaN}', "holds NaN"),
        (b"\xff\xfe{", "is not UTF-8"),
        (None, "there is no file"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "mine.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        read(path, "give another")


def test_the_mark_of_spreadsheets_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read(path, "") == {"a": 1}


def test_text_and_path_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text('{"a": 1}')
    assert read_either(' {"a": 1}', "") == ({"a": 1}, "the text")
    assert read_either(str(path), "") == ({"a": 1}, str(path))


def test_nan_goes_out_as_null_and_comes_back() -> None:
    table = np.array([[1.0, np.nan], [np.nan, 2.0]])
    text = json.dumps(nullable(table), allow_nan=False)
    np.testing.assert_array_equal(array(json.loads(text), "the table", ""), table)
    assert nullable(None) is None


def test_ragged_rows_are_refused() -> None:
    with pytest.raises(DataError, match="the rows of values have different lengths"):
        array([[1.0], [1.0, 2.0]], "values", "fill them")


def test_plain_is_what_json_gives_back() -> None:
    value = {"a": (1, {"b": (2.0,)}), "c": "d"}
    assert plain(value) == json.loads(json.dumps(value))
