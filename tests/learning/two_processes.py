"""Run by torchrun in test_distributed.py: writes what two processes compute, beside what one computes, as JSON.

torchrun --nproc-per-node 2 tests/learning/two_processes.py FOLDER
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from timm.layers import BatchNormAct2d
from torch import Tensor, nn

from dsim.errors import UsageError
from dsim.learning import (
    Objective,
    Position,
    Processes,
    TrainingConfig,
    common_batch_norm,
    feature_health,
    fit,
    gather_rows,
    info_nce,
    joined_processes,
    processes,
    sum_gradients,
)
from dsim.runtime import Runtime

IMAGES = torch.randn(7, 3, 9, 9, generator=torch.Generator().manual_seed(1))
CPU = Runtime(device="cpu")


def network() -> nn.Sequential:
    torch.manual_seed(0)
    first = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), BatchNormAct2d(8)]
    return nn.Sequential(*first, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4), nn.BatchNorm1d(4))


class Contrast(Objective):
    """NT-Xent of two noisy views of images; the loss of a batch is known only when all processes' points are there."""

    judged_by = ()
    shares_batches = True

    def __init__(self) -> None:
        # Biases before a batch normalisation have no gradient but rounding, which Adam makes large in float32.
        self.network = network().double()

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        return {"network": self.network}

    def batches(self, generator: torch.Generator) -> Iterable[Tensor]:
        return [torch.randperm(7, generator=generator) for _ in range(3)]

    def losses(self, batch: Tensor, generator: torch.Generator, position: Position) -> Mapping[str, Tensor]:
        views = [IMAGES[batch].double() + 0.1 * torch.randn(IMAGES.shape, generator=generator) for _ in range(2)]
        own = [view[processes().share(7)] for view in views]
        points = self.network(torch.cat(own)).view(2, len(own[0]), -1)
        everyone = gather_rows(points.transpose(0, 1)).transpose(0, 1)
        return {"loss": info_nce(everyone), **feature_health(points.flatten(0, 1))}


class Alone(Contrast):
    """The same for one process alone."""

    shares_batches = False


def gradients_of(net: nn.Module, images: Tensor, share: float) -> list[Tensor]:
    net(images).square().mul(torch.arange(4)).mean().mul(share).backward()
    return [parameter.grad for parameter in net.parameters() if parameter.grad is not None]


def largest_difference(first: Iterable[Tensor], second: Iterable[Tensor]) -> float:
    return max(float((a - b).abs().max()) for a, b in zip(first, second, strict=True))


def curves(result: Any) -> list[dict[str, float]]:
    return [{name: row[name] for name in ("loss", "spread", "effective_rank")} for row in result.curves]


def train(epochs: int, checkpoint: Path | None = None) -> Any:
    config = TrainingConfig(epochs, lr=0.01, clip=0.5, keep="last")
    return fit(Contrast(), config, seed=0, runtime=CPU, checkpoint=checkpoint)


def compare(folder: Path, alone: Any, world: Processes) -> dict[str, Any]:
    own, whole, shared = world.share(7), network().double(), network().double()
    images = IMAGES.double()
    expected = gradients_of(whole, images, 1.0)
    with common_batch_norm():
        gradients_of(shared, images[own], len(images[own]) / 7)
    sum_gradients(shared.parameters())
    done = train(2)
    train(2, folder / "two.safetensors")
    again = train(2, folder / "two.safetensors")
    try:
        fit(Alone(), TrainingConfig(1), seed=0, runtime=CPU)
        refused = False
    except UsageError:
        refused = True
    return {
        "gradients": largest_difference(expected, (p.grad for p in shared.parameters() if p.grad is not None)),
        "statistics": largest_difference(whole.buffers(), shared.buffers()),
        "rows": bool(torch.equal(gather_rows(IMAGES[own]), IMAGES)),
        "one": curves(alone),
        "two": curves(done),
        "weights": largest_difference(alone.network.parameters(), done.network.parameters()),
        "moved": largest_difference(alone.network.parameters(), network().double().parameters()),
        "resumed": largest_difference(done.network.parameters(), again.network.parameters()),
        "refused": refused,
    }


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    alone = train(2)
    with joined_processes(replace(CPU)) as world:
        found = compare(folder, alone, world)
        (folder / f"{world.rank}.json").write_text(json.dumps(found), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
