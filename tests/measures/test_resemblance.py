"""Whether a source resembles a target at all: the bounds, the shipped record, and what survives a file."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from dsim.errors import DataError
from dsim.files.documents import check
from dsim.files.shipped import shipped
from dsim.measures import Bounds, KnownKinds, Likeness, Resemblance, Verdict, answer, known_kinds, with_likeness
from dsim.recommend import Procedure
from dsim.runtime import Runtime

BOUNDS = Bounds(resembles=1.0, none=2.0)


def resemblance(distance: float) -> Resemblance:
    return Resemblance(BOUNDS.judge(distance), "kld-tf@1", distance, 15, BOUNDS)


def test_a_distance_that_is_not_known_is_not_judged() -> None:
    assert BOUNDS.judge(math.nan) is Likeness.NOT_ASSESSED


@pytest.mark.parametrize("bounds", [Bounds(1.0, 2.0), Bounds(2.0, 1.0)])
def test_where_kinds_overlap_or_leave_a_gap_what_lies_between_is_uncertain(bounds: Bounds) -> None:
    assert [bounds.judge(distance) for distance in (0.9, 1.5, 2.1)] == [
        Likeness.RESEMBLES,
        Likeness.UNCERTAIN,
        Likeness.NONE,
    ]


def test_none_is_said_only_where_no_other_source_may_resemble_the_target() -> None:
    verdict = Verdict("t", "a", "b", True, 0.1, 0.2, "a is nearest")
    alone = with_likeness(verdict, {"a": resemblance(3.0), "b": resemblance(4.0)})
    assert (alone.likeness, alone.source) == (Likeness.NONE, "a")
    # Pictures, notebooks and the short form of a matrix show the reason.
    assert "none of the sources" in alone.reason
    other = with_likeness(verdict, {"a": resemblance(3.0), "b": resemblance(1.5), "c": resemblance(0.5)})
    assert (other.likeness, other.source) == (Likeness.UNCERTAIN, "c")
    assert "none of the sources" not in other.reason


def test_a_source_that_could_not_be_assessed_is_not_said_to_be_unlike_the_target() -> None:
    verdict = Verdict("t", "a", "b", True, 0.1, 0.2, "a is nearest")
    found = with_likeness(verdict, {"a": resemblance(3.0), "b": Resemblance.unknown("too few images")})
    assert found.likeness is Likeness.NONE
    said = answer(found, 2)
    assert "b" in said.split("(")[1]
    assert "2 sources" not in said
    assert "assessed sources" in found.reason


def test_a_resemblance_survives_json() -> None:
    for one in (resemblance(1.5), Resemblance.unknown("too few images")):
        assert Resemblance.from_dict(json.loads(json.dumps(one.to_dict()))).to_dict() == one.to_dict()


def test_the_shipped_record_is_of_the_measure_and_the_weights_of_this_dsim() -> None:
    known = known_kinds()
    current = Procedure.of(known.call, Runtime()).depends
    assert {key: current[key] for key in known.depends} == known.depends


def test_the_shipped_bounds_follow_from_the_distances_beside_them() -> None:
    import numpy as np

    for path in shipped("kinds").glob("*.json"):
        document = json.loads(path.read_text("utf-8"))
        check(document, "dsim.kinds/1", path.name, "")
        for size in document["sizes"]:
            assert size["none_beyond"] == pytest.approx(max(pair[2] for pair in size["kin"]), abs=1e-3)
            near = [pair[2] for pair in size["nearest_foreign"]]
            assert size["resembles_up_to"] == pytest.approx(np.quantile(near, 0.1), abs=1e-3)


def test_no_pair_of_the_record_is_of_one_set_and_kin_are_of_one_kind() -> None:
    for path in shipped("kinds").glob("*.json"):
        document = json.loads(path.read_text("utf-8"))
        kinds = {entry["name"]: entry["kind"] for entry in document["datasets"]}
        for size in document["sizes"]:
            assert all(a != b and kinds[a] == kinds[b] for a, b, _ in size["kin"])
            assert all(kinds[a] != kinds[b] for a, b, _ in size["nearest_foreign"])


def test_the_errors_were_counted_without_the_kind_that_is_judged() -> None:
    """The figures of docs/recommend.md are those of the record."""
    errors = known_kinds().errors
    page = Path(__file__).parents[2].joinpath("docs", "recommend.md").read_text("utf-8")
    for part in ("kin", "foreign", "foreign_of_three"):
        counted = errors[part]
        row = [str(counted[key]) for key in ("verdicts", "resembles", "uncertain", "none")]
        cells = [line.replace("*", "").replace(", wrong", "").split("|")[2:6] for line in page.splitlines()]
        assert row in [[cell.strip() for cell in line] for line in cells]


def test_a_damaged_record_is_refused_and_names_how_to_make_it(tmp_path: Path) -> None:
    path = tmp_path / "kinds.json"
    path.write_text('{"schema": "dsim.kinds/1"}')
    with pytest.raises(DataError) as caught:
        KnownKinds.from_json(path)
    assert "known_kinds.py" in (caught.value.hint or "")
