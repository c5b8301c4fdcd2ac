"""``dsim asap ablate`` (Table 3, lower half): what style and triplets add, on one pool with the same seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dsim.files.documents import or_null, or_nulls
from dsim.plugin import UsageError
from dsim.runtime import VERSION
from dsim.stats.noise import difference, spread
from dsim_asap.measure import Asap
from dsim_asap.specs import AsapRecipe
from dsim_asap.studies import common
from dsim_asap.trainer import identity

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.evaluation import Contrast, Evaluation, Judgement, Score
    from dsim.measures import SimilarityMatrix
    from dsim.runtime import Runtime
    from dsim.truth import TransferMatrix

SCHEMA = "dsim.asap-ablate/1"
#: Bumped when the rows of the same study would be others.
REVISION = 1
#: Scores on which variants are tested against each other, target by target. Hits are left out: averaged over seeds they
#: are neither hits nor chances, and over a dozen targets they separate nothing.
TESTED = ("pearson", "spearman", "regret")
#: Scores of the judge that the document holds.
SCORES = ("pearson", "spearman", "top1", "top2", "top3", "regret", "regret_sum", "worst_regret")
#: Numbers of each training besides scores, and those that all trainings of a variant share.
MEASURED = ("eqc", "eqc_reference", "eqc_validation", "training_seconds", "images_per_second", "embedding_seconds")
_SHARED = ("gmac", "parameters", "encoder_parameters", "embedded")


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
    """One training: its distances with clouds of points, EQC and cost by name; None where a number does not exist."""

    matrix: SimilarityMatrix
    numbers: Mapping[str, Any]


@dataclass(frozen=True)
class Judged:
    """The runs of one variant judged by a truth: each by itself, and together, each target's scores averaged."""

    evaluations: tuple[Evaluation, ...]
    together: Judgement


@dataclass(frozen=True)
class Study:
    """Variants of one recipe, trained on the sources with each seed."""

    sources: Sequence[Dataset]
    targets: Sequence[Dataset]
    params: Mapping[str, Any]
    variants: tuple[str, ...]
    seeds: tuple[int, ...]

    def measure(self, variant: str) -> Asap:
        """Return the measure that trains this variant."""
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
    study: Study, out: Path, runtime: Runtime, truth: TransferMatrix | None = None, intersect: bool = False
) -> Ablation:
    """Train every variant with every seed, and judge them.

    Parameters
    ----------
    out : folder of the study: finished runs are kept there, and not repeated.
    truth : measured transfer between the sources and targets, by name; None to measure the embeddings alone.
    intersect : judge the datasets that study and truth both name.

    Raises
    ------
    UsageError
        Where two variants are the same training. DataError, before any training, where the names of the datasets are
        not those of the truth, or fewer than three sources are left.
    """
    study.check()
    if truth is not None:
        _refuse_strangers(study, truth, intersect)
    runs: dict[str, list[Run]] = {variant: [] for variant in study.variants}
    total = len(study.variants) * len(study.seeds)
    with runtime.progress.task("ablation", total, "trainings") as task:
        # Seed by seed: the rows of a study that was stopped compare all variants.
        for seed in study.seeds:
            for variant in study.variants:
                runs[variant].append(_run(study, variant, seed, out, runtime))
                task.advance(1)
    finished = {variant: tuple(done) for variant, done in runs.items()}
    if truth is None:
        return Ablation(study, finished, {}, ())
    judged = {variant: _judged(variant, done, truth, intersect) for variant, done in finished.items()}
    ablation = Ablation(study, finished, judged, ())
    return replace(ablation, contrasts=_contrasts(ablation))


def _refuse_strangers(study: Study, truth: TransferMatrix, intersect: bool) -> None:
    """Let the judge say that names are wrong before hours of training, not after."""
    from dsim.evaluation import evaluate
    from dsim.measures import SimilarityMatrix

    shape = len(study.sources), len(study.targets)
    sources, targets = ([dataset.name for dataset in side] for side in (study.sources, study.targets))
    empty = SimilarityMatrix.of_distances(sources, targets, np.zeros(shape), np.zeros(shape, dtype=bool))
    evaluate(empty, truth, common=intersect, resamples=100)


