"""How choices among the candidates fare on targets that had no say: the figures of docs/selection.md.

    python -m benchmarks.selection.study [--record FILE] [--draws 50]

Every target of the record is left out in turn; weights, variances, widening and bounds are learnt from the others.
Then its images are annotated, none or so many drawn at random, and the candidate of the highest expected Dice is taken.
Regret, coverage and probabilities are judged on the images that were not annotated. Whether anything fits is judged
with all targets of a kind left out, among all candidates and among those of other kinds. What was found goes into the
record, from which ``dsim recommend`` says how reliable it is. Nothing is computed on images.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.selection import Fit, Posterior, Prior, Record, RecordedTarget, read_record
from dsim.selection.fit import USEFUL_DICE, find_bounds, judge_fit, kin_of, nearest_kin
from dsim.stats.ranking import spearman
from dsim.stats.resampling import draws as resample
from dsim.stats.resampling import percentile_interval

Array = NDArray[np.float64]
RECORD = Path(__file__).parent / "biomed16.json"
#: Annotated images; draws of them for each target; resamples of the targets for intervals; bins of probabilities.
COUNTS, DRAWS, RESAMPLES, BINS = (0, 1, 3, 5, 10), 50, 2000, 10
#: The procedure that compares images only, whose values the record keeps beside the signals.
ENSEMBLE = "ensemble"


@dataclass(frozen=True)
class Case:
    """One choice: what it lost, in points; whether each interval covered; probabilities and what came true."""

    regret: float
    plain: float
    covered: float
    width: float
    chances: Array
    best: Array
    bias: float


def judge_case(target: RecordedTarget, posterior: Posterior, annotated: Sequence[int]) -> Case:
    """One choice, judged on the images that are not annotated."""
    rest = np.setdiff1d(np.arange(target.dice.shape[1]), annotated)
    truth = target.dice[:, rest].mean(axis=1)
    best = truth == truth.max()
    first = int(posterior.order[0])
    inside = (posterior.low <= truth) & (truth <= posterior.high)
    return Case(
        100 * float(truth.max() - truth[first]),
        _plain_regret(target.dice[:, list(annotated)], truth),
        float(inside.mean()),
        100 * float((posterior.high - posterior.low).mean()),
        posterior.best,
        best / best.sum(),
        100 * float(posterior.expected[first] - truth[first]),
    )


def _plain_regret(scores: Array, truth: Array) -> float:
    """What the candidate that scored best on the annotated images alone loses; ties in equal parts; NaN without any."""
    if not scores.shape[1]:
        return float("nan")
    mean = scores.mean(axis=1)
    return 100 * float(truth.max() - truth[mean == mean.max()].mean())


def cases_of(target: RecordedTarget, prior: Prior, draws: int) -> dict[int, list[Case]]:
    """The choices for one target by number of annotated images."""
    found: dict[int, list[Case]] = {}
    for count in COUNTS:
        rng = np.random.default_rng([count, len(target.name), *target.name.encode()])
        chosen = [sorted(rng.permutation(target.dice.shape[1])[:count].tolist()) for _ in range(draws if count else 1)]
        found[count] = [judge_case(target, updated(prior, target, images), images) for images in chosen]
    return found


def updated(prior: Prior, target: RecordedTarget, annotated: Sequence[int]) -> Posterior:
    """The posterior of a target when these of its images are annotated."""
    scores = target.dice[:, list(annotated)]
    rest = target.dice.shape[1] - len(annotated)
    return prior.posterior(target.signals, target.agreement, scores, rest, models=target.models)


def interval(values: Sequence[float]) -> dict[str, float]:
    """The mean over targets with its 95 % interval, by bootstrap of the targets."""
    known = np.array([value for value in values if np.isfinite(value)])
    means = known[resample(len(known), RESAMPLES, 0)].mean(axis=1)
    low, high = percentile_interval(means, len(known), 0.95)
    return {"mean": round(float(known.mean()), 3), "low": round(float(low), 3), "high": round(float(high), 3)}


def calibration_error(chances: Array, came_true: Array) -> float:
    """Mean distance of probabilities from frequencies over bins of equal width, weighted by what is in them."""
    bins = np.minimum((BINS * chances).astype(int), BINS - 1)
    parts = [bins == number for number in range(BINS) if (bins == number).any()]
    return float(sum(part.mean() * abs(chances[part].mean() - came_true[part].mean()) for part in parts))


def summarise(found: dict[str, dict[int, list[Case]]]) -> dict[str, Any]:
    """Regret, coverage, widths and calibration by number of annotated images."""

    def over_targets(count: int, value: Callable[[Case], float]) -> dict[str, float]:
        return interval([float(np.mean([value(case) for case in cases[count]])) for cases in found.values()])

    rows = {
        str(count): {
            "regret": over_targets(count, lambda case: case.regret),
            "regret_without_prior": over_targets(count, lambda case: case.plain) if count else None,
            "coverage": over_targets(count, lambda case: case.covered),
            "width": over_targets(count, lambda case: case.width),
            "bias_of_first": over_targets(count, lambda case: case.bias),
            **_calibration([case for cases in found.values() for case in cases[count]]),
        }
        for count in COUNTS
    }
    everything = [case for cases in found.values() for several in cases.values() for case in several]
    return {"annotated": rows, "all": _calibration(everything)}


def _calibration(cases: Sequence[Case]) -> dict[str, float]:
    """Of the probabilities of all candidates, and of that of the likeliest alone."""
    chances, best = (np.concatenate([getattr(case, name) for case in cases]) for name in ("chances", "best"))
    likeliest = [(case.chances.max(), case.best[case.chances.argmax()]) for case in cases]
    said, true = np.array(likeliest).T
    return {
        "calibration": round(calibration_error(chances, best), 4),
        "calibration_of_likeliest": round(calibration_error(said, true), 4),
        "likeliest_said": round(float(said.mean()), 3),
        "likeliest_true": round(float(true.mean()), 3),
    }


def beside(targets: Sequence[RecordedTarget], priors: dict[str, Prior]) -> dict[str, Any]:
    """Regret and RCI without annotations: of the prior, of the ensemble of distances, and of a candidate at random."""
    rows: dict[str, list[tuple[float, float]]] = {"prior": [], ENSEMBLE: [], "random": []}
    for target in targets:
        truth = target.dice.mean(axis=1)
        lost = 100 * (truth.max() - truth)
        expected = updated(priors[target.name], target, ()).mean
        rows["prior"].append((float(lost[expected.argmax()]), float(spearman(expected, truth))))
        if ENSEMBLE in target.signals:
            near = -target.signals[ENSEMBLE]
            rows[ENSEMBLE].append((float(lost[np.nanargmax(near)]), _known_spearman(near, truth)))
        rows["random"].append((float(lost.mean()), float("nan")))
    return {
        name: {"regret": interval([one for one, _ in pairs]), "rci": _rci([one for _, one in pairs])}
        for name, pairs in rows.items()
        if pairs
    }


def _known_spearman(near: Array, truth: Array) -> float:
    known = np.isfinite(near)
    return float(spearman(near[known], truth[known]))


def _rci(values: Sequence[float]) -> dict[str, float] | None:
    return interval(values) if np.isfinite(values).any() else None


def fits(targets: Sequence[RecordedTarget], draws: int) -> dict[str, Any]:
    """Verdicts whether anything fits, each learnt without the target's kind, with kin in the pool and without."""
    kinds = {target.name: target.kind for target in targets}
    verdicts: list[tuple[str, bool, str, float]] = []
    alarms: dict[bool, list[bool]] = {True: [], False: []}
    for kind in dict.fromkeys(kinds.values()):
        others = [target for target in targets if target.kind != kind]
        bounds, prior = find_bounds(others), Prior.fit(Record("", "", 0, tuple(others)))
        for target in (target for target in targets if target.kind == kind):
            for pool, has_kin in _pools(target, kinds):
                alarms[has_kin].append(nearest_kin(pool.signals) < bounds.none)
                verdicts += [
                    (str(count), has_kin, str(word), best) for count, word, best in _verdicts(pool, prior, draws)
                ]
    return {
        "noticed": round(float(np.mean(alarms[False])), 3),
        "false_alarms": round(float(np.mean(alarms[True])), 3),
        "pools_without_kin": len(alarms[False]),
        "pools_with_kin": len(alarms[True]),
        "verdicts": {str(count): _shares(verdicts, str(count)) for count in (0, 1, 3, 5)},
    }


