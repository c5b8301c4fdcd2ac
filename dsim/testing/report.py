"""The results of the conformance kit: one per check, nothing skipped silently."""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from dsim.errors import DsimError
from dsim.files.documents import to_json

SCHEMA = "dsim.conformance/1"


class Status(enum.StrEnum):
    """The outcome of one check. An unexpected pass is a failure: the expectation is out of date."""

    PASSED = "passed"
    FAILED = "failed"
    EXPECTED_FAILURE = "expected_failure"
    UNEXPECTED_PASS = "unexpected_pass"
    NOT_APPLICABLE = "not_applicable"

    @property
    def ok(self) -> bool:
        """Whether a measure conforms in spite of this."""
        return self not in (Status.FAILED, Status.UNEXPECTED_PASS)


class ConformanceError(DsimError, AssertionError):
    """A measure breaks the contract; the message is the report."""


class Failure(Exception):
    """Raised by a check: what is wrong, and how to mend it."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


class NotApplicable(Exception):
    """Raised by a check that says nothing about this measure, with the reason."""


def cause_of(error: Exception) -> str:
    """Kind and cause of what was raised, without its fix: a check has a fix of its own.

    >>> from dsim.errors import MeasureError
    >>> cause_of(MeasureError("all images are alike", hint="give images that differ"))
    'MeasureError: all images are alike'
    """
    return f"{type(error).__name__}: {error.message if isinstance(error, DsimError) else error}"


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check. ``message`` says what was seen, ``hint`` how to mend a failure."""

    name: str
    status: Status
    message: str
    hint: str
    seconds: float

    def __str__(self) -> str:
        ended = self.status.value.replace("_", " ")
        line = f"{ended:<17} {self.name:<24} {self.seconds:6.2f} s  {self.message}".rstrip()
        return f"{line}\n{'':<17} fix: {self.hint}" if self.hint else line


@dataclass(frozen=True)
class Report:
    """The results of all checks of one thing, in the order in which they ran.

    ``kind`` is measure, extractor, trainer, builder, reader, command or zoo. The name of a measure is its identity,
    ``name@version:params``.

    >>> print(Report("shift@1", (CheckResult("symmetry", Status.PASSED, "12 pairs", "", 0.25),)))
    shift@1: 1 passed
      passed            symmetry                   0.25 s  12 pairs
    """

    name: str
    results: tuple[CheckResult, ...]
    kind: str = "measure"

    @property
    def ok(self) -> bool:
        """Whether it conforms: no failure, and no unexpected pass."""
        return not self.failures

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        """Results that keep it from conforming."""
        return tuple(result for result in self.results if not result.status.ok)

    def __getitem__(self, check: str) -> CheckResult:
        """The result of the check of that name."""
        return {result.name: result for result in self.results}[check]

    @property
    def summary(self) -> str:
        """The number of checks with each outcome, as text."""
        counts = Counter(result.status for result in self.results)
        return ", ".join(f"{counts[status]} {status.value.replace('_', ' ')}" for status in Status if counts[status])

    def __str__(self) -> str:
        lines = "\n".join(map(str, self.results)).splitlines()
        return "\n".join([f"{self.name}: {self.summary}", *(f"  {line}" for line in lines)])

    def raise_for_failures(self) -> None:
        """Raise ConformanceError, which is an AssertionError too, unless ``ok``."""
        if self.failures:
            message = "\n".join(map(str, self.failures))
            raise ConformanceError(f"{self.kind} {self.name} does not conform:\n{message}")

    def to_dict(self) -> dict[str, Any]:
        """Return a document of schema ``dsim.conformance/1``."""
        results = [asdict(result) for result in self.results]
        return {"schema": SCHEMA, "kind": self.kind, "name": self.name, "ok": self.ok, "results": results}

    def to_json(self) -> str:
        """Return the document as text."""
        return to_json(self.to_dict())
