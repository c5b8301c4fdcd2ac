"""Trainings of ASAP: losses (Eq. 3 to 7), the objective of the autoencoder, and that of the extension of an encoder.

One forward pass serves all losses: positives and negatives are drawn among the images of the batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from dsim.data.dataset import Dataset
from dsim.features import Square
from dsim.learning import (
    ChainedCosine,
    Curves,
    GramMatrices,
    ImagePool,
    Objective,
    Plateau,
    Position,
    Schedule,
    Steps,
    TrainingConfig,
    Triplets,
    augment_asap,
    autocast,
    balanced_batches,
    draw_triplets,
    fit,
    read_pool,
    reconstruction_loss,
    resize,
    style_loss,
    style_triplet_loss,
    triplet_loss,
    uses_bfloat16,
    weighted_sum,
)
from dsim.runtime import Runtime
from dsim_asap.model import Architecture, Autoencoder, Encoder, Passed
from dsim_asap.specs import AsapRecipe

#: Images are kept this much larger than the network's input, so that crops still hold detail.
MARGIN = 1.25
#: Seconds between two checkpoints: the most that an interruption may cost.
CHECKPOINT_SECONDS = 30.0
#: Triplets per image in validation: many, and always the same ones, so that epochs can be compared.
VALIDATION_DRAWS = 32
VALIDATION_BATCH = 256
#: Epochs without improvement after which ``plateau`` halves the rate, as a share of the patience of early stopping.
PLATEAU_SHARE = 0.25
#: Images that pass the encoder at once where nothing is learnt.
_AT_ONCE = 256


@dataclass(frozen=True)
class Trained:
    """A trained network with the weights that were kept, the curves (a row per epoch), and the seconds it took."""

    autoencoder: Autoencoder
    curves: Curves
    best_epoch: int
    seconds: float
    device: str
    bfloat16: bool


def decode_pool(datasets: Sequence[Dataset], recipe: AsapRecipe, seed: int, runtime: Runtime) -> ImagePool:
    """Return the pool of these datasets, decoded now at ``MARGIN`` times the network's input; see ``read_pool``."""
    square = Square(round(recipe.size * MARGIN), channels=3, minmax=recipe.minmax)
    return read_pool(datasets, square, recipe.split, seed, runtime)


def architecture(recipe: AsapRecipe) -> Architecture:
    """Return the network that a recipe asks for."""
    return Architecture(recipe.backbone, recipe.n_emb, recipe.size, len(recipe.w), recipe.maps)


def combine(mse: Tensor, style: Tensor, triplet: Tensor, style_triplet: Tensor, alpha: float, beta: float) -> Tensor:
    """Return the total loss, a scalar, of four scalars (Eq. 7).

    >>> combine(*(torch.tensor(float(v)) for v in (1, 2, 3, 4)), alpha=0.5, beta=0.5).item()
    2.5
    """
    rebuilding = beta * mse + (1 - beta) * style
    contrasting = beta * triplet + (1 - beta) * style_triplet
    return alpha * rebuilding + (1 - alpha) * contrasting


def asap_losses(passed: Passed, images: Tensor, triplets: Triplets, recipe: AsapRecipe) -> dict[str, Tensor]:
    """Return all losses of one forward pass over images (b, 3, h, w) in [0, 1], scalars by name, ``total`` last."""
    styles = [GramMatrices.from_maps(maps, recipe.gram_norm) for maps in passed.encoder_maps]
    rebuilt = [GramMatrices.from_maps(maps, recipe.gram_norm) for maps in passed.decoder_maps]
    losses = {
        "mse": reconstruction_loss(passed.reconstruction.float(), images, recipe.mse_reduction),
        "style": _style_loss(styles, rebuilt, recipe),
        **_triplet_losses(passed.latent.float(), styles, triplets, recipe),
    }
    return {**losses, "total": combine(**losses, alpha=recipe.alpha, beta=recipe.beta)}


def _style_loss(styles: Sequence[GramMatrices], others: Sequence[GramMatrices], recipe: AsapRecipe) -> Tensor:
    """Return Eq. 4."""
    terms = [style_loss(one, other, recipe.style_reduction) for one, other in zip(styles, others, strict=True)]
    return weighted_sum(recipe.w, terms)


