"""Similarity of all patches of images to prototypes, and the patches that are most similar.

The method is that of Gupta, Sabirsh, Wählby and Sintorn (SimSearch); docs/simsearch.md says where the default differs.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from dsim.plugin import UsageError
from dsim.stats.peaks import local_maxima
from dsim_simsearch.candidates import Candidates
from dsim_simsearch.grids import Grid, cover_image, whole_windows
from dsim_simsearch.prototypes import check_prototypes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from dsim.annotations import Region
    from dsim.plugin import Runtime
    from dsim_simsearch.features import FeatureMaps
    from dsim_simsearch.images import PreparedImages
    from dsim_simsearch.network import EarlyBlocks
    from dsim_simsearch.settings import SearchSettings
    from dsim_simsearch.whitening import Whitening

    Floats = NDArray[np.float32]

#: Bytes of similarities to single prototypes that are held: a further prototype costs no more than the first.
_HELD = 2**28


class _Features(Protocol):
    """Features of patches of images, from one map or from windows one by one."""

    def vectors(self, regions: Sequence[Region]) -> Floats:
        """Features of regions and their turns, (n, 4, d)."""

    def units(self, vectors: Floats) -> Floats:
        """Vectors (..., d) as cosines compare them, of length 1."""

    def at(self, index: int, centres: NDArray[np.float64]) -> Floats:
        """Features (n, d) of patches at centres (n, 2)."""

    def cosines(self, index: int, units: Floats) -> Iterator[tuple[slice, Floats]]:
        """Rows of an image's grid, and cosines there with unit vectors (k, d)."""


