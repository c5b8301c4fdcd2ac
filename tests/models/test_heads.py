"""Promises of the heads: DINO's is the original's, computed by torch's own weight normalisation."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from dsim.models import DinoHead, ProjectionHead


def test_the_head_of_dino_is_an_mlp_a_unit_vector_and_a_weight_normalised_layer() -> None:
    head = DinoHead(6, 9, hidden=12, bottleneck=5).double()
    last = weight_norm(nn.Linear(5, 9, bias=False).double())
    with torch.no_grad():
        last.parametrizations.weight.original0.copy_(head.last_layer.weight_g)
        last.parametrizations.weight.original1.copy_(head.last_layer.weight_v)
    features = torch.randn(4, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    hidden = head.mlp(features)
    wanted = last(hidden / hidden.norm(dim=1, keepdim=True))
    torch.testing.assert_close(head(features), wanted)


@pytest.mark.parametrize(("layers", "linear"), [(1, 1), (3, 3), (4, 4)])
def test_the_number_of_layers_is_that_of_linear_ones(layers: int, linear: int) -> None:
    head = DinoHead(6, 9, layers, hidden=12, bottleneck=5)
    assert sum(isinstance(module, nn.Linear) for module in head.mlp) == linear


def test_lengths_of_the_last_weights_learn_only_where_they_are_let() -> None:
    fixed, free = DinoHead(6, 9, hidden=4), DinoHead(6, 9, hidden=4, norm_last=False)
    assert "last_layer.weight_g" not in dict(fixed.named_parameters())
    assert dict(free.named_parameters())["last_layer.weight_g"].requires_grad
    assert fixed.state_dict().keys() == free.state_dict().keys()


def test_the_head_of_simclr_has_so_many_layers() -> None:
    assert [m.out_features for m in ProjectionHead(6, 12, 5, layers=3).mlp if isinstance(m, nn.Linear)] == [12, 12, 5]
