"""The loops that ``dino.py`` puts side by side: the original's plain loop, and dsim's, on the same images and sizes.

The plain loop follows https://github.com/facebookresearch/dino (commit 7c446df, Apache-2.0), ``main_dino.py`` and
``utils.py``, on one process of a CPU: PIL augmentation per image in a DataLoader, one forward pass per size of crops,
gradients clipped and the teacher updated parameter by parameter, AdamW as it is by default, float32.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps
from torch import Tensor, nn
from torch.nn.functional import log_softmax, normalize, softmax
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torchvision import transforms


@dataclass(frozen=True)
class Setting:
    """What both loops share: sides of crops, their number, batch, outputs K, and the network."""

    side: int = 64
    local: int = 32
    locals: int = 5
    batch: int = 64
    outputs: int = 2048
    network: str = "resnet18"
    workers: int = 2


class GaussianBlur:
    """As in the original: a PIL image blurred with a probability, by a radius from 0.1 to 2."""

    def __init__(self, p: float) -> None:
        self.p = p

    def __call__(self, image: Image.Image) -> Image.Image:
        """Return the image, blurred or as it is."""
        if random.random() > self.p:
            return image
        return image.filter(ImageFilter.GaussianBlur(radius=random.uniform(0.1, 2.0)))


class Solarization:
    """As in the original: a PIL image solarised with a probability."""

    def __init__(self, p: float) -> None:
        self.p = p

    def __call__(self, image: Image.Image) -> Image.Image:
        """Return the image, solarised or as it is."""
        return ImageOps.solarize(image) if random.random() < self.p else image


class Augmentation:
    """As in the original, with other sides: two different global views and the local ones."""

    def __init__(self, setting: Setting) -> None:
        colour = [
            transforms.RandomHorizontalFlip(p=0.5),
            transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.2, 0.1)], p=0.8),
            transforms.RandomGrayscale(p=0.2),
        ]
        last = [transforms.ToTensor(), transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]
        bicubic = transforms.InterpolationMode.BICUBIC

        def view(side: int, scale: tuple[float, float], *effects: Any) -> Any:
            crop = transforms.RandomResizedCrop(side, scale=scale, interpolation=bicubic)
            return transforms.Compose([crop, *colour, *effects, *last])

        self.locals = setting.locals
        self.first = view(setting.side, (0.4, 1.0), GaussianBlur(1.0))
        self.second = view(setting.side, (0.4, 1.0), GaussianBlur(0.1), Solarization(0.2))
        self.local = view(setting.local, (0.05, 0.4), GaussianBlur(0.5))

    def __call__(self, image: Image.Image) -> list[Tensor]:
        """Return the views of an image."""
        return [self.first(image), self.second(image), *(self.local(image) for _ in range(self.locals))]


class Files(TorchDataset[list[Tensor]]):
    """Images of a folder, each decoded whenever it is asked for, as torchvision's ImageFolder does."""

    def __init__(self, folder: Path, setting: Setting) -> None:
        self.paths, self.augment = sorted(folder.rglob("*.png")), Augmentation(setting)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> list[Tensor]:
        with Image.open(self.paths[index]) as image:
            return self.augment(image.convert("RGB"))


