"""From a recipe to its network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dsim.errors import UsageError
from dsim.registry import parse_bracketed
from dsim.runtime import Runtime

if TYPE_CHECKING:
    from torch import Tensor, nn

    from dsim.runtime import Runtime
    from dsim.transfer.segmentation.recipe import Recipe

_OTHER = "give encoder=plain, or another network of timm, such as timm:resnet18"


def build(recipe: Recipe, seed: int, runtime: Runtime | None = None, weights: bool = True) -> nn.Module:
    """The network of a recipe; see ``Recipe.build``.

    Raises UnknownNameError, UsageError or WeightsError where timm has no such encoder or its weights cannot be had.
    """
    import torch

    from dsim.features.network import seeded
    from dsim.transfer.nets.unet import UNet

    network: nn.Module
    if recipe.encoder == "plain":
        with seeded(seed):
            network = UNet([recipe.width * 2**level for level in range(recipe.levels)])
    else:
        network = _with_encoder(recipe, seed, runtime, weights)
    made: nn.Module = network.to(memory_format=torch.channels_last)
    return made


def _with_encoder(recipe: Recipe, seed: int, runtime: Runtime | None, weights: bool) -> nn.Module:
    from dsim.features.network import seeded
    from dsim.transfer.nets.unet import EncoderUNet, timm_encoder

    name, options = parse_bracketed(recipe.encoder.removeprefix("timm:"))

    state = _published(name, options, runtime or Runtime()) if recipe.pretrained and weights else {}
    try:
        with seeded(seed):
            encoder, facts = timm_encoder(name)
            network: Any = EncoderUNet(encoder, **facts)
    except (RuntimeError, AttributeError, ValueError, IndexError) as error:
        raise UsageError(f"timm's {name!r} cannot be an encoder here: {error}", hint=_OTHER) from error
    if recipe.stride % network.stride:
        raise UsageError(f"timm's {name!r} makes sides {network.stride} times smaller", hint=_OTHER)
    if state:
        _load(network.encoder, state, name)
    return network  # type: ignore[no-any-return]


def _published(name: str, options: Mapping[str, str], runtime: Runtime) -> dict[str, Tensor]:
    """Weights as the extractor of that name has them: from a file, a cache, or the network."""
    from dsim.features.timm_backend import prepare

    extractor: Any = prepare(name, options, runtime).open("cpu")
    state: dict[str, Tensor] = extractor.module.state_dict()
    return state


def _load(encoder: nn.Module, state: dict[str, Tensor], name: str) -> None:
    """The encoder lacks the last layers of the whole network, but nothing else."""
    own = encoder.state_dict()
    # Some of timm's networks are cut into a list of stages, whose dots have become underscores.
    plain = {key.replace("_", "."): value for key, value in state.items()}
    found = {key: state.get(key, plain.get(key.replace("_", "."))) for key in own}
    lost = [key for key, value in found.items() if value is None or value.shape != own[key].shape]
    if lost:
        raise UsageError(f"the weights of timm's {name!r} do not fit it as an encoder: {lost[0]}", hint=_OTHER)
    encoder.load_state_dict(found)
