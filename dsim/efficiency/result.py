"""What was measured: the curves of all datasets, extractors and classifiers, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.efficiency.curve import Curve, Predictions, confusion_matrices
from dsim.efficiency.draws import Draws
from dsim.efficiency.split import LabelledSplit
from dsim.efficiency.spread import (
    AccuracyDifference,
    AccuracySpread,
    compare_accuracies,
    measure_spread,
    resample_means,
)
from dsim.errors import UsageError
from dsim.stats.power_law import Estimate, PowerLaw, fit_power_law

SCHEMA = "dsim.label-efficiency/1"
_AGAIN = "write it again: dsim label-efficiency"


@dataclass(frozen=True)
class Labelled:
    """What is known of one labelled dataset beside its curves.

    Parameters
    ----------
    classes : labels, sorted; predictions and truth are positions in them. ``sizes`` : training images of each.
    short : of each count the classes that have fewer images, and how many.
    split : facts of the division: images, groups, fingerprints, classes that were left out.
    truth : class of each test image, intp (t,). ``groups`` : group of each, t texts; None where none is known.
    test_ids : names of the test images. All three are None where it was read from a document.
    """

    name: str
    classes: tuple[str, ...]
    sizes: Mapping[str, int]
    short: Mapping[int, Mapping[str, int]]
    split: Mapping[str, Any]
    truth: NDArray[np.intp] | None = field(default=None, repr=False, compare=False)
    groups: tuple[str, ...] | None = field(default=None, repr=False, compare=False)
    test_ids: tuple[str, ...] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, split: LabelledSplit, draws: Draws) -> Labelled:
        """Return what is known of a dataset after its division and draws."""
        short = {count: few for count in draws.counts if (few := draws.short(count))}
        truth, ids = split.codes(split.test), tuple(split.test.ids)
        return cls(split.name, split.classes, draws.sizes, short, split.facts, truth, split.test.groups, ids)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        return {
            "name": self.name,
            "classes": list(self.classes),
            "sizes": dict(self.sizes),
            "short": {str(count): dict(few) for count, few in self.short.items()},
            "split": dict(self.split),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Labelled:
        """Return what such values say; truth and groups are not among them."""
        short = {int(count): few for count, few in document["short"].items()}
        return cls(document["name"], tuple(document["classes"]), document["sizes"], short, document["split"])


@dataclass(frozen=True)
class LabelEfficiency:
    """All curves of one measurement.

    Parameters
    ----------
    datasets : in their order. ``curves`` : of each dataset, extractor and classifier.
    settings : what was asked for. ``extractors`` : by reference what identifies the features (network, sha256 of the
        weights, transform). ``versions`` : of libraries. ``seconds`` : of the whole call. ``notes`` : warnings,
        in sentences.
    """

    datasets: tuple[Labelled, ...]
    curves: tuple[Curve, ...]
    settings: Mapping[str, Any]
    extractors: Mapping[str, Mapping[str, str]]
    versions: Mapping[str, str]
    seconds: float
    notes: tuple[str, ...] = ()
    _laws: dict[tuple[str, ...], PowerLaw] = field(default_factory=dict, init=False, repr=False, compare=False)

    def dataset(self, name: str = "") -> Labelled:
        """Return what is known of a dataset; its name may be left out where there is one only.

        Raises UsageError where there is no such dataset.
        """
        found = [each for each in self.datasets if each.name == name or (not name and len(self.datasets) == 1)]
        if not found:
            known = ", ".join(each.name for each in self.datasets)
            raise UsageError(f"no curve is of dataset {name!r}" if name else "which dataset?", hint=f"one of: {known}")
        return found[0]

    def curve(self, extractor: str = "", classifier: str = "", dataset: str = "") -> Curve:
        """Return one curve: by default of the first extractor and classifier. Raises UsageError where there is none."""
        name = self.dataset(dataset).name
        own = [curve for curve in self.curves if curve.dataset == name]
        for curve in own:
            if extractor in ("", curve.extractor) and classifier in ("", curve.classifier):
                return curve
        known = ", ".join(f"{curve.extractor} {curve.classifier}" for curve in own)
        raise UsageError(f"there is no curve of {extractor!r} and {classifier!r}", hint=f"there are: {known}")

    def power_law(self, extractor: str = "", classifier: str = "", dataset: str = "") -> PowerLaw:
        """Return the power law of a curve, by which accuracies and numbers of labels are forecast.

        Intervals are over draws and test groups together; over draws alone where the predictions are not known. Counts
        that most classes fall short of do not take part: they are fewer labels than they say.
        """
        curve, known = self.curve(extractor, classifier, dataset), self.dataset(dataset)
        key = curve.extractor, curve.classifier, known.name
        if key not in self._laws:
            most = float(np.median([*known.sizes.values()]))
            used = [at for at, count in enumerate(curve.counts) if count <= most]
            replicates = None
            if curve.predictions is not None and known.truth is not None and used:
                replicates = resample_means(curve.predictions[:, used], known.truth, known.groups)
            counts = [curve.counts[at] for at in used]
            self._laws[key] = fit_power_law(counts, curve.accuracies[:, used], replicates=replicates)
        return self._laws[key]

    def forecast(self, count: int, extractor: str = "", classifier: str = "", dataset: str = "") -> Estimate:
        """Return the accuracy to be expected with so many labels per class, by the power law, with an interval."""
        return self.power_law(extractor, classifier, dataset).at(count)

    def needed(self, accuracy: float, extractor: str = "", classifier: str = "", dataset: str = "") -> Estimate:
        """Return how many labels per class a balanced accuracy takes, by the power law, with an interval.

        Infinite, with a reason, for an accuracy above the plateau. Raises UsageError for one outside (0, 1].
        """
        if not 0 < accuracy <= 1:
            raise UsageError(f"a balanced accuracy of {accuracy:g} cannot be reached", hint="give one above 0, up to 1")
        return self.power_law(extractor, classifier, dataset).needed(accuracy)

    def accuracy(self, count: int, extractor: str = "", classifier: str = "", dataset: str = "") -> Estimate:
        """Return the measured mean accuracy at a count, with its interval over draws and test groups together.

        Raises UsageError where it was not measured, or where predictions are not known.
        """
        curve, known = self.curve(extractor, classifier, dataset), self.dataset(dataset)
        at = curve.position(count)
        predictions, truth = _known(curve.predictions, known.truth)
        means = resample_means(predictions[:, [at]], truth, known.groups)[:, 0]
        low, high = np.nanquantile(means, [0.025, 0.975])
        return Estimate(float(curve.mean[at]), float(low), float(high))

    def spread(self, count: int, extractor: str = "", classifier: str = "", dataset: str = "") -> AccuracySpread:
        """Return both kinds of spread of the accuracy at a count: over draws, and over test groups.

        Raises UsageError where it was not measured, or where predictions are not known.
        """
        curve, known = self.curve(extractor, classifier, dataset), self.dataset(dataset)
        at = curve.position(count)
        predictions, truth = _known(curve.predictions, known.truth)
        return measure_spread(predictions[:, at], truth, known.groups)

    def compare(
        self, first: str, second: str, count: int, classifier: str = "", dataset: str = "", other: str = ""
    ) -> AccuracyDifference:
        """Return by how much an extractor is better than another at a count, paired by draws and test groups.

        ``other`` : the classifier of the second, where it is another one. Of curves with different numbers of draws
        (``finetune``) the first of both are compared. Raises UsageError where one of them was not measured.
        """
        known = self.dataset(dataset)
        sides = []
        for extractor, name in ((first, classifier), (second, other or classifier)):
            curve = self.curve(extractor, name, dataset)
            predictions, truth = _known(curve.predictions, known.truth)
            sides.append(predictions[:, curve.position(count)])
        draws = min(map(len, sides))
        return compare_accuracies(sides[0][:draws], sides[1][:draws], truth, known.groups)

    def confusion(
        self, extractor: str = "", classifier: str = "", dataset: str = "", count: int | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and standard deviation over draws of the confusion matrix, float64 (classes, classes) each.

        Rows are true classes and sum to 1; NaN where a class has no test image. ``count`` : images per class; by
        default the one that was chosen when it was measured. Raises UsageError where it is not known.
        """
        curve, known = self.curve(extractor, classifier, dataset), self.dataset(dataset)
        if count is None and curve.confusion is not None:
            return curve.confusion.mean, curve.confusion.std
        predictions, truth = _known(curve.predictions, known.truth)
        at = curve.position(curve.counts[-1] if count is None else count)
        shares = confusion_matrices(truth, predictions[:, at], len(known.classes))
        return shares.mean(axis=0), shares.std(axis=0)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON, without the predictions of single draws."""
        return {
            "schema": SCHEMA,
            "settings": dict(self.settings),
            "datasets": [each.to_dict() for each in self.datasets],
            "curves": [curve.to_dict() for curve in self.curves],
            "extractors": {reference: dict(facts) for reference, facts in self.extractors.items()},
            "versions": dict(self.versions),
            "notes": list(self.notes),
            "seconds": round(self.seconds, 1),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> LabelEfficiency:
        """Return the result of such values; raises DataError where they do not hold to the schema."""
        from dsim.files.documents import check

        check(document, SCHEMA, "the document", _AGAIN)
        return cls(
            tuple(Labelled.from_dict(each) for each in document["datasets"]),
            tuple(Curve.from_dict(each) for each in document["curves"]),
            document["settings"],
            document["extractors"],
            document["versions"],
            document["seconds"],
            tuple(document["notes"]),
        )

    def save(self, path: Path) -> None:
        """Write it as JSON; DsimError where the disk refuses."""
        from dsim.files.documents import to_json

        to_json(self.to_dict(), path)

    @classmethod
    def load(cls, path: Path) -> LabelEfficiency:
        """Return the result that ``save`` wrote; raises DataError for another file."""
        from dsim.files.documents import read

        return cls.from_dict(read(path, _AGAIN))


def _known(predictions: Predictions | None, truth: NDArray[np.intp] | None) -> tuple[Predictions, NDArray[np.intp]]:
    """Predictions and truth; raises UsageError where the result was read from a document, which has none."""
    if predictions is None or truth is None:
        raise UsageError(
            "predictions are not part of the document", hint="measure again; finished draws are taken from out="
        )
    return predictions, truth
