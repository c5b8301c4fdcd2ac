"""The built-in kinds of extractors.

A factory is called with (name, options, runtime) and returns a ``Blueprint``.
"""

from __future__ import annotations

from dsim.registry import ExtractorSpec

SPECS = (
    ExtractorSpec(
        kind="timm",
        title="any image model of timm, as timm:resnet18.a1_in1k",
        factory="dsim.features.timm_backend:prepare",
    ),
    ExtractorSpec(
        kind="torchvision",
        title="any classification model of torchvision, as torchvision:resnet18.IMAGENET1K_V1",
        factory="dsim.features.torchvision_backend:prepare",
    ),
    ExtractorSpec(
        kind="zoo",
        title="a model of the zoo, as zoo:ID (dsim zoo list)",
        factory="dsim.features.zoo_backend:prepare",
    ),
    ExtractorSpec(
        kind="file",
        title="a folder with manifest.toml, or a weights file, as file:weights.safetensors[arch=resnet18]",
        factory="dsim.features.file_backend:prepare",
    ),
    ExtractorSpec(
        kind="pixels",
        title="the raw pixels, as pixels:[side=16,channels=1]",
        factory="dsim.features.pixels:prepare",
    ),
)
