"""The ablation (Table 3, lower half): what style and triplets add, on one pool with the same seeds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.plugin import UsageError
from dsim_asap.measure import Asap
from dsim_asap.recipe import Recipe
from dsim_asap.studies.kept import rows_of
from dsim_asap.studies.trained import identity

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.evaluation import Contrast, Evaluation, Judgement
    from dsim.measures import SimilarityMatrix
    from dsim.runtime import Runtime
    from dsim.truth import TransferMatrix

#: Bumped when the rows of the same study would be others.
REVISION = 1
#: Scores on which variants are tested against each other, target by target. Hits are left out: averaged over seeds they
#: are neither hits nor chances, and over a dozen targets they tell nothing apart.
TESTED = ("pearson", "spearman", "regret")


@dataclass(frozen=True)
class Variant:
    """One way to train: its title in the paper, the losses it keeps, the weights of Eq. 7 that leave out the rest."""

    title: str
    losses: str
    weights: Mapping[str, float]


#: Section IV-B of the paper, 8 to 11.
VARIANTS = {
    "ae": Variant("AE", "mse", {"alpha": 1.0, "beta": 1.0}),
    "ae-t": Variant("AE-T", "mse, triplet", {"beta": 1.0}),
    "ae-s": Variant("AE-S", "mse, mse-style", {"alpha": 1.0}),
    "asap": Variant("ASAP", "mse, mse-style, triplet, triplet-style", {}),
}


@dataclass(frozen=True)
class Run:
    """One training: its distances, its clouds of points, what it cost, and how good its embedding is."""

    matrix: SimilarityMatrix
    eqc: float | None
    eqc_reference: float | None
    cost: Mapping[str, Any]


@dataclass(frozen=True)
class Judged:
    """The runs of one variant judged by a truth: each by itself, and together, each target's scores averaged."""

    evaluations: tuple[Evaluation, ...]
    together: Judgement


@dataclass(frozen=True)
class Study:
    """What is compared: variants of one recipe, trained on the sources with each seed."""

    sources: Sequence[Dataset]
    targets: Sequence[Dataset]
    params: Mapping[str, Any]
    variants: tuple[str, ...]
    seeds: tuple[int, ...]

    def measure(self, variant: str) -> Asap:
        """The measure that trains this variant."""
        return Asap(**{**self.params, **VARIANTS[variant].weights})

    def check(self) -> None:
        """Raise UsageError where two variants would be one and the same training."""
        calls: dict[str, str] = {}
        for variant in self.variants:
            other = calls.setdefault(repr(self.measure(variant)), variant)
            if other != variant:
                raise UsageError(
                    f"{other} and {variant} would be the same training: alpha={self.params['alpha']:g},"
                    f" beta={self.params['beta']:g}",
                    hint="alpha=1 leaves out the triplets and beta=1 the style: give smaller ones, or fewer variants",
                )

    @cached_property
    def facts(self) -> dict[str, Any]:
        """All that a run depends on besides its variant's parameters and its seed."""
        sides = {"sources": self.sources, "targets": self.targets}
        prints = {side: {one.name: identity(one) for one in given} for side, given in sides.items()}
        return {"study": "ablate", "revision": REVISION, **prints}


@dataclass(frozen=True)
class Ablation:
    """The finished study.

    Parameters
    ----------
    runs : by variant, one for each seed. ``judged`` : by variant; empty without a truth.
    contrasts : of ASAP with each other variant (of the last one where ASAP is not among them), by the truth.
    """

    study: Study
    runs: Mapping[str, tuple[Run, ...]]
    judged: Mapping[str, Judged]
    contrasts: tuple[Contrast, ...]

    @property
    def reference(self) -> str:
        """The variant that the others are held against."""
        return "asap" if "asap" in self.study.variants else self.study.variants[-1]


def ablate(
    study: Study, out: Path, runtime: Runtime, truth: TransferMatrix | None = None, common: bool = False
) -> Ablation:
    """Train every variant with every seed, and judge them.

    Parameters
    ----------
    out : folder of the study: finished runs are kept there, and not repeated.
    truth : measured transfer between the sources and targets, by name; None to measure the embeddings alone.
    common : judge the datasets that study and truth both name.

    Raises
    ------
    UsageError
        Where two variants are the same training. DataError, before any training, where the names of the datasets are
        not those of the truth, or fewer than three sources are left.
    """
    study.check()
    if truth is not None:
        _refuse_strangers(study, truth, common)
    runs: dict[str, list[Run]] = {variant: [] for variant in study.variants}
    total = len(study.variants) * len(study.seeds)
    with runtime.progress.task("ablation", total, "trainings") as task:
        # Seed by seed: what is there of a study that was stopped compares all variants.
        for seed in study.seeds:
            for variant in study.variants:
                runs[variant].append(_run(study, variant, seed, out, runtime))
                task.advance(1)
    found = {variant: tuple(done) for variant, done in runs.items()}
    if truth is None:
        return Ablation(study, found, {}, ())
    judged = {variant: _judged(variant, done, truth, common) for variant, done in found.items()}
    ablation = Ablation(study, found, judged, ())
    return replace(ablation, contrasts=_contrasts(ablation))


