"""Training the autoencoder: steps, validation, schedule, early stopping, and going on after an interruption."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from dsim.errors import MeasureError, UsageError
from dsim.runtime import Runtime, Task
from dsim.store import checkpoint
from dsim_asap.augment import augment, resize
from dsim_asap.losses import Losses, losses
from dsim_asap.model import Architecture, Autoencoder, Passed
from dsim_asap.optimise import Schedule, optimiser, uses_bfloat16
from dsim_asap.pool import Pool
from dsim_asap.sampling import Triplets, balanced_batches, draw_triplets
from dsim_asap.specs import AsapRecipe

#: Seconds between two checkpoints: what an interruption may cost at most.
CHECKPOINT_SECONDS = 30.0
#: Triplets per image in validation: many, and always the same ones, so that epochs can be compared.
VALIDATION_DRAWS = 32
VALIDATION_BATCH = 256

Weights = dict[str, Tensor]
Curves = list[dict[str, float]]


@dataclass(frozen=True)
class Trained:
    """What a training gives: the weights kept, the curves (a row per epoch), and the seconds it took."""

    autoencoder: Autoencoder
    curves: Curves
    best_epoch: int
    seconds: float
    device: str
    bfloat16: bool


class Trainer:
    """One training, from a pool of images to weights; its state can be written and taken up again."""

    def __init__(self, pool: Pool, recipe: AsapRecipe, seed: int, runtime: Runtime) -> None:
        self.pool, self.recipe, self.runtime = pool, recipe, runtime
        self.device = runtime.resolved_device()
        self.bfloat16 = uses_bfloat16(recipe.precision, self.device)
        self.network = _fresh(architecture(recipe), seed).to(self.device).to(memory_format=torch.channels_last)
        self.optimiser = optimiser(self.network.parameters(), recipe)
        self.schedule = Schedule(self.optimiser, recipe)
        self.generator = torch.Generator().manual_seed(seed)
        self.seed = seed
        self.curves: Curves = []
        self.best: Weights = {}
        self.best_epoch = 0

    def run(self, file: Path | None = None) -> Trained:
        """Train to the end; with a ``file``, go on from the checkpoint there, and leave them there on the way."""
        if file is not None and file.exists():
            self.restore(checkpoint.read(file), file)
        saved = time.monotonic()
        with self.runtime.progress.task("training ASAP", total=self.recipe.epochs, unit="epochs") as task:
            task.advance(len(self.curves))
            while not self.finished():
                self.epoch(task)
                if file is not None and time.monotonic() - saved > CHECKPOINT_SECONDS:
                    checkpoint.write(file, self.state())
                    saved = time.monotonic()
        return self.result()

    def finished(self) -> bool:
        """Whether all epochs are done, or validation has not improved for too long."""
        waited = len(self.curves) - self.best_epoch
        stopped = self.recipe.patience and len(self.pool.validation) and waited >= self.recipe.patience
        return bool(stopped) or len(self.curves) >= self.recipe.epochs

    def epoch(self, task: Task) -> None:
        """Pass about every image once, validate, adapt the learning rate, remember the best weights."""
        started = time.monotonic()
        self.network.train()
        batches = balanced_batches(self.pool.members(self.pool.training), self.recipe.batch, self.generator)
        row = _mean([self.step(batch).numbers() for batch in batches])
        row |= {f"val_{name}": value for name, value in self.validate().items()}
        row["lr"] = self.optimiser.param_groups[0]["lr"]
        row["seconds"] = time.monotonic() - started
        if not math.isfinite(row["total"]):
            raise MeasureError(
                f"training diverged in epoch {len(self.curves) + 1}: the loss is {row['total']}",
                hint=f"give a smaller learning rate than lr={self.recipe.lr:g}",
            )
        self.schedule.step(row.get("val_total", row["total"]))
        self.curves.append(row)
        self._remember()
        shown = {name: round(row[name], 4) for name in ("mse", "style", "triplet", "style_triplet")}
        task.advance(1, **shown, eqc=round(row.get("val_eqc", float("nan")), 3))

    def step(self, batch: Tensor) -> Losses:
        """One step of the optimiser on these images."""
        images = augment(self.pool.pixels(batch, self.device), self.recipe.size, self.recipe.augment, self.generator)
        triplets = self._triplets(batch, self.recipe.draws, self.recipe.positive, self.generator)
        result = losses(self._pass(images), images, triplets, self.recipe)
        self.optimiser.zero_grad(set_to_none=True)
        result.total.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        return Losses(*(value.detach() for value in result))

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Losses and EQC on the validation images, not augmented; empty where too few were set apart."""
        members = [images for images in self.pool.members(self.pool.validation) if len(images) > 1]
        if len(members) < 2:
            return {}
        self.network.eval()
        generator = torch.Generator().manual_seed(self.seed)  # the same triplets in every epoch
        rows, latents = [], []
        seen = list(balanced_batches(members, VALIDATION_BATCH, generator))
        for batch in seen:
            images = resize(self.pool.pixels(batch, self.device), self.recipe.size)
            passed = self._pass(images)
            triplets = self._triplets(batch, VALIDATION_DRAWS, "distinct", generator)
            rows.append(losses(passed, images, triplets, self.recipe).numbers())
            latents.append(passed.latent.float().cpu())
        return {**_mean(rows), "eqc": _eqc(torch.cat(latents), torch.cat(seen), self.pool)}

    def state(self) -> checkpoint.State:
        """Everything that going on from here depends on."""
        return {
            "identity": self.identity,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.rate.state_dict(),
            "generator": self.generator.get_state(),
            "best": self.best,
            "best_epoch": self.best_epoch,
            "curves": self.curves,
        }

    @property
    def identity(self) -> dict[str, object]:
        """What a checkpoint must agree on with the training that takes it up."""
        return {"recipe": self.recipe.record(), "seed": self.seed, "pool": self.pool.fingerprint}

    def restore(self, state: checkpoint.State, origin: Path) -> None:
        """Take up a training where ``state`` left it; a checkpoint of another training is refused."""
        if state["identity"] != self.identity:
            raise UsageError(
                f"{origin} is the checkpoint of a training with other images or settings",
                hint="repeat that command to go on with it, delete the file, or choose another folder",
            )
        self.network.load_state_dict(state["network"])
        optimised = state["optimiser"]
        optimised["state"] = {int(number): value for number, value in optimised["state"].items()}
        self.optimiser.load_state_dict(optimised)
        for parameter, moments in self.optimiser.state.items():
            for name, value in moments.items():
                if value.shape == parameter.shape:
                    # Fused kernels walk memory, not indices: moments must lie as their weights do, channels last.
                    moments[name] = torch.empty_like(parameter).copy_(value)
        self.schedule.rate.load_state_dict(state["schedule"])
        self.generator.set_state(state["generator"])
        self.best, self.best_epoch, self.curves = state["best"], state["best_epoch"], state["curves"]

    def result(self) -> Trained:
        """The network with the weights that the recipe keeps."""
        if self.recipe.keep == "best":
            self.network.load_state_dict(self.best)
        self.network.eval()
        seconds = sum(row["seconds"] for row in self.curves)
        kept = self.best_epoch if self.recipe.keep == "best" else len(self.curves)
        return Trained(self.network, self.curves, kept, seconds, self.device, self.bfloat16)

    def _pass(self, images: Tensor) -> Passed:
        with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.bfloat16):
            passed: Passed = self.network(images.contiguous(memory_format=torch.channels_last))
        return passed

    def _triplets(self, batch: Tensor, draws: int, positive: str, generator: torch.Generator) -> Triplets:
        drawn = draw_triplets(self.pool.owners[batch], batch, draws, positive, generator)
        return Triplets(*(indices.to(self.device) for indices in drawn))

    def _remember(self) -> None:
        """Keep a copy of the weights if this epoch is the best so far: a copy, since training changes them in place."""
        value = [row.get("val_total", row["total"]) for row in self.curves]
        if value[-1] <= min(value):
            self.best = {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}
            self.best_epoch = len(self.curves)


def architecture(recipe: AsapRecipe) -> Architecture:
    """The network that a recipe asks for."""
    return Architecture(recipe.backbone, recipe.n_emb, recipe.size, len(recipe.w), recipe.maps)


def _fresh(wanted: Architecture, seed: int) -> Autoencoder:
    """A network with random weights of this seed; the global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return Autoencoder(wanted)


def _mean(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}


def _eqc(latents: Tensor, images: Tensor, pool: Pool) -> float:
    """EQC of the datasets that show two images at least; NaN where fewer than two do."""
    from dsim.stats.embedding import eqc

    first = {int(image): position for position, image in reversed(list(enumerate(images)))}
    owners = pool.owners[torch.tensor(list(first))]
    points = latents[torch.tensor(list(first.values()))]
    clouds = [points[owners == dataset].double().numpy() for dataset in range(len(pool.names))]
    clouds = [cloud for cloud in clouds if len(cloud) > 1]
    return eqc(clouds) if len(clouds) > 1 else float("nan")
