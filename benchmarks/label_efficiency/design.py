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
from dsim.efficiency import divide_labelled

#: Share of the images that are scored, as in the paper, and the seed of the division.
TEST, SEED = 0.3, 0
#: The sets, each with its folder below DATA.
SETS: Mapping[str, str] = {
    "chula_rbc12_cls": "cells/chula_rbc12_cls",
    "ham10000_cls": "classification/ham10000_cls",
    "busi_cls": "classification/busi_cls",
    "cxr_covid_cls": "classification/cxr_covid_cls",
}
#: The network of all runs but one, and the side of its global crops in pixels; local ones have half of it. Cells are of
#: 48 pixels, the others of 64; ultrasound and chest X-rays are trained at 48 for want of time.
NETWORK = "tf_efficientnet_lite0"
SIDES: Mapping[str, int] = {"chula_rbc12_cls": 48, "ham10000_cls": 64, "busi_cls": 48, "cxr_covid_cls": 48}


def _lite0(side: int, views: str) -> dict[str, Any]:
    """Settings of a run of the network from weights of ImageNet.

    Global crops show half of an image at least, as the paper's do: the size of a cell is among what its class depends
    on. ``views`` : ``turned`` where images have no upper side (cells, skin), ``original`` where they have (breast,
    chest). Neither changes the perspective, since classes of cells are shapes.
    """
    areas = {"global_area": (0.5, 1.0), "local_area": (0.1, 0.5)}
    return {"network": NETWORK, "start": "imagenet", "size": side, "local_size": side // 2, "views": views, **areas}


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
        return f"{network}.{images}-dino.r1"


#: Of 420 images: as many steps as there is time for.
FEW: dict[str, Any] = {"batch": 32}
#: All runs, in the order in which they are trained. Epochs are as many as the hours at hand allow: fixed by the speed
#: of the first epoch, before any accuracy was looked at.
RUNS = (
    Run("lite0-chula", ("chula_rbc12_cls",), 14, _lite0(48, "turned")),
    Run("lite0-ham", ("ham10000_cls",), 20, _lite0(64, "turned") | FEW),
    Run("lite0-busi", ("busi_cls",), 20, _lite0(48, "original") | FEW),
    Run("lite0-cxr", ("cxr_covid_cls",), 20, _lite0(48, "original") | FEW),
    Run("lite0-all", tuple(SETS), 2, _lite0(48, "original")),
    Run(
        "resnet18-chula",
        ("chula_rbc12_cls",),
        14,
        {**_lite0(48, "turned"), "network": "resnet18", "start": "random", "precision": "bfloat16"},
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
    """Return the images of a set from which everything is learnt: 70 % of them, whole groups, classes spread evenly.

    They are those that ``dsim label-efficiency`` trains on by default.
    """
    return divide_labelled(dataset, test=TEST, seed=SEED).training
