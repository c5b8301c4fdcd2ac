"""Promises of the pairs: masks are binary or the user chose, sizes fit, large images give several patches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from dsim.data import Dataset, from_arrays
from dsim.errors import DataError, NeedError, UsageError
from dsim.models import SegmentationRecipe
from dsim.transfer.segmentation.pairs import check_masks, gather_pairs, is_foreground, parse_foreground


def with_masks(*values: int, name: str = "organs") -> Dataset:
    masks = np.zeros((len(values), 8, 8), np.uint8)
    masks[:, :4] = np.array(values)[:, None, None]
    return from_arrays(np.zeros((len(values), 8, 8), np.uint8), masks=masks, name=name)


def test_binary_masks_pass_and_tell_what_calling_everything_foreground_scores() -> None:
    assert check_masks(with_masks(255, 255), {}, "segmentation") == pytest.approx(2 * 0.5 / 1.5)
    assert check_masks(with_masks(255, 0), {}, "segmentation") == pytest.approx(1 / 3)


def test_a_dataset_without_masks_is_an_error_with_a_fix() -> None:
    bare = from_arrays(np.zeros((2, 8, 8), np.uint8), name="bare")
    with pytest.raises(NeedError, match="'bare' has no masks, and segmentation needs them"):
        check_masks(bare, {}, "segmentation")


def test_masks_of_several_classes_are_listed_with_the_option_that_chooses() -> None:
    with pytest.raises(DataError, match="masks of 'organs' are not binary: their values are 0, 1, 2") as caught:
        check_masks(with_masks(1, 2), {}, "segmentation")
    assert "--foreground organs=2" in str(caught.value.hint)


def test_chosen_classes_are_the_foreground() -> None:
    organs = with_masks(1, 2, 2)
    for chosen, share in (((1,), 1 / 3), ((2,), 2 / 3), ((1, 2), 1.0), (None, 1.0)):
        found = check_masks(organs, {"organs": chosen}, "segmentation")
        assert found == pytest.approx(share * 2 * 0.5 / 1.5)
    assert is_foreground(np.array([[0, 1, 2]]), "organs", {"": (1,), "organs": (2,)}).tolist() == [[False, False, True]]


def test_a_class_that_never_occurs_and_masks_without_foreground_are_errors() -> None:
    with pytest.raises(DataError, match="no mask of 'organs' holds 7"):
        check_masks(with_masks(1, 2), {"": (7,)}, "segmentation")
    with pytest.raises(DataError, match="no mask of 'organs' has any foreground"):
        check_masks(with_masks(0, 0), {}, "segmentation")


def test_foreground_is_read_from_the_command_line() -> None:
    assert parse_foreground(["2,1", "a=b=3", "liver=all"]) == {"": (1, 2), "a=b": (3,), "liver": None}
    with pytest.raises(UsageError, match="--foreground liver names no values"):
        parse_foreground(["liver"])


def test_a_mask_of_another_size_is_named(tiny: SegmentationRecipe) -> None:
    from dsim.transfer.segmentation.pairs import read_pair

    class Wrong:
        def image(self, index: int) -> np.ndarray:
            return np.zeros((8, 8, 1), np.uint8)

        def mask(self, index: int) -> np.ndarray:
            return np.ones((8, 9), np.uint8)

        def image_digest(self, index: int) -> str:
            return "0"

        mask_digest = image_digest

    with pytest.raises(DataError, match="image 'x' of 'odd' has 8 x 8 pixels, and its mask 8 x 9"):
        read_pair(Dataset("odd", ("x",), Wrong(), masked=True), 0, {})


def test_small_images_are_scaled_and_mirrored_to_one_square(
    discs: Callable[..., Dataset], tiny: SegmentationRecipe
) -> None:
    pairs = gather_pairs(discs(side=40), range(3), tiny, {})
    assert [tuple(planes.shape) for planes in pairs.planes] == [(4, 16, 16)] * 3
    assert {int(v) for planes in pairs.planes for v in planes[3].unique()} == {0, 255}
    assert [part.tolist() for part in pairs.draws()] == [[0, 1, 2]]


def test_at_native_size_a_large_image_gives_several_patches_of_itself(discs: Callable[..., Dataset]) -> None:
    recipe = SegmentationRecipe(side=0, patch=16, width=8, levels=2)
    pairs = gather_pairs(discs(n=2, side=64), range(2), recipe, {})
    assert [part.tolist() for part in pairs.draws()] == [[0] * 16 + [1] * 16]
    generator = torch.Generator().manual_seed(0)
    windows = pairs.windows(torch.tensor([0] * 8), 16, generator)
    assert windows.shape == (8, 4, 16, 16)
    assert len({window.sum().item() for window in windows}) > 1
    assert sum(len(tiles) for tiles in pairs.tiles()) == 2 * 25