def _run(study: Study, variant: str, seed: int, out: Path, runtime: Runtime) -> Run:
    """Return a finished run from the folder, else train, embed and compare now."""
    from dsim.files.documents import plain
    from dsim.measures import SimilarityMatrix

    measure = study.measure(variant)
    facts = {**study.facts, "measure": measure.identity, "parameters": plain(measure.params)}
    row = common.finished_row(out, facts, (variant, "seed", seed), lambda _: _trained(study, measure, seed, runtime))
    clouds = {dataset: np.array(points) for dataset, points in row["clouds"].items()}
    eqc = {"eqc": row["eqc"]["paper"], "eqc_reference": row["eqc"]["reference"]}
    return Run(replace(SimilarityMatrix.from_dict(row["matrix"]), clouds=clouds), {**eqc, **row["cost"]})


def _trained(study: Study, measure: Asap, seed: int, runtime: Runtime) -> dict[str, Any]:
    from dsim.comparison import compare
    from dsim_asap import evaluation

    matrix = compare(
        study.sources, study.targets, measure=measure, seed=seed, bootstrap=0, floor=False, runtime=runtime
    )
    folder, recipe = Path(measure.extractors()[0].removeprefix("file:")), AsapRecipe.of(measure.params)
    return {
        "matrix": matrix.to_dict(),
        "clouds": {name: points.tolist() for name, points in (matrix.clouds or {}).items()},
        "eqc": matrix.provenance["embedding"]["eqc"],
        "cost": {
            **evaluation.count_cost(recipe),
            **evaluation.cost_of_training(folder, sum(map(len, study.sources))),
            **evaluation.cost_of_embedding(folder, study.sources, recipe, runtime),
        },
    }


def _judged(variant: str, runs: Sequence[Run], truth: TransferMatrix, intersect: bool) -> Judged:
    """Judge the runs; together, each target's scores are averaged over the seeds.

    So training noise is averaged out before targets are compared; NaN for a target that a seed has none of, so that all
    targets are of the same seeds.
    """
    from dsim.evaluation import Judgement, evaluate
    from dsim.evaluation.scores import BY_NAME, PER_TARGET

    evaluations = tuple(evaluate(run.matrix, truth, common=intersect) for run in runs)
    intervals = _intervals(evaluations[0])
    means = {name: np.mean([one.judgement.per_target[name] for one in evaluations], axis=0) for name in PER_TARGET}
    scores = {name: intervals.over_targets(BY_NAME[name], values) for name, values in means.items()}
    return Judged(evaluations, Judgement(variant, means, {}, (), scores))


def _intervals(evaluation: Evaluation) -> Any:
    from dsim.evaluation.intervals import Intervals

    e = evaluation
    return Intervals(len(e.targets), e.confidence, e.resamples, e.interval, e.seed)


def _contrasts(ablation: Ablation) -> tuple[Contrast, ...]:
    from dsim.evaluation.contrasts import contrasts

    others = [judged.together for variant, judged in ablation.judged.items() if variant != ablation.reference]
    if not others:
        return ()
    first = ablation.judged[ablation.reference]
    return contrasts(first.together, others, _intervals(first.evaluations[0]), TESTED)


def known_targets(study: Study) -> Iterator[str]:
    """Yield targets whose images the models are trained on: as targets they are not unseen datasets."""
    pool = {dataset.images_fingerprint for dataset in study.sources}
    return (dataset.name for dataset in study.targets if dataset.images_fingerprint in pool)


