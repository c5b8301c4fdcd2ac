"""Better than mean distance? ASAP's own features compared in other ways, ranked against measured transfer.

    python benchmarks/asap_variants.py phantoms-dsc [--data FOLDER] [--out FILE.json] [--frozen OTHER.json]

The candidates are fixed in this file and all are reported. "latent": the points of the zoo model, as ``asap`` compares
them. "content": its deepest map, averaged (512 numbers, before the bottleneck of 2). "gram" and "moments": its style
(``asap-style``). "content + style": mean standardised distance of both. Each target is taken from the pool before
anything is fitted.

Prints Markdown. Intervals are over targets, 95 %. "less asap": difference of mean regret from that of ``asap``, paired
over targets, negative where the variant loses less; p of the sign-flip test with Holm's adjustment over all variants.
"best of them": the lowest mean regret in the table, which the truth has chosen and which is therefore too good.
"nested": for each target the variant that is best on the other targets. "frozen": the variant that was best on another
truth, given by the JSON that this program wrote there.
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

from dsim.cli.console import runtime
from dsim.comparison import compare
from dsim.documents import number
from dsim.evaluation import Contrast, Evaluation, Judgement, Score, evaluate
from dsim.evaluation.contrasts import contrasts
from dsim.evaluation.intervals import Intervals
from dsim.evaluation.nested import Nested, nested_choice
from dsim.files import write_text
from dsim.leaderboard.run.benchmark import Benchmark, open_benchmark
from dsim.matrix import SimilarityMatrix
from dsim.recommend.measuring import joined
from dsim.recommend.procedure import Procedure, carry_out
from dsim.registry import build_measure
from dsim.runtime import Runtime

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
TESTED = ("regret", "spearman", "top1")
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
    how = runtime(options.device, offline=True)
    ranked = list(rank(benchmark, CANDIDATES, how))
    frozen = None if options.frozen is None else json.loads(options.frozen.read_text("utf-8"))
    nested = nested_choice([one.evaluation for one in ranked])
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
        return compare(sources, targets, measure=call, floor=False, runtime=how)
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


def best(rows: Sequence[Mapping[str, Any]]) -> str:
    """The call with the lowest mean regret in the rows of a document; the first of those that tie."""
    return str(min(rows, key=lambda row: _ranked_by(row["scores"]["regret"]["value"]))["call"])


def _ranked_by(regret: float | None) -> float:
    return math.inf if regret is None else regret


def report(ranked: Sequence[Ranked], nested: Nested, frozen: Mapping[str, Any] | None) -> Iterator[str]:
    one, against = ranked[0].evaluation, against_own(ranked)
    yield f"{one.truth}: {len(one.sources)} sources, {len(one.targets)} targets; {len(ranked)} variants\n"
    yield "| features | distance | mean regret | top-1 | RCI | less asap | p |"
    yield "|---|---|---:|---:|---:|---:|---:|"
    for row in ranked:
        cells = [*shown(row.evaluation.judgement.scores), *tested(against.get(row.call))]
        yield f"| {row.space} | {row.distance} | {' | '.join(cells)} |"
    rows = document(ranked, nested, None)["rows"]
    yield f"| best of them | too good | {' | '.join([*shown(_judged(ranked, best(rows)).scores), '', ''])} |"
    cells = [*shown(nested.judgement.scores), *_nested(ranked, nested)]
    yield f"| nested | leave one target out | {' | '.join(cells)} |"
    if frozen is not None:
        call = best(frozen["rows"])
        cells = [*shown(_judged(ranked, call).scores), *tested(_alone(ranked, call))]
        yield f"| frozen | best on {frozen['truth']} | {' | '.join(cells)} |"
    for baseline in one.baselines:
        if baseline.name in BESIDE:
            yield f"| baseline | {baseline.name} | {' | '.join([*shown(baseline.scores), '', ''])} |"
    yield f"| ceiling | of the truth's noise | {' | '.join([*shown(one.ceiling), '', ''])} |"
    yield ""
    yield f"Nested choice: {told(nested.chosen, ranked)}."
    if frozen is not None:
        yield f"Frozen choice: {told([best(frozen['rows'])] * len(one.targets), ranked)}."
    yield from seen(ranked)


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
    """The difference of mean regret and its p; empty for ``asap`` itself."""
    if not found:
        return ["", ""]
    one = found["regret"]
    return [f"{one.difference:+.1f} ({one.low:+.1f} to {one.high:+.1f})", f"{one.p_adjusted:.2g}"]


def _judged(ranked: Sequence[Ranked], call: str) -> Judgement:
    return next(row.evaluation.judgement for row in ranked if row.call == call)


def _alone(ranked: Sequence[Ranked], call: str) -> dict[str, Contrast] | None:
    """One candidate less ``asap``, by a test that was not chosen among others."""
    pair = [row for row in ranked if row.call in (OWN, call)]
    return against_own(pair).get(call)


def _nested(ranked: Sequence[Ranked], nested: Nested) -> list[str]:
    one = ranked[0].evaluation
    how = Intervals(len(one.targets), one.confidence, one.resamples, one.interval, one.seed)
    (found,) = contrasts(_judged(ranked, OWN), [nested.judgement], how, ["regret"])
    return tested({"regret": turned(found)})


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


def document(ranked: Sequence[Ranked], nested: Nested, frozen: Mapping[str, Any] | None) -> dict[str, Any]:
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
        "nested": {"chosen": list(nested.chosen), "scores": _scores(nested.judgement)},
        "frozen": None if frozen is None else {"truth": frozen["truth"], "call": best(frozen["rows"])},
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
