"""The probe network, squared gradients of its layers for each sample, and the head on its features."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from dsim.features import Blueprint, Extractor, Network, Recipe, parse_transform, prepare
from dsim.measures import DatasetView
from dsim.plugin import MeasureError, UsageError
from dsim.runtime import Runtime

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

    Raises UsageError for an extractor that is not a network, or has layers of another kind.
    """

    def __init__(self, reference: str, runtime: Runtime, batchnorm: bool) -> None:
        blueprint = prepare(reference, runtime)
        network = _opened(blueprint, runtime.device, threading.get_ident())
        if not isinstance(network, Network):
            raise UsageError(
                f"{reference!r} is not a network, so it has no filters", hint="give a probe such as timm:..."
            )
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
        """Return the features (b, d) of images (b, C, H, W), with their history."""
        return self.network.traced(images)

    def tensor(self, images: NDArray[np.float32]) -> Tensor:
        """Return transformed images, float32 (b, C, H, W), on the probe's device."""
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
        """Return the layers that features depend on, in the network's order; MeasureError where they are too few."""
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
    """Transformed images (b, C, H, W) of a dataset by index: held in memory where they are few, else decoded anew."""

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


#: Reading and adding a shifted Gram matrix costs about as much as this many multiplications per entry (measured).
_ADDITION = 20


class ConvolutionSquares:
    """Sums over each filter of the squared weight gradient, for the input of one forward pass.

    The weight gradient of a sample is D'U: output gradients D (places, filters), unfolded input U (places, inputs).
    Only the squared norms of its rows are wanted. Where the map is large they come from the gradient itself, one sample
    at a time; where it is small, from diag(D' (UU') D): UU' is small, and the same for all gradients of one input.

    Parameters
    ----------
    module : the convolution.
    inputs : float (b, C, H, W), what it was given.
    passes : how many output gradients will follow for this input.
    """

    def __init__(self, module: nn.Conv2d, inputs: Tensor, passes: int) -> None:
        self._module, self._inputs, self._passes = module, inputs, passes
        self._weight = module.weight.detach()
        self._padding = _padding(module)

    def __call__(self, gradient: Tensor) -> Tensor:
        """Per sample and filter, float (b, filters), for an output gradient (b, filters, H', W')."""
        return (self._by_gram if self._gram_is_cheaper(gradient) else self._one_by_one)(gradient)

    def _one_by_one(self, gradient: Tensor) -> Tensor:
        module, sums = self._module, gradient.new_empty(gradient.shape[:2])
        for row, (image, output) in enumerate(zip(torch.split(self._inputs, 1), torch.split(gradient, 1), strict=True)):
            geometry = (module.stride, self._padding, module.dilation, False, (0, 0), module.groups)
            found = torch.ops.aten.convolution_backward(
                output, image, self._weight, None, *geometry, (False, True, False)
            )
            sums[row] = found[1].square_().sum((1, 2, 3))
        return sums

    def _by_gram(self, gradient: Tensor) -> Tensor:
        places = gradient.permute(0, 2, 3, 1).reshape(len(gradient), -1, gradient.shape[1])
        return (torch.bmm(self._gram, places) * places).sum(1)

    @cached_property
    def _gram(self) -> Tensor:
        """UU' of each sample, (b, places, places)."""
        return (_shifted_gram if _is_dense(self._module) else _unfolded_gram)(self._inputs, self._module, self._padding)

    def _gram_is_cheaper(self, gradient: Tensor) -> bool:
        module = self._module
        if module.groups > 1:
            return False
        filters, height, width = gradient.shape[1:]
        places, window = height * width, module.kernel_size[0] * module.kernel_size[1]
        patch = window * module.in_channels
        if _is_dense(module):
            padded = (height + module.kernel_size[0] - 1) * (width + module.kernel_size[1] - 1)
            gram = padded**2 * module.in_channels + _ADDITION * window * places**2
        else:
            gram = places**2 * patch + _ADDITION * places * patch
        return gram + self._passes * filters * places**2 < self._passes * filters * places * patch


def affine_squares(inputs: Tensor, module: nn.BatchNorm2d) -> Callable[[Tensor], Tensor]:
    """Return the function from an output gradient (b, C, H, W) to each sample's squared weight gradient, (b, C)."""
    mean, variance = module.running_mean, module.running_var
    assert mean is not None, "that there are statistics is checked when the probe is opened"
    assert variance is not None
    shift, spread = mean[:, None, None], (variance + module.eps).sqrt()[:, None, None]
    return lambda gradient: (gradient * ((inputs - shift) / spread)).sum((2, 3)).square_()


def is_supported(module: nn.Conv2d) -> bool:
    """Return whether the gradients of this convolution are computed here: zero padding, alike on opposite sides."""
    sides_alike = module.padding != "same" or all(reach % 2 == 0 for reach in _reach(module))
    return type(module).forward is nn.Conv2d.forward and module.padding_mode == "zeros" and sides_alike


