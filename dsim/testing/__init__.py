"""The conformance kit: does a measure keep the contract? For the authors of plugins, in two lines of a test.

>>> from dsim.testing import check_measure
>>> check_measure("cc:size=32").ok
True
"""

from __future__ import annotations

from dsim.testing.report import CheckResult, ConformanceError, Report, Status
from dsim.testing.running import CHECKS, assert_conforms, check_measure

__all__ = ["CHECKS", "CheckResult", "ConformanceError", "Report", "Status", "assert_conforms", "check_measure"]
