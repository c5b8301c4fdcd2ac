"""A trained segmentation model: applied to images of any size, written to one file, and read from it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import WeightsError
from dsim.transfer.segmentation.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    from dsim.data.dataset import Dataset
    from dsim.runtime import Runtime
    from dsim.zoo import Model

SCHEMA = "dsim.segmenter/1"
#: Name of the file in a folder.
FILE = "segmenter.safetensors"
_HOW = "give a file that Segmenter.save wrote, a folder that holds one, or zoo:ID (dsim zoo list)"


@dataclass(frozen=True)
class Segmenter:
    """A network with the recipe by which it was trained and is applied.

    Parameters
    ----------
    network : images (n, 3, patch, patch) in [0, 1] to logits (n, patch, patch); in evaluation mode, on ``device``.
    trained_on : of each dataset it was trained on: ``name``, ``n`` images, ``images_fingerprint``, and
        ``image_digests`` of those that it saw, where they are known.
    name : by which it is told apart.
    """

    network: nn.Module
    recipe: Recipe
    trained_on: tuple[Mapping[str, Any], ...] = ()
    name: str = "segmenter"
    device: str = "cpu"

    def predict(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        """Probabilities of foreground, float32 (H, W) in [0, 1], of pixels (H, W, C) as ``Dataset.pixels`` gives them.

        uint8, or float in [0, 1]; gray or RGB, else DataError. The image is scaled as in training, cut into
        overlapping tiles that are blended, and the probabilities are scaled back to its size.
        """
        from dsim.transfer.planes import as_rgb
        from dsim.transfer.segmentation.prediction import predictions

        ((_, found),) = predictions(self, [(0, as_rgb(pixels, "the image"))], self.recipe.batch)
        return found

    def predict_many(
        self, dataset: Dataset, indices: Sequence[int] | None = None, *, workers: int = 2
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """(index, probabilities) of the images of a dataset, in order, one at a time: memory stays flat.

        ``indices`` chooses images. Images are decoded ahead in ``workers`` threads, and tiles of several images pass
        the network together.
        """
        from dsim.transfer.segmentation.prediction import decoded, predictions

        chosen = range(len(dataset)) if indices is None else indices
        return predictions(self, decoded(dataset, chosen, workers), 2 * self.recipe.batch)

    def save(self, path: Path, dtype: str = "float32") -> Path:
        """Write weights and recipe to one safetensors file, or into a folder; returns the file.

        ``dtype="float16"`` halves it; weights are rounded. Raises DsimError where it cannot be written.
        """
        import torch

        from dsim.store.checkpoint import write_weights

        file = path if path.suffix == ".safetensors" else path / FILE
        kind = torch.float16 if dtype == "float16" else torch.float32
        state = {
            key: value.detach().to("cpu", kind if value.is_floating_point() else value.dtype).contiguous()
            for key, value in self.network.state_dict().items()
        }
        facts = {"schema": SCHEMA, "name": self.name, "recipe": self.recipe.record(), "trained_on": [*self.trained_on]}
        write_weights(file, state, {"dsim": json.dumps(facts)})
        return file


def load_segmenter(reference: str | Path, runtime: Runtime) -> Segmenter:
    """The segmenter ``zoo:ID``, of a file, or of a folder that holds one; on the runtime's device.

    Raises WeightsError where there is none, UnknownNameError for an unknown id.
    """
    text = str(reference)
    if text.startswith("zoo:"):
        from dsim.zoo import find

        return of_model(find(text.removeprefix("zoo:")), runtime)
    path = Path(text)
    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        raise WeightsError(f"there is no segmentation model at {path}", hint=_HOW)
    return _read(file, runtime.resolved_device(), path.stem if path.suffix else path.name)


def of_model(model: Model, runtime: Runtime) -> Segmenter:
    """The segmenter of a zoo model, its weights verified and its probe answered."""
    import dataclasses

    from dsim.transfer.nets.probe import Probed

    module = model.build()
    if not isinstance(module, Probed):
        raise WeightsError(
            f"zoo model {model.id!r} does not segment", hint="choose a segmentation model: dsim zoo list"
        )
    device = runtime.resolved_device()
    known = tuple(dict(entry) for entry in model.pool)
    segmenter: Segmenter = module.segmenter
    network = segmenter.network.to(device)
    trained_on = segmenter.trained_on or known
    return dataclasses.replace(segmenter, network=network, name=model.id, device=device, trained_on=trained_on)


def build(model: Model) -> nn.Module:
    """Builder of zoo manifests; ``nets.probe`` tells what the probe asks."""
    from dsim.transfer.nets.probe import Probed

    return Probed(_read(model.weights, "cpu", model.id))


def _read(file: Path, device: str, name: str) -> Segmenter:
    import torch

    from dsim.store.checkpoint import read_weights

    state, metadata = read_weights(file)
    try:
        facts = json.loads(metadata["dsim"])
        recipe, trained_on = Recipe.of(facts["recipe"]), tuple(facts["trained_on"])
        network = recipe.build(0, weights=False)
        network.load_state_dict(
            {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
        )
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise WeightsError(f"{file} is no segmentation model of dsim: {error}", hint=_HOW) from error
    network = network.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]
    return Segmenter(network, recipe, trained_on, facts.get("name") or name, device)
