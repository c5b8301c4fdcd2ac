"""Extractors: the recipe that identifies their numbers, the means to open them, and the built-in kinds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

from dsim.errors import UnknownNameError, UsageError
from dsim.registry import ExtractorSpec, parse_bracketed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.runtime import Runtime


@dataclass(frozen=True)
class Recipe:
    """Everything that features depend on besides the images; known without importing torch.

    Parameters
    ----------
    reference : canonical text that calls the extractor again; may hold a path.
    network : the architecture, ``kind:name``.
    weights : sha256 of the weights file; ``random:SEED`` with the library that drew them; empty where there are none.
    layer : name of the module whose output is taken; ``output`` is what the network gives without its classifier.
    pooling : how a map or tokens become one vector; ``model`` is the network's own way.
    transform : id of the transform of the images.
    dtype : of the features.
    """

    reference: str
    network: str
    weights: str
    transform: str
    layer: str = "output"
    pooling: str = "model"
    dtype: str = "float32"

    def key(self) -> dict[str, str]:
        """Return the part of a cache key that identifies the extractor; paths do not enter."""
        return {
            "extractor": self.network,
            "weights": self.weights,
            "layer": self.layer,
            "pooling": self.pooling,
            "transform": self.transform,
            "dtype": self.dtype,
        }


class Extractor(Protocol):
    """An opened network: images float32 (b, C, H, W) in, features float32 (b, d) out.

    ``batch`` is the largest number of images that it handles well at once.
    """

    @property
    def batch(self) -> int: ...

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the features, float32 (b, d), of transformed images, float32 (b, C, H, W)."""


@dataclass(frozen=True)
class Blueprint:
    """A recipe, and ``open(device)``, which builds the extractor; ``device`` is a Runtime's."""

    recipe: Recipe
    open: Callable[[str], Extractor] = field(compare=False)


def prepare(reference: str, runtime: Runtime) -> Blueprint:
    """Return the blueprint behind ``kind:name[option=value,...]``; finds the weights, and opens nothing.

    Raises UsageError for an unknown kind, name or option, and WeightsError for weights that cannot be reached.
    """
    from dsim.registry import default, load

    head, options = parse_bracketed(reference)
    kind, colon, name = head.partition(":")
    known = default().extractors
    if not colon:
        raise UsageError(f"cannot read the extractor {reference!r}", hint=f"write kind:name; kinds: {', '.join(known)}")
    if kind not in known:
        raise UnknownNameError("kind of extractor", kind, known, hint=f"kinds are: {', '.join(known)}")
    factory = cast(
        "Callable[[str, Mapping[str, str], Runtime], Blueprint]",
        load(known[kind].factory),
    )
    return factory(name, options, runtime)


def check_options(kind: str, options: Mapping[str, str], known: Collection[str]) -> None:
    """Raise UnknownNameError for an option that this kind of extractor does not have."""
    for name in options:
        if name not in known:
            hint = f"it takes: {', '.join(known)}" if known else "it takes none"
            raise UnknownNameError(f"option of {kind!r} extractors", name, known, hint=hint)


#: The built-in kinds. A factory is called with (name, options, runtime) and returns a ``Blueprint``.
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
        factory="dsim.features.zoo_backend:prepare_file",
    ),
    ExtractorSpec(
        kind="pixels",
        title="the raw pixels, as pixels:[side=16,channels=1]",
        factory="dsim.features.pixels:prepare",
    ),
)