def _triplet_losses(
    latent: Tensor, styles: Sequence[GramMatrices], triplets: Triplets, recipe: AsapRecipe
) -> dict[str, Tensor]:
    """Return Eq. 5 and Eq. 6; on un-squared distances, or per row, where the recipe asks for the reference's form."""
    squared, by_rows = recipe.triplet_distance == "squared", recipe.style_triplet == "rows"
    terms = [style_triplet_loss(style, triplets, recipe.margin, squared, by_rows) for style in styles]
    return {
        "triplet": triplet_loss(latent, triplets, recipe.margin, squared),
        "style_triplet": weighted_sum(recipe.w, terms),
    }


class AsapObjective(Objective):
    """Trains the autoencoder on a pool, and validates it by the same losses and EQC, without augmentation."""

    minimised: ClassVar[str] = "total"
    judged_by: ClassVar[tuple[str, ...]] = ("val_total", "total")
    weighs_images: ClassVar[bool] = False
    casts: ClassVar[bool] = False
    #: Columns that the progress shows.
    columns: ClassVar[tuple[str, ...]] = ("mse", "style", "triplet", "style_triplet")

    def __init__(self, pool: ImagePool, recipe: AsapRecipe, seed: int, device: str) -> None:
        self.pool, self.recipe, self.seed, self.device = pool, recipe, seed, device
        # Random weights of this seed; the global random state is left as it was.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self.network = Autoencoder(architecture(recipe))

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        return {"autoencoder": self.network}

    @property
    def identity(self) -> dict[str, Any]:
        """All that a checkpoint must agree on besides the seed."""
        return {"recipe": self.recipe.record(), "pool": self.pool.fingerprint}

    def batches(self, generator: torch.Generator) -> Iterator[Tensor]:
        """Yield indices of images, int64 (b,): about every image once, as many of each dataset."""
        return balanced_batches(self.pool.members(self.pool.training), self.recipe.batch, generator)

    def losses(self, batch: Tensor, generator: torch.Generator, position: Position) -> dict[str, Tensor]:
        images = augment_asap(
            self.pool.bank.batch(batch, self.device), self.recipe.size, generator, self.recipe.augment
        )
        triplets = self.draw(batch, self.recipe.draws, self.recipe.positive == "distinct", generator)
        return asap_losses(self._pass(images), images, triplets, self.recipe)

    def validate(self) -> dict[str, float]:
        """Return losses and EQC on the validation images; empty where too few were set apart."""
        members = [images for images in self.pool.members(self.pool.validation) if len(images) > 1]
        if len(members) < 2:
            return {}
        generator = torch.Generator().manual_seed(self.seed)  # the same triplets in every epoch
        rows, latents = [], []
        batches = list(balanced_batches(members, VALIDATION_BATCH, generator))
        for batch in batches:
            images = resize(self.pool.bank.batch(batch, self.device), self.recipe.size)
            passed = self._pass(images)
            triplets = self.draw(batch, VALIDATION_DRAWS, True, generator)
            losses = asap_losses(passed, images, triplets, self.recipe)
            rows.append({name: float(value) for name, value in losses.items()})
            latents.append(passed.latent.float().cpu())
        means = {f"val_{name}": sum(row[name] for row in rows) / len(rows) for name in rows[0]}
        return {**means, "val_eqc": _eqc(torch.cat(latents), torch.cat(batches), self.pool)}

    def shown(self, row: Mapping[str, float]) -> dict[str, object]:
        """Return the losses of an epoch and its EQC, rounded."""
        eqc = {"eqc": round(row["val_eqc"], 3)} if "val_eqc" in row else {}
        return {**{name: round(row[name], 4) for name in self.columns}, **eqc}

    def draw(self, batch: Tensor, draws: int, distinct: bool, generator: torch.Generator) -> Triplets:
        """Return triplets among a batch of images, on the device."""
        drawn = draw_triplets(self.pool.owners[batch], batch, draws, generator, distinct)
        return Triplets(*(indices.to(self.device) for indices in drawn))

    def _pass(self, images: Tensor) -> Passed:
        with autocast(self.recipe.precision, self.device):
            passed: Passed = self.network(images.contiguous(memory_format=torch.channels_last))
        return passed


