"""A small map whose names would become markup if nobody escaped them."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import numpy as np
from PIL import Image

from dsim.pages import CELL, MapDataset, MapRegion, PictureSource, PointMap, make_sprites
from dsim.runtime import Runtime

HOSTILE = '</script><img src=x onerror="alert(1)">&'


def draw(index: int) -> Image.Image:
    noise = np.random.default_rng(index).integers(0, 255, (60, CELL, 3))
    return Image.fromarray(noise.astype(np.uint8))


def sources() -> list[PictureSource]:
    return [PictureSource("cells", [2, 0, 1, 3], draw), PictureSource(HOSTILE, [1, 0], draw)]


def small_map() -> PointMap:
    """Six images of two datasets, which alternate at first."""
    points = np.array([[0.0, 0.0], [5.0, 5.0], [2.0, 0.0], [7.0, 5.0], [1.0, 0.0], [9.0, 0.0]])
    datasets = [MapDataset("cells", "#0072B2", kind="microscopy"), MapDataset(HOSTILE, "#D55E00", "x")]
    owners = np.array([0, 1, 0, 1, 0, 0])
    region = MapRegion("microscopy", np.array([[-1.0, -1.0], [10.0, -1.0], [4.0, 1.0]]))
    ids = [f"<b>{place}" for place in range(6)]
    return PointMap(points, ids, owners, datasets, make_sprites(sources(), 9, Runtime()), [region])


def data_of(page: str) -> Any:
    """What the script of the page reads."""
    return json.loads(re.findall(r'id="data">(.*?)</script>', page, re.DOTALL)[0])


def unpack(packed: list[str]) -> np.ndarray:
    """The array that stands in the data as its kind and bytes."""
    return np.frombuffer(base64.b64decode(packed[1]), f"<{packed[0]}")
