"""How often the intervals of scores hold what they should, for few targets and many.

    python benchmarks/coverage.py [--truth asap-dsc] [--measure asap-published] [--targets 3 6 12 24] [--runs 1000]

Prints Markdown: three simulations, the first two for both kinds of interval.

- A random measure: its distances are independent random numbers. Shares of runs in which the interval of a score holds
  what the random baseline has on the same targets; nominally 0.95.
- Drawn targets: those of the truth are a population, and a run draws from it with replacement. Shares of runs in which
  the interval of the measure's score holds its score on the whole population; nominally 0.95.
- The paired test: of two random measures, and of a random measure and the random baseline, shares of runs in which p is
  0.05 or less, or 0 lies outside the interval of the difference; nominally 0.05.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from dsim.evaluation import BY_NAME, METHODS, PER_TARGET, Contrast, Intervals, Judgement, Score, evaluate
from dsim.evaluation.contrasts import contrasts
from dsim.evaluation.judgement import CORRELATIONS, POOLED, per_target
from dsim.stats.resampling import expected_largest
from dsim.truth import open_truth

Values = NDArray[np.float64]
#: What is measured of one run: the row of the table, which table, and whether it happened.
Outcome = tuple[str, str, bool]
ROWS = (*PER_TARGET, "worst_regret", *POOLED)


def shares(outcomes: Iterable[Outcome]) -> dict[tuple[str, str], float]:
    """By row and table, the share of runs in which it happened."""
    happened, runs = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for row, kind, did in outcomes:
        runs[row, kind] += 1
        happened[row, kind] += did
    return {key: happened[key] / count for key, count in runs.items()}


def random_measures(
    scores: Values, targets: int, runs: int, methods: Sequence[str] = METHODS, resamples: int = 2000
) -> Iterator[Outcome]:
    """Does the interval of a random measure hold the random baseline's value? ``scores`` is (sources, all targets)."""
    rng = np.random.default_rng(targets)
    hows = [Intervals(targets, method=method, resamples=resamples) for method in methods]
    baseline = random_baseline(scores)
    for _ in range(runs):
        columns = without_replacement(scores.shape[1], targets, rng)
        judged, distances = scores[:, columns], rng.random((len(scores), targets))
        found, expected = by_target(distances, judged), {name: values[columns] for name, values in baseline.items()}
        for how in hows:
            for name in ROWS:
                value = expected_of(name, expected, judged)
                yield name, how.method, holds(scored(how, name, found, distances, judged), value)


def drawn_targets(distances: Values, scores: Values, targets: int, runs: int) -> Iterator[Outcome]:
    """Does the interval of a measure's score hold its score on the population that its targets are drawn from?"""
    rng = np.random.default_rng(targets)
    hows = [Intervals(targets, method=method) for method in METHODS]
    everywhere = by_target(distances, scores)
    whole = Intervals(scores.shape[1])
    population = {name: scored(whole, name, everywhere, distances, scores).value for name in ROWS}
    for _ in range(runs):
        drawn = rng.integers(scores.shape[1], size=targets)
        found = {name: values[drawn] for name, values in everywhere.items()}
        for how in hows:
            for name in ROWS:
                score = scored(how, name, found, distances[:, drawn], scores[:, drawn])
                yield name, how.method, holds(score, population[name])


def false_alarms(scores: Values, targets: int, runs: int) -> Iterator[Outcome]:
    """Is p at most 0.05, or 0 outside the interval of the difference, where there is no difference?"""
    rng = np.random.default_rng(targets)
    how, baseline = Intervals(targets), random_baseline(scores)
    for _ in range(runs):
        columns = without_replacement(scores.shape[1], targets, rng)
        judged, expected = scores[:, columns], {name: values[columns] for name, values in baseline.items()}
        first, second = (judgement(name, by_target(rng.random(judged.shape), judged)) for name in ("first", "second"))
        for found in contrasts(first, [second, judgement("random", expected)], how):
            pair = "random measure and baseline" if found.second == "random" else "two random measures"
            yield found.score, f"{pair}, p", found.p <= 0.05
            yield found.score, f"{pair}, interval", not holds(found, 0.0)


def judgement(name: str, found: dict[str, Values]) -> Judgement:
    return Judgement(name, found, {}, (), {})


def without_replacement(count: int, targets: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Positions of targets: as many copies of all as fit, and some of them drawn."""
    copies = np.tile(np.arange(count), targets // count)
    return np.concatenate([copies, rng.permutation(count)[: targets % count]])


def by_target(distances: Values, scores: Values) -> dict[str, Values]:
    return per_target(distances, scores, np.ones(scores.shape, dtype=bool))[0]


def random_baseline(scores: Values) -> dict[str, Values]:
    """What a random order is expected to have on each target."""
    found = by_target(np.zeros(scores.shape), scores)
    return found | {name: np.zeros(scores.shape[1]) for name in CORRELATIONS}


def expected_of(name: str, found: dict[str, Values], scores: Values) -> float:
    """The random baseline's score over targets, from that of each."""
    if name == "worst_regret":
        return expected_largest(list((scores.max(axis=0) - scores).T))
    return 0.0 if name in POOLED else float(found[name].mean())


def over_targets(how: Intervals, name: str, found: dict[str, Values]) -> Score:
    return how.over_targets(BY_NAME[name], found["regret" if name == "worst_regret" else name])


def scored(how: Intervals, name: str, found: dict[str, Values], distances: Values, scores: Values) -> Score:
    if name in POOLED:
        return how.pooled(BY_NAME[name], distances, scores, np.ones(scores.shape, dtype=bool))
    return over_targets(how, name, found)


def holds(score: Score | Contrast, value: float) -> bool:
    """Whether the interval holds a value, but for rounding; without a bound it is open on that side."""
    above = np.isnan(score.low) or score.low <= value + 1e-12
    return bool(above and (np.isnan(score.high) or value <= score.high + 1e-12))


def tables(title: str, sizes: Sequence[int], simulate: Callable[[int], Iterator[Outcome]]) -> None:
    """Print the shares of a simulation for all numbers of targets, a table for each kind."""
    found = {size: shares(simulate(size)) for size in sizes}
    rows, kinds = (list(dict.fromkeys(key[i] for key in found[sizes[0]])) for i in (0, 1))
    for kind in kinds:
        print(f"\n{title}: {kind}\n\n| targets | " + " | ".join(map(str, sizes)) + " |\n|---|" + "---:|" * len(sizes))
        for row in rows:
            cells = " | ".join(f"{found[size][row, kind]:.3f}" for size in sizes)
            print(f"| {BY_NAME[row].title} | {cells} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truth", default="asap-dsc")
    parser.add_argument("--measure", default="asap-published")
    parser.add_argument("--targets", type=int, nargs="+", default=[3, 6, 12, 24])
    parser.add_argument("--runs", type=int, default=1000)
    options = parser.parse_args()
    scores, judged = open_truth(options.truth).mean, evaluate(options.measure, options.truth)
    sizes, runs = options.targets, options.runs
    tables("A random measure", sizes, lambda targets: random_measures(scores, targets, runs))
    tables("Drawn targets", sizes, lambda targets: drawn_targets(judged.distances, judged.scores, targets, runs))
    tables("The paired test", sizes, lambda targets: false_alarms(scores, targets, runs))


if __name__ == "__main__":
    main()
