from .build import dataset_reference, locate_datasets, make_report
from .contents import Glance, Part, Report, Results, Step, open_results
from .page import check_report_path, to_html, write_report

__all__ = [
    "Glance",
    "Part",
    "Report",
    "Results",
    "Step",
    "check_report_path",
    "dataset_reference",
    "locate_datasets",
    "make_report",
    "open_results",
    "to_html",
    "write_report",
]
