from .classifiers import CLASSIFIERS
from .curve import Curve, balanced_accuracy
from .draws import COUNTS, Draws, draw_labelled
from .reduction import ORDERS, Reduction, fit_reduction
from .result import LabelEfficiency, Labelled
from .run import label_efficiency
from .split import LabelledSplit, divide_labelled
from .spread import AccuracyDifference, AccuracySpread, compare_accuracies, measure_spread, resample_means

__all__ = [
    "CLASSIFIERS",
    "COUNTS",
    "ORDERS",
    "AccuracyDifference",
    "AccuracySpread",
    "Curve",
    "Draws",
    "LabelEfficiency",
    "Labelled",
    "LabelledSplit",
    "Reduction",
    "balanced_accuracy",
    "compare_accuracies",
    "divide_labelled",
    "draw_labelled",
    "fit_reduction",
    "label_efficiency",
    "measure_spread",
    "resample_means",
]
