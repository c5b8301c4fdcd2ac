"""The Fisher information of the probe's filters against explicit loops of autograd, and what must not change it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dsim.data import Dataset, from_arrays
from dsim.errors import DsimError, MeasureError, UsageError
from dsim.features import Network
from dsim.measures import DatasetView
from dsim.registry import Need
from dsim.runtime import Runtime
from dsim.stats.fisher import class_factors, drawn_factors
from dsim_task2vec.fisher import Filterwise, batch_fisher, sample_fisher
from dsim_task2vec.measure import TaskEmbedding
from dsim_task2vec.probe import Head, Images, Probe, fit_head

Embed = Callable[..., TaskEmbedding]
Task = Callable[..., Dataset]


class Bench:
    """A probe with a head on a dataset, and its gradients by autograd alone."""

    def __init__(self, reference: str, dataset: Dataset, batchnorm: bool = True) -> None:
        view = DatasetView(dataset, frozenset({Need.IMAGES, Need.LABELS}), "test", Runtime(device="cpu", batch=4))
        self.probe = Probe(reference, view.runtime, batchnorm)
        self.images = Images(view, self.probe)
        self.everything = np.arange(len(dataset))
        features = view.features(reference)
        codes = np.unique(np.array(view.labels), return_inverse=True)[1]
        self.shares = np.full(len(dataset), 1 / len(dataset))
        self.head: Head = fit_head(features, codes, self.shares, decay=0.05)
        self.posterior = self.head.posterior(features)
        self.layers = [m for m in self.probe.network.module.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)]

    def log_likelihood(self, chosen: Any) -> Tensor:
        """Of all classes for these images, with the weights' history."""
        for layer in self.layers:
            layer.weight.requires_grad_(True)
        features = self.probe.network.module(self.probe.tensor(self.images(chosen)))
        weight, bias = (torch.as_tensor(values, dtype=torch.float32) for values in (self.head.weight, self.head.bias))
        return torch.log_softmax(features @ weight.T + bias, dim=1)

    def squares(self, value: Tensor) -> np.ndarray:
        """Squared gradients of one number, averaged over filters."""
        found = torch.autograd.grad(value, [layer.weight for layer in self.layers], retain_graph=True)
        return np.concatenate([one.double().square().reshape(len(one), -1).mean(1).numpy() for one in found])


@pytest.fixture
def bench(probe: str, task: Task) -> Iterator[Bench]:
    bench = Bench(probe, task(count=6))
    yield bench
    for layer in bench.layers:
        layer.weight.requires_grad_(False)


def joined(found: Filterwise) -> np.ndarray:
    return np.concatenate(list(found.values()))


def test_exact_fisher_equals_the_expectation_over_all_labels_of_each_image(bench: Bench) -> None:
    """The definition: E_x E_y~p(y|x) (grad log p(y|x))^2, by one backward pass per image and class."""
    expected = np.mean(
        [
            sum(
                bench.posterior[image, label] * bench.squares(logarithms[0, label])
                for label, logarithms in enumerate([bench.log_likelihood([image])] * 3)
            )
            for image in bench.everything
        ],
        axis=0,
    )
    factors = class_factors(bench.posterior)
    found = sample_fisher(bench.probe, bench.images, bench.everything, bench.shares, factors, bench.head.weight)
    np.testing.assert_allclose(joined(found), expected, rtol=1e-4, atol=1e-7 * expected.max())


def test_drawn_fisher_equals_a_loop_over_images_with_the_drawn_labels(bench: Bench) -> None:
    labels = np.array([[0, 1, 2, 0, 1, 2], [2, 2, 0, 1, 0, 0]])
    expected = np.mean(
        [
            bench.squares(bench.log_likelihood([image])[0, labels[draw, image]])
            for draw in range(2)
            for image in bench.everything
        ],
        axis=0,
    )
    factors = drawn_factors(bench.posterior, labels)
    found = sample_fisher(bench.probe, bench.images, bench.everything, bench.shares, factors, bench.head.weight)
    np.testing.assert_allclose(joined(found), expected, rtol=1e-4, atol=1e-7 * expected.max())


