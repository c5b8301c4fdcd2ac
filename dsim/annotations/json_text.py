"""JSON of other programs: parsed, and its numbers checked."""

from __future__ import annotations

import json
import math
from typing import Any

from dsim.errors import DataError


def parse_json(text: str, what: str, hint: str) -> Any:
    """Return the value of a JSON text; raises DataError, which names ``what`` it is and the line, where it is not one.

    >>> parse_json("[1, 2", "cells.json", "export it again")
    Traceback (most recent call last):
    dsim.errors.DataError: cells.json is damaged, or not JSON: Expecting ',' delimiter, line 1
      fix: export it again
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{what} is damaged, or not JSON: {error.msg}, line {error.lineno}", hint=hint) from None
    except RecursionError:
        raise DataError(f"{what} is nested too deeply", hint=hint) from None


def finite(value: object, name: str, where: str, hint: str) -> float:
    """Return a number of a document as it is; raises DataError that names the place unless it is a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise DataError(f"{where}: {name} holds {value!r}, not a number", hint=hint)
    return value
