"""The answer in a sentence: what accuracy the labels at hand give, and how many labels a better one would take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsim.efficiency.curve import Curve
    from dsim.efficiency.result import LabelEfficiency
    from dsim.stats.power_law import Estimate

#: Classifiers as sentences call them.
CLASSIFIER_WORDS: Mapping[str, str] = {
    "svm": "SVM",
    "logistic": "logistic regression",
    "knn": "nearest neighbours",
    "linear": "linear layer",
    "finetune": "trained end to end",
}
#: Accuracies that are asked for where none was named: the first above what was measured.
_ROUND = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)


@dataclass(frozen=True)
class Headline:
    """The answer for one dataset, by one extractor and one classifier.

    Parameters
    ----------
    count : labels per class. ``accuracy`` : balanced, in [0, 1], with its interval over draws and test groups.
    target : the accuracy that is asked for; NaN where there is none. ``needed`` : labels per class that it takes.
    plateau : accuracy with any number of labels.
    """

    dataset: str
    extractor: str
    classifier: str
    count: int
    accuracy: Estimate
    target: float
    needed: Estimate
    plateau: Estimate

    @property
    def sentence(self) -> str:
        """The answer."""
        labels = f"{self.count} label{'s' if self.count != 1 else ''} per class"
        by = f"{self.extractor} ({CLASSIFIER_WORDS.get(self.classifier, self.classifier)})"
        measured = (
            f"On {self.dataset}, {labels} give a balanced accuracy of {interval_in_words(self.accuracy)} with {by}"
        )
        return f"{measured}; {self._forecast}."

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON: numbers that are not finite are null."""
        from dsim.files.documents import number

        return {
            "dataset": self.dataset,
            "extractor": self.extractor,
            "classifier": self.classifier,
            "count": self.count,
            "accuracy": self.accuracy.to_dict(),
            "target": number(self.target),
            "needed": self.needed.to_dict(),
            "plateau": self.plateau.to_dict(),
            "sentence": self.sentence,
        }

    @property
    def _forecast(self) -> str:
        if math.isnan(self.target):
            return "hardly any better accuracy is left to forecast"
        if math.isnan(self.needed.value):
            return f"what {self.target:.2f} would take is not known: {self.needed.note}"
        if math.isinf(self.needed.value):
            return (
                f"more labels are not expected to give {self.target:.2f}: the curve levels off at "
                f"{interval_in_words(self.plateau)}"
            )
        low, high = count_in_words(self.needed.low), count_in_words(self.needed.high)
        bounds = f"at least {low}" if math.isinf(self.needed.high) else f"{low} to {high}"
        return f"{self.target:.2f} would take about {count_in_words(self.needed.value)} per class ({bounds})"


def headline(result: LabelEfficiency, dataset: str, accuracy: float | None = None) -> Headline:
    """Return the answer for a dataset, of the first extractor and the first classifier: not chosen by their score.

    The count is the largest that every class has in full, or the smallest there is. ``accuracy`` : that is asked for;
    by default the next round one above what was measured.
    """
    known = result.dataset(dataset)
    curve = next(each for each in result.curves if each.dataset == known.name)
    full = [count for count in curve.counts if count not in known.short]
    count = max(full, default=min(curve.counts))
    law = result.power_law(curve.extractor, curve.classifier, known.name)
    measured = result.accuracy(count, curve.extractor, curve.classifier, known.name)
    target = next((each for each in _ROUND if each > measured.value), math.nan) if accuracy is None else accuracy
    return Headline(
        known.name,
        curve.extractor,
        curve.classifier,
        count,
        measured,
        target,
        law.needed(target),
        law.plateau_estimate,
    )


def difference_in_words(result: LabelEfficiency, first: Curve, second: Curve, count: int) -> str:
    """Return the difference of two curves at a count, on the draws that both have; empty where one lacks the count."""
    if any(count not in curve.counts for curve in (first, second)):
        return ""
    found = result.compare(
        first.extractor, second.extractor, count, first.classifier, first.dataset, other=second.classifier
    )
    verdict = "better" if found.difference > 0 else "worse"
    if not found.clear:
        verdict = "not clearly different"
    bounds = "" if math.isnan(found.low) else f" ({found.low:+.3f} to {found.high:+.3f}, p = {found.p:.2g})"
    units = f"{found.units} test {'groups' if found.grouped else 'images'}"
    return f"{found.difference:+.3f}{bounds}, {verdict}; {found.draws} draws, {units}"


def interval_in_words(estimate: Estimate) -> str:
    """Return an accuracy with its interval.

    >>> from dsim.stats.power_law import Estimate
    >>> interval_in_words(Estimate(0.612, 0.55, 0.66)), interval_in_words(Estimate(0.6, math.nan, math.nan))
    ('0.61 (0.55 to 0.66)', '0.60')
    """
    if math.isnan(estimate.low) or math.isnan(estimate.high):
        return f"{estimate.value:.2f}"
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


def count_in_words(count: float) -> str:
    """Return a number of labels with two digits, since a forecast knows no more; ``no number`` where none suffices.

    >>> [count_in_words(count) for count in (3.2, 143.7, 12345.0, math.inf)]
    ['3', '140', '12,000', 'no number']
    """
    if math.isinf(count):
        return "no number"
    if math.isnan(count):
        return "unknown"
    digits = max(0, math.floor(math.log10(max(count, 1))) - 1)
    return f"{round(count / 10**digits) * 10**digits:,d}" if count < 1e9 else "over a billion"