def _padding(module: nn.Conv2d) -> tuple[int, int]:
    if module.padding == "valid":
        return 0, 0
    if module.padding == "same":
        down, right = _reach(module)
        return down // 2, right // 2
    return int(module.padding[0]), int(module.padding[1])


def _reach(module: nn.Conv2d) -> tuple[int, int]:
    """How far a filter's window reaches down and to the right."""
    return module.dilation[0] * (module.kernel_size[0] - 1), module.dilation[1] * (module.kernel_size[1] - 1)


def _is_dense(module: nn.Conv2d) -> bool:
    """Whether a filter's windows start at every place and have no holes."""
    return set(module.stride) == {1} and set(module.dilation) == {1}


def _unfolded_gram(inputs: Tensor, module: nn.Conv2d, padding: tuple[int, int]) -> Tensor:
    patches = F.unfold(inputs, module.kernel_size, padding=padding, stride=module.stride, dilation=module.dilation)
    return torch.bmm(patches.transpose(1, 2), patches)


def _shifted_gram(inputs: Tensor, module: nn.Conv2d, padding: tuple[int, int]) -> Tensor:
    """Sum over the window of the Gram matrix of pixels, shifted: each inner product of pixels is computed once."""
    rows, columns = module.kernel_size
    pixels = F.pad(inputs, (padding[1], padding[1], padding[0], padding[0])).permute(0, 2, 3, 1)
    batch, height, width, channels = pixels.shape
    flat = pixels.reshape(batch, height * width, channels)
    products = torch.bmm(flat, flat.transpose(1, 2)).view(batch, height, width, height, width)
    high, wide = height - rows + 1, width - columns + 1
    total = inputs.new_zeros(batch, high, wide, high, wide)
    for i in range(rows):
        for j in range(columns):
            total += products[:, i : i + high, j : j + wide, i : i + high, j : j + wide]
    return total.view(batch, high * wide, high * wide)


_MAX_ITERATIONS = 5000


@dataclass(frozen=True)
class Head:
    """Logits are ``features @ weight.T + bias``: weight float64 (C, d), bias float64 (C,)."""

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]

    def posterior(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the probabilities of the classes, float64 (n, C), for features (n, d)."""
        from scipy.special import softmax

        probabilities: NDArray[np.float64] = softmax(features @ self.weight.T + self.bias, axis=1)
        return probabilities


def fit_head(
    features: NDArray[np.float32], codes: NDArray[np.intp], weights: NDArray[np.float64], decay: float
) -> Head:
    """Return the head of least weighted mean cross-entropy + decay / 2 (s |W|)^2, by L-BFGS in float64.

    s^2 is the features' total variance, so that ``decay`` means the same for every probe and dataset.

    Parameters
    ----------
    features : (n, d). ``codes`` : class of each sample, integers (n,). ``weights`` : shares (n,), summing to 1.
    decay : positive; makes the optimum unique, and keeps the posterior from certainty where classes are separable.

    Raises MeasureError where all features are alike, or the optimum is not reached.
    """
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    centre = weights @ features.astype(np.float64)
    # The optimum lies in the span of the samples: turned into it, there are at most n unknowns per class.
    left, spread, basis = np.linalg.svd(features - centre, full_matrices=False)
    unit = np.sqrt(weights @ ((left * spread) ** 2).sum(axis=1))
    if not unit > 1e-5 * np.abs(features).max():
        raise MeasureError(f"the features of all {len(features)} images are alike", hint="give images that differ")
    points = left * (spread / unit)
    classes, (n, rank) = int(codes.max()) + 1, points.shape
    truth = np.eye(classes)[codes]

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weight, bias = flat[: classes * rank].reshape(classes, rank), flat[classes * rank :]
        logarithms = log_softmax(points @ weight.T + bias, axis=1)
        residual = weights[:, None] * (np.exp(logarithms) - truth)
        value = -float(weights @ (logarithms * truth).sum(1)) + 0.5 * decay * float((weight**2).sum())
        return value, np.concatenate([(residual.T @ points + decay * weight).ravel(), residual.sum(0)])

    found = minimize(
        loss,
        np.zeros(classes * (rank + 1)),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _MAX_ITERATIONS, "maxfun": 2 * _MAX_ITERATIONS, "gtol": 1e-9, "ftol": 0.0, "maxcor": 30},
    )
    if np.abs(found.jac).max() > 1e-6:
        raise MeasureError(f"the head did not converge in {found.nit} steps on {n} images", hint="give a larger decay")
    weight = found.x[: classes * rank].reshape(classes, rank) @ (basis / unit)
    return Head(weight, found.x[classes * rank :] - weight @ centre)
