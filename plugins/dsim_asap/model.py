"""The networks: the autoencoder (III-C), its encoder, and the style of the encoder's maps as a vector.

The autoencoder is a backbone that gives P feature maps, two linear layers to the latent space, and its mirror.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from dsim.errors import UsageError
from dsim.random import stream
from dsim_asap.specs import Style

#: Images enter as [0, 1] and are centred before the first convolution; the same for every backbone.
MEAN, STD = 0.5, 0.25
#: Width between the two linear layers, as in the paper.
HIDDEN = 256


@dataclass(frozen=True)
class Architecture:
    """The settings by which the network is built again.

    ``backbone`` is the name of a timm network that offers feature maps; ``maps`` says which P of them give style:
    ``stages``, the last P (the paper: strides 4 to 32), or ``stem``, the first P (the reference: none at stride 32).
    """

    backbone: str = "resnet18"
    n_emb: int = 2
    size: int = 64
    n_maps: int = 4
    maps: str = "stages"

    def record(self) -> dict[str, Any]:
        """The fields as plain values, for a manifest."""
        return asdict(self)


class Passed(NamedTuple):
    """All that one forward pass gives for images (b, 3, size, size)."""

    latent: Tensor
    """Latent points, shape (b, n_emb)."""
    reconstruction: Tensor
    """Images rebuilt in [0, 1], shape (b, 3, size, size)."""
    encoder_maps: list[Tensor]
    """C_p: P maps, shape (b, K_p, H_p, W_p), shallow first."""
    decoder_maps: list[Tensor]
    """The decoder's maps of the same shapes."""


