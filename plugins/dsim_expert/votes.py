"""From the answers of several observers to one answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


def canonical(answer: str) -> str:
    """An answer without what people write differently: case and spaces.

    >>> canonical("  Gray  scale ")
    'gray scale'
    """
    return " ".join(answer.casefold().split())


def majority(answers: Iterable[str]) -> tuple[str, bool]:
    """The answer that most observers gave, and whether others were given as often; of those the first by alphabet.

    >>> majority(["gray", "colour", "Gray"]), majority(["gray", "colour"])
    (('gray', False), ('colour', True))
    """
    counts = Counter(canonical(answer) for answer in answers)
    most = max(counts.values())
    best = sorted(answer for answer, count in counts.items() if count == most)
    return best[0], len(best) > 1