def test_batch_fisher_equals_the_recipe_of_the_reference(bench: Bench) -> None:
    """Mean cross-entropy of each batch with drawn labels, backward, squares, mean over batches, mean over filters."""
    batches, labels = [np.array([3, 0, 5, 1]), np.array([2, 4])], np.array([0, 1, 2, 0, 1, 2])
    expected = np.mean(
        [bench.squares(F.nll_loss(bench.log_likelihood(batch), torch.as_tensor(labels[batch]))) for batch in batches],
        axis=0,
    )
    factors = drawn_factors(bench.posterior, labels[None])
    found = batch_fisher(bench.probe, bench.images, batches, bench.everything, factors, bench.head.weight)
    np.testing.assert_allclose(joined(found), expected, rtol=1e-4, atol=1e-7 * expected.max())


def test_a_batch_of_one_image_is_per_image(bench: Bench) -> None:
    factors = drawn_factors(bench.posterior, np.zeros((1, 6), dtype=int))
    singles = [np.array([image]) for image in bench.everything]
    found = batch_fisher(bench.probe, bench.images, singles, bench.everything, factors, bench.head.weight)
    per_image = sample_fisher(bench.probe, bench.images, bench.everything, bench.shares, factors, bench.head.weight)
    np.testing.assert_allclose(joined(found), joined(per_image), rtol=1e-4, atol=1e-7 * joined(found).max())


def test_monte_carlo_approaches_the_exact_expectation(task: Task, embed: Embed) -> None:
    exact, few, many = (
        embed(task(), call).fisher[0]
        for call in ("task2vec", "task2vec:fisher=sample", "task2vec:fisher=sample,draws=60")
    )
    assert np.linalg.norm(many - exact) < 0.2 * np.linalg.norm(exact)
    assert np.linalg.norm(many - exact) < np.linalg.norm(few - exact)


def test_the_reference_s_fisher_shrinks_with_the_batch_and_per_image_does_not(task: Task, embed: Embed) -> None:
    """Why batch means are not the default: E|mean gradient|^2 is F / B, so values depend on the batch."""
    dataset = task(count=12)
    alone, of_four = (embed(dataset, f"task2vec:fisher=batch,draws=20,batch={size}").fisher.mean() for size in (1, 4))
    assert 2.5 < alone / of_four < 6


@pytest.mark.parametrize("call", ["task2vec", "task2vec:fisher=batch,batch=4", "task2vec:fisher=sample,draws=2"])
def test_the_number_of_images_at_once_does_not_matter(call: str, task: Task, embed: Embed) -> None:
    one, all_at_once = (embed(task(), call, batch=size).fisher for size in (1, 64))
    np.testing.assert_allclose(one, all_at_once, rtol=1e-4, atol=1e-6 * one.max())


def test_neither_order_nor_copies_matter(task: Task, embed: Embed) -> None:
    dataset = task()
    order = np.random.default_rng(0).permutation(len(dataset))
    images = [dataset.native(index) for index in range(len(dataset))]
    twice = from_arrays(images * 2, labels=list(dataset.labels or ()) * 2, name="twice")
    expected = embed(dataset).fisher
    for other in (dataset.subset(order), twice):
        np.testing.assert_allclose(embed(other).fisher, expected, rtol=1e-3, atol=1e-5 * expected.max())


def test_balanced_classes_weigh_alike(task: Task, embed: Embed) -> None:
    """Copies of one class change the plain embedding, and not the balanced one."""
    dataset = task()
    labels = list(dataset.labels or ())
    more = [index for index, label in enumerate(labels) if label == "class 0"] * 3
    images = [dataset.native(index) for index in (*range(len(dataset)), *more)]
    lopsided = from_arrays(images, labels=labels + ["class 0"] * len(more), name="lopsided")
    plain, balanced = (
        [embed(one, f"task2vec:balanced={text}").fisher for one in (dataset, lopsided)] for text in ("false", "true")
    )
    np.testing.assert_allclose(*balanced, rtol=1e-3, atol=1e-5 * balanced[0].max())
    assert np.abs(plain[0] - plain[1]).max() > 0.05 * plain[0].max()