class Encoder(nn.Module):
    """Images in [0, 1] to latent points; the part that is kept after training."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.backbone = _backbone(architecture.backbone)
        info: Any = self.backbone.feature_info
        self.channels: tuple[int, ...] = tuple(info.channels())
        self.strides: tuple[int, ...] = tuple(info.reduction())
        self.head = nn.Sequential(
            nn.Linear(self.channels[-1], HIDDEN), nn.ReLU(inplace=True), nn.Linear(HIDDEN, architecture.n_emb)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Latent points, shape (b, n_emb), of images in [0, 1], shape (b, 3, size, size)."""
        return self.embed(images)[0]

    def embed(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Latent points and all feature maps, shallow first."""
        maps: list[Tensor] = self.backbone((images - MEAN) / STD)
        return self.head(maps[-1].mean(dim=(2, 3))), maps


class Decoder(nn.Module):
    """The encoder inverted: latent points to maps of the encoder's shapes, deep first, and to an image."""

    def __init__(self, channels: Sequence[int], strides: Sequence[int], architecture: Architecture) -> None:
        super().__init__()
        self.deepest = (channels[-1], architecture.size // strides[-1], architecture.size // strides[-1])
        width = self.deepest[0] * self.deepest[1] * self.deepest[2]
        self.head = nn.Sequential(
            nn.Linear(architecture.n_emb, HIDDEN),
            nn.ReLU(inplace=True),
            nn.Linear(HIDDEN, width),
            nn.ReLU(inplace=True),
        )
        self.first = Residual(channels[-1], channels[-1])
        self.stages = nn.ModuleList(
            nn.Sequential(Residual(deep, shallow, up=far // near), Residual(shallow, shallow))
            for deep, shallow, far, near in zip(
                channels[:0:-1], channels[-2::-1], strides[:0:-1], strides[-2::-1], strict=True
            )
        )
        self.last = nn.Sequential(
            nn.Upsample(scale_factor=strides[0], mode="nearest"), nn.Conv2d(channels[0], 3, 3, padding=1), nn.Sigmoid()
        )

    def forward(self, latent: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Images in [0, 1] and the feature maps, shallow first, as the encoder orders them."""
        maps = [self.first(self.head(latent).unflatten(1, self.deepest))]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return self.last(maps[-1]), maps[::-1]


class Residual(nn.Module):
    """The basic residual block, with an upsampling by ``up`` in front where the decoder grows."""

    def __init__(self, inputs: int, outputs: int, up: int = 1) -> None:
        super().__init__()
        self.grow = nn.Upsample(scale_factor=up, mode="nearest") if up > 1 else nn.Identity()
        self.squeeze = nn.Sequential(_conv(inputs, outputs, 3), nn.ReLU(inplace=True))
        self.body = _conv(outputs, outputs, 3)
        self.shortcut = _conv(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        # Both first convolutions run at the small size: growing afterwards gives the shortcut's result at a quarter
        # of the cost, since a 1x1 convolution and nearest upsampling commute.
        grown = self.grow(self.squeeze(x))
        return torch.relu(self.body(grown) + self.grow(self.shortcut(x)))


class Autoencoder(nn.Module):
    """Encoder and decoder, with the P pairs of maps that the style losses compare."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.encoder = Encoder(architecture)
        _check_size(architecture, self.encoder.strides[-1])
        self.decoder = Decoder(self.encoder.channels, self.encoder.strides, architecture)
        self._chosen = _chosen_maps(architecture, len(self.encoder.channels))

    def forward(self, images: Tensor) -> Passed:
        latent, encoder_maps = self.encoder.embed(images)
        reconstruction, decoder_maps = self.decoder(latent)
        return Passed(latent, reconstruction, encoder_maps[self._chosen], decoder_maps[self._chosen])


def _conv(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(outputs))


def _backbone(name: str) -> nn.Module:
    import timm

    try:
        network: nn.Module = timm.create_model(name, pretrained=False, features_only=True)
    except (RuntimeError, AttributeError) as error:
        raise UsageError(
            f"backbone {name!r} is not a timm network with feature maps: {error}",
            hint="choose one of timm.list_models(), for example resnet18, resnet34 or convnext_atto",
        ) from error
    return network


def _check_size(architecture: Architecture, stride: int) -> None:
    if architecture.size % stride:
        raise UsageError(
            f"size {architecture.size} cannot be rebuilt: it is not a multiple of {stride}",
            hint=f"backbone {architecture.backbone!r} halves an image down to 1/{stride}; give a multiple of {stride}",
        )


def _chosen_maps(architecture: Architecture, available: int) -> slice:
    if architecture.n_maps > available:
        raise UsageError(
            f"backbone {architecture.backbone!r} gives {available} feature maps, but {architecture.n_maps} style"
            " weights are given",
            hint="give one weight w per map, or another backbone",
        )
    first = 0 if architecture.maps == "stem" else available - architecture.n_maps
    return slice(first, first + architecture.n_maps)


class StyleOf(nn.Module):
    """Images float32 (b, 3, side, side) in [0, 1] to their style, float32 (b, d)."""

    def __init__(self, encoder: Encoder, style: Style) -> None:
        super().__init__()
        self.encoder, self.style = encoder, style
        self._chosen = _chosen_maps(encoder.architecture, len(encoder.channels))
        self._signs: list[tuple[str, str]] = []
        for number, channels in enumerate(encoder.channels[self._chosen] if style.dims else ()):
            names = (f"left{number}", f"right{number}")
            for name in names:
                self.register_buffer(name, signs(channels, style.dims, name), persistent=False)
            self._signs.append(names)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.encoder.embed(images)[1][self._chosen]
        parts = [self._part(number, one.float()) for number, one in enumerate(maps)]
        weighted = zip(self.style.weights, parts, strict=True)
        return torch.cat([math.sqrt(weight) * part for weight, part in weighted], dim=1)

    def _part(self, number: int, maps: Tensor) -> Tensor:
        if self.style.form == "moments":
            return moments(maps)
        left, right = (self.get_buffer(name) for name in self._signs[number])
        return sketch(maps, left, right, self.style.norm)


def signs(channels: int, dims: int, purpose: str) -> Tensor:
    """Random signs, float32 (channels, dims), that depend on nothing but these arguments."""
    drawn = stream(0, "asap-style", purpose, str(channels), str(dims)).integers(0, 2, (channels, dims))
    return torch.from_numpy(2 * drawn - 1).float()


def sketch(maps: Tensor, left: Tensor, right: Tensor, norm: str) -> Tensor:
    """The numbers a_j' S b_j / sqrt(m), (b, m), of the Gram matrices S of maps (b, K, H, W), m pairs of signs (K, m).

    The mean square of a' D b over independent signs is |D|^2, the squared Frobenius norm, with a variance of at most
    8 |D|^4: distances of sketches estimate those of Gram matrices. No Gram matrix is made: a' S b is the sum over
    positions of the two projections' product. ``norm`` is as for ``gram``.
    """
    channels, positions = maps.shape[1], maps.shape[2] * maps.shape[3]
    divisor = {"size": positions * channels, "channels": channels, "none": 1}[norm]
    flat = maps.permute(0, 2, 3, 1).flatten(1, 2) / math.sqrt(divisor)
    return ((flat @ left) * (flat @ right)).sum(dim=1) / math.sqrt(left.shape[1])


def moments(maps: Tensor) -> Tensor:
    """Mean and standard deviation of each channel of maps (b, K, H, W), divided by sqrt(K): (b, 2 K).

    >>> moments(torch.tensor([[[[1.0, 3.0]]]])).tolist()
    [[2.0, 1.0]]
    """
    flat = maps.flatten(2)
    both = torch.cat([flat.mean(dim=2), flat.std(dim=2, correction=0)], dim=1)
    return both / math.sqrt(maps.shape[1])
