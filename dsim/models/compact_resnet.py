"""Residual networks for small images: their first layer is 3 x 3, and nothing is pooled before the first block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from torch import Tensor, nn
from torch.nn.functional import relu


@dataclass(frozen=True)
class ResidualPlan:
    """How a ``CompactResNet`` is built.

    Parameters
    ----------
    blocks, channels : of each stage; every stage but the first halves the sides. ``stride`` : of the first layer.
    """

    blocks: tuple[int, ...]
    channels: tuple[int, ...]
    stride: int = 1


#: Networks by name, beside those of timm.
#:
#: - ``resnet18_3x3``: ResNet-18 as SimCLR has it for CIFAR (arXiv:2002.05709, B.9), and t-SimCNE for up to 64 pixels.
#: - ``resnet10_w32``: one block a stage, half the channels, and a first layer of stride 2: about a thirtieth of the
#:   multiplications.
COMPACT_NETWORKS: Mapping[str, ResidualPlan] = MappingProxyType(
    {
        "resnet18_3x3": ResidualPlan((2, 2, 2, 2), (64, 128, 256, 512)),
        "resnet10_w32": ResidualPlan((1, 1, 1, 1), (32, 64, 128, 256), stride=2),
    }
)


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut (He et al. 2016, arXiv:1512.03385): (b, given, h, w) to (b, made, ...).

    Names of its layers are those of torchvision's ``BasicBlock``.
    """

    def __init__(self, given: int, made: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(given, made, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(made)
        self.conv2 = nn.Conv2d(made, made, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(made)
        self.downsample: nn.Module | None = None
        if stride != 1 or given != made:
            self.downsample = nn.Sequential(nn.Conv2d(given, made, 1, stride, bias=False), nn.BatchNorm2d(made))

    def forward(self, maps: Tensor) -> Tensor:
        shortcut = maps if self.downsample is None else self.downsample(maps)
        inner = relu(self.bn1(self.conv1(maps)), inplace=True)
        return relu(self.bn2(self.conv2(inner)) + shortcut, inplace=True)


class CompactResNet(nn.Module):
    """A residual network without classifier for images (b, 3, h, w), by the interface of timm's networks.

    With the plan of ``resnet18_3x3`` it is torchvision's ``resnet18`` with another first layer and no pooling after it,
    under the same names.
    """

    def __init__(self, plan: ResidualPlan) -> None:
        super().__init__()
        first = plan.channels[0]
        self.num_features = plan.channels[-1]
        self.conv1 = nn.Conv2d(3, first, 3, plan.stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(first)
        widths = (first, *plan.channels)
        for number, count in enumerate(plan.blocks):
            stage = _stage(widths[number], widths[number + 1], count, 1 if number == 0 else 2)
            self.add_module(f"layer{number + 1}", stage)
        self._stages = len(plan.blocks)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward_features(self, images: Tensor) -> Tensor:
        """Return the maps of the last stage, (b, num_features, h', w')."""
        maps = relu(self.bn1(self.conv1(images)), inplace=True)
        for number in range(self._stages):
            maps = self.get_submodule(f"layer{number + 1}")(maps)
        return maps

    def forward(self, images: Tensor) -> Tensor:
        return self.forward_features(images).mean(dim=(2, 3))


def _stage(given: int, made: int, count: int, stride: int) -> nn.Sequential:
    strides: Sequence[int] = [stride] + [1] * (count - 1)
    return nn.Sequential(*(ResidualBlock(given if i == 0 else made, made, step) for i, step in enumerate(strides)))
