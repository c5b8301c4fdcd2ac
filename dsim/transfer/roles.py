"""Sources and targets as they were asked for."""

from __future__ import annotations

from collections.abc import Sequence

from dsim.errors import DataError, UsageError, repeated


def check_names(role: str, names: Sequence[str], optional: bool = False) -> None:
    """Whether each dataset of a role, ``source`` or ``target``, can be told from the others by its name.

    Raises UsageError where there is none, unless it is ``optional``; DataError where two have one name.
    """
    if not names and not optional:
        raise UsageError(f"there is no {role}", hint=f"give --{role}s PATH...")
    if twice := repeated(names):
        raise DataError(f"two {role}s are named {twice[0]!r}", hint="give one another name: NAME=PATH")
