"""Promises of the network of maps: its small backbones are those that were published, and it comes back from a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from dsim.models import COMPACT_NETWORKS, Backbone, CompactResNet, MapNetwork, reduce_last_layer, replace_last_layer
from dsim.zoo import ramp


def small_map(outputs: int = 2) -> MapNetwork:
    torch.manual_seed(0)
    backbone = Backbone(CompactResNet(COMPACT_NETWORKS["resnet10_w32"]), (0.0,) * 3, (1.0,) * 3)
    return MapNetwork(backbone, 16, outputs)


def test_resnet18_for_small_images_is_that_of_torchvision_with_another_first_layer() -> None:
    from torchvision.models import resnet18

    torch.manual_seed(0)
    own = CompactResNet(COMPACT_NETWORKS["resnet18_3x3"]).eval()
    theirs = resnet18()
    theirs.conv1, theirs.maxpool, theirs.fc = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.Identity(), nn.Identity()
    theirs.load_state_dict(own.state_dict())
    images = torch.rand(2, 3, 28, 28)
    with torch.inference_mode():
        assert torch.allclose(own(images), theirs.eval()(images), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("name", "width", "side"), [("resnet18_3x3", 512, 4), ("resnet10_w32", 256, 2)])
def test_the_sides_of_the_last_maps(name: str, width: int, side: int) -> None:
    network = CompactResNet(COMPACT_NETWORKS[name])
    assert network.forward_features(torch.rand(2, 3, 32, 32)).shape == (2, width, side, side)


def test_the_new_last_layer_alone_is_trained_and_is_standard_normal() -> None:
    network = small_map(outputs=8)
    replace_last_layer(network, 2, seed=0)
    trained = [name for name, weight in network.named_parameters() if weight.requires_grad]
    assert trained == ["projector.mlp.2.weight", "projector.mlp.2.bias"]
    wide = MapNetwork(network.backbone, 20_000, 8)
    replace_last_layer(wide, 2, seed=0)
    assert wide.last.weight.std().item() == pytest.approx(1, abs=0.02)
    assert not wide.last.bias.any()


def test_a_last_layer_of_principal_axes_draws_the_components_of_the_outputs() -> None:
    from sklearn.decomposition import PCA

    network = small_map(outputs=8).eval()
    features = torch.randn(50, 256, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        outputs = network.projector(features).double().numpy()
    reduce_last_layer(network, features, 2)
    points = network.projector(features).detach().numpy()
    expected = PCA(2, svd_solver="full").fit_transform(outputs)
    assert np.abs(points) == pytest.approx(np.abs(expected), abs=1e-4)
    assert [name for name, weight in network.named_parameters() if weight.requires_grad] == [
        "projector.mlp.2.weight",
        "projector.mlp.2.bias",
    ]


def test_what_a_map_remembers_is_no_part_of_its_checkpoints() -> None:
    network = small_map()
    names = set(network.state_dict())
    network.remember(torch.ones(3, 256), torch.zeros(3, 2), torch.ones(4))
    assert set(network.state_dict()) == names
    assert {name: len(values) for name, values in network.memory().items()} == {
        "reference": 3,
        "reference_points": 3,
        "calibration": 4,
    }


def test_a_map_that_reaches_far_answers_its_probe(tmp_path: Path) -> None:
    from dsim.models.map_network import BUILDER
    from dsim.zoo import ModelDescription, write_model

    network = small_map().eval()
    images = torch.from_numpy(ramp(2, 3, 16))
    with torch.no_grad():
        network.last.weight.mul_(500 / network(images).abs().max())
        network.remember(torch.ones(3, 256), torch.full((3, 2), 500.125), torch.ones(4))
    description = ModelDescription(
        id="a.b.c",
        title="far",
        builder=BUILDER,
        licence="none",
        side=16,
        transform="square@1[channels=3,side=16]",
        dim=2,
        features=256,
        pool=[],
        use={"intended": "a test", "limits": "a test"},
        architecture={"network": "resnet10_w32", "hidden": 16},
    )
    built = write_model(tmp_path, description, {**network.state_dict(), **network.memory()}, digits=5).build()
    assert isinstance(built, MapNetwork)
    assert built.reference_points[0, 0].item() == 500.125
    with torch.inference_mode():
        assert torch.equal(built(images), network(images))


def test_the_layer_of_features_is_the_backbone() -> None:
    network = small_map().eval()
    images = torch.rand(2, 3, 16, 16)
    with torch.inference_mode():
        features = network.features(images)
        points = network.projector(features)
    assert features.shape == (2, 256)
    assert np.allclose(points.numpy(), network(images).detach().numpy(), atol=1e-6)
