"""Small datasets of known geometry, for checks: a ladder whose order every measure must recover, and awkward ones.

Everything is held as arrays, so that a variant (reordered, doubled, with a hole) differs in nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.registry import Need

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsim.data import Dataset

#: Steps of the ladder: a start, and five datasets at growing distance from it.
STEPS = 6
_COUNT, _DIMENSIONS, _CLASSES = 30, 6, 3
_IMAGES, _SIZE = 12, 64
#: Parts that a dataset has once, and not for each sample.
_OF_THE_WHOLE = (Need.ATTRIBUTES, Need.MODEL)
_PROPERTIES = ("modality", "colour", "objects", "kind", "diversity", "classes")


@dataclass(frozen=True)
class Specimen:
    """One small dataset, part by part.

    ``parts`` holds, by need: a tuple of images (H, W, C), features float32 (n, d), one label per sample, a tuple of
    masks (H, W), the attributes of the whole, and the file of its segmentation model.
    """

    name: str
    parts: Mapping[Need, Any]

    def __len__(self) -> int:
        return max(len(part) for need, part in self.parts.items() if need not in _OF_THE_WHOLE)

    @cached_property
    def dataset(self) -> Dataset:
        """The specimen as every measure sees datasets: features (n, d), images (H, W, C), masks (H, W)."""
        import numpy as np

        from dsim.data import from_arrays

        parts = {need.value: part for need, part in self.parts.items()}
        if "features" not in parts:
            return from_arrays(name=self.name, **parts)
        # from_arrays refuses NaN, but a network can still give it: the specimen brings it past that door.
        finite = from_arrays(name=self.name, **{**parts, "features": np.nan_to_num(parts["features"])})
        return replace(finite, features=parts["features"])

    def restricted(self, needs: frozenset[Need]) -> Specimen:
        """Return the specimen with these parts and no others."""
        return replace(self, parts={need: part for need, part in self.parts.items() if need in needs})

    def changed(self, name: str, **parts: Any) -> Specimen:
        """Return a variant in which some parts, those that it has, are others.

        Raises ValueError for a name that is not that of a Need.
        """
        news = {Need(need): part for need, part in parts.items() if Need(need) in self.parts}
        return replace(self, name=name, parts={**self.parts, **news})

    def taken(self, indices: Sequence[int], name: str) -> Specimen:
        """Return the samples at these positions, (b,), in this order; repetition makes copies."""
        parts = {need: part if need in _OF_THE_WHOLE else _take(part, indices) for need, part in self.parts.items()}
        return replace(self, name=name, parts=parts)


def _take(part: Any, indices: Sequence[int]) -> Any:
    return part[list(indices)] if hasattr(part, "dtype") else tuple(part[i] for i in indices)


@dataclass(frozen=True)
class Specimens:
    """The datasets on which a measure with these needs, of sources or targets, is checked.

    ``folder`` is for the files of their segmentation models.
    """

    needs: frozenset[Need]
    folder: Path | None = None

    @cached_property
    def complete(self) -> tuple[Specimen, ...]:
        """The ladder with every part a dataset can have, needed or not: masks (h, w), features (n, d) and so on."""
        rungs = style_rungs() if self.needs & {Need.IMAGES, Need.MASKS, Need.MODEL} else _shift_rungs()
        return rungs if self.folder is None or Need.MODEL not in self.needs else with_segmenters(rungs, self.folder)

    @cached_property
    def carried(self) -> frozenset[Need]:
        """The parts of every specimen: what is needed, and images or features, which every dataset has."""
        if Need.MODEL in self.needs:
            return self.needs | {Need.IMAGES}
        if self.needs & {Need.IMAGES, Need.FEATURES}:
            return self.needs if Need.MASKS not in self.needs else self.needs | {Need.IMAGES}
        return self.needs | {Need.IMAGES if Need.MASKS in self.needs else Need.FEATURES}

    @cached_property
    def ladder(self) -> tuple[Specimen, ...]:
        """Datasets ever farther from the first: ``STEPS`` of them."""
        return tuple(rung.restricted(self.carried) for rung in self.complete)

    @cached_property
    def pool(self) -> tuple[Specimen, ...]:
        """The ladder, with a broad and a compact dataset around its start."""
        start = self.ladder[0]
        broad, compact = self._spread(3.0), self._spread(0.2)
        return (*self.ladder, start.changed("broad", **broad), start.changed("compact", **compact))

    def _spread(self, factor: float) -> dict[str, Any]:
        """The start's images and features, with their deviation from the mean multiplied."""
        start = self.ladder[0]
        parts: dict[str, Any] = {}
        if Need.FEATURES in start.parts:
            features = start.parts[Need.FEATURES]
            parts["features"] = features.mean(axis=0) + (features - features.mean(axis=0)) * factor
        if Need.IMAGES in start.parts:
            parts["images"] = _contrasted(start.parts[Need.IMAGES], factor)
        return parts

    def degenerate(self) -> dict[str, Specimen]:
        """Return datasets without variation, by what is wrong with them: features (n, d), or images (h, w, c) uint8."""
        start = self.ladder[0]
        found = {}
        if Need.FEATURES in start.parts:
            features = start.parts[Need.FEATURES]
            found["constant features"] = start.changed("constant", features=features[:1].repeat(len(start), 0))
            found["features of rank one"] = start.changed("rank-one", features=features[:, :1] * features[:1])
        if Need.IMAGES in start.parts:
            images = start.parts[Need.IMAGES]
            found["constant images"] = start.changed("flat", images=tuple(image * 0 + 128 for image in images))
            found["copies of one image"] = start.changed("copies", images=(images[0],) * len(images))
        return found

    def with_nan(self) -> dict[str, Specimen]:
        """Return datasets with one NaN, by where it is: in the features (n, d), or the images (h, w, c), float32."""
        import numpy as np

        start, found = self.ladder[0], {}
        if Need.FEATURES in self.needs:
            features = start.parts[Need.FEATURES].copy()
            features[1, 2] = np.nan
            found["features"] = start.changed("nan-features", features=features)
        if Need.IMAGES in self.needs:
            images = [image.astype(np.float32) / 255 for image in start.parts[Need.IMAGES]]
            images[1][5, 7] = np.nan
            found["images"] = start.changed("nan-images", images=tuple(images))
        return found


