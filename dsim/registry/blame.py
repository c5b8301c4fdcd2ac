"""The line of a plugin's code that failed, and the name that was probably meant."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dsim.errors import did_you_mean


def describe_failure(error: BaseException, module: str) -> str:
    """Return kind and text of an error, the name that was probably meant, and the line of a module's package in it.

    ``module`` : dotted name; its top-level package is looked for in the traceback.

    >>> try:
    ...     [].appendd
    ... except AttributeError as error:
    ...     print(describe_failure(error, "elsewhere"))
    AttributeError: 'list' object has no attribute 'appendd'. Did you mean 'append'?
    """
    text = f"{type(error).__name__}: {error}"
    meant = _meant(error)
    place = line_of(error, [module])
    return text + (f".{meant}" if meant else "") + (f" ({place})" if place else "")


def line_of(error: BaseException, modules: Iterable[str]) -> str:
    """Return ``file, line N`` of the innermost frame that belongs to the package of one of the modules; or ""."""
    tops, place = {module.partition(".")[0] for module in modules}, ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] in tops:
            place = f"{Path(frame.f_code.co_filename).name}, line {line}"
    return place


def innermost_package(error: BaseException, packages: Iterable[str]) -> str | None:
    """Return the package, one of those given, whose frame is the innermost in the traceback; None without one."""
    known, found = set(packages), None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        top = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        found = top if top in known else found
    return found


def _meant(error: BaseException) -> str:
    """The nearest name, where an attribute or a variable was misspelt."""
    if isinstance(error, AttributeError) and error.name:
        return did_you_mean(error.name, _public(error.obj))
    if isinstance(error, NameError) and error.name:
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        return did_you_mean(error.name, {**frames[-1].f_globals, **frames[-1].f_locals}) if frames else ""
    return ""


def _public(owner: Any) -> list[str]:
    try:
        return [name for name in dir(owner) if not name.startswith("__")]
    except Exception:  # a plugin's own __dir__ may fail too
        return []
