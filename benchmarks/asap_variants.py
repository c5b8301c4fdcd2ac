"""Better than mean distance? ASAP's own features compared in other ways, ranked against measured transfer.

    python benchmarks/asap_variants.py phantoms-dsc [--data FOLDER] [--out FILE.json] [--frozen OTHER.json]

The candidates are fixed in this file and all are reported. "latent": the points of the zoo model, as ``asap`` compares
them. "content": its deepest map, averaged (512 numbers, before the bottleneck of 2). "gram" and "moments": its style
(``asap-style``). "content + style": mean standardised distance of both. Each target is taken from the pool before
anything is fitted.

Prints Markdown. Intervals are over targets, 95 %. "less asap": difference from ``asap``, paired over targets: a variant
that loses less has a negative one of regret, a better one a positive one of RCI; p of the sign-flip test with Holm's
adjustment over all variants. "best of them": the best in the table, which the truth has chosen and which is therefore
too good. "nested": for each target the variant that is best on the other targets. "frozen": the variant that was best
on another truth, given by the JSON that this program wrote there; p of these two is of one test each.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsim.comparison import compare
from dsim.evaluation import BY_NAME, Contrast, Evaluation, Intervals, Judgement, Score, evaluate
from dsim.evaluation.contrasts import Nested, contrasts, nested_choice
from dsim.files import write_text
from dsim.files.documents import number, or_nan
from dsim.leaderboard import Benchmark, open_benchmark
from dsim.measures import SimilarityMatrix, build_measure
from dsim.recommend.procedure import Procedure, carry_out
from dsim.recommend.reliability import joined
from dsim.runtime import Runtime
from dsim.ui import make_runtime

MODEL = "zoo:asap-resnet18.biomed16.r1"
CONTENT = f"{MODEL}[layer=backbone.layer4]"
GRAM, MOMENTS = f"asap-style:{MODEL}", f"asap-style:{MODEL}[form=moments]"
DISTANCES = ("energy", "frechet", "wasserstein", "mmd")
#: The paper's measure, which all others are held against.
OWN = "asap"


def _of(features: str) -> dict[str, str]:
    """By name, the mean distance that ASAP takes, and distances of distributions."""
    return {"mean": f"asap:model={features}"} | {name: f"{name}:extractor={features}" for name in DISTANCES}


def _both(distance: str, style: str) -> str:
    of = "+".join(f"{distance}[extractor={features}]" for features in (CONTENT, style))
    return f"ensemble:how=standard,of={of}"


#: By space and distance. Fixed before any of them was judged; "ensemble" is what ``dsim recommend`` uses.
CANDIDATES: Mapping[tuple[str, str], str] = {
    **{("latent", name): call for name, call in (_of(MODEL) | {"mean": OWN}).items()},
    **{("content", name): call for name, call in _of(CONTENT).items()},
    **{("gram", name): call for name, call in _of(GRAM).items()},
    **{("moments", name): call for name, call in _of(MOMENTS).items()},
    **{("content + gram", name): _both(name, GRAM) for name in ("energy", "frechet")},
    **{("content + moments", name): _both(name, MOMENTS) for name in ("energy", "frechet")},
    ("content", "ensemble"): "ensemble",
}
TESTED = ("regret", "spearman")
#: Scores by which a variant is chosen: each by itself, and both are reported.
CHOSEN_BY = ("regret", "spearman")
BESIDE = ("random", "best fixed source, others", "best fixed source")
COLUMNS = ("regret", "top1", "spearman")


@dataclass(frozen=True)
class Ranked:
    """One candidate, judged; ``seconds`` of comparing, with features that were at hand from the cache."""

    space: str
    distance: str
    call: str
    evaluation: Evaluation
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("truth")
    parser.add_argument("--data", type=Path, help="folder below which the truth's images lie")
    parser.add_argument("--out", type=Path, help="write all scores as JSON")
    parser.add_argument("--frozen", type=Path, help="JSON of this program on another truth, whose best variant is held")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    benchmark = open_benchmark(options.truth, options.data)
    how = make_runtime(options.device, offline=True)
    ranked = list(rank(benchmark, CANDIDATES, how))
    frozen = None if options.frozen is None else json.loads(options.frozen.read_text("utf-8"))
    nested = {score: nested_choice([one.evaluation for one in ranked], score) for score in CHOSEN_BY}
    print("\n".join(report(ranked, nested, frozen)))
    if options.out:
        write_text(options.out, json.dumps(document(ranked, nested, frozen), indent=1, allow_nan=False) + "\n")


def rank(benchmark: Benchmark, candidates: Mapping[tuple[str, str], str], how: Runtime) -> Iterator[Ranked]:
    """Every candidate compared and judged."""
    for (space, distance), call in candidates.items():
        started = time.perf_counter()
        matrix = distances(benchmark, call, how)
        seconds = time.perf_counter() - started
        how.progress.note(f"{call}: {seconds:.1f} s")
        yield Ranked(space, distance, call, evaluate(matrix, benchmark.truth), seconds)


def distances(benchmark: Benchmark, call: str, how: Runtime) -> SimilarityMatrix:
    """Of all pairs; a measure that is fitted to the pool is fitted anew for each target, without it."""
    sources, targets = benchmark.sources, benchmark.targets
    if not build_measure(call).fits_pool:
        return compare(sources, targets, measure=call, bootstrap=0, floor=False, runtime=how)
    outcome = carry_out(Procedure.of(call, how), sources, targets, bootstrap=0, runtime=how)
    return joined(outcome.matrices, [one.name for one in sources], [one.name for one in targets])


def against_own(ranked: Sequence[Ranked], scores: Sequence[str] = TESTED) -> dict[str, dict[str, Contrast]]:
    """By call and score, each candidate less ``asap``; Holm's adjustment is over the candidates."""
    own = next(one.evaluation for one in ranked if one.call == OWN)
    others = [one for one in ranked if one.call != OWN]
    calls = {one.evaluation.judgement.name: one.call for one in others}
    how = Intervals(len(own.targets), own.confidence, own.resamples, own.interval, own.seed)
    found: dict[str, dict[str, Contrast]] = {one.call: {} for one in others}
    for contrast in contrasts(own.judgement, [one.evaluation.judgement for one in others], how, scores):
        found[calls[contrast.second]][contrast.score] = turned(contrast)
    return found


