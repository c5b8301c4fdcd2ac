"""Which training of each source becomes its zoo model, and where its weights are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsim.errors import DataError
from dsim.files import slug
from dsim.transfer.segmentation import WORK
from dsim.truth import TransferMatrix


@dataclass(frozen=True)
class Training:
    """A training of the truth: its record, and the file of its weights."""

    source: str
    repetition: int
    record: Mapping[str, Any]
    weights: Path

    def dice(self, truth: TransferMatrix, target: str) -> float:
        """What the truth says of this training on a target, percent."""
        pair = truth.sources.index(self.source), truth.targets.index(target)
        return float(truth.values[(*pair, self.repetition)])


def chosen(truth: TransferMatrix, results: Path) -> dict[str, Training]:
    """Of each source the training with the least validation loss: nothing that a target says enters the choice.

    Validation images are drawn anew in each repetition, so that the least loss is also that of the easiest ones.
    Raises DataError where the weights are not in the results.
    """
    found = {}
    for source in truth.sources:
        entries = [each for each in truth.provenance["trainings"] if each["source"] == source]
        best = min(entries, key=lambda each: (float(each["validation_loss"]), int(each["repetition"])))
        found[source] = _training(best, results / WORK / slug(source))
    return found


def _training(entry: Mapping[str, Any], folder: Path) -> Training:
    """The one whose record is that of the truth, to the second when it was finished: other recipes lie there too."""
    source, repetition = entry["source"], entry["repetition"]
    told = {key: value for key, value in entry.items() if key not in ("source", "repetition")}
    for path in sorted(folder.glob("*/*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        weights = path.with_suffix(".safetensors")
        same = document["job"] == [source, repetition] and told.items() <= document["record"].items()
        if same and weights.is_file():
            return Training(source, repetition, document["record"], weights)
    raise DataError(
        f"the weights of {source}, repetition {repetition + 1}, are not in {folder}",
        hint="give the folder that the truth was measured in, with its .work",
    )
