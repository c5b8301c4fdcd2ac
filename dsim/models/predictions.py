"""What a segmentation model says of a dataset's images: computed once, and kept in the cache, image by image."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from dsim.errors import StoreError
from dsim.files import file_sha256
from dsim.files.documents import digest

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from dsim.data import Dataset
    from dsim.models.segmenter import Segmenter
    from dsim.runtime import Runtime

#: Raised when the meaning of what is kept changes.
SCHEMA = 1
KIND = "predictions"
#: Longest side of a kept map, pixels: outlines of larger images are coarser, and a large pool fits into the cache.
LONGEST = 512
#: Images whose maps lie in one file: those before an interrupt are kept.
_TOGETHER = 64


@dataclass(frozen=True)
class Predictions:
    """The chances of foreground that a model gives to images of a dataset.

    Parameters
    ----------
    indices : positions of the images in the dataset, in the order of ``maps``.
    maps : uint8 (h, w) each, chance x 255, rounded; at the image's size, or scaled to ``LONGEST`` pixels.
    threshold : the model's chance from which a pixel is foreground.
    digest : sha256 of all that the maps depend on: the weights, the images and how these are read.
    """

    indices: tuple[int, ...]
    maps: tuple[NDArray[np.uint8], ...]
    threshold: float
    digest: str

    def __len__(self) -> int:
        return len(self.indices)

    def masks(self) -> list[NDArray[np.bool_]]:
        """Return the predicted masks, boolean (h, w) each: where the chance reaches the model's threshold."""
        return [chances >= 255 * self.threshold for chances in self.maps]


def predict_kept(
    reference: str, dataset: Dataset, runtime: Runtime, indices: Sequence[int] | None = None
) -> Predictions:
    """Return what a model says of images of a dataset: from the cache where it is known, else computed and kept there.

    Parameters
    ----------
    reference : ``zoo:ID``, a file of a segmentation model, or a folder that holds one.
    indices : positions of the images, in any order; None: all. Only those that are not kept yet are computed.

    The maps are uint8 (h, w). Raises WeightsError where there is no such model, DataError for an image of other than
    1 or 3 channels, and UnreadableImageError.
    """
    chosen = tuple(range(len(dataset)) if indices is None else (int(index) for index in indices))
    dataset.remember_in(runtime.cache)
    weights = weights_digest(reference)
    keys = _keys(weights, dataset, chosen)
    shelf = _Shelf(runtime)
    known = shelf.find(keys.values())
    missing = [index for index in dict.fromkeys(chosen) if keys[index] not in known]
    threshold = shelf.threshold(weights)
    if missing or threshold is None:
        segmenter = open_kept(reference, weights, runtime)
        threshold = segmenter.recipe.threshold
        known |= _predict_missing(segmenter, dataset, missing, keys, shelf, runtime)
        shelf.keep_threshold(weights, threshold)
    maps = tuple(known[keys[index]] for index in chosen)
    return Predictions(chosen, maps, threshold, digest([keys[index] for index in chosen]))


def weights_digest(reference: str) -> str:
    """Return the sha256 of a model's weights: of a zoo model as its manifest promises, else of the file's bytes.

    Raises WeightsError where there is no such file, UnknownNameError for an unknown id.
    """
    from dsim.data import model_file
    from dsim.zoo import find

    if reference.startswith("zoo:"):
        return find(reference.removeprefix("zoo:")).sha256
    return _file_digest(*_state(model_file(reference)))


def open_kept(reference: str, weights: str, runtime: Runtime) -> Segmenter:
    """Return the segmenter of a reference; the last few stay open. ``weights`` is its ``weights_digest``.

    Raises WeightsError as ``load_segmenter`` does.
    """
    return _opened(reference, weights, runtime.resolved_device())


@lru_cache(maxsize=16)
def _opened(reference: str, weights: str, device: str) -> Segmenter:
    from dsim.models.segmenter import load_segmenter
    from dsim.runtime import Runtime

    return load_segmenter(reference, Runtime(device=device))


@lru_cache(maxsize=256)
def _file_digest(path: Path, *state: int) -> str:
    return file_sha256(path)


def _state(path: Path) -> tuple[Any, ...]:
    """The path with what changes whenever the file is written to or replaced."""
    status = path.stat()
    return path, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _keys(weights: str, dataset: Dataset, indices: Sequence[int]) -> dict[int, str]:
    """The identity of each map: weights, image, and how its numbers become intensities."""
    from dsim.data import TREATMENT_VERSION

    how = [SCHEMA, LONGEST, weights, TREATMENT_VERSION, dataset.treatment.describe()]
    return {index: digest([how, dataset.image_digests[index]]) for index in dict.fromkeys(indices)}


