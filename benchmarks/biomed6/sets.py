"""What is known of the sets: their META.json, their labels, the list of their images, and what sets.toml adds."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.real_sets.origins import Origin, asking, quoted, read_origin
from dsim.data import Dataset
from dsim.truth import TransferMatrix

#: Digits of a digest that tell an image from all others.
_DIGITS = 16


@dataclass(frozen=True)
class Labelled(Origin):
    """A set with labels.

    Parameters
    ----------
    classes : images of each class. ``sampling`` : which images of the collection were taken, and at what size.
    caution : what makes its scores mean less than they seem to; may be empty.
    """

    classes: Mapping[str, int]
    sampling: str
    caution: str


def origins(truth: TransferMatrix, datasets: Mapping[str, Dataset], data: Path) -> dict[str, Labelled]:
    """Of each set of the truth, from its folder below ``data``; DataError where that says nothing of it."""
    told = tomllib.loads(Path(__file__).with_name("sets.toml").read_text(encoding="utf-8"))
    return {
        name: _origin((data / truth.datasets[name].location).parent, dataset, told.get(name, {}))
        for name, dataset in datasets.items()
    }


def _origin(folder: Path, dataset: Dataset, told: Mapping[str, str]) -> Labelled:
    with asking(folder, needed="META.json belongs beside the .npz"):
        return Labelled(
            **read_origin(folder),
            classes=Counter(sorted(dataset.labels or ())),
            sampling=told.get("sampling", "not recorded"),
            caution=told.get("caution", ""),
        )


def listing(datasets: Mapping[str, Dataset]) -> str:
    """All images with class and digest, as CSV: what another lab needs to see whether it has the same ones."""
    rows = [
        f"{name},{quoted(id)},{quoted(label)},{digest[:_DIGITS]}"
        for name, dataset in datasets.items()
        for id, label, digest in zip(dataset.ids, dataset.labels or (), dataset.image_digests, strict=True)
    ]
    return "\n".join(["dataset,image,class,sha256", *rows]) + "\n"
