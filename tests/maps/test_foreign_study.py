"""docs/howto/map.md says what benchmarks/maps/foreign.json holds."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_has_the_stored_numbers() -> None:
    stored = json.loads((ROOT / "benchmarks" / "maps" / "foreign.json").read_text("utf-8"))
    page = (ROOT / "docs" / "howto" / "map.md").read_text("utf-8")
    for name, row in stored["foreign"].items():
        cells = [f"{row['shares'][share]['estimated']:.0%}" for share in ("0.1", "0.3", "0.6")]
        assert f"| `{name}` | {row['unusual']:.0%} | {' | '.join(cells)} |" in page
    assert f"{stored['images']['new']:,}" in page
    assert f"{stored['same_kind']['unusual']:.1%}" in page
    covered = [share["covered"] for row in stored["foreign"].values() for share in row["shares"].values()]
    assert f"at least {100 * min(covered):.0f} %" in page
    partly = {name: row for name, row in stored["classes"].items() if row["low"] > 0}
    assert all(f"{name}s ({row['share']:.0%}" in page for name, row in partly.items())


def test_foreign_images_are_seen_and_their_share_is_covered() -> None:
    stored = json.loads((ROOT / "benchmarks" / "maps" / "foreign.json").read_text("utf-8"))
    assert stored["same_kind"]["low"] == 0
    assert abs(stored["same_kind"]["unusual"] - 0.05) < 0.02
    assert all(row["unusual"] > 0.8 for row in stored["foreign"].values())
