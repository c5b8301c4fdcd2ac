"""The variational estimate: noise and penalty by their formulas, and where the optimisation leads."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Normal, kl_divergence

from dsim.data import Dataset
from dsim.runtime import Runtime
from dsim_task2vec.fisher import _Noise, prior_precision
from dsim_task2vec.measure import TaskEmbedding
from dsim_task2vec.probe import Probe

Embed = Callable[..., TaskEmbedding]
Task = Callable[..., Dataset]
QUICK = "task2vec:fisher=variational,steps=4,batch=8"


@pytest.fixture
def noise(probe: str) -> _Noise:
    return _Noise(Probe(probe, Runtime(device="cpu"), batchnorm=False), seed=0)


@pytest.mark.parametrize(
    "options",
    [{"padding": 1}, {"stride": 2, "padding": 1}, {"padding": 2, "dilation": 2}, {"groups": 2}],
    ids=["plain", "stride", "dilation", "groups"],
)
def test_noise_has_the_variance_of_a_convolution_with_noisy_weights(noise: _Noise, options: dict[str, int]) -> None:
    """Local reparametrisation, as in the reference: variance conv(x^2 + 0.01, filter variance)."""
    generator = torch.Generator().manual_seed(0)
    layer = nn.Conv2d(4, 6, 3, **options)
    inputs = torch.randn(2, 4, 7, 7, generator=generator)
    log_variance = torch.linspace(-2, 1, 6)
    noise._log_variance[layer] = nn.Parameter(log_variance)
    output = layer(inputs).detach()
    draws = torch.stack([noise.tap(layer, inputs, output).detach() for _ in range(4000)])  # type: ignore[union-attr]
    variances = log_variance.exp()[:, None, None, None].expand_as(layer.weight)
    expected = F.conv2d(inputs**2 + 1e-2, variances, None, layer.stride, layer.padding, layer.dilation, layer.groups)
    assert float((draws.mean(0) - output).abs().max() / expected.sqrt().max()) < 0.1
    assert float((draws.var(0) / expected - 1).abs().max()) < 0.15


def test_the_penalty_is_twice_the_divergence_of_every_weight_from_its_prior(noise: _Noise) -> None:
    for layer in noise._layers:
        noise._used[layer] = layer
    expected = 0.0
    for layer in noise._layers:
        spread = (0.5 * noise._log_variance[layer]).exp()[:, None, None, None].expand_as(layer.weight)
        prior = Normal(torch.zeros(()), (0.5 * noise._log_prior[layer]).exp())
        expected += float(kl_divergence(Normal(layer.weight, spread), prior).detach().double().sum())
    assert float(noise.divergence().detach()) == pytest.approx(2 * expected, rel=1e-4)


def test_priors_start_at_the_layer_s_mean_squared_weight() -> None:
    layer = nn.Conv2d(3, 5, 3)
    assert 1 / prior_precision(layer) == pytest.approx(float(layer.weight.detach().square().mean()), rel=1e-4)


def test_repeats_with_the_seed_whatever_passes_at_once(task: Task, embed: Embed) -> None:
    one, again, other = (embed(task(), QUICK, batch=size, seed=seed) for size, seed in ((64, 0), (3, 0), (64, 1)))
    np.testing.assert_allclose(one.fisher, again.fisher, rtol=1e-5)
    assert np.abs(one.fisher / other.fisher - 1).max() > 1e-4


def test_steps_lead_away_from_the_start_by_at_most_the_rate(task: Task, embed: Embed) -> None:
    """Adam moves a log-variance by about 0.01 a step: after few steps the embedding still is where it began."""
    start, later = (embed(task(), f"task2vec:fisher=variational,steps={n},batch=8").fisher for n in (1, 6))
    moved = np.abs(np.log(later / start)).max()
    assert 0.01 < moved < 0.08


@pytest.mark.slow
def test_with_no_weight_on_the_prior_informative_filters_become_precise(task: Task, embed: Embed) -> None:
    """Noise costs likelihood where the Fisher information is large: there precision must rise most."""
    exact = embed(task(count=30)).fisher[0]
    call = "task2vec:fisher=variational,batch=30,beta=1e-12,steps="
    start, later = (embed(task(count=30), f"{call}{steps}").fisher[0] for steps in (1, 25))
    gain = np.log(later / start)
    informative = exact > np.quantile(exact, 0.9)
    assert gain[informative].mean() > gain[exact == 0].mean() + 0.02
