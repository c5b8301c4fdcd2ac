"""Feature maps: tiles equal the whole, places are where they are said to be, turns turn, and stores hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate, gaussian_filter
from torch.nn.functional import interpolate

from dsim.annotations import Region
from dsim.data import from_arrays
from dsim.errors import UnknownNameError
from dsim.plugin import Runtime, UsageError
from dsim_simsearch import cell_grid, features
from dsim_simsearch.cell_grid import gaussian
from dsim_simsearch.features import FeatureMaps
from dsim_simsearch.images import PreparedImages
from dsim_simsearch.network import EarlyBlocks, open_blocks
from dsim_simsearch.preparation import Preparation
from dsim_simsearch.resampling import sample_image

CPU = Runtime(device="cpu", offline=True)
#: As stored: 8 bits to [0, 1].
PLAIN = Preparation(("red", "green", "blue"), (0, 1, 2), (0.0,) * 3, (255.0,) * 3, (0.0,) * 3)
#: Patch (height, width) and region: enlarged; made smaller and not square; an even kernel and an odd one.
SHAPES = [((20, 20), 36), ((40, 28), 20), ((17, 25), 30.5)]


def texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).random((height, width, 3))
    smooth = gaussian_filter(noise, (2, 2, 0))
    return (255 * (smooth - smooth.min()) / (smooth.max() - smooth.min())).astype(np.uint8)


def prepared(*images: np.ndarray) -> PreparedImages:
    return PreparedImages(from_arrays(list(images), ids=[f"image{i}" for i in range(len(images))]), PLAIN)


@pytest.fixture(scope="module")
def blocks() -> EarlyBlocks:
    """Cells of 4 pixels that see 19 pixels, further to one side than to the other."""
    return open_blocks("zoo:lite0.imagenet.r1[layer=network.blocks.1]", 3, CPU)


@pytest.fixture(scope="module")
def joined() -> EarlyBlocks:
    return open_blocks("zoo:lite0.imagenet.r1[layer=network.blocks.0+network.blocks.2]", 3, CPU)


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> Callable[[FeatureMaps], int]:
    """``small_tiles(maps)`` makes tiles of a few cells, and returns how many there are across."""

    def make(maps: FeatureMaps) -> int:
        layout = maps._layout
        monkeypatch.setattr(cell_grid, "TILE", layout.stride * (sum(layout.halo) + 5))
        return len(list(maps._axes(0)[1].tiles()))

    return make


@pytest.mark.parametrize(("patch", "region"), SHAPES)
@pytest.mark.parametrize("kind", ["blocks", "joined"])
def test_tiles_equal_the_whole(patch: Any, region: float, kind: str, small_tiles: Any, request: Any) -> None:
    network, images = request.getfixturevalue(kind), prepared(texture(150, 190))
    whole = FeatureMaps(images, network, patch, region, CPU)[0]
    tiled = FeatureMaps(images, network, patch, region, CPU)
    assert small_tiles(tiled) >= 3
    np.testing.assert_allclose(tiled[0].cells, whole.cells, atol=1e-5 * np.abs(whole.cells).max())


@pytest.mark.parametrize(("patch", "region"), SHAPES)
def test_a_map_is_the_network_and_a_gaussian(blocks: EarlyBlocks, patch: Any, region: float) -> None:
    """Against the network without folding, and scipy's correlation."""
    images = prepared(texture(90, 120))
    maps = FeatureMaps(images, blocks, patch, region, CPU)
    found = maps[0]
    margin, scale = cell_grid.MARGIN, region / max(patch)
    rows, columns = (
        int(np.ceil((side * scale + 2 * margin) / blocks.stride)) * blocks.stride for side in images.shape(0)
    )
    xs, ys = ((np.arange(count) - margin + 0.5) / scale for count in (columns, rows))
    with torch.inference_mode():
        raw = blocks(sample_image(images, 0, xs, ys, scale)[None])[0].numpy()
    kernel = [int(np.ceil(side * scale / blocks.stride)) for side in patch]
    weights = np.outer(*(gaussian(side).numpy() for side in kernel))
    # scipy takes the cell after the middle of an even kernel for its centre.
    pooled = correlate(raw, weights[None], origin=(0, *(-1 if side % 2 == 0 else 0 for side in kernel)))
    for down in (30, 47.3):
        for right in (40, 71.9):
            at = [
                (place * scale + margin - blocks.offset) / blocks.stride - (0.5 if side % 2 == 0 else 0)
                for place, side in zip((down, right), kernel, strict=True)
            ]
            (top, left), (low, far) = np.floor(at).astype(int), at - np.floor(at)
            near = pooled[:, top : top + 2, left : left + 2]
            expected = np.einsum("dij,i,j->d", near, [1 - low, low], [1 - far, far])
            np.testing.assert_allclose(found.at(np.array([right, down])), expected, atol=1e-4 * np.abs(raw).max())


