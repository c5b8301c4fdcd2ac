"""The reference of t-SimCNE, as it is published, on one process of a CPU: what ``t_simcne.py`` compares dsim with.

Written from the papers (Boehm et al. 2023, arXiv:2210.09879; Nwabufo et al. 2024, arXiv:2402.14566): torchvision's
ResNet-18 with a 3 x 3 stem and no max-pooling, PIL and torchvision's transforms per image in a DataLoader, an optimiser
for each of three stages, float32. Images are in memory already: neither side decodes files.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torchvision import transforms
from torchvision.models import resnet18

#: Learning rates of the three stages for a batch of 1024, and their epochs of warm-up; both scale and shrink below.
RATES, WARM_UP = (0.12, 0.12, 0.00012), (10, 0, 10)


@dataclass(frozen=True)
class Setting:
    """What both sides share: side of the images, batch, steps of the three stages, seed, and the loader's workers."""

    side: int = 28
    batch: int = 256
    steps: tuple[int, int, int] = (8, 0, 0)
    seed: int = 0
    workers: int = 2


class Pairs(TorchDataset[tuple[Tensor, Tensor]]):
    """Two views of each image, drawn whenever it is asked for; filled with the colour of the borders."""

    def __init__(self, images: NDArray[np.uint8], side: int) -> None:
        self.images = images
        ring = np.ones(images.shape[1:3], dtype=bool)
        ring[1:-1, 1:-1] = False
        fill = images[:, ring].mean((0, 1))
        self.views = transforms.Compose(
            [
                transforms.RandomApply([transforms.RandomRotation((90, 90))], p=0.5),
                transforms.RandomRotation(45, fill=[int(level) for level in fill]),
                transforms.RandomResizedCrop(side, scale=(0.2, 1.0)),
                transforms.RandomHorizontalFlip(),
                transforms.RandomVerticalFlip(),
                transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
                transforms.RandomGrayscale(p=0.2),
                transforms.ToTensor(),
            ]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image = Image.fromarray(self.images[index])
        return self.views(image), self.views(image)


class Network(nn.Module):
    """ResNet-18 for small images, and a projector to 128 or 2 dimensions."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = resnet18(weights=None)
        self.backbone.conv1 = nn.Conv2d(3, 64, kernel_size=3, stride=1, padding=1, bias=False)
        self.backbone.maxpool = nn.Identity()
        self.backbone.fc = nn.Identity()
        self.projector = nn.Sequential(nn.Linear(512, 1024), nn.ReLU(), nn.Linear(1024, 128))

    def forward(self, images: Tensor) -> Tensor:
        """Return the points (n, 128) or (n, 2) of images (n, 3, h, w) in [0, 1]."""
        points: Tensor = self.projector(self.backbone(images))
        return points


def contrast(first: Tensor, second: Tensor) -> Tensor:
    """Return InfoNCE with the Cauchy similarity, of two views (b, d) of b images."""
    points = torch.cat([first, second])
    similarity = 1 / (1 + torch.cdist(points, points).square())
    similarity = similarity.masked_fill(torch.eye(len(points), dtype=torch.bool), 0.0)
    partner = torch.arange(len(points)).roll(len(first))
    positive = similarity[torch.arange(len(points)), partner]
    return (similarity.sum(1).log() - positive.log()).mean()


def train_plain(images: NDArray[np.uint8], setting: Setting, network: Network | None = None) -> Iterator[float]:
    """Train on images (n, side, side, 3) through the three stages; yield the seconds of each step."""
    torch.manual_seed(setting.seed)
    network = Network() if network is None else network
    loader = DataLoader(
        Pairs(images, setting.side), setting.batch, shuffle=True, num_workers=setting.workers, drop_last=True
    )
    for stage, steps in enumerate(setting.steps):
        if steps:
            _prepare(network, stage)
            yield from _train_stage(network, loader, stage, steps, setting.batch)


def _prepare(network: Network, stage: int) -> None:
    if stage == 1:
        last = nn.Linear(1024, 2)
        nn.init.normal_(last.weight)
        network.projector[2] = last
    for parameter in network.parameters():
        parameter.requires_grad = stage != 1
    if stage == 1:
        network.projector[2].requires_grad_()


def _train_stage(network: Network, loader: DataLoader[Any], stage: int, steps: int, batch: int) -> Iterator[float]:
    peak, epochs = RATES[stage] * batch / 1024, max(1, -(-steps // len(loader)))
    rates = learning_rates(peak, epochs, min(WARM_UP[stage], epochs // 10))
    optimizer = torch.optim.SGD(network.parameters(), lr=peak, momentum=0.9, weight_decay=5e-4)
    network.train()
    done, began = 0, time.perf_counter()
    for epoch in range(epochs):
        for group in optimizer.param_groups:
            group["lr"] = rates[epoch]
        for first, second in loader:
            if done == steps:
                return
            loss = contrast(network(first), network(second))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            done += 1
            now = time.perf_counter()
            yield now - began
            began = now


def learning_rates(peak: float, epochs: int, warm_up: int) -> NDArray[np.float64]:
    """Return the rate of each epoch: from 0 to the peak in equal parts, then a cosine to 0."""
    cosine = (1 + np.cos(np.pi * np.arange(1 + epochs - warm_up) / (1 + epochs - warm_up))) / 2
    return peak * np.concatenate([np.linspace(0, 1, warm_up), cosine])[:epochs] if warm_up else peak * cosine[:epochs]


@torch.inference_mode()
def place_plain(images: NDArray[np.uint8], network: Network, batch: int = 256) -> NDArray[np.float32]:
    """Return the points (n, 2) of images (n, side, side, 3)."""
    network.eval()
    pictures = torch.from_numpy(images).permute(0, 3, 1, 2)
    parts = pictures.split(batch)  # type: ignore[no-untyped-call]
    return torch.cat([network(some.float() / 255) for some in parts]).numpy()
