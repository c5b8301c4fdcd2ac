"""How well a measure did on the stored leaderboards, in lines of ``dsim explain``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from dsim.files.shipped import shipped

#: The boards in short: made by ``python tests/pages`` of docs/leaderboard/*/results.json.
FILE = "standings.json"


def standings(name: str, version: int) -> list[str]:
    """Return one line for each leaderboard on which the measure of that name was judged; none where none is stored.

    With its default parameters where these were judged, else with those that were.
    """
    path = shipped("standings") / FILE
    boards = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return [line for board, found in boards.items() for line in _lines(board, found, name, f"{name}@{version}")]


def _lines(board: str, found: Mapping[str, Any], name: str, current: str) -> Iterator[str]:
    own = {call: row for call, row in found["rows"].items() if call.partition("@")[0] == name}
    plain = {call: row for call, row in own.items() if ":" not in call}
    for call, row in (plain or own).items():
        place = f"rank {row['rank']} of {found['judged']}" if row["rank"] else "without a rank"
        unit = f" {found['unit']}" if found["unit"] else ""
        lost = f"loses {row['regret']:.3g}{unit} of {found['score']}, a random source {found['random']:.3g}{unit}"
        right = f"the best source came first for {round(row['top1'] * found['targets'])} of {found['targets']} targets"
        yield f"{board}: {place}; {lost}; {right}{'' if call == current else f' ({call})'}"