@pytest.mark.parametrize(("patch", "region"), SHAPES)
def test_the_way_of_turned_prototypes_gives_the_map_at_turn_0(joined: EarlyBlocks, patch: Any, region: float) -> None:
    maps = FeatureMaps(prepared(texture(230, 260)), joined, patch, region, CPU)
    centres = [(120.3, 110.9), (131.0, 99.25)]
    expected = maps[0].at(np.array(centres))
    found = np.concatenate([maps._turn(0, centre, [0], max(maps._layout.halo)) for centre in centres])
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
    regions = [Region("image0", x - 3, y - 4, 6, 8) for x, y in centres]
    np.testing.assert_array_equal(maps.rotated(regions)[:, 0], expected)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turns_are_those_of_the_turned_image(blocks: EarlyBlocks, turns: int) -> None:
    """About the centre of a square image the cells of the turned image lie as those of the image."""
    image = texture(120, 120)
    one, other = (
        FeatureMaps(prepared(pixels), blocks, (20, 20), 20, CPU) for pixels in (image, np.rot90(image, turns))
    )
    turned = one.rotated([Region("image0", 50, 50, 20, 20)])[0]
    expected = other[0].at(np.array([60, 60]))
    np.testing.assert_allclose(turned[turns], expected, atol=1e-5 * np.abs(expected).max())
    assert np.abs(turned[0] - expected).max() > 0.01 * np.abs(expected).max()


def test_a_spot_is_found_where_it_is() -> None:
    """The change of the map is centred on the spot, to a small part of a cell, where weights prefer no direction."""
    network = open_blocks("timm:resnet18.a1_in1k[init=random:0,layer=layer1+layer2]", 3, CPU)
    plain = texture(160, 200)
    for x, y in ((60, 70), (123, 81)):
        spotted = plain.copy()
        spotted[y - 2 : y + 2, x - 2 : x + 2] = 255
        one, other = (FeatureMaps(prepared(pixels), network, (24, 24), 40, CPU)[0] for pixels in (plain, spotted))
        change = np.abs(other.resample(1) - one.resample(1)).sum(2) ** 2
        centres = one.grid(1)
        place = (centres * change[..., None]).sum((0, 1)) / change.sum()
        np.testing.assert_allclose(place, (x, y), atol=0.2 * one.step)


def test_crops_give_the_features_of_the_map(blocks: EarlyBlocks) -> None:
    """Where the centre lies on a cell, no interpolation comes between."""
    maps = FeatureMaps(prepared(texture(140, 150)), blocks, (20, 28), 28, CPU)
    found = maps[0]
    x, y = found.origin[0] + 18 * found.step, found.origin[1] + 15 * found.step
    crops = maps.crops([Region("image0", x - 5, y - 5, 10, 10)])
    with torch.inference_mode():
        pooled = maps.pool(blocks(crops)).numpy()
    np.testing.assert_allclose(pooled[0], found.cells[15, 18], atol=1e-5 * np.abs(found.cells).max())
    small = maps.crops([Region("image0", x - 5, y - 5, 10, 10)], margin=4)
    assert crops.shape[2] > small.shape[2] >= 20 * 28 / 28 + 8
    assert torch.equal(small, crops[:, :, 8:-8, 8:-8])


def test_resampling_to_a_grid_is_interpolation_at_its_centres(blocks: EarlyBlocks) -> None:
    found = FeatureMaps(prepared(texture(50, 83)), blocks, (20, 20), 33, CPU)[0]
    centres = found.grid(7.3)
    assert centres.shape == (7, 11, 2)
    np.testing.assert_allclose(centres[2, 3], (3.5 * 7.3, 2.5 * 7.3))
    np.testing.assert_allclose(found.resample(7.3), found.at(centres), atol=1e-5)
    np.testing.assert_array_equal(found.resample(7.3, slice(2, 5)), found.resample(7.3)[2:5])
    assert found.resample(7.3, slice(7, 9)).shape == (0, 11, found.cells.shape[2])
    assert np.shares_memory(found.values, found.cells)
    np.testing.assert_array_equal(found.values[:, 3, 4], found.cells[3, 4])


@pytest.mark.parametrize("factor", [0.25, 0.5, 2, 4])
def test_sampling_is_antialiased_resizing(factor: float) -> None:
    images = prepared(texture(64, 96))
    height, width = round(64 * factor), round(96 * factor)
    xs, ys = ((np.arange(count) + 0.5) / factor for count in (width, height))
    found = sample_image(images, 0, xs, ys, factor)
    whole = torch.from_numpy(images.window(0, 0, 0, 96, 64))[None]
    expected = interpolate(whole, size=(height, width), mode="bilinear", antialias=True, align_corners=False)[0]
    edge = 4
    torch.testing.assert_close(found[:, edge:-edge, edge:-edge], expected[:, edge:-edge, edge:-edge], atol=1e-5, rtol=0)


# Stores and memory ------------------------------------------------------------------------------------------------


