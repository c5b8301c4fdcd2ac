"""What was seen of one thing: fine, worth knowing, or broken."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Status(StrEnum):
    """``broken`` is what makes ``dsim doctor`` leave with 1; a note costs only what it tells."""

    OK = "ok"
    NOTE = "note"
    BROKEN = "broken"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's: the topic, how it stands, what was seen, and what would help (empty where all is well).

    >>> Finding("cache", Status.OK, "empty").to_dict()
    {'topic': 'cache', 'status': 'ok', 'text': 'empty', 'help': ''}
    """

    topic: str
    status: Status
    text: str
    help: str = ""

    def to_dict(self) -> dict[str, str]:
        """As JSON has it."""
        return {key: str(value) for key, value in asdict(self).items()}
