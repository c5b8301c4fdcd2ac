from .classifiers import CLASSIFIERS
from .curve import Curve, balanced_accuracy
from .draws import COUNTS, Draws, draw_labelled
from .next_labels import STRATEGIES, ChoiceCurve, NextLabels, judge_choices, next_labels
from .reduction import ORDERS, Reduction, fit_reduction
from .result import LabelEfficiency, Labelled
from .run import label_efficiency
from .split import LabelledSplit, divide_labelled
from .spread import AccuracyDifference, AccuracySpread, compare_accuracies, measure_spread, resample_means

__all__ = [
    "CLASSIFIERS",
    "COUNTS",
    "ORDERS",
    "STRATEGIES",
    "AccuracyDifference",
    "AccuracySpread",
    "ChoiceCurve",
    "Curve",
    "Draws",
    "LabelEfficiency",
    "Labelled",
    "LabelledSplit",
    "NextLabels",
    "Reduction",
    "balanced_accuracy",
    "compare_accuracies",
    "divide_labelled",
    "draw_labelled",
    "fit_reduction",
    "judge_choices",
    "label_efficiency",
    "measure_spread",
    "next_labels",
    "resample_means",
]
