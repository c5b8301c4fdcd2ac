"""Early blocks: the network's own numbers up to a layer, nothing after it, and a field that is measured right."""

from __future__ import annotations

import copy

import pytest
import timm
import torch
from timm.models import adapt_input_conv
from torch import nn

from dsim.errors import UnknownNameError
from dsim.plugin import Runtime, UsageError
from dsim_simsearch.folding import folded
from dsim_simsearch.network import EarlyBlocks, open_blocks

CPU = Runtime(device="cpu", offline=True)
LITE = "zoo:lite0.imagenet.r1[layer=network.blocks.{}]"
RESNET = "timm:resnet18.a1_in1k[init=random:0,layer={}]"


@pytest.fixture(scope="module")
def lite() -> EarlyBlocks:
    return open_blocks(LITE.format(1), 3, CPU)


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    return torch.rand((1, 3, 96, 128), generator=torch.Generator().manual_seed(1))


def test_features_are_those_of_the_whole_network_at_the_layer(image: torch.Tensor) -> None:
    blocks = open_blocks(RESNET.format("layer2"), 3, CPU)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        whole = timm.create_model("resnet18", pretrained=False, num_classes=0).eval()
    mean, std = (torch.tensor(timm.get_pretrained_cfg("resnet18.a1_in1k").to_dict()[name]) for name in ("mean", "std"))
    with torch.inference_mode():
        seen = whole.conv1((image - mean[:, None, None]) / std[:, None, None])
        seen = whole.layer2(whole.layer1(whole.maxpool(whole.act1(whole.bn1(seen)))))
        torch.testing.assert_close(blocks(image), seen, atol=1e-5, rtol=1e-5)
    assert (blocks.stride, blocks.width) == (8, 128)


def test_what_comes_after_the_layer_is_dropped_and_the_rest_is_fixed(lite: EarlyBlocks) -> None:
    names = lite.state_dict()
    assert not [name for name in names if "blocks.2" in name or "conv_head" in name or "classifier" in name]
    assert not lite.training
    assert not any(parameter.requires_grad for parameter in lite.parameters())


@pytest.mark.parametrize(
    ("layer", "stride", "field"), [("layer1", 4, (-21, 21)), ("layer2", 8, (-49, 49)), ("layer3", 16, (-105, 105))]
)
def test_the_field_of_a_resnet_is_that_of_its_closed_form(layer: str, stride: int, field: tuple[int, int]) -> None:
    """Fields of 43, 99 and 211 pixels: Araujo, Norris and Sim 2019 (doi:10.23915/distill.00021)."""
    blocks = open_blocks(RESNET.format(layer), 3, CPU)
    assert (blocks.stride, blocks.first, blocks.last, blocks.offset) == (stride, *field, 0.5)


def test_gradients_reach_no_further_than_the_field(lite: EarlyBlocks) -> None:
    """Padding to one side, as TensorFlow pads, moves the field."""
    images = torch.rand((1, 3, 64, 64), requires_grad=True)
    lite(images)[:, :, 8, 7].sum().backward()
    assert images.grad is not None
    rows, columns = images.grad.abs().sum((0, 1)).nonzero().T
    assert rows.min() >= 8 * 4 + lite.first
    assert rows.max() <= 8 * 4 + lite.last
    assert columns.min() == 7 * 4 + lite.first
    assert columns.max() == 7 * 4 + lite.last
    assert lite.reach == max(-lite.first, lite.last - 3)


def test_one_channel_is_as_gray_repeated_and_more_are_adapted_as_by_timm(lite: EarlyBlocks, image) -> None:
    gray = image[:, :1]
    with torch.inference_mode():
        expected = lite(gray.expand(-1, 3, -1, -1))
        torch.testing.assert_close(open_blocks(LITE.format(1), 1, CPU)(gray), expected, atol=1e-4, rtol=1e-4)
    weight = lite.network.get_submodule("network.conv_stem").weight
    five = open_blocks(LITE.format(1), 5, CPU).network.get_submodule("network.conv_stem").weight
    torch.testing.assert_close(five, adapt_input_conv(5, weight))


