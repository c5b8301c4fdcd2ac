"""The report on a comparison: one page for a person who decides, on screen, on a phone and on paper."""

from dsim.report.contents import Glance, Part, Picture, Report, Step
from dsim.report.making import make_report
from dsim.report.results import Results, open_results
from dsim.report.writing import to_html, write_report

__all__ = [
    "Glance",
    "Part",
    "Picture",
    "Report",
    "Results",
    "Step",
    "make_report",
    "open_results",
    "to_html",
    "write_report",
]
