"""The probe network, opened: its convolutions in order, and what passes through them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dsim.features.extractor import Blueprint, Extractor, Recipe, prepare
from dsim.features.network import Network
from dsim.features.transforms import parse_transform
from dsim.measures import DatasetView
from dsim.plugin import MeasureError, UsageError
from dsim.runtime import Runtime
from dsim_task2vec.squares import is_supported

#: Transformed images up to this size stay in memory: they pass the network several times.
_HELD_BYTES = 256 * 2**20

#: What passes at once keeps all its activations: of a ResNet-18 at 224 pixels about 80 MB per image.
_CPU_BATCH, _GPU_BATCH = 8, 64

Layer = nn.Conv2d | nn.BatchNorm2d
#: Called with a layer, its input and its output in every forward pass; may return another output.
Tap = Callable[[Layer, Tensor, Tensor], Tensor | None]


class Probe:
    """A network whose filters' gradients are wanted; in evaluation mode, its weights fixed.

    Parameters
    ----------
    reference : of the extractor.
    batchnorm : whether the weights of BatchNorm layers count beside the filters of convolutions.
    """

    def __init__(self, reference: str, runtime: Runtime, batchnorm: bool) -> None:
        blueprint = prepare(reference, runtime)
        network = _opened(blueprint, runtime.device, threading.get_ident())
        if not isinstance(network, Network):
            raise UsageError(f"{reference!r} is no network, so it has no filters", hint="give a probe such as timm:...")
        self.recipe: Recipe = blueprint.recipe
        self.network = network
        self.layers: tuple[Layer, ...] = tuple(_layers(network.module, batchnorm))
        self.batch = min(runtime.batch, _CPU_BATCH if network.device.type == "cpu" else _GPU_BATCH)
        self._refuse_unsupported()

    def _refuse_unsupported(self) -> None:
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d) and not is_supported(layer):
                raise _unsupported(self.recipe, layer, "choose a probe with plain convolutions, such as a ResNet")
            # timm's BatchNorm layers that also activate have another output.
            plain = type(layer) is nn.BatchNorm2d and layer.affine and layer.running_var is not None
            if isinstance(layer, nn.BatchNorm2d) and not plain:
                raise _unsupported(self.recipe, layer, "leave its weights out: batchnorm=false")

    def features(self, images: Tensor) -> Tensor:
        """Features (b, d) with their history."""
        return self.network.traced(images)

    def tensor(self, images: NDArray[np.float32]) -> Tensor:
        """Transformed images on the probe's device."""
        return torch.from_numpy(images).to(self.network.device, memory_format=torch.channels_last)

    @contextmanager
    def tapped(self, tap: Tap) -> Iterator[None]:
        """Within the context, every forward pass shows each layer's input and output to ``tap``."""
        handles = [layer.register_forward_hook(_hook(tap)) for layer in self.layers]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def used(self, found: Mapping[Layer, Any]) -> list[Layer]:
        """The layers that features depend on, in the network's order; MeasureError where they are too few."""
        used = [layer for layer in self.layers if layer in found]
        if sum(isinstance(layer, nn.Conv2d) for layer in used) < 2:
            raise MeasureError(
                f"the features of {self.recipe.reference} pass fewer than two convolutions",
                hint="choose a convolutional probe, such as a ResNet",
            )
        return used


@lru_cache(maxsize=1)
def _opened(blueprint: Blueprint, device: str, thread: int) -> Extractor:
    """The last network stays open for the next dataset; each thread has its own, for hooks see what passes."""
    return blueprint.open(device)


def _layers(module: nn.Module, batchnorm: bool) -> Iterator[Layer]:
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d) or (batchnorm and isinstance(layer, nn.BatchNorm2d)):
            yield layer


def _unsupported(recipe: Recipe, layer: nn.Module, hint: str) -> UsageError:
    return UsageError(f"{recipe.reference} has a layer of a kind that task2vec cannot look into: {layer}", hint=hint)


def _hook(tap: Tap) -> Callable[[nn.Module, tuple[Any, ...], Tensor], Tensor | None]:
    def hook(layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor | None:
        assert isinstance(layer, nn.Conv2d | nn.BatchNorm2d)
        return tap(layer, inputs[0], output)

    return hook


class Images:
    """Transformed images of a dataset by index: held in memory where they are few, else decoded anew each time."""

    def __init__(self, data: DatasetView, probe: Probe) -> None:
        self._data = data
        self._transform = parse_transform(probe.recipe.transform)
        first = self._transform.apply(data.dataset.pixels(0))
        self._held = data.tensor(self._transform) if first.nbytes * len(data) <= _HELD_BYTES else None

    def __call__(self, chosen: Sequence[int] | NDArray[np.intp]) -> NDArray[np.float32]:
        """Images float32 (b, C, H, W)."""
        if self._held is not None:
            held: NDArray[np.float32] = self._held[np.asarray(chosen)]
            return held
        return np.stack([self._transform.apply(self._data.dataset.pixels(int(index))) for index in chosen])
