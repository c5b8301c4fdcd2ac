"""The verdict of several measures: the source that most of them put first, and whether it resembles the target."""

from __future__ import annotations

from dataclasses import replace

from dsim.comparison.measure_agreement import Agreement
from dsim.measures import Likeness, Verdict


def verdict_of_votes(found: Agreement, target: str) -> Verdict | None:
    """Return the verdict on the source with the most votes, with its resemblance; None where no measure names one.

    It is clear where more than half of the measures agree. Raises DataError for an unknown target.
    """
    poll = found.poll(target)
    if not poll.leaders:
        return None
    own = [matrix.verdicts[target] for matrix in found.matrices]
    own = [verdict for verdict in own if verdict.best == poll.leaders[0]]
    # Measures that do not use the network of the known kinds cannot know; those that do say the same.
    known = [verdict for verdict in own if verdict.likeness is not Likeness.NOT_ASSESSED]
    return replace((known or own)[0], clear=poll.decided, reason=found.sentence(target))
