"""The design of the study: four labelled sets, what trains and what is scored, and the runs of DINO.

Everything here was fixed before a score was looked at. DINO sees the training part of a set, without its labels; the
classifiers are trained on labelled images of the same part, and scored on the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dsim
from dsim.data import Dataset
from dsim.data.splits import split_dataset

#: Share of the images that are scored, as in the paper, and the seed of the division.
TEST, SEED = 0.3, 0
#: The sets, each with its folder below DATA.
SETS: Mapping[str, str] = {
    "chula_rbc12_cls": "cells/chula_rbc12_cls",
    "ham10000_cls": "classification/ham10000_cls",
    "busi_cls": "classification/busi_cls",
    "cxr_covid_cls": "classification/cxr_covid_cls",
}
#: The network of all runs but one, and the sides of its global and local crops in pixels.
NETWORK, SIDE, LOCAL = "tf_efficientnet_lite0", 64, 32
LITE0: Mapping[str, Any] = {"network": NETWORK, "start": "imagenet", "size": SIDE, "local_size": LOCAL}
#: Cells and skin have no upper side; a breast and a chest have. A cell's size is among what its class depends on:
#: global crops show half of an image at least, as the paper's do.
ANY_SIDE: Mapping[str, Any] = {"views": "paper", "global_area": (0.5, 1.0), "local_area": (0.1, 0.5)}
UPRIGHT: Mapping[str, Any] = {"views": "upright", "global_area": (0.5, 1.0), "local_area": (0.1, 0.5)}


@dataclass(frozen=True)
class Run:
    """One training by DINO.

    Parameters
    ----------
    name : of its folder below the work folder. ``sets`` : whose training parts it sees, balanced.
    epochs : rounds of as many images as the parts hold. ``settings`` : further parameters of the trainer ``dino``;
        what is not given is as the preset ``small`` has it.
    """

    name: str
    sets: tuple[str, ...]
    epochs: int
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """The id of the model that it gives."""
        network, _, images = self.name.rpartition("-")
        return f"{network}.{images}.r1"


#: All runs, in the order in which they are trained. The numbers of epochs follow from the time at hand.
RUNS = (
    Run("lite0-chula", ("chula_rbc12_cls",), 30, {**LITE0, **ANY_SIDE}),
    Run("lite0-ham", ("ham10000_cls",), 60, {**LITE0, **ANY_SIDE}),
    Run("lite0-busi", ("busi_cls",), 60, {**LITE0, **UPRIGHT}),
    Run("lite0-cxr", ("cxr_covid_cls",), 60, {**LITE0, **UPRIGHT}),
    Run("lite0-all", tuple(SETS), 8, {**LITE0, **UPRIGHT}),
    Run(
        "resnet18-chula",
        ("chula_rbc12_cls",),
        30,
        {"network": "resnet18", "size": SIDE, "local_size": LOCAL, "precision": "bfloat16", **ANY_SIDE},
    ),
)


def find_run(name: str) -> Run:
    """Return the run of that name; raises LookupError for an unknown one."""
    for run in RUNS:
        if run.name == name:
            return run
    raise LookupError(f"no run is called {name!r}; there are {', '.join(run.name for run in RUNS)}")


def open_set(data: Path, name: str) -> Dataset:
    """Return a set of the study, with its labels, and its groups where they are known."""
    return dsim.open_dataset(data / SETS[name])


def training_part(dataset: Dataset) -> Dataset:
    """Return the images of a set from which everything is learnt: 70 % of them, whole groups, classes spread evenly."""
    parts = split_dataset(dataset, validation=0, test=TEST, seed=SEED, stratified=True)
    return dataset.subset(parts.training, name=dataset.name)
