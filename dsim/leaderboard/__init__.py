"""Every measure on one benchmark: run, judged, ranked, with time, memory and what each number depends on."""

from dsim.leaderboard.rows import Board, Row

__all__ = ["Board", "Row"]
