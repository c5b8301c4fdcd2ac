"""Scenes whose objects are known, and searches in them by a small network."""

from __future__ import annotations

import numpy as np

from dsim.annotations import Region
from dsim.data import from_arrays
from dsim.runtime import Runtime
from dsim_simsearch.images import PreparedImages
from dsim_simsearch.preparation import measure_channels
from dsim_simsearch.settings import SearchSettings
from dsim_simsearch.similarity import Search

SIDE = 16
PATCH = (SIDE, SIDE)
EXTRACTOR = "zoo:lite0.imagenet.r1[layer=network.blocks.2]"
#: Centres (x, y) in each of the scenes.
DISCS = (((30, 24), (84, 30), (58, 62)), ((24, 58), (70, 20), (96, 64)), ((40, 44), (90, 40)))
CROSSES = (((56, 22), (100, 66)), ((44, 28), (60, 68)), ((66, 70), (18, 20)))


def draw_scene(discs, crosses, shape=(88, 120), seed=0):
    """Bright discs and crosses of about 12 pixels on noise, uint8 (h, w, 3)."""
    rows, cols = np.mgrid[: shape[0], : shape[1]] + 0.5
    image = np.random.default_rng(seed).normal(70, 6, (*shape, 3))
    for x, y in discs:
        image[(cols - x) ** 2 + (rows - y) ** 2 < 36] += (110, 60, 90)
    for x, y in crosses:
        across, down = abs(cols - x), abs(rows - y)
        image[((across < 6.5) & (down < 2)) | ((down < 6.5) & (across < 2))] += (110, 60, 90)
    return image.clip(0, 255).astype(np.uint8)


def prepare_scenes(arrays=None):
    """The three scenes, or others, as prepared images with ids s0, s1, ..."""
    if arrays is None:
        arrays = [draw_scene(*objects, seed=seed) for seed, objects in enumerate(zip(DISCS, CROSSES, strict=True))]
    dataset = from_arrays(arrays, ids=[f"s{index}" for index in range(len(arrays))], name="scenes")
    return PreparedImages(dataset, measure_channels(dataset, Runtime()).prepare())


def settings_with(**changes):
    return SearchSettings(**{"extractor": EXTRACTOR, "region": 48, **changes})


def open_search(images=None, displayed=(0, 1), patch=PATCH, **changes):
    return Search(images or prepare_scenes(), displayed, patch, settings_with(**changes), Runtime(batch=32))


def around(image, centre, label="", side=SIDE):
    """The patch about a centre (x, y) in scene number ``image``."""
    return Region(f"s{image}", centre[0] - side / 2, centre[1] - side / 2, side, side, label)
