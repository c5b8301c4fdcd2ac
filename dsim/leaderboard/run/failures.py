"""Why a measure has no distances, as its row tells it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from dsim.errors import DsimError, NeedError, WeightsError
from dsim.leaderboard.rows import Row, Status

#: Kinds of failures that are no error's name.
TIMEOUT, CRASH, DEFECT, NO_VALUE, CHANGED = "timeout", "crash", "defect", "no value", "changed"
#: What the machine or the datasets lack, and the measure cannot help.
_LACKING = {NeedError.__name__, WeightsError.__name__}


@dataclass(frozen=True)
class Failure:
    """Why there are no distances.

    Parameters
    ----------
    kind : name of the error, or ``TIMEOUT``, ``CRASH``, ``DEFECT`` (it gave no value and no good reason), ``NO_VALUE``
        (it says itself why there is none), ``CHANGED`` (its code changed while it ran).
    fix : how to mend it.
    """

    kind: str
    reason: str
    fix: str = ""

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """That of an error.

        >>> Failure.of(ValueError("odd"))
        Failure(kind='ValueError', reason='ValueError: odd', fix='')
        """
        kind = type(error).__name__
        if isinstance(error, DsimError):
            return cls(kind, error.message, error.hint or "")
        return cls(kind, f"{kind}: {error}")

    def told_in(self, row: Row, **environment: Any) -> Row:
        """The row of the measure that failed; without time and memory, which are those of failing."""
        told = {"failure": self.kind, **({"fix": self.fix} if self.fix else {}), **environment}
        return replace(row, status=Status.FAILED, reason=self.reason, environment={**row.environment, **told})


def is_nobodys_fault(row: Row) -> bool:
    """Whether labels, masks, weights are wanting, or the measure says why it has no value here: no code is broken."""
    return row.environment.get("failure") in {*_LACKING, NO_VALUE}


def kept_for(row: Row, timeout: float | None) -> bool:
    """Whether a failure is worth keeping: one that would come again. More time, or what was lacking, may mend it."""
    kind = row.environment.get("failure")
    if kind == TIMEOUT:
        return timeout is not None and timeout <= float(row.environment.get("timeout", 0))
    return kind != CHANGED and kind not in _LACKING