class ExtensionObjective(AsapObjective):
    """Trains a parent's encoder on a pool whose first ``known`` datasets are its memory; ``origin`` is its sha256.

    The loss is Eq. 7 with what must be held in the place of what was rebuilt:
    ``alpha (beta held + (1 - beta) held_style) + (1 - alpha) (beta triplet + (1 - beta) style_triplet)``. Held are the
    latent points and the Gram matrices that the parent gives the same augmented exemplars: feature distillation as in
    LwF (Li and Hoiem 2018, doi:10.1109/TPAMI.2017.2773081) on the exemplars of iCaRL (Rebuffi et al. 2017,
    doi:10.1109/CVPR.2017.587). With ``alpha = 0`` it is rehearsal alone. No decoder is trained: the parent's was not
    kept, and a new one would pull at the encoder before it can rebuild anything.
    """

    judged_by: ClassVar[tuple[str, ...]] = ("total",)
    columns: ClassVar[tuple[str, ...]] = ("held", "triplet", "style_triplet")

    def __init__(
        self, pool: ImagePool, known: int, parent: Encoder, origin: str, recipe: AsapRecipe, seed: int, device: str
    ) -> None:
        super().__init__(pool, recipe, seed, device)
        self.known, self.origin = known, origin
        self.network.encoder.load_state_dict(parent.state_dict())
        self.parent = parent.to(device).eval().requires_grad_(False)

    @property
    def identity(self) -> dict[str, Any]:
        return {**super().identity, "known": self.known, "extends": self.origin}

    def begin_epoch(self, position: Position) -> None:
        """Batch normalisation keeps the parent's statistics: few images estimate them badly.

        So the first step starts from the very points that are to be held.
        """
        self.network.eval()

    def batches(self, generator: torch.Generator) -> Iterator[Tensor]:
        """Yield memory and new images, half a batch of each: whichever are more about once."""
        members = self.pool.members(self.pool.training)
        half = max(2, self.recipe.batch // 2)
        parts = (members[: self.known], members[self.known :])
        steps = math.ceil(max(sum(map(len, part)) for part in parts) / half)
        memory, new = (_endless(part, half, generator) for part in parts)
        for _ in range(steps):
            yield torch.cat([next(memory), next(new)])

    def losses(self, batch: Tensor, generator: torch.Generator, position: Position) -> dict[str, Tensor]:
        recipe = self.recipe
        images = augment_asap(self.pool.bank.batch(batch, self.device), recipe.size, generator, recipe.augment)
        latent, styles = self._embed(self.network.encoder, images)
        triplets = self.draw(batch, recipe.draws, recipe.positive == "distinct", generator)
        memory = (self.pool.owners[batch] < self.known).to(self.device)
        losses = {
            **_triplet_losses(latent, styles, triplets, recipe),
            **self._held(images[memory], latent[memory], [style[memory] for style in styles]),
        }
        held, apart = (losses["held"], losses["held_style"]), (losses["triplet"], losses["style_triplet"])
        return {**losses, "total": combine(*held, *apart, alpha=recipe.alpha, beta=recipe.beta)}

    def validate(self) -> dict[str, float]:
        """Return nothing: all of the few images train."""
        return {}

    def _held(self, images: Tensor, latent: Tensor, styles: Sequence[GramMatrices]) -> dict[str, Tensor]:
        """Return how far the exemplars have left the parent's points and Gram matrices; 0 where that is free."""
        if not self.recipe.alpha:
            return {"held": latent.new_zeros(()), "held_style": latent.new_zeros(())}
        with torch.no_grad():
            wanted, wanted_styles = self._embed(self.parent, images)
        return {
            "held": (latent - wanted).square().sum(dim=1).mean(),
            "held_style": _style_loss(styles, wanted_styles, self.recipe),
        }

    def _embed(self, encoder: Encoder, images: Tensor) -> tuple[Tensor, list[GramMatrices]]:
        """Return latent points and the Gram matrices of the maps whose style counts, float32."""
        with autocast(self.recipe.precision, self.device):
            latent, maps = encoder.embed(images.contiguous(memory_format=torch.channels_last))
        count = len(self.recipe.w)
        chosen = maps[:count] if self.recipe.maps == "stem" else maps[-count:]
        return latent.float(), [GramMatrices.from_maps(one, self.recipe.gram_norm) for one in chosen]


def train_asap(
    pool: ImagePool, recipe: AsapRecipe, seed: int, runtime: Runtime, checkpoint: Path | None = None
) -> Trained:
    """Train the autoencoder on a pool; with a ``checkpoint``, go on from there, and leave one on the way.

    Raises MeasureError where the training diverges, UsageError for a network that cannot be built.
    """
    return _train(AsapObjective(pool, recipe, seed, runtime.resolved_device()), runtime, checkpoint)


def train_extension(
    pool: ImagePool,
    known: int,
    parent: Encoder,
    origin: str,
    recipe: AsapRecipe,
    seed: int,
    runtime: Runtime,
    checkpoint: Path | None = None,
) -> Trained:
    """Train an extension as ``ExtensionObjective`` says; MeasureError where it diverges."""
    objective = ExtensionObjective(pool, known, parent, origin, recipe, seed, runtime.resolved_device())
    return _train(objective, runtime, checkpoint)


def _train(objective: AsapObjective, runtime: Runtime, checkpoint: Path | None) -> Trained:
    recipe, device = objective.recipe, objective.device
    result = fit(
        objective,
        config_of(recipe, device),
        seed=objective.seed,
        runtime=runtime,
        checkpoint=checkpoint,
        checkpoint_seconds=CHECKPOINT_SECONDS,
        identity=objective.identity,
        description="training ASAP",
    )
    curves = [{name: value for name, value in row.items() if name != "images"} for row in result.curves]
    bfloat16 = uses_bfloat16(recipe.precision, device)
    return Trained(objective.network, curves, result.best_epoch, result.seconds, device, bfloat16)


def config_of(recipe: AsapRecipe, device: str) -> TrainingConfig:
    """Return the settings of the training loop that a recipe asks for."""
    schedules: dict[str, Schedule] = {
        "cosine": ChainedCosine(recipe.lr),
        "step": Steps(recipe.lr, every=10, factor=0.5),
        "plateau": Plateau(recipe.lr, max(1, round(PLATEAU_SHARE * recipe.patience)), threshold=1e-4, least=1e-8),
    }
    # On CUDA, convolutions of a float32 training take TensorFloat-32, as torch has it by default.
    tf32 = recipe.precision == "float32" and device.startswith("cuda")
    return TrainingConfig(
        epochs=recipe.epochs,
        patience=recipe.patience,
        lr=schedules[recipe.schedule],
        weight_decay=recipe.weight_decay,
        optimizer=recipe.optimizer,
        nesterov=False,
        precision="tf32" if tf32 else recipe.precision,
        keep=recipe.keep,
    )


def points_of(encoder: Encoder, pool: ImagePool, size: int, device: str) -> list[Tensor]:
    """Return latent points of each dataset of a pool as it is, not augmented: float64 (n, n_emb), on the CPU."""
    encoder = encoder.to(device).eval()
    clouds = []
    for indices in pool.members(pool.training):
        with torch.inference_mode():
            parts = [encoder(resize(pool.bank.batch(part, device), size)) for part in torch.split(indices, _AT_ONCE)]
        clouds.append(torch.cat(parts).double().cpu())
    return clouds


def _endless(members: Sequence[Tensor], batch: int, generator: torch.Generator) -> Iterator[Tensor]:
    while True:
        yield from balanced_batches(members, batch, generator)


def _eqc(latents: Tensor, images: Tensor, pool: ImagePool) -> float:
    """Return EQC of the datasets that show two images at least; NaN where fewer than two do."""
    from dsim.stats.embedding import eqc

    first = {int(image): position for position, image in reversed(list(enumerate(images)))}
    owners = pool.owners[torch.tensor(list(first))]
    points = latents[torch.tensor(list(first.values()))]
    clouds = [points[owners == dataset].double().numpy() for dataset in range(len(pool.names))]
    clouds = [cloud for cloud in clouds if len(cloud) > 1]
    return eqc(clouds) if len(clouds) > 1 else math.nan
