"""An ablation as a JSON document of schema ``dsim.asap-ablate/1``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dsim.files.documents import number
from dsim_asap.recipe import Recipe
from dsim_asap.studies.ablate import VARIANTS, Ablation, Run, known_targets, score_of
from dsim_asap.studies.spread import difference, spread
from dsim_asap.studies.writing import version

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.evaluation import Evaluation, Judgement, Score
    from dsim_asap.studies.ablate import Judged

SCHEMA = "dsim.asap-ablate/1"
#: Scores of the judge that the document holds.
SCORES = ("pearson", "spearman", "top1", "top2", "top3", "regret", "regret_sum", "worst_regret")
#: What each training has besides scores.
MEASURED = ("eqc", "eqc_reference", "eqc_validation", "training_seconds", "images_per_second", "embedding_seconds")
_OF_ALL = ("gmac", "parameters", "encoder_parameters", "embedded")


def document(ablation: Ablation) -> dict[str, Any]:
    """The whole study; NaN is null."""
    study = ablation.study
    return {
        "schema": SCHEMA,
        "dsim": version(),
        "settings": Recipe.of(study.params).record(),
        "seeds": list(study.seeds),
        "sources": [_dataset(one) for one in study.sources],
        "targets": [_dataset(one) for one in study.targets],
        "reference": ablation.reference,
        "variants": [_variant(ablation, variant) for variant in study.variants],
        "eqc_contrasts": _eqc_contrasts(ablation),
        "contrasts": [_plain(vars(contrast)) for contrast in ablation.contrasts],
        "judge": _judge(next(iter(ablation.judged.values())).evaluations[0]) if ablation.judged else None,
        "notes": notes(ablation),
    }


def notes(ablation: Ablation) -> list[str]:
    """What must be said of the study, and what the judge says."""
    told = []
    known = list(known_targets(ablation.study))
    if ablation.judged and known:
        told.append(f"targets whose images the models were trained on, which are no new datasets: {', '.join(known)}")
    if len(ablation.study.seeds) < 2:
        told.append("one seed: how far another training would differ is not known; give --seeds")
    for judged in ablation.judged.values():
        told += [note for one in judged.evaluations for note in one.notes]
    return list(dict.fromkeys(told))


def _variant(ablation: Ablation, name: str) -> dict[str, Any]:
    variant, measure, runs = VARIANTS[name], ablation.study.measure(name), ablation.runs[name]
    judged = ablation.judged.get(name)
    rows = [
        {"seed": seed, **measured(run), "scores": _scores(judged, position)}
        for position, (seed, run) in enumerate(zip(ablation.study.seeds, runs, strict=True))
    ]
    return {
        "variant": name,
        "title": variant.title,
        "losses": variant.losses,
        "alpha": measure.params["alpha"],
        "beta": measure.params["beta"],
        "measure": repr(measure),
        **{quantity: runs[0].cost[quantity] for quantity in _OF_ALL},
        "runs": rows,
        "mean": _means(rows, judged),
        "over_targets": None if judged is None else _over_targets(judged.together),
    }


def measured(run: Run) -> dict[str, Any]:
    """What one training gave besides scores."""
    kept = {"epochs": run.cost["epochs"], "kept_epoch": run.cost["kept_epoch"]}
    own = {"eqc": run.eqc, "eqc_reference": run.eqc_reference}
    return {**own, **{name: run.cost[name] for name in MEASURED if name not in own}, **kept}


def _scores(judged: Judged | None, position: int) -> dict[str, float | None] | None:
    return None if judged is None else {name: score_of(judged.evaluations[position], name) for name in SCORES}


def _means(rows: Sequence[Mapping[str, Any]], judged: Judged | None) -> dict[str, Any]:
    means = {name: spread([row[name] for row in rows]).to_dict() for name in MEASURED}
    if judged is not None:
        means |= {name: spread([row["scores"][name] for row in rows]).to_dict() for name in SCORES}
    return means


def _over_targets(together: Judgement) -> dict[str, Any]:
    return {name: _score(score) for name, score in together.scores.items() if name in SCORES}


def _score(score: Score) -> dict[str, Any]:
    return _plain({name: value for name, value in vars(score).items() if name != "name"})


def _eqc_contrasts(ablation: Ablation) -> list[dict[str, Any]]:
    """The reference's EQC less that of every other variant, paired by seed."""
    first = [run.eqc for run in ablation.runs[ablation.reference]]
    others = [name for name in ablation.study.variants if name != ablation.reference]
    return [
        {"first": ablation.reference, "second": name}
        | difference(first, [run.eqc for run in ablation.runs[name]]).to_dict()
        for name in others
    ]


def _judge(one: Evaluation) -> dict[str, Any]:
    """The truth, and what stands beside any measure: the same for all runs."""
    return {
        "truth": one.truth,
        "score": one.score,
        "unit": one.unit,
        "sources": list(one.sources),
        "targets": list(one.targets),
        "self_pairs": one.self_pairs,
        "confidence": one.confidence,
        "interval": one.interval,
        "resamples": one.resamples,
        "baselines": {found.name: _over_targets(found) for found in one.baselines},
        "ceiling": {name: _score(score) for name, score in one.ceiling.items() if name in SCORES},
    }


def _dataset(one: Dataset) -> dict[str, Any]:
    return {"name": one.name, "images": len(one), "fingerprint": one.images_fingerprint}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: number(value) if isinstance(value, float) else value for name, value in values.items()}
