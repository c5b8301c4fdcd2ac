from .answer import sentences
from .check import EXTRACTOR, check_map
from .files import format_check, render_check, write_check
from .findings import Examined, Fault, Finding, MapCheck

__all__ = [
    "EXTRACTOR",
    "Examined",
    "Fault",
    "Finding",
    "MapCheck",
    "check_map",
    "format_check",
    "render_check",
    "sentences",
    "write_check",
]
