"""What a run comes to: its parameters resolved for its datasets, before a network is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsim.errors import NeedError, UsageError
from dsim_tsimcne.division import Division, divide
from dsim_tsimcne.rotations import Rotations, choose_rotations
from dsim_tsimcne.specs import NETWORKS, SMALL

if TYPE_CHECKING:
    from dsim.plugin import Dataset, Runtime

#: Images of a step where the parameter is 0, and the largest size where that is 0.
_BATCH, _LARGEST = 256, 224


@dataclass(frozen=True)
class MapPlan:
    """What the parameters of a run come to for its datasets.

    Parameters
    ----------
    network : by the name that ``create_network`` takes. ``size`` : side of views, pixels. ``batch`` : images of a step.
    """

    parameters: Mapping[str, Any]
    datasets: tuple[Dataset, ...]
    division: Division
    rotations: Rotations
    network: str
    size: int
    batch: int

    def record(self) -> dict[str, Any]:
        """Return all settings, those that were left automatic with their values."""
        chosen = {
            "network": self.network,
            "size": self.size,
            "batch": self.batch,
            "rotations": self.rotations.name,
            "rotations_because": self.rotations.reason,
        }
        return {**self.parameters, **chosen}


def plan_map(datasets: Sequence[Dataset], parameters: Mapping[str, Any], seed: int, runtime: Runtime) -> MapPlan:
    """Return the plan of a run, with notes on what was left automatic; no network is made and no image decoded but few.

    Raises UsageError for parameters that no training can be made of, NeedError for datasets without groups where the
    map shall not show them.
    """
    from dsim.learning import typical_side

    area = parameters["area"]
    if len(area) != 2 or area[0] > area[1]:
        raise UsageError(f"area takes two shares, the smaller first, not {area}", hint="area=0.2/1.0")
    rotations = choose_rotations(parameters["rotations"], datasets)
    for dataset in datasets if parameters["invariant_to"] == "group" else ():
        if dataset.groups is None:
            raise NeedError(
                f"invariant_to=group: dataset {dataset.name!r} has no groups",
                hint="give groups (a column of its table, folders), or invariant_to=none",
            )
    size = parameters["size"] or min(_LARGEST, max(map(typical_side, datasets)))
    networks = NETWORKS.get(parameters["network"])
    network = parameters["network"] if networks is None else networks[size > SMALL]
    division = divide(datasets, parameters["calibration"], seed)
    batch = _choose_batch(parameters["batch"], sum(map(len, division.training)), runtime)
    if parameters["rotations"] == "auto":
        runtime.progress.note(f"rotations: {rotations.name}, {rotations.reason}")
    return MapPlan(parameters, tuple(datasets), division, rotations, network, size, batch)


def _choose_batch(asked: int, images: int, runtime: Runtime) -> int:
    """The images of a step; raises UsageError where more are asked for than there are."""
    if images < 2:
        raise UsageError(
            f"{images} images to train on are too few: views of different images are compared",
            hint="give more images, or calibration=0",
        )
    if asked > images or asked == 1:
        raise UsageError(
            f"{images} images to train on do not fill a batch of {asked}",
            hint=f"give batch=0, which adapts to the images, or batch={max(2, images // 2)}",
        )
    if not asked and images < _BATCH:
        runtime.progress.note(f"batches of {images} images: there are not {_BATCH} to train on")
    return asked or min(_BATCH, images)
