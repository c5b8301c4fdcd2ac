"""The settings of one training: those that were left automatic get their values from the images and the steps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dsim.errors import UsageError
from dsim.learning import Cosine, Linear, Schedule, TrainingConfig, WarmUp
from dsim_dino.training_specs import AUTOMATIC, SMALL

#: The share of the initial teacher that ``small`` leaves at the end of a long run, and the bounds of its momentum. A
#: teacher that follows within a few steps collapses: with 0.956 its entropy fell to 0.06 of ln K, then rose to 0.99.
SHARE_LEFT, MOMENTA = 0.01, (0.99, 0.996)
#: Images that ``small`` sees in all epochs, at least, and the bounds of its epochs.
SEEN, EPOCHS = 12_000, (20, 100)
#: Largest share of all steps, and number of epochs, in which the learning rate of ``small`` rises.
_WARMUP_SHARE, _WARMUP_EPOCHS = 0.1, 10
#: Share of the learning rate that trained weights take in ``small``.
_TRAINED_SHARE = 0.2
_REFERENCE_BATCH = 256


@dataclass(frozen=True)
class DinoRecipe:
    """Settings without anything automatic, by the names of the trainer's parameters.

    Parameters
    ----------
    values : of all parameters. ``steps`` : of an epoch.
    """

    values: Mapping[str, Any]
    steps: int

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def lr_schedule(self) -> Schedule:
        """The learning rate by step: from 0 to its largest, then by a cosine to ``min_lr``."""
        return self._lr(1.0)

    @property
    def backbone_lr_schedule(self) -> Schedule:
        """The learning rate of the backbone's weights by step."""
        return self._lr(self.values["backbone_lr"])

    def _lr(self, share: float) -> Schedule:
        peak = self.values["peak_lr"] * share
        after = Cosine(peak, min(self.values["min_lr"], peak), per="step")
        length = round(self.values["warmup"] * self.steps)
        return WarmUp(length, after, per="step") if length else after

    @property
    def weight_decay_schedule(self) -> Schedule:
        """The weight decay by step."""
        return Cosine(self.values["weight_decay"], self.values["final_weight_decay"], per="step")

    @property
    def momentum_schedule(self) -> Schedule:
        """The teacher's momentum by step."""
        return Cosine(self.values["momentum"], 1.0, per="step")

    @property
    def temperature_schedule(self) -> Schedule:
        """The teacher's temperature by epoch: as numpy's linspace over ``teacher_warmup`` epochs, then constant."""
        first, last = self.values["teacher_temperature"], self.values["final_teacher_temperature"]
        length = self.values["teacher_warmup"]
        return Linear(first if length else last, last, length=max(1, length - 1))

    @property
    def config(self) -> TrainingConfig:
        """The settings of the training loop."""
        values = self.values
        return TrainingConfig(
            epochs=values["epochs"],
            lr=self.lr_schedule,
            weight_decay=self.weight_decay_schedule,
            clip=values["clip"] if values["clipping"] == "norm" else 0.0,
            precision=values["precision"],
            keep="last",
        )

    def record(self) -> dict[str, Any]:
        """Return the settings as plain values, for manifest, card and checkpoint."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in self.values.items()}


def resolve(parameters: Mapping[str, Any], images: int, steps: int) -> DinoRecipe:
    """Return the recipe for so many images, and steps of an epoch, with every automatic setting resolved.

    ``peak_lr``, the largest learning rate for the batch, is added; ``recipe`` says whose values were taken.
    Raises UsageError for values that do not fit each other.
    """
    values = dict(parameters)
    _refuse(values)
    name = values["recipe"]
    if name == "automatic":
        name = "small" if images < SMALL else "paper"
    defaults = AUTOMATIC[name]
    for key in ("outputs", "lr", "teacher_temperature", "final_teacher_temperature"):
        values[key] = values[key] or defaults[key]
    if values["lr_scaling"] == "automatic":
        values["lr_scaling"] = defaults["lr_scaling"]
    values["epochs"] = values["epochs"] or defaults.get("epochs") or small_epochs(images)
    total = steps * values["epochs"]
    values["momentum"] = values["momentum"] or defaults.get("momentum") or small_momentum(total)
    if values["warmup"] < 0:
        values["warmup"] = defaults.get("warmup", min(_WARMUP_EPOCHS, _WARMUP_SHARE * values["epochs"]))
    values["warmup"] = min(values["warmup"], values["epochs"] - 1 / steps)
    gentle = name == "small" and values["start"] != "random"
    values["backbone_lr"] = values["backbone_lr"] or (_TRAINED_SHARE if gentle else 1.0)
    power = 0.5 if values["lr_scaling"] == "root" else 1.0
    values["peak_lr"] = values["lr"] * (values["batch"] / _REFERENCE_BATCH) ** power
    return DinoRecipe({**values, "recipe": name}, steps)


def small_epochs(images: int) -> int:
    """Return the epochs of ``small``: at least ``SEEN`` images are seen, in 20 to 100 epochs.

    >>> [small_epochs(images) for images in (50, 300, 600, 5000)]
    [100, 40, 20, 20]
    """
    return min(max(math.ceil(SEEN / images), EPOCHS[0]), EPOCHS[1])


def small_momentum(steps: int) -> float:
    """Return the momentum of ``small``, in [0.99, 0.996].

    A cosine from m to 1 leaves about exp(-(1 - m) steps / 2) of the initial teacher: 1 % where the bounds allow it.

    >>> round(small_momentum(1000), 4), small_momentum(30), small_momentum(10**6)
    (0.9908, 0.99, 0.996)
    """
    return min(max(1 - 2 * math.log(1 / SHARE_LEFT) / max(1, steps), MOMENTA[0]), MOMENTA[1])


def _refuse(values: Mapping[str, Any]) -> None:
    """Raise UsageError for values that no training can be made of."""
    if values["outputs"] == 1:
        raise UsageError(
            "one output cannot tell images apart: outputs (K) is at least 2", hint="give outputs=1024, or 0"
        )
    if values["global_crops"] * (values["global_crops"] - 1 + values["local_crops"]) == 0:
        raise UsageError(
            "one crop of an image cannot be compared with another one", hint="give global_crops=2, or local_crops=5"
        )
    for name in ("global_area", "local_area"):
        area = values[name]
        if len(area) != 2 or area[0] > area[1]:
            raise UsageError(f"{name} takes two shares, the smaller first, not {area}", hint=f"{name}=0.4/1.0")
    if values["local_crops"] and values["local_size"] > values["size"]:
        raise UsageError(
            f"local crops of {values['local_size']} pixels are larger than global ones of {values['size']}",
            hint=f"give local_size={max(8, values['size'] // 2)}",
        )