class Head(nn.Module):
    """As in the original: three linear layers, a normalised bottleneck, a weight-normalised last layer."""

    def __init__(self, width: int, outputs: int) -> None:
        super().__init__()
        layers = [nn.Linear(width, 2048), nn.GELU(), nn.Linear(2048, 2048), nn.GELU(), nn.Linear(2048, 256)]
        for layer in layers[::2]:
            nn.init.trunc_normal_(layer.weight, std=0.02)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        self.mlp = nn.Sequential(*layers)
        # The older nn.utils.weight_norm of the original warns that it is deprecated; this one computes the same.
        self.last_layer = nn.utils.parametrizations.weight_norm(nn.Linear(256, outputs, bias=False))
        gain: Any = self.last_layer.parametrizations
        gain.weight.original0.data.fill_(1)
        gain.weight.original0.requires_grad = False

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs (n, K) of features (n, d)."""
        out: Tensor = self.last_layer(normalize(self.mlp(x), dim=-1))
        return out


class MultiCrop(nn.Module):
    """As in the original: one pass of the backbone per size of crops, one of the head."""

    def __init__(self, backbone: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, crops: list[Tensor]) -> Tensor:
        """Return the outputs of all crops, view by view."""
        sides = torch.tensor([crop.shape[-1] for crop in crops])
        ends = torch.cumsum(torch.unique_consecutive(sides, return_counts=True)[1], 0)
        start, output = 0, torch.empty(0)
        for end in ends:
            output = torch.cat((output, self.backbone(torch.cat(crops[start:end]))))
            start = int(end)
        out: Tensor = self.head(output)
        return out


class Loss(nn.Module):
    """As in the original, of one process."""

    def __init__(self, outputs: int, crops: int, temperature: float = 0.04) -> None:
        super().__init__()
        self.crops, self.temperature = crops, temperature
        self.register_buffer("center", torch.zeros(1, outputs))

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Return the mean cross-entropy of all pairs of different views."""
        students = (student / 0.1).chunk(self.crops)
        teachers = softmax((teacher - self.center) / self.temperature, dim=-1).detach().chunk(2)
        total, terms = torch.zeros(()), 0
        for place, target in enumerate(teachers):
            for view, logits in enumerate(students):
                if view != place:
                    total = total + torch.sum(-target * log_softmax(logits, dim=-1), dim=-1).mean()
                    terms += 1
        with torch.no_grad():
            self.center = self.center * 0.9 + teacher.mean(0, keepdim=True) * 0.1
        return total / terms


def cosine(base: float, final: float, steps: int) -> NDArray[np.float64]:
    """Return the original's schedule without warm-up, float64 (steps,)."""
    return final + 0.5 * (base - final) * (1 + np.cos(np.pi * np.arange(steps) / steps))


def clip_gradients(model: nn.Module, clip: float) -> None:
    """Clip the gradient of each parameter on its own, as the original does."""
    for parameter in model.parameters():
        if parameter.grad is not None:
            norm = parameter.grad.data.norm(2)
            norm.item()
            coefficient = clip / (norm + 1e-6)
            if coefficient < 1:
                parameter.grad.data.mul_(coefficient)


def plain_epochs(folder: Path, setting: Setting, epochs: int) -> Iterator[float]:
    """Train by the original's loop on the PNG files of a folder; yield the seconds of each epoch."""
    torch.manual_seed(0)
    student, teacher = _network(setting), _network(setting)
    teacher.load_state_dict(student.state_dict())
    for parameter in teacher.parameters():
        parameter.requires_grad = False
    loader = DataLoader(
        Files(folder, setting), setting.batch, shuffle=True, num_workers=setting.workers, drop_last=True
    )
    steps = epochs * len(loader)
    rates = cosine(5e-4 * setting.batch / 256, 1e-6, steps)
    decays, momenta = cosine(0.04, 0.4, steps), cosine(0.996, 1, steps)
    named = [(name, each) for name, each in student.named_parameters() if each.requires_grad]
    plain = [each for name, each in named if name.endswith(".bias") or each.ndim == 1]
    decayed = [each for name, each in named if not (name.endswith(".bias") or each.ndim == 1)]
    optimizer = torch.optim.AdamW([{"params": decayed}, {"params": plain, "weight_decay": 0.0}])
    loss_of = Loss(setting.outputs, setting.locals + 2)
    step = 0
    for epoch in range(epochs):
        began = time.perf_counter()
        for crops in loader:
            for number, group in enumerate(optimizer.param_groups):
                group["lr"] = rates[step]
                if number == 0:
                    group["weight_decay"] = decays[step]
            loss = loss_of(student(crops), teacher(crops[:2]))
            if not np.isfinite(loss.item()):
                raise RuntimeError("the loss is not finite")
            optimizer.zero_grad()
            loss.backward()
            clip_gradients(student, 3.0)
            if epoch < 1:
                for name, parameter in student.named_parameters():
                    if "last_layer" in name:
                        parameter.grad = None
            optimizer.step()
            with torch.no_grad():
                momentum = momenta[step]
                for source, target in zip(student.parameters(), teacher.parameters(), strict=True):
                    target.data.mul_(momentum).add_((1 - momentum) * source.detach().data)
            step += 1
        yield time.perf_counter() - began


def _network(setting: Setting) -> MultiCrop:
    import timm

    backbone = timm.create_model(setting.network, num_classes=0)
    return MultiCrop(backbone, Head(int(backbone.num_features), setting.outputs))
