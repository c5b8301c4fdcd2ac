from . import completion, options
from .console import emit_json, print_behind, print_columns, say, say_written, stderr, stdout
from .groups import LazyGroup
from .progress import Notes, RichProgress, make_runtime
from .tables import print_table

__all__ = [
    "LazyGroup",
    "Notes",
    "RichProgress",
    "completion",
    "emit_json",
    "make_runtime",
    "options",
    "print_behind",
    "print_columns",
    "print_table",
    "say",
    "say_written",
    "stderr",
    "stdout",
]
