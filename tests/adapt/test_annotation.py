"""Promises of reading annotated images: folds keep groups whole, and bad masks are named before any training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsim.adapt import read_annotation
from dsim.data import Dataset, from_arrays, open_dataset
from dsim.errors import DataError, NeedError, UsageError

Partly = Callable[..., Dataset]


@pytest.mark.parametrize(("k", "folds"), [(1, 0), (2, 2), (3, 3), (5, 5), (9, 5)])
def test_up_to_five_images_are_left_out_one_by_one_and_more_a_fifth_at_a_time(
    partly: Partly, k: int, folds: int
) -> None:
    pairs = read_annotation(partly(k)).folds()
    assert len(pairs) == folds
    if folds:
        assert sorted(index for _, test in pairs for index in test) == list(range(k))
        assert all(sorted((*training, *test)) == list(range(k)) for training, test in pairs)


def test_groups_are_never_divided(discs: Callable[..., Dataset]) -> None:
    target = discs(n=6, groups=list("aabbcc"))
    annotation = read_annotation(replace(target, masked=(True,) * 5 + (False,)))
    assert (annotation.independent, annotation.rest, annotation.units) == (3, 1, tuple("aabbc"))
    assert sorted(test for _, test in annotation.folds()) == [(0, 1), (2, 3), (4,)]


def test_a_number_of_folds_that_cannot_be_is_refused(partly: Partly) -> None:
    for wanted in (1, 4):
        with pytest.raises(UsageError) as error:
            read_annotation(partly(3)).folds(wanted)
        assert "3" in (error.value.hint or "")


def test_without_an_annotated_image_the_fix_is_annotate_next(discs: Callable[..., Dataset]) -> None:
    for target in (replace(discs(), masked=False), replace(discs(n=2), masked=(False, False))):
        with pytest.raises(NeedError) as error:
            read_annotation(target)
        assert "annotate-next" in (error.value.hint or "")


def test_masks_without_foreground_are_refused_only_where_all_are_empty() -> None:
    images, masks = np.zeros((3, 8, 8), np.uint8), np.zeros((3, 8, 8), np.uint8)
    with pytest.raises(DataError, match="marks nothing"):
        read_annotation(from_arrays(images, masks=masks))
    masks[1, 2] = 7
    assert read_annotation(from_arrays(images, masks=masks)).empty == 2


def test_a_mask_of_another_size_is_named(tmp_path: Path) -> None:
    for folder, side in (("images", 8), ("masks", 4)):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.full((side, side), 255, np.uint8)).save(tmp_path / folder / "a.png")
    with pytest.raises(DataError, match=r"a\.png is 4 x 4"):
        read_annotation(open_dataset(tmp_path))


def test_images_of_other_channels_are_named() -> None:
    with pytest.raises(DataError, match="5 channels"):
        read_annotation(from_arrays(np.zeros((1, 8, 8, 5), np.uint8), masks=np.ones((1, 8, 8), int)))
