"""Drawn images with discs of which the places are known, and patches of them to train on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsim.annotations import Region

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsim.data import Dataset
    from dsim_simsearch.features import FeatureMaps
    from dsim_simsearch.selection import PatchSet

#: Side of patches, pixels.
PATCH = 20
EXTRACTOR = "zoo:lite0.imagenet.r1[layer=network.blocks.2]"
CLASSES = ("disc", "ring")


def draw_scene(seed: int, height: int = 120, width: int = 160) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return an image with 3 discs, 3 rings and 3 squares, and their centres (9, 2) in this order, x and y."""
    rng = np.random.default_rng(seed)
    cells = rng.permutation(12)[:9]
    centres = np.stack([cells % 4, cells // 4], axis=1) * 40.0 + 20 + rng.uniform(-6, 6, (9, 2))
    rows, columns = np.mgrid[:height, :width] + 0.5
    image = rng.normal(70, 4, (height, width, 3))
    for number, (x, y) in enumerate(centres):
        distance = np.hypot(rows - y, columns - x)
        square = (abs(rows - y) < 7) & (abs(columns - x) < 7)
        shape = [distance < 8, (distance < 8) & (distance > 4), square][number // 3]
        image[shape] = (200, 120, 150)
    return image.clip(0, 255).astype(np.uint8), centres


def draw_dataset(count: int = 4, first: int = 0) -> tuple[Dataset, list[NDArray[np.float64]]]:
    """Return scenes as a dataset in memory, and the centres of their objects."""
    from dsim.data import from_arrays

    drawn = [draw_scene(first + seed) for seed in range(count)]
    ids = [f"scene{first + number}" for number in range(count)]
    return from_arrays([image for image, _ in drawn], ids=ids, name="discs"), [centres for _, centres in drawn]


def make_maps(dataset: Dataset) -> FeatureMaps:
    """Return maps of a dataset by a small network."""
    from dsim.plugin import Runtime
    from dsim_simsearch.features import FeatureMaps
    from dsim_simsearch.images import PreparedImages
    from dsim_simsearch.network import open_blocks
    from dsim_simsearch.preparation import measure_channels

    runtime = Runtime(device="cpu")
    images = PreparedImages(dataset, measure_channels(dataset, runtime).prepare())
    return FeatureMaps(images, open_blocks(EXTRACTOR, 3, runtime), (PATCH, PATCH), 48, runtime)


def patch_at(image: str, centre: NDArray[np.float64], label: str = "") -> Region:
    """Return the patch about a centre."""
    x, y = (float(value) - PATCH / 2 for value in centre)
    return Region(image, x, y, PATCH, PATCH, label)


def true_patches(dataset: Dataset, centres: list[NDArray[np.float64]], images: list[int]) -> PatchSet:
    """Return discs and rings as classes, places without objects as background, squares as negatives of discs."""
    from dsim_simsearch.selection import PatchSet

    regions, labels, negative_of = [], [], []
    for index in images:
        name = dataset.ids[index]
        for number, centre in enumerate(centres[index]):
            regions.append(patch_at(name, centre, (*CLASSES, "")[number // 3]))
            labels.append((0, 1, -1)[number // 3])
            negative_of.append((-1, -1, 0)[number // 3])
        for x in range(20, 160, 25):
            for y in range(20, 120, 25):
                if np.hypot(*(centres[index] - (x, y)).T).min() > 18:
                    regions.append(patch_at(name, np.array([x, y]), "background"))
                    labels.append(2)
                    negative_of.append(-1)
    return PatchSet(CLASSES, tuple(regions), np.array(labels, np.int64), np.array(negative_of, np.int64))
