"""The conformance kit: does a plugin keep the contract? For its authors, in two lines of a test.

>>> from dsim.testing import check_measure
>>> check_measure("cc:size=32").ok
True

The checks are plain functions, and need no test runner: ``dsim plugin check NAME`` runs the same ones.
"""

from __future__ import annotations

from dsim.testing.installed import PluginReport, assert_plugin_conforms, check_plugin, keep, kept
from dsim.testing.report import CheckResult, ConformanceError, Report, Status
from dsim.testing.runner import CHECKS, assert_conforms, check_measure

__all__ = [
    "CHECKS",
    "CheckResult",
    "ConformanceError",
    "PluginReport",
    "Report",
    "Status",
    "assert_conforms",
    "assert_plugin_conforms",
    "check_measure",
    "check_plugin",
    "keep",
    "kept",
]