def document(ablation: Ablation) -> dict[str, Any]:
    """Return the whole study as JSON of schema ``dsim.asap-ablate/1``; NaN is null."""
    study = ablation.study
    return {
        "schema": SCHEMA,
        "dsim": VERSION,
        "settings": AsapRecipe.of(study.params).record(),
        "seeds": list(study.seeds),
        "sources": common.datasets_of(study.sources),
        "targets": common.datasets_of(study.targets),
        "reference": ablation.reference,
        "variants": [_variant(ablation, variant) for variant in study.variants],
        "eqc_contrasts": _eqc_contrasts(ablation),
        "contrasts": [or_nulls(vars(contrast)) for contrast in ablation.contrasts],
        "judge": _judge(next(iter(ablation.judged.values())).evaluations[0]) if ablation.judged else None,
        "notes": notes(ablation),
    }


def notes(ablation: Ablation) -> list[str]:
    """Return warnings about the study, and those of the judge."""
    lines = []
    known = list(known_targets(ablation.study))
    if ablation.judged and known:
        lines.append(f"targets whose images the models were trained on, which are not new datasets: {', '.join(known)}")
    if len(ablation.study.seeds) < 2:
        lines.append("one seed: how far another training would differ is not known; give --seeds")
    for judged in ablation.judged.values():
        lines += [note for one in judged.evaluations for note in one.notes]
    return list(dict.fromkeys(lines))


def _variant(ablation: Ablation, name: str) -> dict[str, Any]:
    variant, measure, runs = VARIANTS[name], ablation.study.measure(name), ablation.runs[name]
    judged = ablation.judged.get(name)
    rows = [
        {
            "seed": seed,
            **{quantity: run.numbers[quantity] for quantity in (*MEASURED, "epochs", "kept_epoch")},
            "scores": None if judged is None else _values(judged.evaluations[position].judgement.scores),
        }
        for position, (seed, run) in enumerate(zip(ablation.study.seeds, runs, strict=True))
    ]
    means = {name: spread([row[name] for row in rows]).to_dict() for name in MEASURED}
    if judged is not None:
        means |= {name: spread([row["scores"][name] for row in rows]).to_dict() for name in SCORES}
    return {
        "variant": name,
        "title": variant.title,
        "losses": variant.losses,
        "alpha": measure.params["alpha"],
        "beta": measure.params["beta"],
        "measure": repr(measure),
        **{quantity: runs[0].numbers[quantity] for quantity in _SHARED},
        "runs": rows,
        "mean": means,
        "over_targets": None if judged is None else _scores(judged.together.scores),
    }


def _values(scores: Mapping[str, Score]) -> dict[str, float | None]:
    return {name: or_null(scores[name].value) for name in SCORES}


def _scores(scores: Mapping[str, Score]) -> dict[str, Any]:
    fields = {name: or_nulls(vars(score)) for name, score in scores.items() if name in SCORES}
    return {name: {key: value for key, value in score.items() if key != "name"} for name, score in fields.items()}


def _eqc_contrasts(ablation: Ablation) -> list[dict[str, Any]]:
    """Return the reference's EQC less that of every other variant, paired by seed."""
    eqcs = {name: [run.numbers["eqc"] for run in runs] for name, runs in ablation.runs.items()}
    first = ablation.reference
    return [
        {"first": first, "second": name, **difference(eqcs[first], eqcs[name]).to_dict()}
        for name in ablation.study.variants
        if name != first
    ]


def _judge(one: Evaluation) -> dict[str, Any]:
    """Return the truth, and what stands beside any measure: the same for all runs."""
    names = ("truth", "score", "unit", "self_pairs", "confidence", "interval", "resamples")
    return {
        **{name: getattr(one, name) for name in names},
        "sources": list(one.sources),
        "targets": list(one.targets),
        "baselines": {baseline.name: _scores(baseline.scores) for baseline in one.baselines},
        "ceiling": _scores(one.ceiling),
    }


def read_variants(text: str) -> tuple[str, ...]:
    """Return the variants named, in their own order, each once; raises UnknownNameError for another name."""
    from dsim.errors import UnknownNameError

    asked = [name.strip().lower() for name in text.split(",") if name.strip()]
    for name in asked:
        if name not in VARIANTS:
            raise UnknownNameError("variant", name, VARIANTS, hint=f"choose from {','.join(VARIANTS)}")
    return tuple(name for name in VARIANTS if name in asked) or tuple(VARIANTS)
