"""Networks as extractors of vectors and of maps: no gradients, the same numbers whatever the batch size."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.errors import MeasureError, UnknownNameError, UsageError, WeightsError
from dsim.features.extractor import Blueprint, prepare
from dsim.features.transforms import NetworkInput, Square, Transform, parse_transform
from dsim.runtime import Runtime

if TYPE_CHECKING:
    from torch import Tensor, nn

    from dsim.features.extractor import Recipe


#: Ways to make one vector of a layer's output.
POOLINGS = ("avg", "max", "token", "flat")


#: On a CPU larger batches fall out of its caches (ResNet-18: 15 % slower at 64), and decoding overlaps with nothing.
_CPU_BATCH = 16
_GPU_BATCH = 1024


class Network:
    """An extractor that runs a torch module. Raises UnknownNameError for a layer that the module does not have.

    Parameters
    ----------
    module : maps (b, C, H, W) to (b, d); with a ``layer``, any module that holds it.
    device : ``auto`` or a torch device name.
    layer, pooling : as in Recipe.
    """

    def __init__(self, module: nn.Module, device: str, layer: str = "output", pooling: str = "model") -> None:
        import torch

        self.device = torch.device(Runtime(device=device).resolved_device())
        self._module = module.eval().requires_grad_(False).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.batch = _CPU_BATCH if self.device.type == "cpu" else _GPU_BATCH
        self._layer = None if layer == "output" else _submodule(module, layer)
        self._pooling = pooling
        # The hook of a layer writes to one place: threads take turns.
        self._turn = threading.Lock()

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        import torch

        with self._turn, torch.inference_mode(), full_precision():
            images = torch.from_numpy(batch).to(self.device, memory_format=torch.channels_last)
            features: NDArray[np.float32] = self._forward(images).float().cpu().numpy()
        if features.ndim != 2:
            raise MeasureError(
                f"the network gives features of shape {features.shape[1:]} per image, not one vector",
                hint="choose a layer and a pooling: [layer=NAME,pool=avg]",
            )
        return features

    def maps(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the layer's output before pooling: images (b, C, H, W) to maps (b, d, h, w), both float32.

        Raises UsageError where no layer is named, or its output is not a map.
        """
        import torch

        if self._layer is None:
            raise UsageError(
                "the network's output is one vector per image, not a map", hint="name a layer: [layer=NAME]"
            )
        with self._turn, torch.inference_mode(), full_precision():
            images = torch.from_numpy(batch).to(self.device, memory_format=torch.channels_last)
            maps: NDArray[np.float32] = (
                self._as_maps(self._seen(self._layer, images)).float().cpu().contiguous().numpy()
            )
        return maps

    @property
    def module(self) -> nn.Module:
        """The torch module, for measures that look inside."""
        module: nn.Module = self._module
        return module

    def traced(self, images: Tensor) -> Tensor:
        """Return features (b, d) of images (b, C, H, W) on the network's device, as autograd sees them.

        Raises UsageError where the pooling does not fit the layer.
        """
        return self._forward(images)

    def _forward(self, images: Tensor) -> Tensor:
        if self._layer is None:
            output: Tensor = self._module(images)
            return output
        return self._pool(self._seen(self._layer, images))

    def _seen(self, layer: nn.Module, images: Tensor) -> Tensor:
        """The layer's output while the images pass."""
        seen: list[Any] = []
        handle = layer.register_forward_hook(lambda module, inputs, output: seen.append(output))
        try:
            self._module(images)
        finally:
            handle.remove()
        found: Tensor = seen[-1][0] if isinstance(seen[-1], tuple) else seen[-1]
        return found

    def _as_maps(self, output: Tensor) -> Tensor:
        if output.ndim == 4:
            return output.permute(0, 3, 1, 2) if self._channels_last else output
        # Tokens of a square grid, after those of the class and the registers.
        patches = output[:, int(getattr(self._module, "num_prefix_tokens", 0)) :] if output.ndim == 3 else output
        side = math.isqrt(patches.shape[1])
        if output.ndim != 3 or side * side != patches.shape[1]:
            raise UsageError(
                f"the layer gives {tuple(output.shape[1:])} per image, not a map",
                hint="name a layer of maps (channels, height, width) or of patch tokens",
            )
        maps: Tensor = patches.transpose(1, 2).reshape(len(patches), -1, side, side)
        return maps

    @property
    def _channels_last(self) -> bool:
        """Some networks of timm (Swin, ...) keep channels last and say so."""
        return "NHWC" in str(getattr(self._module, "output_fmt", ""))

    def _pool(self, output: Tensor) -> Tensor:
        if output.ndim == 2:
            return output
        if self._pooling == "flat":
            return output.flatten(1)
        if output.ndim == 3:  # tokens (b, n, d)
            return output[:, 0] if self._pooling == "token" else self._reduce(output, (1,))
        if self._pooling == "token":
            raise UsageError("pool=token needs a layer of tokens, and this one gives maps", hint="use pool=avg")
        return self._reduce(output, (1, 2) if self._channels_last else (2, 3))

    def _reduce(self, output: Tensor, axes: tuple[int, ...]) -> Tensor:
        return output.amax(axes) if self._pooling == "max" else output.mean(axes)


def layer_and_pooling(options: Mapping[str, str], *, own_poolings: bool = False) -> tuple[str, str]:
    """Return layer and pooling of the options; with ``own_poolings`` the network itself has several.

    Raises UsageError for a pooling without a layer, UnknownNameError for an unknown pooling.
    """
    layer = options.get("layer", "output")
    pooling = options.get("pool", "model" if layer == "output" else "avg")
    if layer == "output" and pooling != "model" and not own_poolings:
        raise UsageError("pool=... goes with layer=...", hint="name the layer too: [layer=NAME,pool=avg]")
    if layer != "output" and pooling not in POOLINGS:
        raise UnknownNameError("pooling", pooling, POOLINGS, hint=f"choose one of: {', '.join(POOLINGS)}")
    return layer, pooling


