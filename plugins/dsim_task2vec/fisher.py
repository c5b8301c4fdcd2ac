"""The diagonal of the Fisher information of the probe's filters, given the head and the scores of each image."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dsim.plugin import MeasureError
from dsim_task2vec.probe import Images, Layer, Probe
from dsim_task2vec.squares import ConvolutionSquares, affine_squares

#: Fisher information by layer, in the network's order, averaged over each filter: float64 (filters,).
Filterwise = dict[Layer, NDArray[np.float64]]


def sample_fisher(
    probe: Probe,
    images: Images,
    chosen: NDArray[np.intp],
    shares: NDArray[np.float64],
    factors: NDArray[np.float64],
    weight: NDArray[np.float64],
) -> Filterwise:
    """Mean over images of each image's squared gradient.

    Parameters
    ----------
    chosen : indices of n images. ``shares`` : their weights (n,), summing to 1.
    factors : K vectors over classes for each image, (K, n, C): squares of their gradients are summed.
    weight : of the head, (C, d).
    """
    squares = _Squares(passes=len(factors))
    with probe.tapped(squares.tap):
        for start in range(0, len(chosen), probe.batch):
            part = slice(start, start + probe.batch)
            squares.begin(shares[part])
            features = probe.features(probe.tensor(images(chosen[part])))
            for position, gradient in enumerate(_cotangents(factors[:, part], weight, features)):
                torch.autograd.backward(features, gradient, retain_graph=position + 1 < len(factors))
    return {layer: squares.total[layer] / layer.weight[0].numel() for layer in probe.used(squares.total)}


def batch_fisher(
    probe: Probe,
    images: Images,
    batches: Sequence[NDArray[np.intp]],
    chosen: NDArray[np.intp],
    factors: NDArray[np.float64],
    weight: NDArray[np.float64],
) -> Filterwise:
    """Mean over batches of the squared gradient of each batch's mean: the reference's, which shrinks with the batch.

    ``batches`` hold positions in ``chosen``; everything else is as for ``sample_fisher``.
    """
    total: Filterwise = {}
    parameters: dict[Layer, Tensor] = {layer: layer.weight for layer in probe.layers}
    with _requiring_gradients(parameters.values()):
        for batch in batches:
            features = probe.features(probe.tensor(images(chosen[batch])))
            for position, gradient in enumerate(_cotangents(factors[:, batch] / len(batch), weight, features)):
                found = torch.autograd.grad(
                    features,
                    list(parameters.values()),
                    gradient,
                    retain_graph=position + 1 < len(factors),
                    allow_unused=True,
                )
                for layer, one in zip(parameters, found, strict=True):
                    if one is not None:
                        squared = one.cpu().double().square().reshape(len(one), -1).mean(1).numpy()
                        total[layer] = total.get(layer, np.zeros(len(one))) + squared
    return {layer: total[layer] / len(batches) for layer in probe.used(total)}


def _cotangents(factors: NDArray[np.float64], weight: NDArray[np.float64], features: Tensor) -> Tensor:
    """Gradients with respect to the features, (K, b, d)."""
    return torch.as_tensor(factors @ weight, dtype=features.dtype, device=features.device)


class _Squares:
    """Collects, layer by layer, the weighted sum over images of squared gradients, summed over each filter."""

    def __init__(self, passes: int) -> None:
        self._passes = passes
        self._shares = torch.empty(0)
        self._passed: set[Layer] = set()
        self.total: Filterwise = {}

    def begin(self, shares: NDArray[np.float64]) -> None:
        """The images of the next forward pass have these weights."""
        self._shares = torch.as_tensor(shares, dtype=torch.float64)
        self._passed.clear()

    def tap(self, layer: Layer, inputs: Tensor, output: Tensor) -> Tensor | None:
        """Have the output's gradient sent to this layer's sum when it comes."""
        if layer in self._passed:
            # Its gradient is the sum over both passes, to be squared as one.
            raise MeasureError(
                f"the probe uses one layer twice: {layer}", hint="choose another probe, such as a ResNet"
            )
        self._passed.add(layer)
        returned = None
        if not output.requires_grad:
            # History begins here: what lies before needs no gradients. A copy, since leaves cannot be changed in place.
            output = returned = output.detach().requires_grad_().clone()
        squares: Callable[[Tensor], Tensor]
        if isinstance(layer, nn.Conv2d):
            squares = ConvolutionSquares(layer, inputs.detach(), self._passes)
        else:
            squares = affine_squares(inputs.detach(), layer)

        def collect(gradient: Tensor) -> None:
            found = (self._shares @ squares(gradient).cpu().double()).numpy()
            self.total[layer] = self.total.get(layer, np.zeros(len(found))) + found

        output.register_hook(collect)  # type: ignore[no-untyped-call]
        return returned


@contextmanager
def _requiring_gradients(parameters: Collection[Tensor]) -> Iterator[None]:
    """Within the context these parameters require gradients, and afterwards no longer."""
    for parameter in parameters:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(False)
