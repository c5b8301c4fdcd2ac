"""Documents of studies, to files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def version() -> str:
    """The version of dsim that did the study."""
    from importlib.metadata import version as installed

    return installed("dsim")


def write(path: Path, document: Mapping[str, Any]) -> None:
    """Write a study's JSON document atomically; NaN is refused."""
    from dsim.files import write_text

    write_text(path, json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n")
