"""The design of the study of maps: its sets, its runs in the order of the queue, and the settings that all share.

Everything here was fixed before a score was looked at. The number of steps is a choice of cost: all runs together take
about 90 minutes of one processor core. It is the same for all trainings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import dsim
from dsim.data import Dataset
from dsim.models import lite0

CELLS, DIGITS = "chula_rbc12_cls", "digits"
SIX = (
    "bccd_wbc_cls",
    "ham10000_cls",
    "busi_cls",
    "cxr_covid_cls",
    "medical_mnist_cls",
    "pneumoniamnist_cls",
)
#: The sets, each with its folder below DATA; scikit-learn has the digits.
SETS: Mapping[str, str] = {
    CELLS: f"cells/{CELLS}",
    DIGITS: "",
    **{name: f"classification/{name}" for name in SIX},
}
#: What rotations a reader of the sets' descriptions would choose: cells and skin have no upper side.
ADVISED: Mapping[str, str] = {
    CELLS: "any",
    DIGITS: "none",
    "bccd_wbc_cls": "any",
    "ham10000_cls": "any",
    **dict.fromkeys(("busi_cls", "cxr_covid_cls", "medical_mnist_cls", "pneumoniamnist_cls"), "none"),
}
SEEDS = (0, 1, 2)
#: Side of images and views in pixels, as the paper has for cells; digits have 8 pixels and are enlarged to 16.
SIDE, DIGITS_SIDE = 28, 16
#: Of all trainings by t-SimCNE: a third of the images that the preset ``quick`` sees in its first and third stage.
STEPS, BATCH = (400.0, 40.0, 200.0), 128
#: Of two longer trainings, each from the beginning.
TWICE = (1200.0, 200.0, 600.0)
#: Rotations by name, and the views of SimCLR that are the same.
ROTATIONS = {"none": "t-simcne", "quarter": "t-simcne-quarter", "any": "t-simcne-any"}

TSIMCNE, OWN_TSNE = "t-simcne", "features+tsne"
PIXELS, IMAGENET, SIMCLR, DINO = "pixels+tsne", "imagenet+tsne", "simclr+tsne", "dino+tsne"


@dataclass(frozen=True)
class Run:
    """One map.

    Parameters
    ----------
    set : whose images it shows. ``method`` : how it is made. ``variant`` : what differs from the method's usual form.
    seed : of everything that is drawn. ``settings`` : of the trainer, beyond those that all share.
    """

    set: str
    method: str
    variant: str = ""
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of its folder and of its file."""
        variant = f"-{self.variant}" if self.variant else ""
        return f"{self.set}.{self.method}{variant}.{self.seed}".replace("+", "_")

    @property
    def label(self) -> str:
        """The name of its row in tables, the same for all seeds."""
        return f"{self.method}, {self.variant}" if self.variant else self.method


def side_of(name: str) -> int:
    """Return the side of a set's images in the study, pixels."""
    return DIGITS_SIDE if name == DIGITS else SIDE


def training_settings(run: Run) -> dict[str, Any]:
    """Return the parameters of a run of t-SimCNE; the others are those of the preset ``quick``."""
    side = side_of(run.set)
    return {"size": side, "bank_side": side, "batch": BATCH, "steps": STEPS, **run.settings}


def _map(name: str, rotations: str, seed: int = 0) -> Run:
    return Run(name, TSIMCNE, f"rotations {rotations}", seed, {"rotations": rotations})


def _shipped(rotations: str, seed: int) -> Run:
    """The preset ``quick`` with the steps and sizes it ships with, instead of those of the study."""
    settings = {"size": 32, "bank_side": 0, "batch": 0, "steps": (600.0, 100.0, 300.0), "rotations": rotations}
    return Run(CELLS, TSIMCNE, f"preset quick, rotations {rotations}", seed, settings)


def _twice(rotations: str) -> Run:
    """Twice the steps of ``quick``."""
    shipped = _shipped(rotations, 0)
    return Run(CELLS, TSIMCNE, f"twice quick, rotations {rotations}", 0, {**shipped.settings, "steps": TWICE})


def _from_imagenet() -> Run:
    """The shipped encoder of ImageNet as a start, at the rate of the paper and in few steps: it is a larger network."""
    settings = {"network": lite0.NETWORK, "start": "imagenet", "size": 64, "bank_side": 0, "rotations": "any"}
    steps = {"steps": (200.0, 40.0, 100.0), "lr": 0.03, "precision": "float32"}
    return Run(CELLS, TSIMCNE, "from ImageNet, rotations any", 0, {**settings, **steps})


def _invariant(negatives: str) -> Run:
    settings = {"rotations": "any", "invariant_to": "group", "negatives": negatives}
    return Run(CELLS, TSIMCNE, f"invariant to smears, negatives {negatives}", 0, settings)


def _without(part: str) -> Run:
    return Run(CELLS, TSIMCNE, f"without {part}", 0, {"rotations": "any", "leave_out": part})


def _queue() -> Iterator[Run]:
    """All runs, the most important first."""
    for seed in SEEDS:
        yield _map(CELLS, "any", seed)
        yield _map(CELLS, "none", seed)
        yield Run(CELLS, PIXELS, seed=seed)
    for seed in SEEDS:
        yield Run(CELLS, IMAGENET, seed=seed)
    for seed in SEEDS:
        yield _map(CELLS, "quarter", seed)
    for seed in SEEDS:
        for rotations in ("none", "quarter", "any"):
            yield _map(DIGITS, rotations, seed)
    yield Run(CELLS, SIMCLR)
    for seed in SEEDS:
        yield Run(CELLS, OWN_TSNE, seed=seed)
    yield _invariant("within")
    yield _invariant("across")
    yield Run(DIGITS, PIXELS)
    for name in SIX:
        yield _map(name, ADVISED[name])
        yield Run(name, PIXELS)
        yield _map(name, "any" if ADVISED[name] == "none" else "none")
    yield Run(CELLS, DINO)
    for part in ("crops", "flips", "jitter", "gray"):
        yield _without(part)
    for name in SIX:
        yield Run(name, IMAGENET)
    for seed in SEEDS:
        yield _shipped("any", seed)
        yield _shipped("none", seed)
    yield _twice("any")
    yield _twice("none")
    yield _from_imagenet()


RUNS = tuple(_queue())


def open_set(data: Path, name: str) -> Dataset:
    """Return a set of the study with its labels, and its groups where they are known."""
    if name != DIGITS:
        return dsim.open_dataset(data / SETS[name])
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.clip(digits.images * (255 / 16), 0, 255).round().astype(np.uint8)
    return dsim.from_arrays(images, labels=[str(label) for label in digits.target], name=DIGITS)
