from .build import dataset_reference, locate_datasets, make_report
from .contents import Glance, Part, Report, Results, Step, open_results, recommended
from .evaluation_page import write_evaluation_report
from .layout import check_report_path
from .page import to_html, write_report
from .truth_page import write_truth_report

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
    "recommended",
    "to_html",
    "write_evaluation_report",
    "write_report",
    "write_truth_report",
]
