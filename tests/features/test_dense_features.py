"""Dense features: maps of a layer, and masks at the same places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dsim.errors import DsimError, UsageError
from dsim.features import DenseExtractor, Network, NetworkInput, Square, Transform, open_dense
from dsim.runtime import Runtime

ZOO = "zoo:asap-resnet18.biomed16.r1"


@pytest.fixture(scope="module")
def dense() -> DenseExtractor:
    return open_dense(f"{ZOO}[layer=backbone.layer2]", Runtime(device="cpu"))


def batch(count: int = 3) -> Any:
    return np.random.default_rng(0).random((count, 3, 64, 64), dtype=np.float32)


def tiny(layer: str, module: Any = None) -> Network:
    """A network of one convolution, stride 4, or another module."""
    from torch import nn

    return Network(module or nn.Sequential(nn.Conv2d(3, 5, 4, stride=4), nn.ReLU()), "cpu", layer, "avg")


def with_transform(transform: Transform) -> DenseExtractor:
    return DenseExtractor(tiny("0"), transform, 16)


def test_maps_averaged_over_space_are_the_pooled_features(dense: DenseExtractor) -> None:
    maps = dense.maps(batch())
    assert maps.shape == (3, 128, 8, 8)
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps.mean(axis=(2, 3)), dense.network(batch()), rtol=1e-4, atol=1e-5)


def test_maps_do_not_depend_on_the_batch(dense: DenseExtractor) -> None:
    together = dense.maps(batch())
    alone = np.concatenate([dense.maps(image[None]) for image in batch()])
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_tokens_become_a_grid_without_the_token_of_the_class() -> None:
    import torch
    from torch import nn

    class Tokens(nn.Module):
        num_prefix_tokens = 1

        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Identity()

        def forward(self, images: Any) -> Any:
            patches = images[:, :, ::32, ::32].flatten(2).transpose(1, 2)
            return self.inner(torch.cat([torch.full_like(patches[:, :1], 9.0), patches], dim=1))[:, 0]

    images = batch()
    np.testing.assert_array_equal(tiny("inner", Tokens()).maps(images), images[:, :, ::32, ::32])


def test_a_layer_of_vectors_has_no_maps() -> None:
    from torch import nn

    network = tiny("2", nn.Sequential(nn.AvgPool2d(64), nn.Flatten(), nn.Linear(3, 7)))
    with pytest.raises(UsageError, match=r"gives \(7,\) per image, not a map"):
        network.maps(batch())


@pytest.mark.parametrize("reference", ["pixels:", ZOO])
def test_an_extractor_without_a_layer_is_refused(reference: str) -> None:
    with pytest.raises(DsimError) as error:
        open_dense(reference, Runtime(device="cpu"))
    assert "maps are needed" in error.value.message
    assert "[layer=NAME]" in str(error.value.hint)


def test_a_mask_follows_the_resizing_of_its_image() -> None:
    mask = np.zeros((100, 40), dtype=np.uint8)
    mask[:50, :20] = 255
    grid = with_transform(Square(64)).mask(mask, (16, 16))
    expected = np.zeros((16, 16))
    expected[:8, :8] = 255
    np.testing.assert_array_equal(grid, expected)


def test_a_mask_follows_the_crop_of_its_image() -> None:
    # 64 x 128 pixels, of which the central 64 x 64 are seen: columns 32 to 95.
    mask = np.zeros((64, 128), dtype=np.uint8)
    mask[:, :48] = 1
    mask[:, 100:] = 2
    grid = with_transform(NetworkInput(side=64, resize=64)).mask(mask, (8, 8))
    np.testing.assert_array_equal(grid[0], [1, 1, 0, 0, 0, 0, 0, 0])


def test_a_mask_lies_where_the_network_saw_the_object() -> None:
    image = np.zeros((90, 70, 3), dtype=np.uint8)
    mask = np.zeros((90, 70), dtype=np.uint8)
    image[30:60, 35:70] = 255
    mask[30:60, 35:70] = 3
    for transform in (Square(64), NetworkInput(side=64, resize=72), NetworkInput(side=64, resize=64, mode="squash")):
        extractor = with_transform(transform)
        seen = transform.apply(image).mean(axis=0).reshape(16, 4, 16, 4).mean(axis=(1, 3))
        bright = seen > (seen.min() + seen.max()) / 2
        np.testing.assert_array_equal(extractor.mask(mask, (16, 16)) == 3, bright)


def test_values_of_masks_are_kept_apart_and_specks_are_background() -> None:
    mask = np.zeros((64, 64), dtype=np.uint16)
    mask[:32, :32], mask[32:, 32:], mask[40, 5] = 300, 7, 9
    grid = with_transform(Square(64)).mask(mask, (16, 16))
    assert set(np.unique(grid).tolist()) == {0, 7, 300}
