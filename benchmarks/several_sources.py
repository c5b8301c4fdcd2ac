"""When do several sources help? Sets of one, two and three sources ranked by distances, against pooled training.

    python benchmarks/several_sources.py phantoms-dsc [--targets 4] [--random 2] [--measure energy] [--repetitions 1]
        [--set width=8] [--set epochs=30] [--images N] [--data FOLDER] [--work FOLDER] [--out FILE.json]

Takes sources and images from a truth, not its scores. The sets are, for each target, its nearest one, two and three
sources; random pairs and triples; and every member of these alone. A network is trained on the union of each set and
applied to each target as it is. Every training shows as many images per epoch; with --images every set also *has* as
many, an equal share of each member. A set that holds the target does not count for it.

Three rules give a set one distance: "mean" and "nearest" of its members' distances, and "union", the measure's distance
of all its images. Prints Markdown: how each rule ranks the sets; what the practical choices lead to; and the gain of a
set of several over its nearest member alone, where the union is nearer than that member, and where it is not.

Finished trainings stay in --work, and the same command goes on from there.
"""

from __future__ import annotations

import argparse
import itertools
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.comparison import compare
from dsim.data import Dataset, join
from dsim.data.splits import group_images, split_dataset
from dsim.evaluation import Evaluation, Intervals, Score, evaluate
from dsim.files.documents import nullable, number, to_json
from dsim.leaderboard import open_benchmark
from dsim.measures import SimilarityMatrix
from dsim.random import stream
from dsim.runtime import Runtime
from dsim.transfer.segmentation import SegmentationRecipe, measure_segmentation
from dsim.truth import TransferMatrix
from dsim.ui import make_runtime

Values = NDArray[np.float64]
Members = tuple[str, ...]
SIZES = (2, 3)
RULES = ("mean", "nearest", "union")
COLUMNS = ("spearman", "regret", "top1")


@dataclass(frozen=True)
class Study:
    """What was compared and measured; rows of all matrices are sets, columns targets.

    Parameters
    ----------
    sets : members of each, in the pool's order; singles first. ``excluded`` : bool, the target is in the set.
    single : distances of the pool's sources, float64 (pool, targets). ``rules`` : by name, distances (sets, targets).
    truth : Dice in percent of the sets' models.
    """

    pool: Members
    sets: tuple[Members, ...]
    excluded: NDArray[np.bool_]
    single: Values
    rules: Mapping[str, Values]
    truth: TransferMatrix

    @property
    def scores(self) -> Values:
        """Mean Dice, NaN where the target is in the set."""
        return np.where(self.excluded, np.nan, self.truth.mean)


@dataclass(frozen=True)
class Setup:
    """What is asked for."""

    sources: Sequence[Dataset]
    targets: Sequence[Dataset]
    measure: str
    recipe: SegmentationRecipe
    random: int
    repetitions: int
    images: int
    seed: int
    work: Path
    runtime: Runtime
    jobs: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("truth", help="whose datasets are used")
    parser.add_argument("--data", type=Path, help="folder below which the images lie")
    parser.add_argument("--targets", type=int, default=4, help="how many of them, evenly spaced")
    parser.add_argument("--random", type=int, default=2, help="random pairs, and triples")
    parser.add_argument("--measure", default="energy", help="of distances; one that is not fitted to a pool")
    parser.add_argument("--repetitions", type=int, default=1)
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--images", type=int, default=0, help="of each set in all; 0: all that its members have")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--work", type=Path, default=Path("several-sources"), help="folder of finished trainings")
    parser.add_argument("--out", type=Path, help="write all numbers as JSON")
    options = parser.parse_args()
    started = time.monotonic()
    setup = set_up(options)
    study = carry_out(setup)
    evaluations = judged(study)
    print("\n".join(report(study, evaluations)))
    if options.out:
        to_json(document(setup, study, evaluations), options.out)
    setup.runtime.progress.note(f"{len(study.sets)} sets, {time.monotonic() - started:.0f} seconds in this run")