def _predict_missing(
    segmenter: Segmenter,
    dataset: Dataset,
    missing: Sequence[int],
    keys: Mapping[int, str],
    shelf: _Shelf,
    runtime: Runtime,
) -> dict[str, NDArray[np.uint8]]:
    """The maps of these images by their keys, kept as they come."""
    found: dict[str, NDArray[np.uint8]] = {}
    with runtime.progress.task(f"{segmenter.name} on {dataset.name}", len(missing), "images") as task:
        predicted = segmenter.predict_many(dataset, missing, workers=runtime.workers)
        # Made small one by one: chances of large images are large, and a block of them would fill the memory.
        small = ((keys[index], as_map(chances)) for index, chances in predicted)
        while block := list(islice(small, _TOGETHER)):
            maps = dict(block)
            shelf.keep(maps)
            found |= maps
            task.advance(len(block))
    return found


def as_map(chances: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return chances float32 (h, w) in [0, 1] as they are kept: uint8, the longest side at most ``LONGEST`` pixels."""
    import numpy as np
    import torch

    from dsim.models.tiles import scale_planes

    if max(chances.shape) > LONGEST:
        chances = scale_planes(torch.from_numpy(chances)[None], LONGEST)[0].clamp(0, 1).numpy()
    rounded: NDArray[np.uint8] = np.rint(chances * 255).astype(np.uint8)
    return rounded


def mask_like(mask: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the foreground of a mask (H, W) at the size of a kept map, boolean (h, w): the nearest pixel of each.

    >>> import numpy as np
    >>> mask_like(np.kron(np.eye(2, dtype=int), np.ones((2, 2), int)), (2, 2)).tolist()
    [[True, False], [False, True]]
    """
    import numpy as np

    rows, columns = (((np.arange(n) + 0.5) * old / n).astype(int) for n, old in zip(shape, mask.shape, strict=True))
    taken: NDArray[np.bool_] = mask[np.ix_(rows, columns)] != 0
    return taken


class _Shelf:
    """The maps in the cache: several in one file, and an index that says in which."""

    def __init__(self, runtime: Runtime) -> None:
        from dsim.store import ContentStore, JsonStore

        self._files = ContentStore(runtime.cache, runtime.progress.note)
        self._index = JsonStore(runtime.cache / "predictions.sqlite", runtime.progress.note)

    def threshold(self, weights: str) -> float | None:
        """The threshold of the model with these weights, if it was kept."""
        known = self._index.get(f"threshold {weights}")
        return None if known is None else float(known["threshold"])

    def keep_threshold(self, weights: str, threshold: float) -> None:
        self._index.put_many({f"threshold {weights}": {"threshold": threshold}})

    def find(self, keys: Any) -> dict[str, NDArray[np.uint8]]:
        """Return the maps (h, w) that are kept, by key."""
        wanted = set(keys)
        found: dict[str, NDArray[np.uint8]] = {}
        for name in dict.fromkeys(place["file"] for place in self._index.get_many(wanted).values()):
            found |= {key: chances for key, chances in self._read(name) if key in wanted}
        return found

    def _read(self, name: str) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        import numpy as np

        record = self._files.get(KIND, {"schema": SCHEMA, "file": name})
        if record is None:  # pruned, or damaged: computed again
            return
        whole = np.frombuffer(zlib.decompress(record.arrays["packed"].tobytes()), np.uint8)
        start = 0
        for key, (height, width) in zip(record.attributes["keys"], record.arrays["shapes"].tolist(), strict=True):
            yield key, whole[start : start + height * width].reshape(height, width)
            start += height * width

    def keep(self, maps: Mapping[str, NDArray[np.uint8]]) -> None:
        """Store maps (h, w) by key; where the disk refuses, say so and go on."""
        import numpy as np

        name = digest(sorted(maps))
        packed = zlib.compress(b"".join(chances.tobytes() for chances in maps.values()), 1)
        arrays: dict[str, NDArray[Any]] = {
            "packed": np.frombuffer(packed, np.uint8),
            "shapes": np.array([chances.shape for chances in maps.values()], dtype=np.int64),
        }
        try:
            self._files.put(KIND, {"schema": SCHEMA, "file": name}, arrays, {"keys": list(maps)})
        except StoreError as error:
            self._files.note(f"not kept in the cache: {error}")
            return
        self._index.put_many({key: {"file": name} for key in maps})
