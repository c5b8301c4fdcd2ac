"""What is stored of a set: its division, its run, all curves with both kinds of spread, and paired contrasts."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.label_efficiency.curves import (
    BOTH_ORDERS,
    CLASSIFIERS_STORED,
    FINETUNED_COUNTS,
    ORDERS,
    finetune_set,
    measure_set,
)
from benchmarks.label_efficiency.design import RUNS, Run
from benchmarks.label_efficiency.extractors import DINO, FINETUNED, extractors_of
from benchmarks.label_efficiency.runs import folder_of, model_of
from dsim.efficiency import Curve, LabelEfficiency
from dsim.files import write_text
from dsim.stats.accuracy_spread import compare_accuracies, measure_spread
from dsim.stats.power_law import fit_power_law

HERE = Path(__file__).parent
#: The classifier of the contrasts, and the counts of the aim.
JUDGED, AIM = "svm", (25, 100)
Document = dict[str, Any]


def path_of(name: str) -> Path:
    """Return the file of a set's results."""
    return HERE / f"{name}.json"


def read_results(name: str) -> Document:
    """Return the stored results of a set."""
    document: Document = json.loads(path_of(name).read_text("utf-8"))
    return document


def write_results(name: str, data: Path, work: Path, wanted: Sequence[str] = ()) -> None:
    """Collect everything that was measured of a set, and write its file."""
    labels = {reference: label for label, reference in extractors_of(name, work).items()}
    ends = [(FINETUNED, finetune_set(name, data, work))] if name in FINETUNED_COUNTS else []
    rows: list[Document] = []
    contrasts: list[Document] = []
    facts: Document = {}
    for order in ORDERS if name in BOTH_ORDERS else ORDERS[:1]:
        found = measure_set(name, data, work, order, wanted=wanted, classifiers=CLASSIFIERS_STORED)
        known = found.datasets[0]
        curves = [(labels[curve.extractor], curve) for curve in found.curves]
        rows += [{"order": order, **row_of(label, curve, found)} for label, curve in curves]
        contrasts += [{"order": order, **each} for each in contrasts_of([*curves, *ends], found)]
        facts = {"name": name, "split": dict(known.split), "versions": dict(found.versions)}
    rows += [{"order": "", **row_of(label, curve, found)} for label, curve in ends]
    runs = [run_facts(run, work) for run in RUNS if name in run.sets and model_of(run, work).is_dir()]
    write_text(path_of(name), as_text({**facts, "runs": runs, "curves": rows, "contrasts": contrasts}))


def row_of(label: str, curve: Curve, found: LabelEfficiency) -> Document:
    """Return a curve: at each count the mean, the deviation over draws, and the interval over test groups."""
    known = found.datasets[0]
    assert curve.predictions is not None
    assert known.truth is not None
    spreads = [
        measure_spread(curve.predictions[:, place], known.truth, known.groups) for place in range(len(curve.counts))
    ]
    columns = {key: [_short(getattr(spread, key)) for spread in spreads] for key in ("mean", "sd", "low", "high")}
    law = fit_power_law(curve.counts, curve.accuracies)
    facts = {"extractor": label, "classifier": curve.classifier, "draws": curve.repeats}
    plateau = [_short(value) for value in law.plateau_estimate[:3]]
    return {**facts, "counts": list(curve.counts), **columns, "plateau": plateau}


def contrasts_of(curves: Sequence[tuple[str, Curve]], found: LabelEfficiency) -> Iterator[Document]:
    """Yield how far DINO on own images leads every other, by the same draws and test groups."""
    known = found.datasets[0]
    judged = [(label, curve) for label, curve in curves if curve.classifier in (JUDGED, "network")]
    own = next((curve for label, curve in judged if label == DINO), None)
    if own is None or own.predictions is None or known.truth is None:
        return
    for label, curve in judged:
        if label == DINO or curve.predictions is None:
            continue
        for count in sorted(set(own.counts) & set(curve.counts)):
            draws = min(own.repeats, curve.repeats)
            first, second = (each.predictions[:draws, each.position(count)] for each in (own, curve))
            difference = compare_accuracies(first, second, known.truth, known.groups)
            keys = ("difference", "low", "high", "p", "wins")
            values = {key: _short(getattr(difference, key)) for key in keys}
            yield {"second": label, "count": count, "draws": draws, **values, "clear": bool(difference.clear)}


def run_facts(run: Run, work: Path) -> Document:
    """Return what is known of a finished run: its settings, resolved, its seconds, and the last row of its curves."""
    from dsim.zoo import read_model

    training = read_model(model_of(run, work)).manifest["training"]
    record = json.loads((folder_of(run, work) / "run.json").read_text("utf-8"))
    sets = {each["name"]: [each["n"], each["fingerprint"][:12]] for each in record["datasets"]}
    kept = ("size", "local_size", "views", "batch", "outputs", "momentum", "peak_lr", "backbone_lr", "precision")
    settings = {key: training["settings"][key] for key in kept if key in training["settings"]}
    last = {key: _short(value) for key, value in training["last"].items()}
    numbers = {"epochs": training["epochs"], "seconds": training["seconds"]}
    return {"run": run.name, "sets": sets, **numbers, "settings": settings, "last": last}


def as_text(document: Mapping[str, Any]) -> str:
    """Return JSON with a line for each curve and contrast: what is measured anew changes few lines."""
    lists = ("curves", "contrasts")
    head = json.dumps({key: value for key, value in document.items() if key not in lists}, indent=1)[:-2]
    blocks = [f' "{key}": [\n' + ",\n".join(map(json.dumps, document[key])) + "\n ]" for key in lists]
    return head + ",\n" + ",\n".join(blocks) + "\n}\n"


def _short(value: float) -> float | None:
    """Four decimals, as JSON has them."""
    return round(float(value), 4) if np.isfinite(value) and not math.isnan(value) else None
