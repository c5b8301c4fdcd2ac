"""Every measure on one benchmark: run, judged, ranked, with time, memory and what each number depends on."""

from dsim.leaderboard.adding import add
from dsim.leaderboard.rows import Board, Row, Status
from dsim.leaderboard.run.benchmark import Benchmark, open_benchmark
from dsim.leaderboard.run.board import run_board
from dsim.leaderboard.run.processes import Limits
from dsim.leaderboard.writing import write_board

__all__ = ["Benchmark", "Board", "Limits", "Row", "Status", "add", "open_benchmark", "run_board", "write_board"]
