"""Run checks, which are functions of whatever is checked: what each returns or raises becomes one result."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from dsim.errors import DsimError
from dsim.testing.report import CheckResult, Failure, NotApplicable, Status

T = TypeVar("T")

#: Looks at its subject; returns what it saw, or raises Failure or NotApplicable.
Check = Callable[[T], str | None]


def named(checks: Iterable[Check[T]]) -> dict[str, Check[T]]:
    """Checks by name."""
    return {check.__name__.replace("_", "-"): check for check in checks}


def run_gated(
    checks: Mapping[str, Check[T]], subject: T, gate: str, expected: Mapping[str, str] | None = None
) -> list[CheckResult]:
    """Run all checks in order; those behind ``gate`` do not apply where it has not passed."""
    results: list[CheckResult] = []
    opened = True
    for name, check in checks.items():
        if opened:
            results.append(run_check(name, check, subject, (expected or {}).get(name)))
        else:
            results.append(CheckResult(name, Status.NOT_APPLICABLE, f"the check {gate} has failed", "", 0.0))
        opened = opened and (name != gate or results[-1].status is Status.PASSED)
    return results


def run_check(name: str, check: Check[T], subject: T, expected: str | None = None) -> CheckResult:
    """Run one check; ``expected`` is the reason why it should fail."""
    started = time.perf_counter()
    status, message, hint = _outcome(check, subject)
    if expected is not None:
        status, message, hint = _against(expected, status, message)
    return CheckResult(name, status, message, hint, time.perf_counter() - started)


def _outcome(check: Check[T], subject: T) -> tuple[Status, str, str]:
    try:
        with warnings.catch_warnings():
            # "invalid value encountered in divide" is how a wrong number announces itself.
            warnings.simplefilter("error", RuntimeWarning)
            return Status.PASSED, check(subject) or "", ""
    except NotApplicable as reason:
        return Status.NOT_APPLICABLE, str(reason), ""
    except Failure as failure:
        return Status.FAILED, failure.message, failure.hint
    except DsimError as error:
        return Status.FAILED, f"it is refused: {error.message}", error.hint or "nothing may be refused here"
    except Exception as error:
        return Status.FAILED, f"it raised {type(error).__name__}: {error}", "nothing may be raised here"


def _against(expected: str, status: Status, message: str) -> tuple[Status, str, str]:
    if status is Status.FAILED:
        return Status.EXPECTED_FAILURE, f"{expected} ({message})", ""
    happened = "it passes" if status is Status.PASSED else f"it does not apply: {message}"
    return Status.UNEXPECTED_PASS, f"expected to fail ({expected}), but {happened}", "remove the expected failure"
