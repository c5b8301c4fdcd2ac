from .additions import Accepted, add
from .benchmark import Benchmark, open_benchmark
from .board import Board, all_ties, ranks
from .page import to_html, write_board
from .processes import Limits
from .rows import Row, Status
from .runner import SETTINGS, published_elsewhere, run_board
from .worker import is_lacking

__all__ = [
    "SETTINGS",
    "Accepted",
    "Benchmark",
    "Board",
    "Limits",
    "Row",
    "Status",
    "add",
    "all_ties",
    "is_lacking",
    "open_benchmark",
    "published_elsewhere",
    "ranks",
    "run_board",
    "to_html",
    "write_board",
]