def turned(contrast: Contrast) -> Contrast:
    """The same, second less first."""
    return Contrast(
        contrast.score,
        contrast.second,
        contrast.first,
        -contrast.difference,
        -contrast.high,
        -contrast.low,
        contrast.p,
        contrast.targets,
        contrast.p_adjusted,
        contrast.note,
    )


def best(rows: Sequence[Mapping[str, Any]], score: str) -> str:
    """The call that is best by a score in the rows of a document; the first of those that tie."""
    sign = 1 if BY_NAME[score].better == "lower" else -1
    losses = {str(row["call"]): sign * or_nan(row["scores"][score]["value"]) for row in rows}
    return min(losses, key=lambda call: math.inf if math.isnan(losses[call]) else losses[call])


def report(ranked: Sequence[Ranked], nested: Mapping[str, Nested], frozen: Mapping[str, Any] | None) -> Iterator[str]:
    one, against = ranked[0].evaluation, against_own(ranked)
    yield f"{one.truth}: {len(one.sources)} sources, {len(one.targets)} targets; {len(ranked)} variants\n"
    yield "| features | distance | mean regret | top-1 | RCI | regret less asap | p | RCI less asap | p |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|---:|"
    for row in ranked:
        yield _line(row.space, row.distance, row.evaluation.judgement.scores, against.get(row.call))
    yield from _choices(ranked, nested, frozen)
    for baseline in one.baselines:
        if baseline.name in BESIDE:
            yield _line("baseline", baseline.name, baseline.scores)
    yield _line("ceiling", "of the truth's noise", one.ceiling)
    yield ""
    for score, found in nested.items():
        yield f"Nested choice by {BY_NAME[score].title}: {told(found.chosen, ranked)}."
        if frozen is not None:
            held = next(row for row in ranked if row.call == best(frozen["rows"], score))
            yield f"Frozen choice by {BY_NAME[score].title}: {held.space}, {held.distance}."
    yield from seen(ranked)


def _choices(ranked: Sequence[Ranked], nested: Mapping[str, Nested], frozen: Mapping[str, Any] | None) -> Iterator[str]:
    """Lines of the variant chosen in hindsight, by the other targets, and on another truth."""
    rows = document(ranked, nested, None)["rows"]
    for score, found in nested.items():
        by = BY_NAME[score].title
        yield _line("best of them", f"by {by}, too good", _judged(ranked, best(rows, score)).scores)
        yield _line("nested", f"by {by}, other targets", found.judgement.scores, _less_asap(ranked, found.judgement))
        if frozen is not None:
            judged = _judged(ranked, best(frozen["rows"], score))
            yield _line("frozen", f"by {by} on {frozen['truth']}", judged.scores, _less_asap(ranked, judged))


def _line(first: str, second: str, scores: Mapping[str, Score], against: Mapping[str, Contrast] | None = None) -> str:
    return f"| {first} | {second} | {' | '.join([*shown(scores), *tested(against)])} |"