def _pools(target: RecordedTarget, kinds: dict[str, str]) -> list[tuple[RecordedTarget, bool]]:
    kin = kin_of(target, kinds)
    strangers = [place for place in range(len(target.candidates)) if place not in kin]
    return [(target.of(strangers), False), *([(target, True)] if kin else [])]


def _verdicts(pool: RecordedTarget, prior: Prior, draws: int) -> list[tuple[int, Fit, float]]:
    """By number of annotated images: the verdict, and the Dice of the best candidate in truth."""
    best, found = float(pool.dice.mean(axis=1).max()), []
    for count in (0, 1, 3, 5):
        rng = np.random.default_rng(count)
        for _ in range(draws if count else 1):
            images = rng.permutation(pool.dice.shape[1])[:count].tolist()
            fit, _ = judge_fit(updated(prior, pool, images), pool.signals, prior.bounds, count)
            found.append((count, fit, best))
    return found


def _shares(verdicts: Sequence[tuple[str, bool, str, float]], count: str) -> dict[str, Any]:
    """Shares of each word by whether kin are in the pool, and by whether the best candidate is of use."""
    own = [verdict for verdict in verdicts if verdict[0] == count]
    groups = {
        "with_kin": [word for _, kin, word, _ in own if kin],
        "without_kin": [word for _, kin, word, _ in own if not kin],
        "useful": [word for _, _, word, best in own if best >= USEFUL_DICE],
        "useless": [word for _, _, word, best in own if best < USEFUL_DICE],
    }
    return {
        name: {str(fit): round(words.count(str(fit)) / len(words), 3) for fit in Fit}
        for name, words in groups.items()
        if words
    }