def test_layers_are_joined_on_the_grid_of_the_coarsest(image: torch.Tensor) -> None:
    both = open_blocks("zoo:lite0.imagenet.r1[layer=network.blocks.0+network.blocks.2]", 3, CPU)
    fine, coarse = (open_blocks(LITE.format(number), 3, CPU) for number in (0, 2))
    assert (both.stride, both.width, both.offset) == (8, fine.width + coarse.width, coarse.offset)
    assert (both.first, both.last) == (coarse.first, coarse.last)
    with torch.inference_mode():
        joined, part, other = both(image), fine(image), coarse(image)
    torch.testing.assert_close(joined[:, fine.width :], other)
    # Cells of 2 pixels under one of 8 whose centre, 7.5, is that of cell 3: a half, three wholes, a half.
    near = torch.tensor([0.5, 1, 1, 1, 0.5]) / 4
    expected = torch.einsum("dij,i,j->d", part[0, :, 17:22, 9:14], near, near)
    torch.testing.assert_close(joined[0, : fine.width, 4, 2], expected)


def test_folding_changes_rounding_only(image: torch.Tensor) -> None:
    """With kernels of 3 and of 5 that are padded as TensorFlow does."""
    lite = open_blocks(LITE.format(2), 3, CPU)
    copied = folded(lite, torch.zeros(1, 3, 32, 32))
    assert not [part for part in copied.modules() if isinstance(part, nn.BatchNorm2d)]
    assert not [part for part in copied.modules() if type(part).__name__ == "Conv2dSame"]
    assert [part for part in lite.modules() if isinstance(part, nn.BatchNorm2d)]
    with torch.inference_mode():
        before = lite(image)
        assert (copied(image) - before).abs().max() < 1e-5 * before.abs().max()


def test_identity_is_of_layer_and_weights(lite: EarlyBlocks) -> None:
    again, other = open_blocks(LITE.format(1), 3, CPU), open_blocks(LITE.format(0), 3, CPU)
    changed = copy.deepcopy(lite)
    next(changed.parameters()).data[0] += 1e-3
    assert lite.identity == again.identity
    assert len({lite.identity, other.identity, changed.identity}) == 3


def test_stages_end_in_the_layer_and_hold_all_weights(lite: EarlyBlocks) -> None:
    stages = lite.stages()
    assert stages[-1] is lite.network.get_submodule("network.blocks.1")
    assert stages[0] is lite.network.get_submodule("network.conv_stem")
    counted = sum(parameter.numel() for stage in stages for parameter in stage.parameters())
    assert counted == sum(parameter.numel() for parameter in lite.parameters())


@pytest.mark.parametrize(
    "reference",
    [
        "zoo:lite0.imagenet.r1",
        "pixels:[side=8]",
        "zoo:lite0.imagenet.r1[layer=network.global_pool]",
        "timm:mobilenetv3_small_050.lamb_in1k[init=random:0,layer=blocks.1]",
        "timm:vit_tiny_patch16_224.augreg_in21k[init=random:0,layer=blocks.1]",
    ],
)
def test_networks_without_local_maps_are_refused(reference: str) -> None:
    with pytest.raises((UsageError, UnknownNameError)):
        open_blocks(reference, 3, CPU)


def test_an_unknown_layer_is_named() -> None:
    with pytest.raises(UnknownNameError, match="layer9"):
        open_blocks(RESNET.format("layer9"), 3, CPU)


class Positions(nn.Module):
    """A convolution that adds where it is."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.end = nn.Conv2d(3, 4, 3, padding=1), nn.Identity()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        places = torch.arange(images.shape[3]) / 100
        return self.end(self.conv(images) + places)


def test_features_that_depend_on_the_position_are_refused() -> None:
    with pytest.raises(UsageError, match="where in the image"):
        EarlyBlocks(Positions(), "end", (0, 0, 0), (1, 1, 1))