def opener(build: Callable[[], nn.Module], recipe: Recipe) -> Callable[[str], Network]:
    """Return the function that opens a network of images (b, C, H, W) on a device."""
    return lambda device: Network(build(), device, recipe.layer, recipe.pooling)


def seed_of(init: str) -> int:
    """Return the seed of ``init=random:SEED``; raises UsageError for another text."""
    how, _, seed = init.partition(":")
    if how != "random" or not seed.isdecimal():
        raise UsageError(f"init cannot be {init!r}", hint="write init=random:0, where 0 is the seed")
    return int(seed)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw a network's weights from a seed; the global random state is as it was afterwards."""
    import torch

    with torch.random.fork_rng(devices=[]):
        # Not manual_seed, which would also reseed every GPU.
        torch.default_generator.manual_seed(seed)
        yield


def read_state(path: Path) -> Mapping[str, Tensor]:
    """Return tensors by name from a .safetensors file or a state dict saved by torch; code in the file is never run.

    Raises WeightsError where the file is neither.
    """
    import pickle

    from safetensors import SafetensorError
    from timm.models import load_state_dict

    try:
        state: Mapping[str, Tensor] = load_state_dict(str(path), weights_only=True)
    except (pickle.UnpicklingError, SafetensorError, RuntimeError, AttributeError, EOFError) as error:
        raise WeightsError(
            f"{path} is not a file of weights: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
            hint="give .safetensors, or a state dict saved by torch.save(model.state_dict(), ...)",
        ) from error
    return state


def load_state(name: str, module: nn.Module, path: Path, state: Mapping[str, Tensor]) -> None:
    """Give a module its weights, every one of them: a missing one would silently stay random.

    Raises WeightsError where names or shapes differ.
    """
    try:
        module.load_state_dict(state, strict=True)
    except RuntimeError as error:
        # torch lists every key; the first line of its list says enough.
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise WeightsError(
            f"{path} does not fit {name}: {lines[min(1, len(lines) - 1)][:200]}",
            hint="name the network that these weights belong to",
        ) from error


def _submodule(module: nn.Module, name: str) -> nn.Module:
    modules = dict(module.named_modules())
    if not name or name not in modules:
        top = ", ".join(child for child, _ in module.named_children())
        raise UnknownNameError("layer", name, modules, hint=f"outermost are: {top}")
    return module.get_submodule(name)


@contextmanager
def full_precision() -> Iterator[None]:
    """Run without TF32 and with fixed kernels: a GPU then agrees with the CPU to float32's own rounding."""
    import torch

    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        yield


@dataclass(frozen=True)
class DenseExtractor:
    """An opened network whose layer gives maps (b, d, h, w), the transform of its images, and the same for masks.

    ``batch`` is the largest number of images that it handles well at once.
    """

    network: Network
    transform: Transform
    batch: int

    def maps(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return maps, float32 (b, d, h, w), of transformed images, float32 (b, C, H, W).

        Raises UsageError where the layer gives none.
        """
        return self.network.maps(batch)

    def mask(self, mask: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.int64]:
        """Return an integer mask (H, W) on the grid of a map, int64 (h, w): the value of half a cell or more, else 0.

        It is resized and cropped as its image is, by area, so that a cell holds what the network saw there. Raises
        UsageError where the maps are not square.
        """
        grid = np.zeros(shape, dtype=np.int64)
        for value in np.unique(mask[mask != 0]):
            grid[self._covered(mask == value, shape) >= 0.5] = value
        return grid

    def _covered(self, inside: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.float32]:
        """Share of each cell that the region covers, float32 (h, w)."""
        seen = _geometry(self.transform).apply(inside.astype(np.float32)[:, :, None])[0]
        if shape[0] != shape[1]:
            raise UsageError(f"maps of {shape[0]} x {shape[1]} cells are not square", hint="name another layer")
        covered: NDArray[np.float32] = Square(shape[0], channels=1, filter="box").apply(seen[:, :, None])[0]
        return covered


def open_dense(reference: str, runtime: Runtime) -> DenseExtractor:
    """Return the dense extractor of ``kind:name[layer=NAME,...]``; how the layer is pooled does not matter.

    Raises UsageError for an extractor that is not a network or names no layer. Maps are (b, d, h, w).
    """
    blueprint = prepare(reference, runtime)
    if blueprint.recipe.layer == "output":
        raise UsageError(f"{reference} gives one vector per image, and maps are needed", hint="add [layer=NAME] to it")
    network = _opened(blueprint, runtime.device)
    transform = parse_transform(blueprint.recipe.transform)
    return DenseExtractor(network, transform, min(runtime.batch, network.batch))


@lru_cache(maxsize=1)
def _opened(blueprint: Blueprint, device: str) -> Network:
    """The last network stays open: the next dataset needs it again."""
    opened = blueprint.open(device)
    if not isinstance(opened, Network):
        raise UsageError(
            f"{blueprint.recipe.reference} is not a network and has no maps", hint="choose another extractor"
        )
    return opened


def _geometry(transform: Transform) -> Transform:
    """The transform's resizing and cropping alone, by area and for one channel."""
    if isinstance(transform, Square):
        return Square(transform.side, channels=1, filter="box")
    if isinstance(transform, NetworkInput):
        return replace(transform, mean=(0.0,), std=(1.0,), filter="box")
    raise UsageError(f"masks cannot follow the transform {transform.id!r}", hint="choose another extractor")