def measure(record: Record, draws: int) -> dict[str, Any]:
    """All figures of a record."""
    priors = {target.name: Prior.fit(record, without=(target.name,)) for target in record.targets}
    found = {target.name: cases_of(target, priors[target.name], draws) for target in record.targets}
    best = [100 * float(target.dice.mean(axis=1).max()) for target in record.targets]
    return {
        "targets": len(record.targets),
        "draws": draws,
        "best_candidate": interval(best),
        "beside": beside(record.targets, priors),
        **summarise(found),
        "fit": fits(record.targets, draws),
        "regret_by_target": {
            name: {str(count): round(float(np.mean([case.regret for case in cases[count]])), 2) for count in COUNTS}
            for name, cases in found.items()
        },
    }


def table(errors: dict[str, Any]) -> str:
    """The figures as Markdown."""
    lines = ["| annotated images | regret | of the best score alone | coverage | interval, points | calibration |"]
    lines.append("|---:|---:|---:|---:|---:|---:|")
    for count, row in errors["annotated"].items():
        plain = "-" if row["regret_without_prior"] is None else _words(row["regret_without_prior"])
        lines.append(
            f"| {count} | {_words(row['regret'])} | {plain} | {100 * row['coverage']['mean']:.1f} % |"
            f" {row['width']['mean']:.0f} | {row['calibration']:.3f}, {row['calibration_of_likeliest']:.3f} |"
        )
    return "\n".join(lines)


def _words(value: dict[str, float]) -> str:
    return f"{value['mean']:.1f} ({value['low']:.1f} to {value['high']:.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", type=Path, default=RECORD)
    parser.add_argument("--draws", type=int, default=DRAWS)
    options = parser.parse_args()
    record = read_record(options.record)
    errors = measure(record, options.draws)
    replace(record, errors=errors).to_json(options.record)
    print(table(errors))
    print(errors["beside"], errors["fit"], errors["all"], sep="\n")


if __name__ == "__main__":
    main()
