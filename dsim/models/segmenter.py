"""A trained segmentation model: applied to images of any size, written to one file, and read from it."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from dsim.data import model_file
from dsim.errors import WeightsError
from dsim.features.network import full_precision
from dsim.models.recipe import SegmentationRecipe
from dsim.models.tiles import Canvas, as_rgb, prepare_canvas
from dsim.models.vote import VoteNetwork, build_vote

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.data import Dataset
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
    name : shown wherever several models are compared.

    Its methods raise DataError for images of other than 1 or 3 channels.
    """

    network: nn.Module
    recipe: SegmentationRecipe
    trained_on: tuple[Mapping[str, Any], ...] = ()
    name: str = "segmenter"
    device: str = "cpu"

    def predict(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        """Return chances of foreground, float32 (h, w) in [0, 1], of pixels (h, w, c) as ``Dataset.pixels`` has them.

        uint8, or float in [0, 1]; gray or RGB, else DataError. The image is scaled as in training, cut into
        overlapping tiles that are blended, and the probabilities are scaled back to its size.
        """
        from dsim.models.tiles import as_rgb

        ((_, found),) = predict_images(self, [(0, as_rgb(pixels, "the image"))], self.recipe.batch)
        return found

    def predict_many(
        self, dataset: Dataset, indices: Sequence[int] | None = None, *, workers: int = 2
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield (index, probabilities float32 (h, w)) of the images of a dataset, in order: memory stays flat.

        ``indices`` chooses images. Images are decoded ahead in ``workers`` threads, and tiles of several images pass
        the network together. Raises DataError for an image of other than 1 or 3 channels.
        """
        chosen = range(len(dataset)) if indices is None else indices
        return predict_images(self, decode_images(dataset, chosen, workers), 2 * self.recipe.batch)

    def save(self, path: Path, dtype: str = "float32") -> Path:
        """Write weights and recipe to one safetensors file, or into a folder, and return the file.

        ``dtype="float16"`` halves it; weights are rounded. Raises DsimError where it cannot be written.
        """
        import torch

        from dsim.store import write_weights

        file = path if path.suffix == ".safetensors" else path / FILE
        kind = torch.float16 if dtype == "float16" else torch.float32
        state = {
            key: value.detach().to("cpu", kind if value.is_floating_point() else value.dtype).contiguous()
            for key, value in self.network.state_dict().items()
        }
        facts = {"schema": SCHEMA, "name": self.name, "recipe": self.recipe.record(), "trained_on": [*self.trained_on]}
        if isinstance(self.network, VoteNetwork):
            facts["members"] = self.network.record()
        write_weights(file, state, {"dsim": json.dumps(facts)})
        return file


def load_segmenter(reference: str | Path, runtime: Runtime) -> Segmenter:
    """Return the segmenter ``zoo:ID``, of a file, or of a folder that holds one; on the runtime's device.

    Raises WeightsError where there is none, UnknownNameError for an unknown id.
    """
    text = str(reference)
    if text.startswith("zoo:"):
        from dsim.zoo import find

        return open_segmenter(find(text.removeprefix("zoo:")), runtime)
    path, file = Path(text), model_file(text)
    return _read(file, runtime.resolved_device(), path.stem if path.suffix else path.name)


def open_segmenter(model: Model, runtime: Runtime) -> Segmenter:
    """Return the segmenter of a zoo model, its weights verified and its probe answered.

    Raises WeightsError where the model does not segment, or its weights are not those of its manifest.
    """
    import dataclasses

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


def build_probed(model: Model) -> nn.Module:
    """Return the module that a zoo manifest builds; its probe asks for mean probabilities over a grid.

    Raises WeightsError where the weights cannot be read, or are not of a segmentation model.
    """
    return Probed(_read(model.weights, "cpu", model.id))


def _read(file: Path, device: str, name: str) -> Segmenter:
    import torch

    from dsim.store import read_weights

    state, metadata = read_weights(file)
    try:
        facts = json.loads(metadata["dsim"])
        recipe, trained_on = SegmentationRecipe.of(facts["recipe"]), tuple(facts["trained_on"])
        network = build_vote(facts["members"]) if "members" in facts else recipe.build(0, weights=False)
        network.load_state_dict(
            {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
        )
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise WeightsError(f"{file} is not a segmentation model of dsim: {error}", hint=_HOW) from error
    network = network.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]
    return Segmenter(network, recipe, trained_on, facts.get("name") or name, device)


#: Images decoded ahead of the one in use.
AHEAD = 8


def decode_images(dataset: Dataset, indices: Sequence[int], workers: int) -> Iterator[tuple[int, Tensor]]:
    """Yield (index, image float32 (3, h, w)) in order; a bounded number waits, however many there are.

    Raises DataError for an image of other than 1 or 3 channels.
    """
    # Decided once, here: left to the threads, each would scan the whole dataset for its intensity range.
    _ = dataset.treatment

    def load(index: int) -> tuple[int, Tensor]:
        return index, as_rgb(dataset.pixels(index), f"image {dataset.ids[index]!r} of {dataset.name!r}")

    if not workers:
        yield from map(load, indices)
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="dsim-decode")
    waiting: deque[Future[tuple[int, Tensor]]] = deque()
    try:
        for index in indices:
            waiting.append(pool.submit(load, index))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def predict_images(
    segmenter: Segmenter, images: Iterable[tuple[int, Tensor]], batch: int
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield (index, probabilities float32 (h, w) at the original size) of each image, in order.

    Tiles of several small images share a batch; those of a large one take several. Only images whose tiles have not
    all come back are held.
    """
    recipe = segmenter.recipe
    under_way: deque[Canvas] = deque()
    tiles: list[tuple[Canvas, int]] = []
    for index, image in images:
        made = prepare_canvas(index, image, recipe.side, recipe.patch)
        under_way.append(made)
        for number in range(len(made.corners)):
            tiles.append((made, number))
            if len(tiles) == batch:
                _pass_tiles(segmenter, tiles)
                tiles = []
        while under_way and not under_way[0].waiting:
            first = under_way.popleft()
            yield first.index, first.finish()
    if tiles:
        _pass_tiles(segmenter, tiles)
    for last in under_way:
        yield last.index, last.finish()


def _pass_tiles(segmenter: Segmenter, tiles: Sequence[tuple[Canvas, int]]) -> None:
    """Tiles through the network, and back to where they belong."""
    import torch

    inputs = torch.stack([made.tile(number) for made, number in tiles])
    inputs = inputs.to(segmenter.device).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode(), full_precision():
        found = segmenter.network(inputs).float().sigmoid().cpu()
    for (made, number), probabilities in zip(tiles, found, strict=True):
        made.put(number, probabilities)


#: The probabilities are averaged over a grid of so many cells a side.
GRID = 4


class Probed(nn.Module):
    """Images (n, 3, H, W) in [0, 1] to mean probabilities over a grid, (n, 16); H and W as the network takes them."""

    def __init__(self, segmenter: Segmenter) -> None:
        super().__init__()
        self.network = segmenter.network
        self.segmenter = segmenter

    def forward(self, images: Tensor) -> Tensor:
        chances: Tensor = self.network(images).sigmoid()
        return nn.functional.adaptive_avg_pool2d(chances[:, None], GRID).flatten(1)


def dice(predicted: NDArray[np.bool_], mask: NDArray[np.bool_]) -> float:
    """Return 2 |A and B| / (|A| + |B|) of two boolean masks (h, w), in [0, 1]; higher is better.

    Two empty masks agree: 1. One empty mask beside another that is not: 0. (Dice 1945, doi:10.2307/1932409)

    >>> import numpy as np
    >>> found, true = np.array([[True, False]]), np.array([[True, True]])
    >>> round(dice(found, true), 4), dice(~true, ~true), dice(found, ~true)
    (0.6667, 1.0, 0.0)
    """
    total = int(predicted.sum()) + int(mask.sum())
    return 2 * int((predicted & mask).sum()) / total if total else 1.0


def dice_of_everything(share: float) -> float:
    """Return the Dice of calling every pixel foreground, where a ``share`` of them is: what needs no look at the image.

    >>> dice_of_everything(0.5), dice_of_everything(0.0)
    (0.6666666666666666, 0.0)
    """
    return 2 * share / (1 + share)
