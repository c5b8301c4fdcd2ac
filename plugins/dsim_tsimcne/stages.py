"""The three stages of a training: how many steps each takes, its learning rate, and what it trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dsim.errors import UsageError
from dsim.learning import Cosine, Schedule, TrainingConfig, WarmUp

#: Batch for which the learning rate is given.
_REFERENCE_BATCH = 256
#: Epochs of warm-up in the reference, and shares of a stage that are steps: 10 of 1000, none, 10 of 450.
_WARM_UP_EPOCHS = (10, 0, 10)
_WARM_UP_SHARES = (10 / 1000, 0.0, 10 / 450)
#: A round, after which a checkpoint is written, has so many steps at least.
_ROUND = 10
#: Learning rate of AdamW, whose steps have the size of the rate itself, beyond which nothing is learnt.
_LARGEST_OF_ADAM = 0.02


@dataclass(frozen=True)
class Held(Schedule):
    """Another schedule, each of whose values stays for ``every`` steps: one that counts passes over the images."""

    then: Schedule
    every: int

    def at(self, done: int, total: int, losses: Sequence[float] = ()) -> float:
        """Return the value of the pass that step ``done`` belongs to."""
        return self.then.at(done // self.every, max(1, total // self.every), losses)


@dataclass(frozen=True)
class Stage:
    """One stage of a training.

    Parameters
    ----------
    number : from 1. ``steps`` : in all. ``round`` : steps of an epoch of the loop, whole passes over the images.
    lr : by the step.
    """

    number: int
    steps: int
    round: int
    lr: Schedule

    @property
    def trains_all(self) -> bool:
        """Whether all weights are trained, or the last layer alone."""
        return self.number != 2

    def config(self, parameters: Mapping[str, Any]) -> TrainingConfig:
        """Return the settings of the training loop."""
        return TrainingConfig(
            epochs=-(-self.steps // self.round),
            lr=self.lr,
            optimizer=parameters["optimizer"],
            momentum=parameters["momentum"],
            nesterov=False,
            weight_decay=parameters["weight_decay"],
            precision=parameters["precision"],
            keep="last",
        )


def plan_stages(parameters: Mapping[str, Any], batch: int, steps_per_pass: int) -> tuple[Stage, Stage, Stage]:
    """Return the three stages of these parameters.

    Raises UsageError where both steps and epochs are given, or not three whole numbers of at least 1, and for AdamW at
    a rate that is one of SGD.
    """
    if parameters["optimizer"] == "adamw" and parameters["lr"] > _LARGEST_OF_ADAM:
        raise UsageError(
            f"AdamW at a learning rate of {parameters['lr']:g} diverges", hint="give lr=0.002, or optimizer=sgd"
        )
    peak = parameters["lr"] * batch / _REFERENCE_BATCH
    rates = (peak, peak, peak * parameters["last_lr"])
    epochs, counts = _lengths(parameters)
    round_steps = steps_per_pass * -(-_ROUND // steps_per_pass)
    first, second, third = (
        Stage(
            number + 1,
            counts[number] * (steps_per_pass if epochs else 1),
            round_steps,
            _rate(rates[number], counts[number], number, steps_per_pass if epochs else 0),
        )
        for number in range(3)
    )
    return first, second, third


def _lengths(parameters: Mapping[str, Any]) -> tuple[bool, tuple[int, ...]]:
    """Whether epochs are counted, and how many epochs or steps each stage has."""
    steps, epochs = parameters["steps"], parameters["epochs"]
    if any(steps) and any(epochs):
        raise UsageError(
            "steps and epochs are both given, the one perhaps by default or by a preset",
            hint="take one of them back: epochs=0/0/0, or steps=0/0/0",
        )
    name, lengths = ("epochs", epochs) if any(epochs) else ("steps", steps)
    if len(lengths) != 3 or any(length < 1 or length != int(length) for length in lengths):
        shown = "/".join(f"{length:g}" for length in lengths)
        raise UsageError(
            f"{name}={shown} are not three whole numbers of at least 1", hint=f"give {name}=600/100/300, for example"
        )
    return name == "epochs", tuple(int(length) for length in lengths)


def _rate(peak: float, count: int, stage: int, steps_per_pass: int) -> Schedule:
    """The learning rate by the step: as the reference, by passes where ``steps_per_pass`` is not 0."""
    length = min(_WARM_UP_EPOCHS[stage], count // 10) if steps_per_pass else round(_WARM_UP_SHARES[stage] * count)
    # The reference counts one more, so that the last value is not 0.
    after = Cosine(peak, length=1 + count - length, per="step")
    lr: Schedule = WarmUp(length, after, per="step") if length else after
    return Held(lr, steps_per_pass, per="step") if steps_per_pass else lr
