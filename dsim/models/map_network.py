"""The network of a map: images to places in the plane, and what it knows of the images that it was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from dsim.errors import UsageError, WeightsError
from dsim.models.backbone import Backbone, create_network
from dsim.models.heads import ProjectionHead

if TYPE_CHECKING:
    from dsim.zoo import Model

#: The builder that manifests of such models name.
BUILDER = "dsim.models.map_network:build"
#: Width of the projector's hidden layer (Böhm et al. 2023, arXiv:2210.09879).
HIDDEN = 1024
_BUFFERS = ("reference", "reference_points", "calibration")


class MapNetwork(nn.Module):
    """Images (b, 3, h, w) in [0, 1] to points (b, 2), float32.

    Parameters
    ----------
    backbone : images to features (b, d). ``hidden`` : width of the projector's hidden layer. ``outputs`` : its
        dimensions: 2, but while it is trained in more.

    Attributes
    ----------
    features : the backbone: ``network.features(images)`` are the features, (b, d).
    projector : features (b, d) to points (b, outputs).
    reference, reference_points : features (m, d) of training images, and their points (m, 2); m is 0 before the end of
        the training.
    calibration : how far each of k images that were not trained on is from ``reference``, (k,).
    """

    reference: Tensor
    reference_points: Tensor
    calibration: Tensor

    def __init__(self, backbone: Backbone, hidden: int = HIDDEN, outputs: int = 2) -> None:
        super().__init__()
        self.features = backbone
        self.projector = ProjectionHead(backbone.width, hidden, outputs)
        self.remember(torch.empty(0, backbone.width), torch.empty(0, 2), torch.empty(0))

    @property
    def backbone(self) -> Backbone:
        """The network from images to features."""
        return self.features

    @property
    def last(self) -> nn.Linear:
        """The last layer of the projector."""
        layer = self.projector.mlp[-1]
        assert isinstance(layer, nn.Linear)
        return layer

    def forward(self, images: Tensor) -> Tensor:
        points: Tensor = self.projector(self.features(images))
        return points

    def remember(self, reference: Tensor, points: Tensor, calibration: Tensor) -> None:
        """Keep features (m, d) and points (m, 2) of training images, and scores (k,) of others."""
        for name, values in zip(_BUFFERS, (reference, points, calibration), strict=True):
            self.register_buffer(name, values.detach().float(), persistent=False)

    def memory(self) -> dict[str, Tensor]:
        """Return what ``remember`` was given, by name: it is kept in a model's file, and not in checkpoints."""
        return {name: getattr(self, name) for name in _BUFFERS}


def replace_last_layer(network: MapNetwork, outputs: int, seed: int) -> None:
    """Give the projector a new last layer of so many outputs, weights of N(0, 1), and freeze all others.

    Only gradients are frozen: in training mode statistics of batch normalisation go on moving.
    """
    from dsim.features import seeded

    with seeded(seed):
        last = nn.Linear(network.last.in_features, outputs)
        nn.init.normal_(last.weight)
    nn.init.zeros_(last.bias)
    network.requires_grad_(False)
    network.projector.mlp[-1] = last.to(network.last.weight.device)


def reduce_last_layer(network: MapNetwork, features: Tensor, outputs: int) -> None:
    """Replace the projector's last layer by one that gives the principal axes of its outputs, and freeze all others.

    Points then are what a principal component analysis of the outputs of these ``features`` (n, d) would draw, centred
    and of the same scale: nothing that the first axes show is lost, as it is in random directions.

    Raises UsageError where there are fewer outputs, or fewer features, than axes.
    """
    if min(network.last.out_features, len(features)) < outputs:
        raise UsageError(
            f"{len(features)} images or {network.last.out_features} outputs have fewer than {outputs} principal axes",
            hint="give more images, or last_layer=normal",
        )
    old = network.last
    with torch.inference_mode():
        values = network.projector(features).double()
        mean = values.mean(dim=0)
        axes = torch.linalg.svd(values - mean, full_matrices=False).Vh[:outputs]
        # Signs are a matter of the library.
        axes = axes * axes.gather(1, axes.abs().argmax(dim=1, keepdim=True)).sign()
    weight, bias = axes @ old.weight.detach().double(), axes @ (old.bias.detach().double() - mean)
    last = nn.Linear(old.in_features, outputs, device=old.weight.device)
    last.weight.data.copy_(weight)
    last.bias.data.copy_(bias)
    network.requires_grad_(False)
    network.projector.mlp[-1] = last


def build(model: Model) -> MapNetwork:
    """Return the network of a map of the zoo, in evaluation mode and float32.

    Raises WeightsError where the file holds other weights.
    """
    from dsim.features import seeded
    from dsim.store import read_weights

    facts, size = model.manifest["architecture"], model.manifest["input"]
    state, _ = read_weights(model.weights)
    widened = {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
    try:
        with seeded(0):
            backbone = Backbone(create_network(facts["network"], size["side"]), size["mean"], size["std"])
            network = MapNetwork(backbone, facts["hidden"], model.manifest["output"]["dim"])
        network.remember(*(widened.pop(name) for name in _BUFFERS))
        network.load_state_dict(widened)
    except (RuntimeError, KeyError) as error:
        hint = "restore the file, or reinstall dsim"
        raise WeightsError(f"{model.weights} does not hold a map of {facts['network']}: {error}", hint=hint) from error
    return network.eval()
