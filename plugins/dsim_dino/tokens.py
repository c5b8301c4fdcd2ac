"""Which of a network's tokens stand for the image."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from dsim.errors import UsageError


class TokenOf(nn.Module):
    """A network of timm, from images (b, 3, H, W) to one vector per image (b, d).

    Parameters
    ----------
    backbone : gives tokens (b, n, d), the class token first, or maps (b, d, h, w), after its last normalisation.
    token : ``cls``, the class token (after XCiT's class attention: its final token); ``mean``, of the patch tokens or
        of the map; ``final``, what the network itself hands on: the class token where there is one, else the mean.
    """

    def __init__(self, backbone: nn.Module, token: str) -> None:
        super().__init__()
        self.backbone: Any = backbone
        self.token = token
        self.prefix = int(getattr(backbone, "num_prefix_tokens", 0))

    def forward(self, images: Tensor) -> Tensor:
        output: Tensor = self.backbone.forward_features(images)
        tokens = output if output.ndim == 3 else output.flatten(2).transpose(1, 2)
        prefix = self.prefix if output.ndim == 3 else 0
        if self.token == "cls" and not prefix:
            raise UsageError("this network has no class token", hint="leave token away, or take token=mean")
        return tokens[:, prefix:].mean(dim=1) if self.token == "mean" or not prefix else tokens[:, 0]
