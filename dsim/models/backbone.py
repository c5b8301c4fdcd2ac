"""Backbones for self-supervised training and what becomes of them: a network of timm without its classifier.

``build_backbone`` makes one with the weights that a training starts from; ``build`` makes the one of a zoo model again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dsim.errors import UnknownNameError, UsageError, WeightsError
from dsim.models.backbone_state import load_backbone
from dsim.models.compact_resnet import COMPACT_NETWORKS, CompactResNet
from dsim.models.starts import MEAN, SPREAD, read_start

if TYPE_CHECKING:
    from dsim.runtime import Runtime
    from dsim.zoo import Model

#: The builder that manifests of such models name.
BUILDER = "dsim.models.backbone:build"


class TokenOf(nn.Module):
    """A network of timm, from centred images (b, 3, H, W) to one vector per image (b, d).

    Parameters
    ----------
    backbone : gives tokens (b, n, d), the class token first, or maps (b, d, h, w), after its last normalisation.
    token : ``cls``, the class token (after XCiT's class attention: its final token); ``mean``, of the patch tokens or
        of the map; ``final``, what the network itself hands on: the class token where there is one, else the mean.

    Raises UsageError for ``cls`` of a network without a class token.
    """

    def __init__(self, backbone: nn.Module, token: str) -> None:
        super().__init__()
        self.backbone: Any = backbone
        self.token = token

    def forward(self, images: Tensor) -> Tensor:
        return pick_token(self.backbone, images, self.token)


def pick_token(network: Any, images: Tensor, token: str) -> Tensor:
    """Return the token of ``TokenOf`` of a network for centred images."""
    output: Tensor = network.forward_features(images)
    tokens = output if output.ndim == 3 else output.flatten(2).transpose(1, 2)
    prefix = int(getattr(network, "num_prefix_tokens", 0)) if output.ndim == 3 else 0
    if token == "cls" and not prefix:
        raise UsageError("this network has no class token", hint="leave token away, or take token=mean")
    return tokens[:, prefix:].mean(dim=1) if token == "mean" or not prefix else tokens[:, 0]


class Backbone(nn.Module):
    """Images (b, 3, h, w) in [0, 1] to features (b, d), float32.

    Parameters
    ----------
    network : of timm, without its classifier. ``mean``, ``std`` : by which intensities are centred and scaled.
    token : ``final``, ``cls`` or ``mean``, as ``TokenOf``.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: Sequence[float], std: Sequence[float], token: str = "final") -> None:
        super().__init__()
        self.network: Any = network
        self.token = token
        self.register_buffer("mean", torch.tensor(list(mean)).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(list(std)).view(1, -1, 1, 1), persistent=False)

    @property
    def width(self) -> int:
        """The number of features of an image, d."""
        return int(self.network.num_features)

    def forward(self, images: Tensor) -> Tensor:
        return pick_token(self.network, (images - self.mean) / self.std, self.token)


def build_backbone(
    name: str,
    size: int,
    start: str,
    seed: int,
    runtime: Runtime,
    *,
    token: str = "final",
    drop_path: float = 0.0,
) -> Backbone:
    """Return a network with the weights that a training starts from, in training mode.

    Parameters
    ----------
    name : of timm, such as ``resnet18`` or ``xcit_nano_12_p16_224``, or one of ``COMPACT_NETWORKS``.
    size : side of its images, pixels.
    start : ``random`` (drawn by the seed), or what ``read_start`` reads: ``imagenet``, ``published``, or a path.
    drop_path : share of the residual branches that are left out in training (stochastic depth).

    Raises UnknownNameError for a network that timm does not have, UsageError for a start or a size that does not fit
    it, WeightsError where weights cannot be had, or are of another network.
    """
    from dsim.features import seeded

    with seeded(seed):
        network = create_network(name, size, drop_path)
    # The small ones see intensities as they are, as in SimCLR and t-SimCNE.
    raw: tuple[Sequence[float], Sequence[float]] = ((0.0,) * 3, (1.0,) * 3)
    mean, std = raw if name in COMPACT_NETWORKS else (MEAN, SPREAD)
    if start != "random":
        weights = read_start(start, name, runtime)
        load_backbone(name, network, weights.path, weights.state)
        mean, std = weights.mean, weights.std
    backbone = Backbone(network, mean, std, token)
    _try_out(name, backbone, size)
    return backbone.train()


def create_network(name: str, size: int, drop_path: float = 0.0) -> nn.Module:
    """Return the network of that name without its classifier, for square images of ``size``, untrained.

    It is one of ``COMPACT_NETWORKS``, or of timm. A transformer takes images of other sizes too, by interpolating its
    position embedding.
    Raises UnknownNameError for a name that timm does not have, UsageError for a size that does not fit it.
    """
    if name in COMPACT_NETWORKS:
        if drop_path:
            raise UsageError(f"{name} has no stochastic depth", hint="give drop_path=0")
        return CompactResNet(COMPACT_NETWORKS[name])
    import timm

    if name.partition(".")[0] not in timm.list_models():
        hint = "timm.list_models() lists them"
        raise UnknownNameError("network of timm", name, timm.list_models(), hint=hint)
    wanted: dict[str, Any] = {"drop_path_rate": drop_path} if drop_path else {}
    # Networks differ in what they can be told; one that takes no size takes images of any.
    choices: list[dict[str, Any]] = [{"img_size": size, "dynamic_img_size": True}, {"img_size": size}, {}]
    for sizes in choices:
        try:
            network: nn.Module = timm.create_model(name, pretrained=False, num_classes=0, **wanted, **sizes)
        except TypeError:
            continue
        except (AssertionError, ValueError) as error:
            raise _refused_size(name, size, error) from error
        return network
    raise UsageError(f"{name} has no stochastic depth", hint="give drop_path=0")


def _try_out(name: str, backbone: Backbone, size: int) -> None:
    """One empty image: a network that takes no such images says so here, and not amid a training."""
    backbone.eval()
    try:
        with torch.inference_mode():
            backbone(torch.zeros(1, 3, size, size))
    except (AssertionError, ValueError, RuntimeError) as error:
        raise _refused_size(name, size, error) from error


def _refused_size(name: str, size: int, error: Exception) -> UsageError:
    message = str(error).splitlines()[0] if str(error) else type(error).__name__
    return UsageError(f"{name} takes no images of {size} pixels: {message}", hint="give another size=PIXELS")


def build(model: Model) -> Backbone:
    """Return the backbone of a zoo model, in evaluation mode and float32: images (b, 3, h, w) to features (b, d).

    Raises WeightsError where the file holds other weights.
    """
    from dsim.features import seeded
    from dsim.store import read_weights

    facts, size = model.manifest["architecture"], model.manifest["input"]
    state, _ = read_weights(model.weights)
    with seeded(0):
        network = create_network(facts["network"], size["side"])
    try:
        network.load_state_dict({key: _widened(value) for key, value in state.items()})
    except RuntimeError as error:
        hint = "restore the file, or reinstall dsim"
        raise WeightsError(
            f"{model.weights} does not hold weights of {facts['network']}: {error}", hint=hint
        ) from error
    return Backbone(network, size["mean"], size["std"], facts["token"]).eval()


def _widened(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor
