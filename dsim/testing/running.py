"""Run every check on one measure."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dsim.errors import DsimError, UnknownNameError, UsageError
from dsim.measure import SimilarityMeasure
from dsim.registry import build_measure
from dsim.testing import axioms, declaration, invariance, refusal, splitting, state
from dsim.testing.report import CheckResult, Failure, NotApplicable, Report, Status
from dsim.testing.subject import Subject

Check = Callable[[Subject], str | None]


def _named(checks: tuple[Check, ...]) -> dict[str, Check]:
    return {check.__name__.replace("_", "-"): check for check in checks}


#: Checks of the declaration run first; all others need values, and so run only if ``works`` passes.
_DECLARED = _named(declaration.CHECKS)
_VALUED = _named((*refusal.CHECKS, *axioms.CHECKS, *invariance.CHECKS, *splitting.CHECKS, *state.CHECKS))

#: What each check guards, by name.
CHECKS: Mapping[str, str] = {
    name: (check.__doc__ or "").splitlines()[0] for name, check in {**_DECLARED, **_VALUED}.items()
}


def check_measure(
    measure: str | SimilarityMeasure[Any] | Callable[[], SimilarityMeasure[Any]],
    *,
    expected_failures: Mapping[str, str] | None = None,
) -> Report:
    """Check that a measure keeps the contract: thirty checks, in a few seconds for a quick measure.

    Parameters
    ----------
    measure : a call such as ``"cc:size=32"``, a measure, or a class or function that makes one.
    expected_failures : reasons by name of check, for deviations that are meant (an unbiased estimator fails
        ``duplication``). They are strict: a check that passes nevertheless, or does not apply, is a failure.

    Returns
    -------
    Report
        One result per check; nothing is skipped silently.

    Raises
    ------
    UsageError
        Where the measure or an expected check is unknown, or an expectation has no reason.
    """
    expected = _with_reasons(expected_failures or {})
    built = build_measure(measure if isinstance(measure, str | SimilarityMeasure) else measure())
    with tempfile.TemporaryDirectory(prefix="dsim-conformance-") as folder:
        subject = Subject(built, Path(folder))
        results = [_run(name, check, subject, expected.get(name)) for name, check in _DECLARED.items()]
        usable = True
        for name, check in _VALUED.items():
            if not usable:
                results.append(CheckResult(name, Status.NOT_APPLICABLE, "the check works has failed", "", 0.0))
                continue
            results.append(_run(name, check, subject, expected.get(name)))
            usable = name != "works" or results[-1].status is Status.PASSED
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


def _run(name: str, check: Check, subject: Subject, expected: str | None) -> CheckResult:
    started = time.perf_counter()
    status, message, hint = _outcome(check, subject)
    if expected is not None:
        status, message, hint = _against(expected, status, message)
    return CheckResult(name, status, message, hint, time.perf_counter() - started)


def _outcome(check: Check, subject: Subject) -> tuple[Status, str, str]:
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
        return Status.FAILED, f"it is refused: {error.message}", error.hint or "no part of a measure may refuse here"
    except Exception as error:
        return Status.FAILED, f"it raised {type(error).__name__}: {error}", "no part of a measure may raise here"


def _against(expected: str, status: Status, message: str) -> tuple[Status, str, str]:
    if status is Status.FAILED:
        return Status.EXPECTED_FAILURE, f"{expected} ({message})", ""
    happened = "it passes" if status is Status.PASSED else f"it does not apply: {message}"
    return Status.UNEXPECTED_PASS, f"expected to fail ({expected}), but {happened}", "remove the expected failure"
