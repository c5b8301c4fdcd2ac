"""The diagonal of the Fisher information of the probe's filters: from gradients, or from the noise that they bear."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from dsim.plugin import MeasureError
from dsim_task2vec.probe import ConvolutionSquares, Head, Images, Layer, Probe, affine_squares
from dsim_task2vec.specs import Settings

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
    """Return the mean over images of each image's squared gradient, (filters,) for each layer.

    Parameters
    ----------
    chosen : indices of n images. ``shares`` : their weights (n,), summing to 1.
    factors : K vectors over classes for each image, (K, n, C): squares of their gradients are summed.
    weight : of the head, (C, d).

    Raises MeasureError where the probe uses a layer twice, or fewer than two convolutions.
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
    """Return the mean over batches of the squared gradient of each batch's mean, (filters,) for each layer.

    It is the reference's, and shrinks with the batch.
    ``batches`` hold positions (b,) in ``chosen``; everything else is as for ``sample_fisher``. Raises MeasureError
    where features pass fewer than two convolutions.
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
        """Give the images of the next forward pass these weights, (b,)."""
        self._shares = torch.as_tensor(shares, dtype=torch.float64)
        self._passed.clear()

    def tap(self, layer: Layer, inputs: Tensor, output: Tensor) -> Tensor | None:
        """Send the gradient of the output (b, C, H, W) to this layer's sum; MeasureError for a layer used twice."""
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


# The reference's recipe.
_START = 0.05  # of a filter's weight variance
_FLOOR = 1e-8
_INPUT_FLOOR = 1e-2
_RATE, _HEAD_RATE = 1e-2, 5e-4


def variational_precision(
    probe: Probe,
    images: Images,
    chosen: NDArray[np.intp],
    codes: NDArray[np.intp],
    shares: NDArray[np.float64],
    head: Head,
    settings: Settings,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Minimise cross-entropy under noise + beta KL(noise | prior) over log-variances and the prior's width.

    One variance per filter, one prior per layer; Gaussian noise enters by local reparametrisation. Where the optimum
    is reached, precision = F / (2 beta) + prior precision, with F the mean Fisher information of the filter's weights.

    Returns
    -------
    Precision of each filter, and the precision of its layer's prior, both float64 (k,).
    """
    noise = _Noise(probe, seed=int(rng.integers(2**62)))
    weight, bias = (_parameter(values, probe) for values in (head.weight, head.bias))
    groups = [{"params": noise.parameters(), "lr": _RATE}, {"params": [weight, bias], "lr": _HEAD_RATE}]
    optimiser = torch.optim.Adam(groups)
    truth = torch.as_tensor(codes, device=probe.network.device)
    with probe.tapped(noise.tap):
        for _ in range(settings.steps):
            # With replacement, as in the reference: a dataset smaller than a batch passes whole, and more than once.
            drawn = rng.choice(len(chosen), settings.batch, p=shares)
            features = probe.features(probe.tensor(images(chosen[drawn])))
            loss = F.cross_entropy(features @ weight.T + bias, truth[torch.as_tensor(drawn)])
            total = loss + settings.beta * noise.divergence()
            optimiser.zero_grad()
            torch.autograd.backward(total)
            optimiser.step()
    precision, prior = noise.precisions()
    if not np.isfinite(precision).all():
        raise MeasureError("the variational optimisation diverged", hint="use fisher=exact")
    return precision, prior


def prior_precision(layer: Layer) -> float:
    """Return 1 / lambda^2 of a layer before any optimisation: lambda^2 is the mean of its squared weights."""
    weight = layer.weight.detach()
    return 1 / (float(torch.linalg.vector_norm(weight)) ** 2 / weight.numel() + _FLOOR)


class _Noise:
    """Log-variances of the filters of all convolutions, and the noise that they put on the outputs."""

    def __init__(self, probe: Probe, seed: int) -> None:
        self._probe = probe
        self._layers = [layer for layer in probe.layers if isinstance(layer, nn.Conv2d)]
        self._generator = torch.Generator(probe.network.device).manual_seed(seed)
        self._log_variance = {layer: _parameter(_start(layer), probe) for layer in self._layers}
        self._log_prior = {layer: _parameter(-np.log(prior_precision(layer)), probe) for layer in self._layers}
        self._used: dict[Layer, nn.Conv2d] = {}

    def parameters(self) -> list[nn.Parameter]:
        return [*self._log_variance.values(), *self._log_prior.values()]

    def tap(self, layer: Layer, inputs: Tensor, output: Tensor) -> Tensor | None:
        """Return the output (b, C, H, W) with noise: of the filter's variance times the sum of its squared inputs."""
        if not isinstance(layer, nn.Conv2d):
            return None
        self._used[layer] = layer
        groups = layer.groups
        # All weights of a filter share one variance: one channel serves all filters.
        batch, channels, height, width = inputs.shape
        energy = (inputs.square() + _INPUT_FLOOR).reshape(batch, groups, channels // groups, height, width).sum(2)
        window = torch.ones(groups, 1, *layer.kernel_size, dtype=inputs.dtype, device=inputs.device)
        seen = F.conv2d(energy, window, None, layer.stride, layer.padding, layer.dilation, groups)
        spread = seen.sqrt().repeat_interleave(output.shape[1] // groups, dim=1) if groups > 1 else seen.sqrt()
        normal = torch.empty_like(output).normal_(generator=self._generator)
        return output + (0.5 * self._log_variance[layer]).exp()[:, None, None] * spread * normal

    def divergence(self) -> Tensor:
        """Return twice the Kullback-Leibler divergence of the noisy weights from the prior, as in the reference."""
        total = torch.zeros((), device=self._probe.network.device)
        for layer in self._used.values():
            log_variance, log_prior = self._log_variance[layer], self._log_prior[layer]
            per_filter = layer.weight[0].numel()
            squares = layer.weight.square().sum() + per_filter * log_variance.exp().sum()
            count = layer.weight.numel()
            total = total + squares / log_prior.exp() + count * (log_prior - 1) - per_filter * log_variance.sum()
        return total

    def precisions(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the precisions of the filters, and of their layers' priors, float64 (k,) both."""
        layers = [self._used[layer] for layer in self._probe.used(self._used)]
        found = [(-self._log_variance[layer].detach().cpu().double()).exp().numpy() for layer in layers]
        priors = [float((-self._log_prior[layer].detach().cpu().double()).exp()) for layer in layers]
        return np.concatenate(found), np.repeat(priors, [len(one) for one in found])


def _start(layer: nn.Conv2d) -> NDArray[np.float64]:
    variance = layer.weight.detach().cpu().double().flatten(1).var(dim=1) * _START + _FLOOR
    return cast("NDArray[np.float64]", variance.log().numpy())


def _parameter(values: NDArray[np.float64] | float, probe: Probe) -> nn.Parameter:
    return nn.Parameter(torch.as_tensor(values, dtype=torch.float32, device=probe.network.device))
