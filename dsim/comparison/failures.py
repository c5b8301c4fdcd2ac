"""Defects of a measure: a reason that names the plugin's line, shown or raised on request."""

from __future__ import annotations

import sys
import traceback
from dataclasses import dataclass


@dataclass(frozen=True)
class Failures:
    """How a defect is handled; it travels to workers with the work.

    Parameters
    ----------
    module : of the measure, dotted: its last line in a traceback is named. ``shown`` : print the traceback on stderr.
    raised : raise the error itself, for a debugger.
    """

    module: str
    shown: bool = False
    raised: bool = False

    def reason(self, activity: str, error: Exception) -> str:
        """Return the reason of a missing value, such as ``comparing raised KeyError: 'a' (mine.py, line 12)``.

        Raises the error where that was asked for.

        >>> Failures("mine").reason("comparing", ZeroDivisionError("by zero"))
        'comparing raised ZeroDivisionError: by zero'
        """
        from dsim.registry import describe_failure

        if self.raised:
            raise error
        if self.shown:
            traceback.print_exception(error, file=sys.stderr)
        return f"{activity} raised {describe_failure(error, self.module)}"
