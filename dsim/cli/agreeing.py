"""What ``dsim compare`` prints of several measures: where they agree, and what each took."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsim.comparison import Agreement

#: Sources per target of those that some measure ranks first.
_SHOWN = 3


def show_agreement(found: Agreement, written: Sequence[Path]) -> None:
    """Print the votes for each target, then each measure beside the others."""
    from dsim.ui import print_table, say, say_written

    title = f"where {len(found.measures)} measures agree: how many rank a source first"
    columns = ["target", "nearest", "votes", "tau", "orders alike"]
    print_table(
        title, columns, [_target(found, target) for target in found.targets], right=["votes", "tau", "orders alike"]
    )
    columns = ["measure", "tau with the others", "with the most votes", "failed pairs", "seconds"]
    print_table("each measure", columns, _measures(found), right=columns[1:])
    told = "tau: Kendall's, of rankings, mean over pairs of measures (and over targets); 1 is the same order"
    say(f"note: {told}")
    say("note: seconds are of this run; what was computed before was looked up")
    say_written(written)


def _target(found: Agreement, target: str) -> list[str]:
    votes, (alike, pairs) = found.votes(target), found.orders(target)
    several = list(votes)[:_SHOWN]
    more = f", {len(votes) - _SHOWN} more" if len(votes) > _SHOWN else ""
    nearest = f"{found.unanimous(target)}: all agree" if found.unanimous(target) else ", ".join(several) + more
    counted = ", ".join(str(votes[source]) for source in several)
    return [target, nearest or "none", counted, _tau(found.kendall_for(target)), f"{alike} of {pairs}"]


def _measures(found: Agreement) -> list[list[str]]:
    rows = []
    for position, matrix in enumerate(found.matrices):
        taus = [tau for other, tau in enumerate(found.kendall[position]) if other != position and not math.isnan(tau)]
        first = [next(iter(found.votes(target)), None) for target in found.targets]
        with_most = sum(matrix.verdicts[t].best == most for t, most in zip(found.targets, first, strict=True) if most)
        seconds = found.seconds.get(matrix.measure)
        rows.append(
            [
                matrix.measure,
                _tau(sum(taus) / len(taus)) if taus else "",
                f"{with_most} of {len(found.targets)}",
                str(len(matrix.failed)) if matrix.failed else "",
                "" if seconds is None else f"{seconds:.1f}",
            ]
        )
    return rows


def _tau(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.2f}"