def set_up(options: argparse.Namespace) -> Setup:
    benchmark = open_benchmark(options.truth, options.data)
    n = len(benchmark.targets)
    chosen = sorted({i * n // options.targets for i in range(options.targets)})
    settings = dict(text.split("=", 1) for text in ["width=8", "epochs=30", *options.settings])
    return Setup(
        sources=benchmark.sources,
        targets=[benchmark.targets[i] for i in chosen],
        measure=options.measure,
        recipe=SegmentationRecipe().changed(settings),
        random=options.random,
        repetitions=options.repetitions,
        images=options.images,
        seed=options.seed,
        work=options.work,
        runtime=make_runtime(options.device, offline=True),
        jobs=options.jobs,
    )


def carry_out(setup: Setup) -> Study:
    """Distances, trainings and scores of all sets."""
    pool = tuple(source.name for source in setup.sources)
    singles = compare(
        setup.sources, setup.targets, measure=setup.measure, bootstrap=0, floor=False, runtime=setup.runtime
    )
    # Wherever the target is a source, by its images or by its name.
    own = singles.same | (np.array(pool)[:, None] == np.array([target.name for target in setup.targets]))
    distances = np.where(own, np.nan, singles.direction.sign * singles.values)
    sets = choose_sets(distances, pool, setup.random, setup.seed)
    unions = [union(setup, members) for members in sets]
    pooled = compare(unions, setup.targets, measure=setup.measure, bootstrap=0, floor=False, runtime=setup.runtime)
    excluded = np.array([own[[pool.index(name) for name in members]].any(axis=0) for members in sets])
    recipe = replace(setup.recipe, shown=most_shown(unions, setup))
    truth = measure_segmentation(
        unions,
        setup.targets,
        recipe,
        repetitions=setup.repetitions,
        seed=setup.seed,
        out=setup.work,
        runtime=setup.runtime,
        jobs=setup.jobs,
        name="several-sources",
    )
    rules = {**of_members(distances, pool, sets), "union": pooled.direction.sign * pooled.values}
    rules = {name: np.where(excluded, np.nan, values) for name, values in rules.items()}
    return Study(pool, sets, excluded, distances, rules, truth)


def choose_sets(distances: Values, pool: Members, random: int, seed: int) -> tuple[Members, ...]:
    """For each target its nearest one, two and three sources; random pairs and triples; all their members alone.

    ``distances`` (pool, targets), NaN where the source is the target. No score is looked at.
    """
    chosen = {nearest(column, pool, size) for column in distances.T for size in (1, *SIZES)}
    rng = stream(seed, "several sources")
    for size in SIZES:
        left = [members for members in itertools.combinations(pool, size) if members not in chosen]
        chosen |= {left[i] for i in rng.permutation(len(left))[:random]}
    chosen |= {(name,) for members in chosen for name in members}
    return tuple(sorted(chosen, key=lambda members: (len(members), [pool.index(name) for name in members])))


def nearest(column: Values, pool: Members, size: int) -> Members:
    """The nearest sources of one target, in the pool's order."""
    order = np.argsort(column, kind="stable")[:size]
    return tuple(pool[i] for i in sorted(order))


def of_members(distances: Values, pool: Members, sets: Sequence[Members]) -> dict[str, Values]:
    """The rules that need no more than the members' distances, (sets, targets)."""
    rows = [distances[[pool.index(name) for name in members]] for members in sets]
    return {
        "mean": np.array([row.mean(axis=0) for row in rows]),
        "nearest": np.array([row.min(axis=0) for row in rows]),
    }


def union(setup: Setup, members: Members) -> Dataset:
    """All images of a set, or ``images`` of them in equal shares; each member's groups are told apart."""
    parts = [source for source in setup.sources if source.name in members]
    shares = [setup.images // len(parts) + (k < setup.images % len(parts)) for k in range(len(parts))]
    if setup.images:
        parts = [drawn(part, share, setup.seed) for part, share in zip(parts, shares, strict=True)]
    # Runs of neighbours within each member: runs across the union would put whole members into validation.
    parts = [replace(part, groups=group_images(part, setup.recipe.blocks)) for part in parts]
    # Another name than the target of the same images: what is trained on can be a share of them.
    return join(parts, "+".join(members) if len(members) > 1 else f"{members[0]} alone")


def drawn(dataset: Dataset, count: int, seed: int) -> Dataset:
    """As many images, at random; all where it has no more."""
    if count >= len(dataset):
        return dataset
    order = stream(seed, "images", dataset.images_fingerprint).permutation(len(dataset))
    return dataset.subset(sorted(order[:count].tolist()))


def most_shown(unions: Sequence[Dataset], setup: Setup) -> int:
    """Training images of the largest set: others are repeated, so that no set is trained for longer."""
    recipe = setup.recipe
    return max(
        len(
            split_dataset(
                one,
                validation=recipe.validation,
                test=recipe.holdout,
                seed=setup.seed,
                repetition=repetition,
                blocks=recipe.blocks,
            ).training
        )
        for one in unions
        for repetition in range(setup.repetitions)
    )


def judged(study: Study) -> dict[str, Evaluation]:
    """Each rule's ranking of the sets, against the measured Dice."""
    return {name: evaluate(matrix_of(study, name), study.truth) for name in RULES}


def matrix_of(study: Study, rule: str) -> SimilarityMatrix:
    from dsim.registry import Direction

    values = study.rules[rule]
    notes = tuple(tuple("" if known else "no distance" for known in row) for row in np.isfinite(values))
    return SimilarityMatrix(
        measure=rule,
        direction=Direction.DISTANCE,
        unit="",
        sources=study.truth.sources,
        targets=study.truth.targets,
        values=values,
        notes=notes,
        same=study.excluded,
        verdicts={},
        provenance={},
    )


def choices(study: Study) -> dict[str, Values]:
    """Dice on each target, (targets,), of what one could choose, and of what one would have liked to."""
    columns = range(study.scores.shape[1])
    place = {members: row for row, members in enumerate(study.sets)}
    found = {}
    for size in (1, *SIZES):
        rows = [place[nearest(study.single[:, column], study.pool, size)] for column in columns]
        found[f"nearest {size}"] = study.scores[rows, columns]
    sizes = np.array([len(members) for members in study.sets])
    for size in (1, *SIZES):
        found[f"mean of all sets of {size}"] = np.nanmean(study.scores[sizes == size], axis=0)
    # By the two other rules no set is nearer than its nearest member alone.
    found["nearest set by union"] = study.scores[np.nanargmin(study.rules["union"], axis=0), columns]
    found["best single, in hindsight"] = np.nanmax(study.scores[sizes == 1], axis=0)
    found["best set, in hindsight"] = np.nanmax(study.scores, axis=0)
    return found


def gains(study: Study) -> list[dict[str, Any]]:
    """A row for each set of several and each target that is not in it: what pooling gained.

    ``gain`` is over the model of its nearest member alone, ``over_best`` over that of its best member, in points of
    Dice; ``nearer`` whether the union is nearer to the target than the nearest member.
    """
    place = {members: row for row, members in enumerate(study.sets)}
    found = []
    for row, members in enumerate(study.sets):
        for column, target in enumerate(study.truth.targets):
            if len(members) == 1 or study.excluded[row, column]:
                continue
            alone = study.scores[[place[(name,)] for name in members], column]
            distances = study.single[[study.pool.index(name) for name in members], column]
            score = study.scores[row, column]
            found.append(
                {
                    "set": list(members),
                    "target": target,
                    "gain": float(score - alone[distances.argmin()]),
                    "over_best": float(score - alone.max()),
                    "spread": float(np.ptp(distances)),
                    "nearer": bool(study.rules["union"][row, column] < distances.min()),
                }
            )
    return found


def report(study: Study, evaluations: Mapping[str, Evaluation]) -> Iterator[str]:
    counts = [sum(len(members) == size for members in study.sets) for size in (1, *SIZES)]
    yield f"{counts[0]} single sources, {counts[1]} pairs, {counts[2]} triples; {len(study.truth.targets)} targets:"
    yield f"{', '.join(study.truth.targets)}\n"
    yield "| distance of a set | RCI | mean regret | top-1 |"
    yield "|---|---:|---:|---:|"
    for name, found in evaluations.items():
        cells = (_interval(found.judgement.scores[score], 2 if score == "spearman" else 1) for score in COLUMNS)
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""
    yield "| choice | mean Dice | less the nearest source alone |"
    yield "|---|---:|---:|"
    chosen, how = choices(study), Intervals(len(study.truth.targets))
    for name, scores in chosen.items():
        value, low, high, _ = how.difference(scores, chosen["nearest 1"])
        told = "" if name == "nearest 1" else f"{value:+.1f} ({low:+.1f} to {high:+.1f})"
        yield f"| {name} | {np.nanmean(scores):.1f} | {told} |"
    yield from _gained(gains(study))


def _gained(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "\n| sets of several | pairs of set and target | gain over the nearest member | over the best | helped |"
    yield "|---|---:|---:|---:|---:|"
    parts = {f"of {size}": [row for row in rows if len(row["set"]) == size] for size in SIZES}
    parts |= {"union nearer than any member": [row for row in rows if row["nearer"]]}
    parts |= {"union not nearer": [row for row in rows if not row["nearer"]]}
    for name, part in parts.items():
        known = [row for row in part if not math.isnan(row["gain"])]
        if not known:
            yield f"| {name} | 0 | | | |"
            continue
        gain, over = (np.mean([row[key] for row in known]) for key in ("gain", "over_best"))
        helped = np.mean([row["gain"] > 0 for row in known])
        yield f"| {name} | {len(known)} | {gain:+.1f} | {over:+.1f} | {100 * helped:.0f} % |"


def _interval(score: Score, digits: int) -> str:
    if math.isnan(score.value):
        return "?"
    return f"{score.value:.{digits}f} ({score.low:.{digits}f} to {score.high:.{digits}f})"


def document(setup: Setup, study: Study, evaluations: Mapping[str, Evaluation]) -> dict[str, Any]:
    rows = [{k: number(v) if isinstance(v, float) else v for k, v in row.items()} for row in gains(study)]
    return {
        "measure": setup.measure,
        "seed": setup.seed,
        "images": setup.images,
        "sets": [list(members) for members in study.sets],
        "excluded": study.excluded.tolist(),
        "rules": {name: nullable(values) for name, values in study.rules.items()},
        "evaluations": {name: found.to_dict() for name, found in evaluations.items()},
        "choices": {name: nullable(values) for name, values in choices(study).items()},
        "gains": rows,
        "truth": study.truth.to_dict(),
    }


if __name__ == "__main__":
    main()
