"""Whether forecasts hold: curves are cut off, the rest is forecast by the power law, and compared with what was seen.

    python -m benchmarks.label_efficiency.forecasts [--known 25] [--known 50]

A forecast is of one curve and one later count N: how many labels per class does the accuracy take that was measured at
N? It is right where the answer is within N / 2 and 2 N; infinity is wrong. A curve that is no better at N than at the
largest known count asks nothing, and is counted apart. Where it is less than ``RISE`` better, the answer hangs on the
last image or two: such forecasts count, and are also left out in a second share. Both rules were set before any curve
of the study was measured.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.stats.power_law import Estimate, Prior, fit_power_law

Array = NDArray[np.float64]

#: A gain in balanced accuracy that is worth a forecast, and how far a right one may be off.
RISE, FACTOR = 0.01, 2.0


@dataclass(frozen=True)
class MeasuredCurve:
    """A whole curve: labels per class (m,), and accuracies (r, m) of r draws."""

    name: str
    counts: tuple[int, ...]
    accuracies: Array


@dataclass(frozen=True)
class Forecast:
    """One forecast beside what was measured: ``needed`` for the accuracy at ``count``, and ``accuracy_at`` it."""

    curve: str
    known: int
    count: int
    accuracy: float
    gain: float
    needed: Estimate
    accuracy_at: Estimate

    @property
    def right(self) -> bool:
        """Whether the labels needed are within the factor."""
        return bool(self.count / FACTOR <= self.needed.value <= self.count * FACTOR)

    @property
    def covered(self) -> bool:
        """Whether the interval of the labels needed holds the count."""
        return bool(self.needed.low <= self.count <= self.needed.high)

    @property
    def accuracy_covered(self) -> bool:
        """Whether the interval of the accuracy holds what was measured."""
        return bool(self.accuracy_at.low <= self.accuracy <= self.accuracy_at.high)


@dataclass(frozen=True)
class Judgement:
    """All forecasts, and how many later counts asked nothing, since the curve did not rise."""

    forecasts: tuple[Forecast, ...]
    flat: int

    def shares(self, rising: bool = False, farthest: float = math.inf) -> dict[str, float]:
        """Return shares of forecasts: right, covered, of infinity; and the mean absolute error of accuracies.

        ``rising`` : only those that gain ``RISE`` or more. ``farthest`` : only counts up to so many times the largest
        known. ``curves`` : of how many curves; ``curves_right`` the share of these whose forecasts are mostly right.
        """
        chosen = [
            each for each in self.forecasts if (each.gain >= RISE or not rising) and each.count <= farthest * each.known
        ]
        if not chosen:
            return {"forecasts": 0, "curves": 0}
        by_curve: dict[str, list[bool]] = {}
        for each in chosen:
            by_curve.setdefault(each.curve, []).append(each.right)
        return {
            "forecasts": len(chosen),
            "curves": len(by_curve),
            "right": _mean(each.right for each in chosen),
            "curves_right": _mean(np.mean(right) >= 0.5 for right in by_curve.values()),
            "infinite": _mean(math.isinf(each.needed.value) for each in chosen),
            "covered": _mean(each.covered for each in chosen),
            "accuracy_covered": _mean(each.accuracy_covered for each in chosen),
            "accuracy_error": _mean(abs(each.accuracy_at.value - each.accuracy) for each in chosen),
        }


def judge_forecasts(
    curves: Sequence[MeasuredCurve],
    known_counts: Sequence[int],
    later_counts: Sequence[int],
    prior: Prior | None = None,
    resamples: int = 500,
) -> Judgement:
    """Return forecasts from the known counts of what was measured at later ones.

    Parameters
    ----------
    curves : whole. known_counts : those that are fitted; a curve that lacks one of them, or has no later one, is left
        out. later_counts : those that are forecast, as far as a curve has them.
    """
    forecasts: list[Forecast] = []
    flat = 0
    for curve in curves:
        later = [count for count in curve.counts if count in later_counts]
        if not set(known_counts) <= set(curve.counts) or not later:
            continue
        means = dict(zip(curve.counts, np.nanmean(curve.accuracies, axis=0).tolist(), strict=True))
        fitted = [curve.counts.index(count) for count in sorted(known_counts)]
        law = fit_power_law(sorted(known_counts), curve.accuracies[:, fitted], prior=prior, resamples=resamples)
        for count in later:
            gain = means[count] - means[max(known_counts)]
            if gain <= 0:
                flat += 1
                continue
            needed, at = law.needed(means[count]), law.at(count)
            forecasts.append(Forecast(curve.name, max(known_counts), count, means[count], gain, needed, at))
    return Judgement(tuple(forecasts), flat)


def stored_curves(documents: Mapping[str, Mapping[str, Any]]) -> Iterator[MeasuredCurve]:
    """Yield the curves of stored results, in place of draws two that have the same mean and standard error."""
    for name, document in documents.items():
        for row in document["curves"]:
            means = np.array([math.nan if value is None else value for value in row["mean"]], dtype=np.float64)
            spreads = np.array([value or 0.0 for value in row["sd"]], dtype=np.float64)
            errors = spreads / math.sqrt(max(row["draws"], 1))
            label = " ".join(filter(None, (name, row["extractor"], row["classifier"], row["order"])))
            yield MeasuredCurve(label, tuple(row["counts"]), np.stack([means - errors, means + errors]))


def table_of(curves: Sequence[MeasuredCurve], known: Sequence[int] = (25, 50)) -> str:
    """Return a table in Markdown: from labels up to 25 or 50, all later counts, and those up to four times as far."""
    lines = [
        "| known up to | forecasts | curves | within a factor of 2 | where the curve rises by 0.01 | intervals hold "
        "| error of accuracy |",
        "|---|---|---|---|---|---|---|",
    ]
    counts = sorted({count for curve in curves for count in curve.counts})
    for most in known:
        up_to = [count for count in counts if count <= most]
        judged = judge_forecasts(curves, up_to, [count for count in counts if count > most])
        for farthest, words in ((4.0, f"{most}, to {4 * most}"), (math.inf, f"{most}, all later")):
            every, rising = judged.shares(farthest=farthest), judged.shares(True, farthest)
            if not every["forecasts"]:
                continue
            steep = f"{rising['right']:.0%} of {rising['forecasts']}" if rising["forecasts"] else "none"
            lines.append(
                f"| {words} | {every['forecasts']} | {every['curves']} | {every['right']:.0%} | {steep} | "
                f"{every['covered']:.0%} | {every['accuracy_error']:.3f} |"
            )
    return "\n".join(lines) + "\n"


def _mean(values: Iterator[Any]) -> float:
    return float(np.mean([float(value) for value in values]))


def main() -> None:
    """Print how the forecasts of the stored curves hold."""
    from benchmarks.label_efficiency.tables import stored

    parser = argparse.ArgumentParser(prog="python -m benchmarks.label_efficiency.forecasts")
    parser.add_argument("--known", type=int, action="append", metavar="COUNT")
    known = parser.parse_args().known or (25, 50)
    print(table_of(list(stored_curves(stored())), known), end="")


if __name__ == "__main__":
    main()
