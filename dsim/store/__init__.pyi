from .array_file import FileRows, Rows, blocks
from .checkpoint import read_weights, write_weights
from .content import ContentStore
from .json_store import JsonStore
from .ledger import Job, Ledger, key_of

__all__ = [
    "ContentStore",
    "FileRows",
    "Job",
    "JsonStore",
    "Ledger",
    "Rows",
    "blocks",
    "key_of",
    "read_weights",
    "write_weights",
]