def _refuse_strangers(study: Study, truth: TransferMatrix, common: bool) -> None:
    """Let the judge say that names are wrong before hours of training, not after."""
    from dsim.evaluation import evaluate
    from dsim.measures import SimilarityMatrix
    from dsim.plugin import Direction

    sources, targets = (tuple(one.name for one in side) for side in (study.sources, study.targets))
    shape = len(sources), len(targets)
    empty = SimilarityMatrix(
        measure="asap",
        direction=Direction.DISTANCE,
        unit="",
        sources=sources,
        targets=targets,
        values=np.zeros(shape),
        notes=(("",) * shape[1],) * shape[0],
        same=np.zeros(shape, dtype=bool),
        verdicts={},
        provenance={},
    )
    evaluate(empty, truth, common=common, resamples=100)


def _run(study: Study, variant: str, seed: int, out: Path, runtime: Runtime) -> Run:
    """A finished run from the folder, else trained, embedded and compared now."""
    from dsim.measures import SimilarityMatrix

    measure = study.measure(variant)
    facts = {**study.facts, "measure": measure.identity, "parameters": _plain(measure.params)}
    kept, job = rows_of(out, facts), (variant, "seed", seed)
    row = kept.find(job)
    if row is None:
        row = _trained(study, measure, seed, runtime)
        kept.add(job, row)
    clouds = {dataset: np.array(points) for dataset, points in row["clouds"].items()}
    matrix = replace(SimilarityMatrix.from_dict(row["matrix"]), clouds=clouds)
    return Run(matrix, row["eqc"]["paper"], row["eqc"]["reference"], row["cost"])


def _trained(study: Study, measure: Asap, seed: int, runtime: Runtime) -> dict[str, Any]:
    from dsim.comparison import compare
    from dsim_asap.studies import cost

    matrix = compare(study.sources, study.targets, measure=measure, seed=seed, floor=False, runtime=runtime)
    folder, recipe = Path(measure.extractors()[0].removeprefix("file:")), Recipe.of(measure.params)
    return {
        "matrix": matrix.to_dict(),
        "clouds": {name: points.tolist() for name, points in (matrix.clouds or {}).items()},
        "eqc": matrix.provenance["embedding"]["eqc"],
        "cost": {
            **cost.counted(recipe),
            **cost.of_training(folder, sum(map(len, study.sources))),
            **cost.of_embedding(folder, study.sources, recipe, runtime),
        },
    }


def _judged(variant: str, runs: Sequence[Run], truth: TransferMatrix, common: bool) -> Judged:
    from dsim.evaluation import evaluate

    evaluations = tuple(evaluate(run.matrix, truth, common=common) for run in runs)
    return Judged(evaluations, _together(variant, evaluations))


def _together(variant: str, evaluations: Sequence[Evaluation]) -> Judgement:
    """Each target's scores averaged over the seeds: training noise is averaged out before targets are compared."""
    from dsim.evaluation import Judgement
    from dsim.evaluation.scores import BY_NAME, PER_TARGET

    how = _intervals(evaluations[0])
    means = {name: _mean([one.judgement.per_target[name] for one in evaluations]) for name in PER_TARGET}
    scores = {name: how.over_targets(BY_NAME[name], values) for name, values in means.items()}
    return Judgement(variant, means, {}, (), scores)


def _mean(values: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The mean over seeds; NaN for a target that a seed has none of, so that all targets are of the same seeds."""
    mean: NDArray[np.float64] = np.mean(values, axis=0)
    return mean


def _intervals(one: Evaluation) -> Any:
    from dsim.evaluation.intervals import Intervals

    return Intervals(len(one.targets), one.confidence, one.resamples, one.interval, one.seed)


def _contrasts(ablation: Ablation) -> tuple[Contrast, ...]:
    from dsim.evaluation.contrasts import contrasts

    others = [judged.together for variant, judged in ablation.judged.items() if variant != ablation.reference]
    if not others:
        return ()
    first = ablation.judged[ablation.reference]
    return contrasts(first.together, others, _intervals(first.evaluations[0]), TESTED)


def score_of(evaluation: Evaluation, name: str) -> float | None:
    """A score of the measure; None where it has none."""
    value = evaluation.judgement.scores[name].value
    return None if math.isnan(value) else value


def known_targets(study: Study) -> Iterator[str]:
    """Targets whose images the models are trained on: as targets they are no unseen datasets."""
    pool = {dataset.images_fingerprint for dataset in study.sources}
    return (dataset.name for dataset in study.targets if dataset.images_fingerprint in pool)


def _plain(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in params.items()}