class Search:
    """Looks for patches that resemble prototypes in prepared images.

    Parameters
    ----------
    images : all images. displayed : indices of those by whose patches features are whitened.
    patch : height and width of prototypes, pixels.
    store : folder of features of images; None: they are computed again in the next process.
    """

    def __init__(
        self,
        images: PreparedImages,
        displayed: Sequence[int],
        patch: tuple[int, int],
        settings: SearchSettings,
        runtime: Runtime,
        store: Path | None = None,
    ) -> None:
        if not displayed:
            raise UsageError(f"no image of {images.dataset.name!r} is displayed", hint="choose some of them")
        self.images, self.displayed, self.patch, self.settings = images, tuple(displayed), patch, settings
        self._runtime, self._store = runtime, store
        self._prototypes: dict[tuple[str, float, float, float, float], Floats] = {}
        self._single: OrderedDict[tuple[int, float, bytes], Floats] = OrderedDict()
        self._bytes = 0

    @property
    def ids(self) -> Sequence[str]:
        """Ids of all images."""
        return self.images.dataset.ids

    @cached_property
    def blocks(self) -> EarlyBlocks:
        """The network up to its layer."""
        from dsim_simsearch.network import open_blocks

        return open_blocks(self.settings.extractor, self.images.channels, self._runtime)

    @cached_property
    def maps(self) -> FeatureMaps:
        """Maps of features of the images at the scale of the prototypes."""
        return self._maps_at(1.0)

    @cached_property
    def whitening(self) -> Whitening | None:
        """The whitening by patches of the displayed images; None where features stay as they are."""
        from dsim_simsearch.dense import whitening_of

        return whitening_of(self.maps, self.displayed, self.settings.whiten) if self.settings.whiten else None

    def grid(self, index: int) -> Grid:
        """Return the places at which patches of an image are compared."""
        shape, stride = self.images.shape(index), self.settings.stride(self.patch)
        if self.settings.mode == "paper":
            return whole_windows(shape, self.patch, stride)
        return cover_image(shape, stride)

    def vectors(self, prototypes: Sequence[Region]) -> Floats:
        """Return features of prototypes and of their turns by 90, 180 and 270 degrees: float32 (n, 4, d).

        Raises UsageError for a prototype of another size, without an area or beyond its image.
        """
        shapes = {image: self.images.shape(self.images.index(image)) for image in {one.image for one in prototypes}}
        check_prototypes(prototypes, self.patch, shapes)
        keys = [prototype[:5] for prototype in prototypes]
        new = dict.fromkeys(key for key in keys if key not in self._prototypes)
        if new:
            regions = [prototypes[keys.index(key)] for key in new]
            self._prototypes.update(zip(new, self._features[1.0].vectors(regions), strict=True))
        return np.array([self._prototypes[key] for key in keys], dtype=np.float32)

    def units(self, vectors: Floats) -> Floats:
        """Return features (..., d) as they are compared: whitened where the settings say so, of length 1."""
        return self._features[1.0].units(vectors)

    def features(self, index: int, centres: NDArray[np.float64]) -> Floats:
        """Return features (n, d) of patches about centres (n, 2) of an image, not whitened."""
        return self._features[1.0].at(index, centres)

    def similarity(
        self, index: int, vectors: Floats, over: str | None = None, correction: Floats | None = None
    ) -> Floats:
        """Return the similarity of the patches of an image to prototypes, float32 (rows, cols) in [-1, 1].

        The cosine, at most over the turns of a prototype, then the mean or the maximum over prototypes, and at most
        over scales. Places are those of ``grid``.

        Parameters
        ----------
        vectors : (n, turns, d), see ``vectors``. over : ``mean`` or ``max``; default: as the settings say.
        correction : (d,), whose product with ``units`` of a patch is added; see ``Reranker``.

        Raises UsageError where there is no prototype.
        """
        by_scale = [self._at_scale(index, scale, vectors, over, correction) for scale in self._features]
        highest: Floats = np.max(by_scale, axis=0)
        return highest

    def candidates(
        self, index: int, vectors: Floats, over: str | None = None, correction: Floats | None = None
    ) -> Candidates:
        """Return the patches of an image that are more similar to prototypes than those around them.

        They do not depend on a threshold: those above one are the first ones. Parameters as of ``similarity``.
        """
        by_scale = [self._at_scale(index, scale, vectors, over, correction) for scale in self._features]
        grid, similarity = self.grid(index), np.max(by_scale, axis=0)
        rows, cols, scores = local_maxima(similarity, self.settings.radius(self.patch) / grid.stride)
        best = np.argmax([values[rows, cols] for values in by_scale], axis=0)
        sizes = np.array([*self._features])[best]
        height, width = self.patch
        return Candidates(self.ids[index], grid.xs(cols), grid.ys(rows), width * sizes, height * sizes, scores)

    def compare(self, units: Floats, vectors: Floats, over: str | None = None) -> Floats:
        """Return the similarity (n,) of patches, whose ``units`` (n, d) are given, to prototypes."""
        single = np.clip(np.einsum("nd,ptd->npt", units, self.units(vectors)), -1, 1).max(axis=2)
        joined: Floats = single.max(axis=1) if (over or self.settings.over) == "max" else single.mean(axis=1)
        return joined

    @cached_property
    def _features(self) -> Mapping[float, _Features]:
        """Features at each scale; the first one is that of prototypes."""
        from dsim_simsearch.dense import DenseFeatures
        from dsim_simsearch.windows import WindowFeatures

        if self.settings.mode == "paper":
            region = self.settings.region
            return {1.0: WindowFeatures(self.images, self.blocks, self.patch, region, self.grid, self._runtime)}
        scales = dict.fromkeys((1.0, *self.settings.scales))
        return {scale: DenseFeatures(self._maps_at(scale), self.grid, self.whitening) for scale in scales}

    def _maps_at(self, scale: float) -> FeatureMaps:
        from dsim_simsearch.features import FeatureMaps

        if scale == 1 and "maps" in self.__dict__:
            return self.maps
        height, width = self.patch
        region = self.settings.region or max(self.patch)
        return FeatureMaps(
            self.images, self.blocks, (scale * height, scale * width), region, self._runtime, self._store
        )

    def _at_scale(
        self, index: int, scale: float, vectors: Floats, over: str | None, correction: Floats | None
    ) -> Floats:
        """The similarity (rows, cols) to prototypes at one scale."""
        if not len(vectors):
            raise UsageError(f"no prototype is given to compare {self.ids[index]!r} with", hint="mark an object")
        keys = [(index, scale, hashlib.sha256(vector.tobytes()).digest()) for vector in vectors]
        missing = {key: vector for key, vector in zip(keys, vectors, strict=True) if key not in self._single}
        single = {key: self._single[key] for key in keys if key not in missing}
        if missing:
            single.update(zip(missing, self._compare(index, scale, np.stack([*missing.values()])), strict=True))
        self._hold(single)
        joined = _join([single[key] for key in keys], over or self.settings.over)
        if correction is not None:
            for rows, products in self._features[scale].cosines(index, correction[None]):
                joined[rows] += products[0]
        return np.clip(joined, -1, 1, out=joined)

    def _compare(self, index: int, scale: float, vectors: Floats) -> list[Floats]:
        """The similarity (rows, cols) to each of prototypes (n, turns, d)."""
        count, turns, width = vectors.shape
        grid, features = self.grid(index), self._features[scale]
        found = [np.empty((grid.rows, grid.cols), dtype=np.float32) for _ in range(count)]
        for rows, cosines in features.cosines(index, features.units(vectors).reshape(-1, width)):
            highest = cosines.reshape(count, turns, *cosines.shape[1:]).max(axis=1)
            for own, values in zip(found, highest, strict=True):
                own[rows] = values
        return found

    def _hold(self, single: Mapping[tuple[int, float, bytes], Floats]) -> None:
        """Hold similarities to single prototypes; those that were not asked for the longest time go."""
        for key, values in single.items():
            if key not in self._single:
                self._bytes += values.nbytes
            self._single[key] = values
            self._single.move_to_end(key)
        while self._bytes > _HELD:
            self._bytes -= self._single.popitem(last=False)[1].nbytes


def _join(single: Sequence[Floats], over: str) -> Floats:
    """The mean or the maximum of similarities to single prototypes, as a new array."""
    joined = single[0].copy()
    for values in single[1:]:
        (np.maximum if over == "max" else np.add)(joined, values, out=joined)
    return joined if over == "max" else np.divide(joined, len(single), out=joined)
