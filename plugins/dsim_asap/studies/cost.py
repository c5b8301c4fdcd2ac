"""What a training costs, and what its model costs afterwards: multiplications, parameters, seconds."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim_asap.recipe import Recipe
from dsim_asap.studies.trained import encoder_of

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.runtime import Runtime


def counted(recipe: Recipe) -> dict[str, float | int]:
    """Parameters of the autoencoder and of its encoder, and multiply-adds of one image, in units of 10^9.

    ``gmac`` counts the encoder, and where style enters the loss the Gram matrices of encoder and decoder: so counted,
    it gives the last column of the paper's Table 3 (0.148 and 0.156). Embedding an image needs the encoder only.

    >>> from dsim_asap.studies.trained import recipe_of
    >>> round(counted(recipe_of(["beta=1"]))["gmac"], 3), round(counted(recipe_of())["gmac"], 3)
    (0.148, 0.157)
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from dsim_asap.grams import gram
    from dsim_asap.model import Autoencoder
    from dsim_asap.training import architecture

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
        "parameters": _count(network),
        "encoder_parameters": _count(network.encoder),
    }


def of_training(folder: Path, images: int) -> dict[str, float | int | None]:
    """What the training of this model took, of a pool of so many images.

    ``images_per_second`` is of images trained on and validated with, reading them from files left out;
    ``eqc_validation`` is that of the epoch whose weights were kept, None without validation.
    """
    from dsim.zoo import read_model

    curves: list[dict[str, float]] = json.loads((folder / "curves.json").read_text("utf-8"))
    kept = int(read_model(folder).manifest["training"]["kept_epoch"])
    seconds = sum(row["seconds"] for row in curves)
    return {
        "epochs": len(curves),
        "kept_epoch": kept,
        "training_seconds": seconds,
        "images_per_second": images * len(curves) / seconds,
        "eqc_validation": finite(curves[kept - 1].get("val_eqc")),
    }


def of_embedding(folder: Path, datasets: Sequence[Dataset], recipe: Recipe, runtime: Runtime) -> dict[str, Any]:
    """Seconds that embedding these images takes, decoding included; measured now, nothing comes from a cache."""
    from dsim_asap.evaluation import embed

    encoder = encoder_of(folder)
    started = time.perf_counter()
    embed(encoder, datasets, recipe, runtime)
    return {"embedding_seconds": time.perf_counter() - started, "embedded": sum(map(len, datasets))}


def finite(value: float | None) -> float | None:
    """A number as JSON has it: None where there is none, NaN among them.

    >>> finite(float("nan")), finite(0.5)
    (None, 0.5)
    """
    from dsim.files.documents import number

    return None if value is None else number(value)


def _count(network: Any) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