def test_a_dataset_smaller_than_a_batch_is_not_dropped(task: Task, embed: Embed) -> None:
    """The reference drops its last batch, and so everything."""
    for balanced in ("false", "true"):
        found = embed(task(count=5, classes=2), f"task2vec:fisher=batch,batch=100,balanced={balanced}")
        assert found.fisher.max() > 0


def test_length_is_one_per_filter_and_per_batchnorm_weight(probe: str, task: Task, embed: Embed) -> None:
    module = Probe(probe, Runtime(device="cpu"), batchnorm=True).network.module
    filters = sum(m.out_channels for m in module.modules() if isinstance(m, nn.Conv2d))
    weights = sum(m.num_features for m in module.modules() if isinstance(m, nn.BatchNorm2d))
    assert embed(task()).fisher.shape == (1, filters)
    assert embed(task(), "task2vec:batchnorm=true").fisher.shape == (1, filters + weights)


def test_layers_behind_the_features_do_not_count(probe: str, task: Task) -> None:
    shallow = probe.replace("init=", "layer=layer2,init=")
    bench = Bench(shallow, task(count=4, classes=2), batchnorm=False)
    factors = class_factors(bench.posterior)
    found = sample_fisher(bench.probe, bench.images, bench.everything, bench.shares, factors, bench.head.weight)
    deeper = set(bench.probe.network.module.get_submodule("layer3").modules())
    assert found
    assert not set(found) & deeper
    assert joined(found).max() > 0


def test_nothing_of_the_probe_is_changed(probe: str, task: Task, embed: Embed) -> None:
    module = Probe(probe, Runtime(device="cpu"), batchnorm=True).network.module
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    for call in ("task2vec", "task2vec:fisher=batch,batchnorm=true", "task2vec:fisher=variational,steps=2,batch=4"):
        embed(task(), call)
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
    assert not any(parameter.requires_grad or parameter.grad is not None for parameter in module.parameters())
    assert not any(layer._forward_hooks for layer in module.modules())


class _Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        return self.layer(self.layer(images)).mean((2, 3))


def test_a_layer_that_is_used_twice_is_refused(bench: Bench) -> None:
    """Squares of the parts of a gradient are not the square of their sum."""
    bench.probe.network = Network(_Twice(), "cpu")
    bench.probe.layers = (bench.probe.network.module.layer,)
    factors = class_factors(bench.posterior)
    with pytest.raises(MeasureError, match="uses one layer twice"):
        sample_fisher(bench.probe, bench.images, bench.everything, bench.shares, factors, np.ones((3, 3)))


def test_batchnorm_layers_that_also_activate_are_refused() -> None:
    reference = "timm:test_efficientnet[init=random:0,transform=square@1[side=32]]"
    with pytest.raises(UsageError, match="a kind that task2vec cannot look into"):
        Probe(reference, Runtime(device="cpu"), batchnorm=True)
    assert Probe(reference, Runtime(device="cpu"), batchnorm=False).layers


@pytest.mark.parametrize(
    ("reference", "error", "expected"),
    [
        ("timm:test_vit[init=random:0,transform=square@1[side=160]]", MeasureError, "fewer than two convolutions"),
        ("pixels:[side=8]", UsageError, "network"),
    ],
)
def test_probes_without_filters_are_refused(reference: str, error: type[DsimError], expected: str, task: Task) -> None:
    from dsim.comparison import compare

    sets = [task("one"), task("two", seed=1)]
    if error is UsageError:
        with pytest.raises(UsageError, match=expected):
            compare(sets, measure=f"task2vec:probe={reference}", runtime=Runtime(device="cpu"))
        return
    matrix = compare(sets, measure=f"task2vec:probe={reference}", runtime=Runtime(device="cpu"))
    assert expected in matrix.notes[0][1]