def _shift_rungs() -> tuple[Specimen, ...]:
    """Gaussian clouds of three classes, float32 (30, 6), each independently drawn and shifted by one more unit."""
    import numpy as np

    rungs = []
    for step in range(STEPS):
        rng = np.random.default_rng([20, step])
        classes = np.arange(_COUNT) % _CLASSES
        features = rng.normal(size=(_COUNT, _DIMENSIONS))
        features[:, 0] += 3.0 * classes
        features[:, 1:3] += 1.0 * step
        parts = {
            Need.FEATURES: features.astype(np.float32),
            Need.LABELS: tuple(f"class-{c}" for c in classes),
            Need.ATTRIBUTES: _attributes(step),
        }
        rungs.append(Specimen(f"rung-{step}", parts))
    return tuple(rungs)


def style_rungs() -> tuple[Specimen, ...]:
    """Return the phantoms' style ladder: images (h, w, c) uint8, masks (h, w), and features as ``_shift_rungs``.

    Of X-rays, which all show one scene: measures that compare images place by place can see a change of style too.
    """
    from dsim.data.phantoms import style_ladder

    rungs = []
    datasets = style_ladder(steps=STEPS, base="xray", count=_IMAGES, size=_SIZE)
    for step, (dataset, shifted) in enumerate(zip(datasets, _shift_rungs(), strict=True)):
        positions = range(len(dataset))
        parts = {
            **shifted.taken(positions, "").parts,
            Need.IMAGES: tuple(dataset.native(i) for i in positions),
            Need.MASKS: tuple(dataset.mask(i) for i in positions),
        }
        rungs.append(Specimen(f"rung-{step}", parts))
    return tuple(rungs)


def with_segmenters(rungs: Sequence[Specimen], folder: Path) -> tuple[Specimen, ...]:
    """Return the rungs of a ladder, each with a segmentation model: ever worse ones for the start, as the rungs go on.

    All are the network that learnt the masks of the start's images, with ever more noise in its weights.
    """
    from dsim.testing.segmenters import write_segmenter

    start = rungs[0]
    images, masks = start.parts[Need.IMAGES], start.parts[Need.MASKS]
    files = [
        write_segmenter(folder / f"segmenter-{step}.safetensors", images, masks, step) for step in range(len(rungs))
    ]
    return tuple(
        replace(rung, parts={**rung.parts, Need.MODEL: str(file)}) for rung, file in zip(rungs, files, strict=True)
    )


def _attributes(step: int) -> dict[str, str]:
    """Six properties, of which one more differs from the start at each step; and the name of the rung that each of 15
    experts holds most similar: five of them the nearest, four the next, and so on."""
    properties = {name: "other" if position < step else "first" for position, name in enumerate(_PROPERTIES)}
    others = sorted((other for other in range(STEPS) if other != step), key=lambda other: abs(other - step))
    chosen = [other for rank, other in enumerate(others) for _ in range(len(others) - rank)]
    choices = {f"choice@expert-{number:02d}": f"rung-{other}" for number, other in enumerate(chosen)}
    return {**properties, "name": f"rung-{step}", **choices}


def _contrasted(images: Sequence[NDArray[Any]], factor: float) -> tuple[NDArray[Any], ...]:
    import numpy as np

    return tuple(np.clip(128 + (image.astype(float) - 128) * factor, 0, 255).astype(np.uint8) for image in images)
