"""Run checks, which are functions of whatever is checked, and all of them on one measure."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from dsim.errors import DsimError, UnknownNameError, UsageError
from dsim.measures import SimilarityMeasure, build_measure
from dsim.testing.declaration import DECLARATION
from dsim.testing.laws import LAWS
from dsim.testing.refusal import REFUSAL
from dsim.testing.report import CheckResult, Failure, NotApplicable, Report, Status
from dsim.testing.state import STATE
from dsim.testing.subject import Subject
from dsim.testing.values import AXIOMS, INVARIANCE, SPLITTING

T = TypeVar("T")

#: Looks at its subject; returns what it saw, or raises Failure or NotApplicable.
Check = Callable[[T], str | None]


def named(checks: Iterable[Check[T]]) -> dict[str, Check[T]]:
    """Return the checks by name: ``_too_few_samples`` is ``too-few-samples``."""
    return {check.__name__.strip("_").replace("_", "-"): check for check in checks}


def run_gated(
    checks: Mapping[str, Check[T]], subject: T, gate: str, expected: Mapping[str, str] | None = None
) -> list[CheckResult]:
    """Return the results of all checks, run in order; those behind ``gate`` do not apply where it has not passed."""
    results: list[CheckResult] = []
    opened = True
    for name, check in checks.items():
        if opened:
            results.append(_run_check(name, check, subject, (expected or {}).get(name)))
        else:
            results.append(CheckResult(name, Status.NOT_APPLICABLE, f"the check {gate} has failed", "", 0.0))
        opened = opened and (name != gate or results[-1].status is Status.PASSED)
    return results


def _run_check(name: str, check: Check[T], subject: T, expected: str | None = None) -> CheckResult:
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


#: Checks of the declaration run first; ``works`` is the first that asks for values, and all behind it need them.
_MEASURE_CHECKS: Mapping[str, Check[Subject]] = named(
    (*DECLARATION, *REFUSAL, *AXIOMS, *INVARIANCE, *SPLITTING, *LAWS, *STATE)
)

#: What each check guards, by name.
CHECKS: Mapping[str, str] = {name: (check.__doc__ or "").splitlines()[0] for name, check in _MEASURE_CHECKS.items()}


def check_measure(
    measure: str | SimilarityMeasure[Any] | Callable[[], SimilarityMeasure[Any]],
    *,
    expected_failures: Mapping[str, str] | None = None,
) -> Report:
    """Return the report on a measure: checks of the contract, in a few seconds for a quick measure.

    Parameters
    ----------
    measure : a call such as ``"cc:size=32"``, a measure, or a class or function that makes one.
    expected_failures : reasons by name of check, for deviations that are meant (an unbiased estimator fails
        ``duplication``); None: those that its spec declares, which are of its defaults. They are strict: a check that
        passes nevertheless, or does not apply, is a failure.

    Returns
    -------
    Report
        One result per check; nothing is skipped silently.

    Raises
    ------
    UsageError
        Where the measure or an expected check is unknown, or an expectation has no reason.
    """
    built = build_measure(measure if isinstance(measure, str | SimilarityMeasure) else measure())
    expected = _with_reasons(built.spec.expected_failures if expected_failures is None else expected_failures)
    with tempfile.TemporaryDirectory(prefix="dsim-conformance-") as folder:
        results = run_gated(_MEASURE_CHECKS, Subject(built, Path(folder)), "works", expected)
    return Report(built.identity, tuple(results))


def _with_reasons(expected: Mapping[str, str]) -> Mapping[str, str]:
    """The expected failures, each of a check that exists and with a reason."""
    for name, reason in expected.items():
        if name not in CHECKS:
            raise UnknownNameError("check", name, CHECKS, hint=f"the checks are: {', '.join(CHECKS)}")
        if not reason.strip():
            raise UsageError(f"the expected failure of {name!r} has no reason", hint="say why it is meant")
    return expected


def assert_conforms(
    measure: str | SimilarityMeasure[Any] | Callable[[], SimilarityMeasure[Any]],
    *,
    expected_failures: Mapping[str, str] | None = None,
) -> None:
    """Raise an AssertionError that lists what breaks the contract; for tests of two lines."""
    check_measure(measure, expected_failures=expected_failures).raise_for_failures()
