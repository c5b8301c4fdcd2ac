"""Training of an extension: the new datasets against exemplars of the known ones, which are held where they were."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from dsim.errors import MeasureError
from dsim.runtime import Runtime, Task
from dsim_asap.augment import augment, resize
from dsim_asap.grams import Styles
from dsim_asap.losses import combined, latent_triplet_loss, style_loss, style_triplet_loss, weighted
from dsim_asap.model import Encoder
from dsim_asap.pool import Pool
from dsim_asap.sampling import balanced_batches
from dsim_asap.specs import AsapRecipe
from dsim_asap.training import Trainer

#: The losses, in the order of Eq. 7.
_TERMS = ("held", "held_style", "triplet", "style_triplet")
#: Images that pass the encoder at once where nothing is learnt.
_AT_ONCE = 256


class Extension(Trainer):
    """Trains a parent's encoder on a pool whose first ``known`` datasets are its memory; ``origin`` is its sha256.

    The loss is Eq. 7 with what must be held in the place of what was rebuilt:
    ``alpha (beta held + (1 - beta) held_style) + (1 - alpha) (beta triplet + (1 - beta) style_triplet)``. Held are the
    latent points and the Gram matrices that the parent gives the same augmented exemplars: feature distillation as in
    LwF (Li and Hoiem 2018, doi:10.1109/TPAMI.2017.2773081) on the exemplars of iCaRL (Rebuffi et al. 2017,
    doi:10.1109/CVPR.2017.587). With ``alpha = 0`` it is rehearsal alone. No decoder is trained: the parent's was not
    kept, and a new one would pull at the encoder before it can rebuild anything.
    """

    def __init__(
        self, pool: Pool, known: int, parent: Encoder, origin: str, recipe: AsapRecipe, seed: int, runtime: Runtime
    ) -> None:
        super().__init__(pool, recipe, seed, runtime)
        self.known, self.origin = known, origin
        self.network.encoder.load_state_dict(parent.state_dict())
        self.parent = parent.to(self.device).eval().requires_grad_(False)

    @property
    def identity(self) -> dict[str, object]:
        return {**super().identity, "known": self.known, "extends": self.origin}

    def epoch(self, task: Task) -> None:
        """Pass the memory or the new images about once, whichever are more, half a batch of each at a time."""
        started = time.monotonic()
        # Batch normalisation keeps the parent's statistics: few images estimate them badly, and so the first step
        # starts from the very points that are to be held.
        self.network.eval()
        rows = [self._learn(batch) for batch in self._batches()]
        row = {name: sum(one[name] for one in rows) / len(rows) for name in rows[0]}
        if not math.isfinite(row["total"]):
            raise MeasureError(
                f"the extension diverged in epoch {len(self.curves) + 1}: the loss is {row['total']}",
                hint=f"give a smaller learning rate than lr={self.recipe.lr:g}",
            )
        row["lr"] = self.optimiser.param_groups[0]["lr"]
        row["seconds"] = time.monotonic() - started
        self.schedule.step(row["total"])
        self.curves.append(row)
        task.advance(1, **{name: round(row[name], 4) for name in ("held", "triplet", "style_triplet")})

    def _batches(self) -> Iterator[Tensor]:
        members = self.pool.members(self.pool.training)
        half = max(2, self.recipe.batch // 2)
        parts = (members[: self.known], members[self.known :])
        steps = math.ceil(max(sum(map(len, part)) for part in parts) / half)
        memory, new = (_endless(part, half, self.generator) for part in parts)
        for _ in range(steps):
            yield torch.cat([next(memory), next(new)])

    def _learn(self, batch: Tensor) -> dict[str, float]:
        """One step of the optimiser on these images; the losses."""
        images = augment(self.pool.pixels(batch, self.device), self.recipe.size, self.recipe.augment, self.generator)
        losses = self._losses(images, batch)
        self.optimiser.zero_grad(set_to_none=True)
        losses["total"].backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        return {name: float(value.detach()) for name, value in losses.items()}

    def _losses(self, images: Tensor, batch: Tensor) -> dict[str, Tensor]:
        recipe = self.recipe
        latent, styles = self._embed(self.network.encoder, images)
        triplets = self._triplets(batch, recipe.draws, recipe.positive, self.generator)
        losses = {
            "triplet": latent_triplet_loss(latent, triplets, recipe),
            "style_triplet": weighted(recipe.w, [style_triplet_loss(style, triplets, recipe) for style in styles]),
            **self._held(images, latent, styles, (self.pool.owners[batch] < self.known).to(self.device)),
        }
        held, held_style, triplet, style_triplet = (losses[name] for name in _TERMS)
        return {**losses, "total": combined(held, held_style, triplet, style_triplet, recipe.alpha, recipe.beta)}

    def _held(self, images: Tensor, latent: Tensor, styles: Sequence[Styles], memory: Tensor) -> dict[str, Tensor]:
        """How far the exemplars have left the parent's points and Gram matrices, squared; 0 where that is free."""
        if not self.recipe.alpha:
            return {"held": latent.new_zeros(()), "held_style": latent.new_zeros(())}
        with torch.no_grad():
            wanted, wanted_styles = self._embed(self.parent, images[memory])
        apart = [
            style_loss(style[memory], target, self.recipe.style_reduction)
            for style, target in zip(styles, wanted_styles, strict=True)
        ]
        return {
            "held": (latent[memory] - wanted).square().sum(dim=1).mean(),
            "held_style": weighted(self.recipe.w, apart),
        }

    def _embed(self, encoder: Encoder, images: Tensor) -> tuple[Tensor, list[Styles]]:
        """Latent points and the Gram matrices of the maps whose style counts, float32."""
        with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.bfloat16):
            latent, maps = encoder.embed(images.contiguous(memory_format=torch.channels_last))
        count = len(self.recipe.w)
        chosen = maps[:count] if self.recipe.maps == "stem" else maps[-count:]
        return latent.float(), [Styles.of(one, self.recipe.gram_norm) for one in chosen]


def points_of(encoder: Encoder, pool: Pool, size: int, device: str) -> list[Tensor]:
    """Latent points of each dataset of a pool as it is, not augmented: float64 (n, n_emb), on the CPU."""
    encoder = encoder.to(device).eval()
    clouds = []
    for indices in pool.members(pool.training):
        with torch.inference_mode():
            parts = [encoder(resize(pool.pixels(part, device), size)) for part in torch.split(indices, _AT_ONCE)]
        clouds.append(torch.cat(parts).double().cpu())
    return clouds


def _endless(members: Sequence[Tensor], batch: int, generator: torch.Generator) -> Iterator[Tensor]:
    while True:
        yield from balanced_batches(members, batch, generator)
