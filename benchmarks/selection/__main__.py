"""What the candidates do on each of the 16 sets of biomed16: the record from which ``dsim recommend`` learns.

    python -m benchmarks.selection --data DATA [--models FOLDER] [--only PREFIX] [--out FILE]

Every model is applied to every image of every set that it was not trained on: signals, agreement and Dice image by
image go to benchmarks/selection/biomed16.json. Candidates are the newest models of the zoo that have learnt their
source; ``--models`` adds those of files, and takes NAME-without-TARGET.safetensors for NAME where NAME was trained
on the target: what NAME would be had it never seen it. ``--only unet8.`` takes the zoo's models whose ids begin so,
also those that newer ones replace. An interrupted run goes on where it stopped: predictions are kept in the cache.
``python -m benchmarks.selection.study`` then adds how choices fared.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.known_kinds import KINDS
from dsim.data import Dataset, open_dataset
from dsim.runtime import Runtime
from dsim.selection import CandidateModel, Prior, Record, RecordedTarget, gather_evidence
from dsim.selection.candidates import trained_on_target
from dsim.selection.signals import VERSION, distance_signals
from dsim.ui import make_runtime
from dsim.zoo import Model, models

OUT = Path(__file__).parent / "biomed16.json"
COMMAND = "python -m benchmarks.selection --data DATA"
WITHOUT = "-without-"
#: Today's procedure, which compares images only: kept beside the signals, and no part of the prior.
ENSEMBLE = "ensemble"
KIND_OF = {name: kind for kind, names in KINDS.items() for name in names}


def zoo_candidates(prefix: str) -> list[CandidateModel]:
    """The zoo's models to choose from; with a prefix those whose ids begin with it."""

    def wanted(model: Model) -> bool:
        if prefix:
            return model.segments and model.id.startswith(prefix)
        return model.segments and model.learnt and model.replaced_by is None

    return [
        CandidateModel(f"zoo:{model.id}", model.id.split(".")[1], tuple(entry["name"] for entry in model.pool))
        for model in models()
        if wanted(model)
    ]


def file_candidates(folder: Path) -> list[CandidateModel]:
    """The models of a folder, named as their files."""
    import json

    from dsim.store import read_weights

    found = []
    for path in sorted(folder.glob("*.safetensors")):
        known = json.loads(read_weights(path)[1]["dsim"])["trained_on"]
        found.append(CandidateModel(str(path), path.stem, tuple(entry["name"] for entry in known)))
    return found


def candidates_of(target: Dataset, known: Sequence[CandidateModel]) -> list[CandidateModel]:
    """Those that saw nothing of the target; a version without the target stands for the model that saw it."""
    found = [one for one in known if WITHOUT not in one.name and not trained_on_target(one, target)]
    taken = {one.name for one in found}
    for one in known:
        name, _, left_out = one.name.partition(WITHOUT)
        if left_out == target.name and name not in taken and not trained_on_target(one, target):
            found.append(replace(one, name=name))
    return sorted(found, key=lambda one: one.name)


def measure(
    target: Dataset, known: Sequence[CandidateModel], sources: Sequence[Dataset], runtime: Runtime
) -> RecordedTarget:
    """One target of the record: all its images are annotated, so that all are scored."""
    evidence = gather_evidence(target, candidates_of(target, known), runtime, sources=sources)
    others, _ = distance_signals(target, evidence.candidates, sources, runtime, calls=[ENSEMBLE])
    if len(evidence.annotated) < len(target):
        raise SystemExit(f"only {len(evidence.annotated)} of {len(target)} images of {target.name} were scored")
    print(target.name, len(evidence.candidates), (100 * evidence.scores.mean(axis=1)).round().astype(int), flush=True)
    return RecordedTarget(
        target.name,
        KIND_OF[target.name],
        target.images_fingerprint,
        tuple(one.name for one in evidence.candidates),
        tuple(_id(one, known) for one in evidence.candidates),
        tuple(one.sources for one in evidence.candidates),
        {name: np.asarray(values) for name, values in {**evidence.signals, **others}.items()},
        evidence.agreement,
        evidence.scores,
    )


def _id(candidate: CandidateModel, known: Sequence[CandidateModel]) -> str:
    """The id of a candidate in the zoo; of a version without the target, that of the model it stands for."""
    return candidate.id or next((one.id for one in known if one.name == candidate.name), "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds the 16 sets")
    parser.add_argument("--models", type=Path, help="folder of further models, files of segmenters")
    parser.add_argument("--only", default="", help="of the zoo only models whose ids begin so; none for 'none'")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    sets = [open_dataset(folder) for folder in sorted(options.data.iterdir()) if folder.name in KIND_OF]
    if len(sets) < 2:
        sys.exit(f"{options.data} holds {len(sets)} of the sets; give the folder with bbbc039/, coco128/ and so on")
    known = [*zoo_candidates(options.only), *([] if options.models is None else file_candidates(options.models))]
    runtime = make_runtime("cpu", offline=True)
    targets = [measure(target, known, sets, runtime) for target in sets]
    record = Record(options.out.stem, COMMAND, VERSION, tuple(targets))
    replace(record, fitted=Prior.fit(record).to_dict()).to_json(options.out)


if __name__ == "__main__":
    main()
