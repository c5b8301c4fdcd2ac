"""The training loop: epochs, early stopping, the best weights, and going on after an interruption."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from dsim.errors import MeasureError, StoreError, UnknownNameError, UsageError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from dsim.runtime import Runtime, Task

Curves = list[dict[str, float]]

#: Epochs without improvement after which ``plateau`` halves the rate, as a share of the patience of early stopping.
PLATEAU_SHARE = 0.25
CHOICES: Mapping[str, tuple[str, ...]] = {
    "rate": ("cosine", "plateau", "constant"),
    "optimizer": ("adamw", "adam", "sgd"),
    "precision": ("float32", "tf32", "bfloat16"),
    "keep": ("best", "last"),
}


@dataclass(frozen=True)
class Course:
    """How a network is trained, whatever it learns.

    Parameters
    ----------
    epochs, patience : at most so many; stop after so many without a lower validation loss, 0 for never.
    lr, rate : learning rate at the start, and what becomes of it: ``cosine`` to 0 over all epochs, ``plateau`` (halved
        after a quarter of the patience without improvement) or ``constant``.
    optimizer, momentum, weight_decay : ``adamw``, ``adam`` or ``sgd`` with Nesterov momentum.
    precision : ``float32`` in full; ``tf32`` and ``bfloat16`` are faster where the hardware has them.
    keep : weights of the ``best`` epoch by validation loss, or of the ``last``.
    """

    epochs: int
    patience: int = 0
    lr: float = 1e-3
    rate: str = "cosine"
    optimizer: str = "adamw"
    momentum: float = 0.9
    weight_decay: float = 1e-4
    precision: str = "float32"
    keep: str = "best"

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise UnknownNameError(name, getattr(self, name), known, hint=f"choose one of: {', '.join(known)}")
        if self.epochs < 1 or self.patience < 0 or not self.lr > 0:
            given = f"epochs={self.epochs}, patience={self.patience}, lr={self.lr:g}"
            raise UsageError(f"nothing can be trained with {given}", hint="epochs and lr are positive, patience is not")


class Lesson(Protocol):
    """What is learnt: batches of images, what is lost on one, and how good the network is after an epoch."""

    def batches(self, generator: torch.Generator) -> Iterable[Tensor]:
        """Indices of the images of each step of one epoch."""

    def loss(self, network: nn.Module, batch: Tensor, generator: torch.Generator) -> Tensor:
        """The loss on these images, augmented by draws from the generator; differentiable."""

    def validate(self, network: nn.Module) -> float | None:
        """The loss on images set apart; None where none are."""


@dataclass(frozen=True)
class Trained:
    """A network with the weights that were kept, and how it came to them.

    Parameters
    ----------
    curves : a row per epoch: loss, validation (NaN without one), lr, seconds, images.
    best_epoch : whose weights were kept, from 1. ``seconds`` : of training, before interruptions too.
    """

    network: nn.Module
    curves: Curves
    best_epoch: int
    seconds: float


def train(
    network: nn.Module,
    lesson: Lesson,
    course: Course,
    *,
    seed: int,
    runtime: Runtime,
    checkpoint: Path | None = None,
    identity: Mapping[str, Any] | None = None,
    description: str = "training",
) -> Trained:
    """Train a network to the end of its course.

    Parameters
    ----------
    seed : of the order of images and of augmentation.
    checkpoint : written after every epoch, and taken up again where it exists: an interruption loses one epoch at
        most, and the weights are those of a training that was not interrupted. ``identity`` : what a checkpoint must
        agree on; another training's is not taken up.

    Raises
    ------
    MeasureError
        The loss is no longer finite. DsimError where a checkpoint cannot be written; the older one stays.
    """
    trainer = _Trainer(network, lesson, course, seed, runtime, dict(identity or {}))
    if checkpoint is not None and checkpoint.exists():
        trainer.restore(checkpoint)
    with runtime.progress.task(description, total=course.epochs, unit="epochs") as task:
        task.advance(len(trainer.curves))
        while not finished(course, trainer.curves):
            trainer.epoch(task)
            if checkpoint is not None:
                trainer.save(checkpoint)
    return trainer.result()


def finished(course: Course, curves: Curves) -> bool:
    """Whether all epochs are done, or validation has not improved for too long."""
    waited = len(curves) - best_epoch(curves)
    validated = bool(curves) and not math.isnan(curves[-1]["validation"])
    return len(curves) >= course.epochs or bool(course.patience and validated and waited >= course.patience)


def best_epoch(curves: Curves) -> int:
    """The first epoch, from 1, with the lowest validation loss; the last where there is no validation."""
    losses = [row["validation"] for row in curves]
    if not losses or math.isnan(losses[-1]):
        return len(losses)
    return losses.index(min(losses)) + 1


def learning_rate(course: Course, losses: Sequence[float]) -> float:
    """The rate of the epoch that follows these losses: it depends on nothing else, so no state can be lost.

    >>> [round(learning_rate(Course(4, lr=1.0), [0.0] * done), 3) for done in range(4)]
    [1.0, 0.854, 0.5, 0.146]
    >>> learning_rate(Course(99, patience=8, lr=1.0, rate="plateau"), [3, 2, 2.5, 2.5, 2.5])
    0.5
    """
    if course.rate == "cosine":
        return course.lr * (1 + math.cos(math.pi * len(losses) / course.epochs)) / 2
    if course.rate == "constant":
        return course.lr
    waiting = max(1, round(PLATEAU_SHARE * course.patience))
    best, waited, rate = math.inf, 0, course.lr
    for loss in losses:
        waited = 0 if loss < best else waited + 1
        best = min(best, loss)
        if waited > waiting:
            rate, waited = rate / 2, 0
    return rate


class _Trainer:
    """One training under way; all that going on depends on can be written and taken up again."""

    def __init__(
        self,
        network: nn.Module,
        lesson: Lesson,
        course: Course,
        seed: int,
        runtime: Runtime,
        identity: dict[str, Any],
    ) -> None:
        import torch

        self.lesson, self.course, self.runtime = lesson, course, runtime
        self.device = torch.device(runtime.resolved_device())
        self.network: nn.Module = network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = _optimizer(self.network, course)
        self.generator = torch.Generator().manual_seed(seed)
        self.identity = {**identity, "course": asdict(course), "seed": seed}
        self.curves: Curves = []
        self.best: dict[str, Tensor] = {}

    def epoch(self, task: Task) -> None:
        """Pass every image once, validate, and remember the weights if they are the best so far."""
        import torch

        started = time.perf_counter()
        rate = learning_rate(self.course, [_judged(row) for row in self.curves])
        with in_float32(self.course.precision):
            total, images = self._steps(rate)
            trained = time.perf_counter() - started
            self.network.eval()
            with torch.inference_mode(), self._cast():
                validation = self.lesson.validate(self.network)
        row = {
            "loss": float(total) / max(images, 1),
            "validation": math.nan if validation is None else validation,
            "lr": rate,
            "images": images,
            "seconds": time.perf_counter() - started,
        }
        self._check(row)
        self.curves.append(row)
        self._remember()
        task.advance(1, loss=row["loss"], validation=row["validation"], **{"images/s": images / trained})

    def _steps(self, rate: float) -> tuple[Tensor, int]:
        """A step on each batch: the sum of the losses of the images, on the device, and how many they were."""
        import torch

        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.network.train()
        total, images = torch.zeros((), device=self.device), 0
        for batch in self.lesson.batches(self.generator):
            with self._cast():
                loss = self.lesson.loss(self.network, batch, self.generator)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            # Added up on the device: asking for the number would wait for it, at every step.
            total += loss.detach().float() * len(batch)
            images += len(batch)
        return total, images

    def save(self, path: Path) -> None:
        """Write everything that going on from here depends on."""
        from dsim.store import checkpoint

        state = {
            "identity": self.identity,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "best": self.best,
            # JSON has no NaN of its own.
            "curves": [{name: None if math.isnan(x) else x for name, x in row.items()} for row in self.curves],
        }
        checkpoint.write(path, state)

    def restore(self, path: Path) -> None:
        """Take up a training; a damaged checkpoint, or another training's, is passed over, and said."""
        import torch

        from dsim.store import checkpoint

        try:
            state = checkpoint.read(path)
        except StoreError as error:
            self.runtime.progress.note(f"{error.message}; that training starts again")
            return
        if state["identity"] != _plain(self.identity):
            self.runtime.progress.note(f"{path} is of a training with other settings, which starts again")
            return
        self.network.load_state_dict(state["network"])
        moments = state["optimizer"]
        moments["state"] = {int(number): value for number, value in moments["state"].items()}
        self.optimizer.load_state_dict(moments)
        for parameter, kept in self.optimizer.state.items():
            for name, value in kept.items():
                if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                    # Fused kernels walk memory, not indices: moments must lie as their weights do, channels last.
                    kept[name] = torch.empty_like(parameter).copy_(value)
        self.generator.set_state(state["generator"])
        self.best = state["best"]
        self.curves = [{name: math.nan if x is None else x for name, x in row.items()} for row in state["curves"]]

    def result(self) -> Trained:
        """The network, in evaluation mode, with the weights that the course keeps."""
        kept = len(self.curves)
        if self.course.keep == "best" and self.best:
            self.network.load_state_dict(self.best)
            kept = best_epoch(self.curves)
        self.network.eval()
        return Trained(self.network, self.curves, kept, sum(row["seconds"] for row in self.curves))

    def _cast(self) -> AbstractContextManager[None]:
        import torch

        # Only forward: what goes back takes the types that it came in.
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.course.precision == "bfloat16")

    def _check(self, row: Mapping[str, float]) -> None:
        if not math.isfinite(row["loss"]):
            raise MeasureError(
                f"training diverged in epoch {len(self.curves) + 1}: the loss is {row['loss']}",
                hint=f"give a smaller learning rate than lr={self.course.lr:g}",
            )

    def _remember(self) -> None:
        """A copy of the best weights, since training changes them in place; none where there is no validation."""
        validated = not math.isnan(self.curves[-1]["validation"])
        if self.course.keep == "best" and validated and best_epoch(self.curves) == len(self.curves):
            self.best = {name: value.detach().clone() for name, value in self.network.state_dict().items()}


def in_float32(precision: str) -> AbstractContextManager[None]:
    """Convolutions inside are in full float32 on every device, unless ``tf32`` is asked for."""
    import torch

    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=precision == "tf32")


def _optimizer(network: nn.Module, course: Course) -> torch.optim.Optimizer:
    import torch

    weights = [parameter for parameter in network.parameters() if parameter.requires_grad]
    if course.optimizer == "sgd":
        return torch.optim.SGD(
            weights, course.lr, momentum=course.momentum, weight_decay=course.weight_decay, nesterov=course.momentum > 0
        )
    kind = torch.optim.AdamW if course.optimizer == "adamw" else torch.optim.Adam
    return kind(weights, course.lr, weight_decay=course.weight_decay, fused=weights[0].device.type in ("cpu", "cuda"))


def _judged(row: Mapping[str, float]) -> float:
    return row["loss"] if math.isnan(row["validation"]) else row["validation"]


def _plain(value: Any) -> Any:
    """As it comes back from a checkpoint."""
    import json

    return json.loads(json.dumps(value))