def shown(scores: Mapping[str, Score]) -> list[str]:
    """The cells of mean regret, top-1 and RCI, with their intervals."""
    regret, top1, rci = (scores[name] for name in COLUMNS)
    return [_interval(regret, 1), _interval(top1, 0, 100), _interval(rci, 2)]


def _interval(score: Score, digits: int, scale: int = 1) -> str:
    if math.isnan(score.value):
        return "?"
    value, low, high = (f"{scale * bound:.{digits}f}" for bound in (score.value, score.low, score.high))
    unit = " %" if scale == 100 else ""
    return f"{value}{unit}" if math.isnan(score.low) else f"{value}{unit} ({low} to {high})"


def tested(found: Mapping[str, Contrast] | None) -> list[str]:
    """The differences from ``asap`` and their p; empty for ``asap`` itself."""
    cells = []
    for score, digits in zip(TESTED, (1, 2), strict=True):
        if not found:
            cells += ["", ""]
            continue
        one = found[score]
        value, low, high = (f"{bound:+z.{digits}f}" for bound in (one.difference, one.low, one.high))
        cells += [f"{value} ({low} to {high})", f"{one.p_adjusted:.2g}"]
    return cells


def _judged(ranked: Sequence[Ranked], call: str) -> Judgement:
    return next(row.evaluation.judgement for row in ranked if row.call == call)


def _less_asap(ranked: Sequence[Ranked], judged: Judgement) -> dict[str, Contrast] | None:
    """One ranking less ``asap``, each score by one test; None where it is ``asap``."""
    one, own = ranked[0].evaluation, _judged(ranked, OWN)
    if judged is own:
        return None
    how = Intervals(len(one.targets), one.confidence, one.resamples, one.interval, one.seed)
    return {found.score: turned(found) for found in contrasts(own, [judged], how, TESTED)}


def told(chosen: Sequence[str], ranked: Sequence[Ranked]) -> str:
    """How often each was chosen, most often first; by call or by identity of the measure."""
    names = {key: f"{row.space}, {row.distance}" for row in ranked for key in (row.call, row.evaluation.measure)}
    counts = {name: chosen.count(name) for name in dict.fromkeys(chosen)}
    parts = [f"{names[name]} ({counts[name]} targets)" for name in sorted(counts, key=lambda name: -counts[name])]
    return "; ".join(parts)


def seen(ranked: Sequence[Ranked]) -> Iterator[str]:
    """Which targets the model was trained on; the features of all candidates are that model's."""
    datasets = ranked[0].evaluation.provenance["matrix"]["datasets"]
    targets = ranked[0].evaluation.targets
    known = [name for name in targets if datasets[name]["seen_by"]]
    if known:
        yield f"\nThe model was trained, without labels, on the images of {len(known)} of {len(targets)} targets."


def document(
    ranked: Sequence[Ranked], nested: Mapping[str, Nested], frozen: Mapping[str, Any] | None
) -> dict[str, Any]:
    one, against = ranked[0].evaluation, against_own(ranked)
    return {
        "truth": one.truth,
        "targets": list(one.targets),
        "rows": [
            {
                "features": row.space,
                "distance": row.distance,
                "call": row.call,
                "scores": _scores(row.evaluation.judgement),
                "regret": [number(value) for value in row.evaluation.judgement.per_target["regret"].tolist()],
                "selected": [list(names) for names in row.evaluation.judgement.selected],
                "less_asap": {name: _contrast(found) for name, found in against.get(row.call, {}).items()},
                "seconds": round(row.seconds, 1),
            }
            for row in ranked
        ],
        "nested": {
            score: {"chosen": list(found.chosen), "scores": _scores(found.judgement)} for score, found in nested.items()
        },
        "frozen": {score: {"truth": frozen["truth"], "call": best(frozen["rows"], score)} for score in nested}
        if frozen is not None
        else None,
        "baselines": {baseline.name: _scores(baseline) for baseline in one.baselines},
        "ceiling": {name: _score(score) for name, score in one.ceiling.items()},
    }


def _scores(judged: Judgement) -> dict[str, Any]:
    return {name: _score(score) for name, score in judged.scores.items()}


def _score(score: Score) -> dict[str, Any]:
    return {name: number(getattr(score, name)) for name in ("value", "low", "high")}


def _contrast(found: Contrast) -> dict[str, Any]:
    numbers = {name: number(getattr(found, name)) for name in ("difference", "low", "high", "p", "p_adjusted")}
    return {**numbers, "targets": found.targets}


if __name__ == "__main__":
    main()
