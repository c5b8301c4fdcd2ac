"""The training loop: epochs, schedules, early stopping, the best weights, and going on after an interruption."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import DsimError, StoreError, UsageError
from dsim.learning.callbacks import Check, DivergenceCheck, StepCheck
from dsim.learning.config import TrainingConfig, autocast, in_float32
from dsim.learning.distributed import processes
from dsim.learning.objective import Curves, Objective, ParameterGroup
from dsim.learning.schedules import Position, unit_of, value_at
from dsim.learning.step_losses import CHECKED_STEPS, StepLosses
from dsim.runtime import Silent

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from dsim.runtime import Runtime, Task

Weights = dict[str, dict[str, "Tensor"]]


@dataclass(frozen=True)
class TrainingResult:
    """Networks with the weights that were kept, and how they came to them.

    Parameters
    ----------
    networks : in evaluation mode, by the objective's names.
    curves : a row per epoch: the objective's losses, validation and statistics, then lr, images, seconds.
    best_epoch : whose weights were kept, from 1. ``seconds`` : of training, before interruptions too.
    warnings : of the checks, in words, in the order in which they were noted; before interruptions too.
    """

    networks: Mapping[str, nn.Module]
    curves: Curves
    best_epoch: int
    seconds: float
    warnings: tuple[str, ...] = ()

    @property
    def network(self) -> nn.Module:
        """The first of the networks, which is the only one of most objectives."""
        return next(iter(self.networks.values()))


def fit(
    objective: Objective,
    config: TrainingConfig,
    *,
    seed: int,
    runtime: Runtime,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = 0.0,
    identity: Mapping[str, Any] | None = None,
    checks: Sequence[Check] = (),
    step_checks: Sequence[StepCheck] = (),
    description: str = "training",
) -> TrainingResult:
    """Train the networks of an objective to the end.

    Parameters
    ----------
    seed : of the generator that the objective draws from.
    checkpoint : written after an epoch, at most every ``checkpoint_seconds``, and taken up again where it exists: the
        weights are then those of a training that was not interrupted. ``identity`` : whatever a checkpoint must agree
        on besides config and seed; another training's is not taken up, and a note says that training starts again.
    checks : called after each epoch; that the loss is finite is always checked.
    step_checks : called before the first step without rows, then after every tenth step and each epoch with the rows of
        the last hundred steps.

    Among several processes, each gets the same result, and the first alone writes and shows.

    Raises MeasureError where the loss becomes infinite or NaN; DsimError where a checkpoint cannot be written, and the
    older one stays; UsageError among several processes where the objective does not share batches.
    """
    runtime = _shown_once(objective, runtime)
    trainer = _Trainer(objective, config, seed, runtime, dict(identity or {}))
    if checkpoint is not None and checkpoint.exists():
        trainer.restore(checkpoint)
    trainer.agree()
    trainer.checks = [DivergenceCheck(objective.minimised, config.first_lr), *checks]
    trainer.step_checks = step_checks
    saved = time.monotonic()
    with runtime.progress.task(description, total=config.epochs, unit="epochs") as task:
        task.advance(len(trainer.curves))
        trainer.check_steps()
        while not finished(objective, config, trainer.curves):
            trainer.run_epoch(task)
            if checkpoint is not None and time.monotonic() - saved >= checkpoint_seconds:
                trainer.save(checkpoint)
                saved = time.monotonic()
    trainer.processes.wait()
    return trainer.result()


def _shown_once(objective: Objective, runtime: Runtime) -> Runtime:
    """The runtime of this process; raises UsageError where the objective is for one process alone."""
    if processes().size > 1 and not objective.shares_batches:
        raise UsageError(
            f"{type(objective).__name__} trains in one process, and {processes().size} were started",
            hint="start it without torchrun",
        )
    return runtime if processes().is_first else replace(runtime, progress=Silent())


def judged(objective: Objective, row: Mapping[str, float]) -> float:
    """Return the number by which an epoch is judged; NaN where none of ``judged_by`` has one."""
    values = (row.get(name, math.nan) for name in objective.judged_by)
    return next((value for value in values if not math.isnan(value)), math.nan)


def best_epoch(objective: Objective, curves: Curves) -> int:
    """Return the first epoch, from 1, with the lowest judged loss; the last where epochs are not judged."""
    losses = [judged(objective, row) for row in curves]
    if not losses or math.isnan(losses[-1]):
        return len(losses)
    return losses.index(min(loss for loss in losses if not math.isnan(loss))) + 1


def finished(objective: Objective, config: TrainingConfig, curves: Curves) -> bool:
    """Return whether all epochs are done, or validation has not improved for too long."""
    if len(curves) >= config.epochs:
        return True
    first = curves[-1].get(objective.judged_by[0], math.nan) if curves and objective.judged_by else math.nan
    return (
        bool(config.patience)
        and not math.isnan(first)
        and len(curves) - best_epoch(objective, curves) >= config.patience
    )


class _Trainer:
    """One training under way; everything that going on depends on can be written and taken up again."""

    def __init__(
        self, objective: Objective, config: TrainingConfig, seed: int, runtime: Runtime, identity: dict[str, Any]
    ) -> None:
        import torch

        self.objective, self.config, self.runtime = objective, config, runtime
        self.processes = processes()
        self.device = torch.device(runtime.resolved_device())
        # Metal has no float64.
        self.exact = torch.float32 if self.device.type == "mps" else torch.float64
        layout = torch.channels_last if config.channels_last else torch.preserve_format
        for network in objective.networks.values():
            network.to(self.device, memory_format=layout)  # type: ignore[call-overload]
        self.groups = list(objective.parameter_groups())
        self.optimizer = _optimizer(self.groups, config)
        self.generator = torch.Generator().manual_seed(seed)
        settings = [{name: repr(value) for name, value in group.settings.items()} for group in self.groups]
        self.identity = _plain({**identity, "config": config.record(), "groups": settings, "seed": seed})
        self.curves: Curves = []
        self.best: Weights = {}
        self.step = 0
        self.step_losses = StepLosses(self.device, self.exact)
        self.checks: Sequence[Check] = ()
        self.step_checks: Sequence[StepCheck] = ()
        self.noted: set[int] = set()
        self.warnings: list[str] = []

    @property
    def position(self) -> Position:
        """The place of the step that comes next."""
        steps = self.config.epochs * self.objective.steps_per_epoch()
        losses = tuple(_followed(self.objective, row) for row in self.curves)
        return Position(len(self.curves), self.config.epochs, self.step, steps, losses)

    def run_epoch(self, task: Task) -> None:
        """Take a step on each batch, validate, and remember the weights if they are the best so far."""
        import torch

        started = time.perf_counter()
        with in_float32(self.config.precision):
            row, images = self._take_steps()
            trained = time.perf_counter() - started
            for network in self.objective.networks.values():
                network.eval()
            with torch.inference_mode(), self._cast():
                row |= {**self.objective.validate(), **self.objective.statistics()}
        row |= {"lr": self.optimizer.param_groups[0]["lr"], "images": images, "seconds": time.perf_counter() - started}
        self.check_steps()
        for check in self.checks:
            self._note(check, check([*self.curves, row]))
        self.curves.append(row)
        self._remember()
        task.advance(1, **self.objective.shown(row), **{"images/s": images / trained})

    def _take_steps(self) -> tuple[dict[str, float], int]:
        """Return the mean of each loss over one epoch of steps, and the number of images."""
        images = 0
        position = self.position
        self._apply_schedules(position, "epoch")
        self.objective.begin_epoch(position)
        self.step_losses.begin()
        for batch in self.objective.batches(self.generator):
            share = self._share(batch)
            losses = self._take_step(batch, position, share)
            count, self.step = self.objective.images_in(batch), self.step + 1
            images += count
            self.step_losses.add(losses, count if self.objective.weighs_images else 1, self.step, share)
            if self.step % CHECKED_STEPS == 0:
                self.check_steps()
            position = replace(position, step=self.step)
        return self.step_losses.means(), images

    def _share(self, batch: Any) -> float:
        """The share of a batch that this process computes: all of it where there is one process."""
        if self.processes.size == 1:
            return 1.0
        own = self.processes.share(len(batch))
        return float(own.stop - own.start) / len(batch)

    def _take_step(self, batch: Any, position: Position, share: float) -> dict[str, Tensor]:
        """Return the losses on this process's share of a batch after the step that all processes took."""
        from torch.nn.utils import clip_grad_norm_

        from dsim.learning.collectives import common_batch_norm, sum_gradients

        self._apply_schedules(position, "step")
        with self._cast(), common_batch_norm():
            losses = dict(self.objective.losses(batch, self.generator, position))
        self.optimizer.zero_grad(set_to_none=True)
        minimised = losses[self.objective.minimised]
        # The loss of all is the sum of the processes' losses by their shares, and so are its gradients.
        (minimised if share == 1 else minimised * share).backward()  # type: ignore[no-untyped-call]
        sum_gradients(parameter for group in self.groups for parameter in group.parameters)
        self.objective.after_backward(position)
        if self.config.clip:
            weights = [parameter for group in self.groups for parameter in group.parameters]
            losses["gradient_norm"] = clip_grad_norm_(weights, self.config.clip)
        self.optimizer.step()
        self.objective.after_step(position)
        return losses

    def _apply_schedules(self, position: Position, per: str) -> None:
        """Give the optimiser the values of this position; per epoch also those that never change."""
        config = self.config
        for own, group in zip(self.optimizer.param_groups, self.groups, strict=True):
            settings = {"lr": config.lr, "weight_decay": config.weight_decay, **group.settings}
            own.update({name: value_at(value, position) for name, value in settings.items() if unit_of(value) == per})

    def save(self, path: Path) -> None:
        """Write everything that going on from here depends on."""
        from dsim.store import checkpoint

        if not self.processes.is_first:
            return
        state = {
            "identity": self.identity,
            "networks": {name: network.state_dict() for name, network in self.objective.networks.items()},
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "objective": self.objective.state(),
            "best": self.best,
            "step": self.step,
            "warnings": self.warnings,
            # JSON has no NaN of its own.
            "curves": [{name: None if math.isnan(x) else x for name, x in row.items()} for row in self.curves],
        }
        checkpoint.write(path, state)

    def restore(self, path: Path) -> None:
        """Take up a training; a damaged checkpoint, or another training's, is passed over with a note."""
        from dsim.store import checkpoint

        try:
            state = checkpoint.read(path)
        except StoreError as error:
            self.runtime.progress.note(f"{error.message}; that training starts again")
            return
        if state.get("identity") != self.identity:
            self.runtime.progress.note(f"{path} is of a training with other settings or images, which starts again")
            return
        for name, network in self.objective.networks.items():
            network.load_state_dict(state["networks"][name])
        self._restore_optimizer(state["optimizer"])
        self.generator.set_state(state["generator"])
        self.objective.load_state(state["objective"])
        self.best, self.step, self.warnings = state["best"], state["step"], list(state.get("warnings", ()))
        self.curves = [{name: math.nan if x is None else x for name, x in row.items()} for row in state["curves"]]

    def agree(self) -> None:
        """Raise DsimError where another process goes on from elsewhere: it does not see the same checkpoint."""
        import torch

        from dsim.learning.collectives import sum_over_processes

        if int(sum_over_processes(torch.tensor(self.step, device=self.device))) != self.step * self.processes.size:
            raise DsimError(
                f"process {self.processes.rank} goes on after step {self.step}, and others from another checkpoint",
                hint="give a folder that all of them can read",
            )

    def _restore_optimizer(self, state: dict[str, Any]) -> None:
        import torch

        state["state"] = {int(number): value for number, value in state["state"].items()}
        self.optimizer.load_state_dict(state)
        for parameter, moments in self.optimizer.state.items():
            for name, value in moments.items():
                if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                    # Fused kernels walk memory, not indices: moments must lie as their weights do, channels last.
                    moments[name] = torch.empty_like(parameter).copy_(value)

    def result(self) -> TrainingResult:
        """Return the networks, in evaluation mode, with the weights that the config keeps."""
        chosen = len(self.curves)
        if self.config.keep == "best" and self.best:
            for name, network in self.objective.networks.items():
                network.load_state_dict(self.best[name])
            chosen = best_epoch(self.objective, self.curves)
        for network in self.objective.networks.values():
            network.eval()
        seconds = sum(row["seconds"] for row in self.curves)
        return TrainingResult(dict(self.objective.networks), self.curves, chosen, seconds, tuple(self.warnings))

    def _cast(self) -> AbstractContextManager[None]:
        # Only forward: the backward pass takes the types of the forward pass.
        casts = self.objective.casts
        return autocast(self.config.precision, str(self.device)) if casts else nullcontext()

    def check_steps(self) -> None:
        """Show the rows of the last steps to the checks of steps."""
        if self.step_checks:
            rows = self.step_losses.rows()
            for check in self.step_checks:
                self._note(check, check(rows))

    def _note(self, check: Check | StepCheck, warning: str | None) -> None:
        """Note the first warning of a check, and keep it for the record of the training."""
        if warning and id(check) not in self.noted:
            self.noted.add(id(check))
            self.runtime.progress.note(warning)
            self.warnings += [warning] if warning not in self.warnings else []

    def _remember(self) -> None:
        """Copy the weights of the best epoch so far, since training changes them in place."""
        is_judged = not math.isnan(judged(self.objective, self.curves[-1]))
        if self.config.keep == "best" and is_judged and best_epoch(self.objective, self.curves) == len(self.curves):
            self.best = {
                name: {key: value.detach().clone() for key, value in network.state_dict().items()}
                for name, network in self.objective.networks.items()
            }


def _optimizer(groups: Sequence[ParameterGroup], config: TrainingConfig) -> torch.optim.Optimizer:
    import torch

    weights = [{"params": list(group.parameters)} for group in groups]
    if config.optimizer == "sgd":
        nesterov = config.nesterov and config.momentum > 0
        return torch.optim.SGD(weights, config.first_lr, momentum=config.momentum, nesterov=nesterov)
    kind = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
    fused = weights[0]["params"][0].device.type in ("cpu", "cuda")
    return kind(weights, config.first_lr, betas=config.betas, fused=fused)


def _followed(objective: Objective, row: Mapping[str, float]) -> float:
    """The loss that schedules see: of validation, or of training where there is none."""
    value = judged(objective, row)
    return row[objective.minimised] if math.isnan(value) else value


def _plain(value: Any) -> Any:
    """As it comes back from a checkpoint."""
    import json

    return json.loads(json.dumps(value))