def test_a_stored_map_is_not_computed_again(blocks: EarlyBlocks, tmp_path: Path, monkeypatch: Any) -> None:
    images = prepared(texture(60, 70), texture(60, 70, 1))
    first = FeatureMaps(images, blocks, (20, 20), 30, CPU, store=tmp_path)[1]
    monkeypatch.setattr(FeatureMaps, "_run", lambda *_: pytest.fail("computed again"))
    again = FeatureMaps(images, blocks, (20, 20), 30, CPU, store=tmp_path)
    np.testing.assert_array_equal(again[1].cells, first.cells)
    assert (again[1].origin, again[1].step) == (first.origin, first.step)
    with pytest.raises(pytest.fail.Exception):
        again[0]


def test_a_map_is_stored_under_all_that_it_depends_on(blocks: EarlyBlocks, joined: EarlyBlocks, tmp_path: Path) -> None:
    pixels = texture(40, 50)
    other = Preparation(PLAIN.names, PLAIN.channels, PLAIN.low, (200.0,) * 3, PLAIN.clipped)
    ways: list[tuple[PreparedImages, EarlyBlocks, tuple[float, float], float, str]] = [
        (prepared(pixels), blocks, (20, 20), 30, "float32"),
        (prepared(texture(40, 50, 1)), blocks, (20, 20), 30, "float32"),
        (PreparedImages(from_arrays([pixels]), other), blocks, (20, 20), 30, "float32"),
        (prepared(pixels), joined, (20, 20), 30, "float32"),
        (prepared(pixels), blocks, (20, 15), 30, "float32"),
        (prepared(pixels), blocks, (20, 20), 31, "float32"),
        (prepared(pixels), blocks, (20, 20), 30, "bfloat16"),
    ]
    for count, (images, network, patch, region, precision) in enumerate(ways, 1):
        FeatureMaps(images, network, patch, region, CPU, tmp_path, precision)[0]
        assert len(list(tmp_path.rglob("*.h5"))) == count


def test_large_maps_are_read_by_rows_from_the_store(blocks: EarlyBlocks, tmp_path: Path, monkeypatch: Any) -> None:
    images = prepared(texture(150, 110))
    exact = FeatureMaps(images, blocks, (20, 20), 36, CPU)[0]
    monkeypatch.setattr(features, "_LARGE", 10_000)
    found = FeatureMaps(images, blocks, (20, 20), 36, CPU, store=tmp_path)[0]
    assert not isinstance(found.cells, np.ndarray)
    assert found.cells.dtype == np.float16
    centres = np.random.default_rng(0).uniform(0, 110, (200, 2))
    atol = 2e-3 * np.abs(exact.cells).max()
    np.testing.assert_allclose(found.at(centres), exact.at(centres), atol=atol)
    np.testing.assert_allclose(found.resample(5, slice(3, 9)), exact.resample(5, slice(3, 9)), atol=atol)
    np.testing.assert_allclose(found.values, exact.values, atol=atol)


def test_only_the_last_maps_are_held(blocks: EarlyBlocks, monkeypatch: Any) -> None:
    maps = FeatureMaps(prepared(*(texture(40, 50, seed) for seed in range(4))), blocks, (20, 20), 30, CPU)
    monkeypatch.setattr(features, "_HELD", 2 * maps[0].values.nbytes)
    kept = [maps[index] for index in range(4)]
    assert maps[3] is kept[3]
    assert maps[2] is kept[2]
    assert maps[0] is not kept[0]


def test_later_changes_of_the_blocks_do_not_reach_the_maps(tmp_path: Path) -> None:
    blocks, images = open_blocks("zoo:lite0.imagenet.r1[layer=network.blocks.0]", 3, CPU), prepared(texture(40, 50))
    before = FeatureMaps(images, blocks, (20, 20), 30, CPU)[0]
    maps = FeatureMaps(images, blocks, (20, 20), 30, CPU)
    next(blocks.parameters()).data.zero_()
    np.testing.assert_array_equal(maps[0].cells, before.cells)
    assert np.abs(FeatureMaps(images, blocks, (20, 20), 30, CPU)[0].cells - before.cells).max() > 0.1


def test_bfloat16_differs_by_little(blocks: EarlyBlocks) -> None:
    images = prepared(texture(80, 90))
    one, other = (FeatureMaps(images, blocks, (20, 20), 40, CPU, precision=kind)[0] for kind in ("float32", "bfloat16"))
    a, b = (found.cells.reshape(-1, blocks.width) for found in (one, other))  # type: ignore[attr-defined]
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert 0.99 < cosine.min() < 1
    assert not np.array_equal(a, b)


def test_wrong_patches_channels_and_precisions_are_refused(blocks: EarlyBlocks) -> None:
    images = prepared(texture(40, 50))
    for patch, region in (((0, 20), 30), ((20, -1), 30), ((20, 20), 0)):
        with pytest.raises(UsageError):
            FeatureMaps(images, blocks, patch, region, CPU)
    with pytest.raises(UnknownNameError, match="float8"):
        FeatureMaps(images, blocks, (20, 20), 30, CPU, precision="float8")
    one = PreparedImages(images.dataset, Preparation(PLAIN.names, (1,), (0.0,), (255.0,), (0.0,)))
    with pytest.raises(UsageError, match="channels"):
        FeatureMaps(one, blocks, (20, 20), 30, CPU)
