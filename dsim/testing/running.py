"""Run every check on one measure."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dsim.errors import UnknownNameError, UsageError
from dsim.measures import SimilarityMeasure, build_measure
from dsim.testing import axioms, declaration, invariance, refusal, splitting, state
from dsim.testing.conducting import Check, named, run_gated
from dsim.testing.report import Report
from dsim.testing.subject import Subject

#: Checks of the declaration run first; ``works`` is the first that asks for values, and all behind it need them.
_CHECKS: Mapping[str, Check[Subject]] = named(
    (*declaration.CHECKS, *refusal.CHECKS, *axioms.CHECKS, *invariance.CHECKS, *splitting.CHECKS, *state.CHECKS)
)

#: What each check guards, by name.
CHECKS: Mapping[str, str] = {name: (check.__doc__ or "").splitlines()[0] for name, check in _CHECKS.items()}


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
        results = run_gated(_CHECKS, Subject(built, Path(folder)), "works", expected)
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
