"""The leaderboards in short, for ``dsim explain``: made of the stored boards, and shipped with dsim."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

BOARDS = Path(__file__).parents[2] / "docs" / "leaderboard"


def pages() -> dict[str, bytes]:
    """The file by its path below docs/."""
    boards = {path.parent.name: _board(json.loads(path.read_text("utf-8"))) for path in BOARDS.glob("*/results.json")}
    text = json.dumps(dict(sorted(boards.items())), indent=1, ensure_ascii=False)
    return {"leaderboard/standings.json": f"{text}\n".encode()}


def _board(document: dict[str, Any]) -> dict[str, Any]:
    judged = [row for row in document["rows"] if row["evaluation"]]
    baselines = {one["name"]: one for one in judged[0]["evaluation"]["baselines"]}
    truth = document["truth"]
    return {
        "score": truth["score"],
        "unit": truth["unit"],
        "targets": len(truth["targets"]),
        "judged": sum(rank is not None for rank in document["ranks"].values()),
        "random": _rounded(baselines["random"]["scores"]["regret"]["value"]),
        "rows": {row["measure"]: _row(row, document["ranks"].get(row["measure"])) for row in judged},
    }


def _row(row: dict[str, Any], rank: int | None) -> dict[str, Any]:
    scores = row["evaluation"]["judgement"]["scores"]
    return {"rank": rank, **{name: _rounded(scores[name]["value"]) for name in ("regret", "top1")}}


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
