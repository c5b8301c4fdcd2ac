"""EfficientNet-Lite0 (Tan and Le 2019, arXiv:1905.11946), trained on ImageNet: features of images, and an encoder.

Its weights are a model of the zoo, so that nothing is downloaded. The encoder stops at a sixteenth of the resolution:
what comes after is about whole photographs, and most of the weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:
    from dsim.zoo import Model

#: The network's name in timm, the zoo model that holds its weights, and the builder that the model names.
NETWORK, IMAGENET, BUILDER = "tf_efficientnet_lite0", "lite0.imagenet.r1", "dsim.models.lite0:build_features"
#: By which intensities in [0, 1] were centred and scaled in training.
MEAN = STD = 0.5
#: Of the four maps of the encoder: channels, and by how much their sides are smaller.
WIDTHS, REDUCTIONS = (16, 24, 40, 112), (2, 4, 8, 16)
#: Stages of the network up to the last of these maps.
_STAGES = 5


class Lite0Features(nn.Module):
    """Images (n, 3, H, W) in [0, 1] to features (n, 1280): the network without its classifier."""

    def __init__(self) -> None:
        import timm

        super().__init__()
        self.network = timm.create_model(NETWORK, pretrained=False, num_classes=0)

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.network((images - MEAN) / STD)
        return features


class Lite0Encoder(nn.Module):
    """Centred images (n, 3, H, W) to four maps, fine to coarse, of ``WIDTHS`` channels; sides are multiples of 16.

    Batch normalisation always takes its stored mean and spread, in training too; its gains and shifts are learnt.
    Batches are too small for statistics of their own, and no image may depend on the others of its batch.
    """

    def __init__(self) -> None:
        import timm

        super().__init__()
        stages = tuple(range(len(WIDTHS)))
        self.network = timm.create_model(NETWORK, pretrained=False, features_only=True, out_indices=stages)
        # timm builds, and would save, stages whose maps nobody asked for.
        self.network.blocks = nn.Sequential(*[*self.network.blocks.children()][:_STAGES])  # type: ignore[union-attr]

    def forward(self, images: Tensor) -> list[Tensor]:
        maps: list[Tensor] = self.network(images)
        return maps

    def train(self, mode: bool = True) -> Lite0Encoder:
        """Set the mode of all layers but those of batch normalisation."""
        super().train(mode)
        for layer in self.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eval()
        return self


def build_features(model: Model) -> nn.Module:
    """Return the network of a zoo model, in evaluation mode and float32: images (n, 3, H, W) to features (n, 1280).

    Raises WeightsError where the file holds other weights.
    """
    from dsim.errors import WeightsError
    from dsim.features import seeded
    from dsim.store import read_weights

    state, _ = read_weights(model.weights)
    with seeded(0):
        network = Lite0Features()
    try:
        network.load_state_dict({key: _widened(value) for key, value in state.items()})
    except RuntimeError as error:
        hint = "restore the file, or reinstall dsim"
        raise WeightsError(f"{model.weights} does not hold the weights of {NETWORK}: {error}", hint=hint) from error
    return network.eval()


def imagenet_state() -> dict[str, Tensor]:
    """Return the encoder's state with weights of ImageNet, float32, from the zoo.

    Raises UnknownNameError where the zoo lacks them, WeightsError where they are damaged.
    """
    from dsim.zoo import find

    state = find(IMAGENET).build().state_dict()
    own = Lite0Encoder().state_dict()
    return {key: state[key] for key in own}


def _widened(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor
