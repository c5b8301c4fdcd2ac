"""Quality and cost of a trained encoder: EQC, placement of images it has never seen, half precision, seconds."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from dsim.features.extraction import image_batches
from dsim.features.network import Network
from dsim.features.transforms import Square
from dsim.stats.embedding import eqc, placed_shares
from dsim.stats.euclidean import mean_distance
from dsim_asap.encoder import clone
from dsim_asap.model import Encoder
from dsim_asap.specs import AsapRecipe

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.runtime import Runtime

#: Largest relative change of a distance between two datasets at which half precision is kept.
HALF_PRECISION_LIMIT = 0.01

Clouds = list[NDArray[np.float64]]


@dataclass(frozen=True)
class Part:
    """One dataset: the images that training and validation know, and those held out of both (None: there are none)."""

    known: Dataset
    held: Dataset | None


@dataclass(frozen=True)
class Results:
    """Quality of an encoder in the precision in which it is kept.

    ``placed`` is the share of each dataset's held-out images whose nearest centre, of the known images, is their own.
    """

    dtype: torch.dtype
    half_precision_change: float
    eqc_paper: float
    eqc_reference: float
    eqc_heldout_paper: float
    placed: NDArray[np.float64]
    held_counts: tuple[int, ...]
    held_ids: dict[str, tuple[str, ...]]

    def record(self) -> dict[str, Any]:
        """Plain values for a manifest; what could not be measured is left out."""
        numbers = {
            "half_precision_change": self.half_precision_change,
            "eqc_paper": self.eqc_paper,
            "eqc_reference": self.eqc_reference,
            "eqc_heldout_paper": self.eqc_heldout_paper,
            "heldout_placement": float(np.average(self.placed, weights=self.held_counts)) if self.held_ids else np.nan,
        }
        kept = {name: round(float(value), 6) for name, value in numbers.items() if np.isfinite(value)}
        shares = {name: round(float(share), 4) for name, share in zip(self.held_ids, self.placed, strict=True)}
        return {
            **kept,
            "heldout_placement_per_dataset": shares,
            "heldout": {k: list(v) for k, v in self.held_ids.items()},
        }


def evaluate(encoder: Encoder, parts: Sequence[Part], recipe: AsapRecipe, runtime: Runtime) -> Results:
    """Choose the precision, then measure on known and on held-out images."""
    known = embed(encoder, [part.known for part in parts], recipe, runtime)
    halved = clone(encoder, torch.float16)
    known_halved = embed(halved, [part.known for part in parts], recipe, runtime)
    change = largest_change(known, known_halved)
    dtype = torch.float16 if change <= HALF_PRECISION_LIMIT else torch.float32
    kept, clouds = (halved, known_halved) if dtype == torch.float16 else (encoder, known)
    held = [part.held for part in parts if part.held is not None]
    owners = [number for number, part in enumerate(parts) if part.held is not None]
    held_clouds = embed(kept, held, recipe, runtime)
    return Results(
        dtype=dtype,
        half_precision_change=change,
        eqc_paper=eqc(clouds),
        eqc_reference=eqc(clouds, form="reference"),
        eqc_heldout_paper=eqc(held_clouds) if len(held) > 1 else float("nan"),
        placed=_placed(clouds, held_clouds, owners),
        held_counts=tuple(map(len, held_clouds)),
        held_ids={dataset.name: tuple(dataset.ids) for dataset in held},
    )


def largest_change(clouds: Clouds, others: Clouds) -> float:
    """Largest relative difference between the distances of all pairs of clouds, in one embedding and the other."""
    pairs = [(i, k) for i in range(len(clouds)) for k in range(i, len(clouds))]
    before = np.array([mean_distance(clouds[i], clouds[k]) for i, k in pairs])
    after = np.array([mean_distance(others[i], others[k]) for i, k in pairs])
    return float(np.max(np.abs(after - before) / before))


def _placed(known: Clouds, held: Clouds, owners: Sequence[int]) -> NDArray[np.float64]:
    """Share of each held-out cloud that is placed right."""
    if not held:
        return np.empty(0)
    centres = np.stack([cloud.mean(axis=0) for cloud in known])
    belongs = np.repeat(owners, [len(cloud) for cloud in held])
    shares: NDArray[np.float64] = placed_shares(centres, np.concatenate(held), belongs)[list(owners)]
    return shares


def embed(encoder: Encoder, datasets: Sequence[Dataset], recipe: AsapRecipe, runtime: Runtime) -> Clouds:
    """The latent points of each dataset, float64 (n, n_emb)."""
    network = Network(encoder, runtime.resolved_device())
    transform = Square(recipe.size, channels=3, minmax=recipe.minmax)
    points = []
    for dataset in datasets:
        batches = image_batches(dataset, transform, runtime.batch, runtime.workers)
        points.append(np.concatenate([network(batch) for batch in batches]).astype(np.float64))
    return points


def count_cost(recipe: AsapRecipe) -> dict[str, float | int]:
    """Return the parameters of the autoencoder and of its encoder, and multiply-adds of one image, in units of 10^9.

    ``gmac`` counts the encoder, and where style enters the loss the Gram matrices of encoder and decoder: so counted,
    it gives the last column of the paper's Table 3 (0.148 and 0.156). Embedding an image needs the encoder only.

    >>> from dsim_asap.trainer import recipe_of
    >>> round(count_cost(recipe_of(["beta=1"]))["gmac"], 3), round(count_cost(recipe_of())["gmac"], 3)
    (0.148, 0.157)
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from dsim.learning import gram
    from dsim.models import count_parameters
    from dsim_asap.model import Autoencoder
    from dsim_asap.objective import architecture

    network = Autoencoder(architecture(recipe)).eval()
    image = torch.zeros(1, 3, recipe.size, recipe.size)
    with torch.no_grad():
        passed = network(image)
        with FlopCounterMode(display=False) as counter:
            network.encoder(image)
            for maps in (*passed.encoder_maps, *passed.decoder_maps) if recipe.beta < 1 else ():
                gram(maps, recipe.gram_norm)
    return {
        "gmac": counter.get_total_flops() / 2e9,
        "parameters": count_parameters(network),
        "encoder_parameters": count_parameters(network.encoder),
    }


def cost_of_training(folder: Path, images: int) -> dict[str, float | int | None]:
    """Return the epochs, seconds and validation EQC of the training of a model, of a pool of so many images.

    ``images_per_second`` is of images trained on and validated with, reading them from files left out;
    ``eqc_validation`` is that of the epoch whose weights were kept, None without validation.
    """
    from dsim.files.documents import number
    from dsim.zoo import read_model

    curves: list[dict[str, float]] = json.loads((folder / "curves.json").read_text("utf-8"))
    kept = int(read_model(folder).manifest["training"]["kept_epoch"])
    seconds = sum(row["seconds"] for row in curves)
    return {
        "epochs": len(curves),
        "kept_epoch": kept,
        "training_seconds": seconds,
        "images_per_second": images * len(curves) / seconds,
        "eqc_validation": number(curves[kept - 1].get("val_eqc", np.nan)),
    }


def cost_of_embedding(
    folder: Path, datasets: Sequence[Dataset], recipe: AsapRecipe, runtime: Runtime
) -> dict[str, Any]:
    """Seconds that embedding these images takes, decoding included; measured now, nothing comes from a cache."""
    from dsim.zoo import read_model
    from dsim_asap.encoder import build

    encoder = build(read_model(folder))
    started = time.perf_counter()
    embed(encoder, datasets, recipe, runtime)
    return {"embedding_seconds": time.perf_counter() - started, "embedded": sum(map(len, datasets))}
