"""Annotated images of a target are checked before a choice rests on them: sizes, classes, empty masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import dsim
from dsim.errors import DataError
from dsim.recommend.annotations import check_annotations


def target(masks: Sequence[Any], side: int = 8) -> dsim.Dataset:
    images = [np.full((side, side), shade, np.uint8) for shade in range(len(masks))]
    return dsim.from_arrays(images, masks=list(masks), name="mine", ids=[f"i{n}" for n in range(len(masks))])


def square(value: int = 255, side: int = 8) -> Any:
    mask = np.zeros((side, side), np.uint8)
    mask[2:5, 2:5] = value
    return mask


def test_a_target_without_masks_and_one_with_sound_masks_are_left_as_they_are() -> None:
    for given in (target([None, None]), target([square(), None, square(255)])):
        assert check_annotations(given) == (given, ())


def test_masks_of_another_size_are_refused_and_named(tmp_path: Path) -> None:
    for name, side in (("a", 8), ("b", 6), ("c", 5)):
        for folder, size in (("images", 8), ("masks", side)):
            path = tmp_path / "mine" / folder / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(square(side=size)).save(path)
    with pytest.raises(DataError) as caught:
        dsim.open_dataset(tmp_path / "mine")
    assert all(word in caught.value.message for word in ("masks/b.png", "6 x 6", "8 x 8"))


@pytest.mark.parametrize("count", [1, 3])
def test_empty_masks_on_all_annotated_images_are_not_used_and_that_is_said(count: int) -> None:
    found, (note,) = check_annotations(target([*[square(0)] * count, None]))
    assert not found.annotated
    assert "marks nothing" in note
    assert len(found) == count + 1


def test_one_empty_mask_beside_another_is_an_annotation_like_any_other() -> None:
    assert check_annotations(target([square(0), square(), None]))[0].annotated == (0, 1)


def test_masks_of_several_classes_are_refused_until_one_is_chosen() -> None:
    two = square(1)
    two[6:, 6:] = 2
    given = target([two, None])
    with pytest.raises(DataError) as caught:
        check_annotations(given)
    assert "--foreground mine=2" in (caught.value.hint or "")
    for foreground, pixels in (({"mine": (2,)}, 4), ({"": (1,)}, 9), ({"": None}, 13)):
        found, notes = check_annotations(given, foreground)
        assert (int((found.mask(0) == 255).sum()), set(np.unique(found.mask(0))), notes) == (pixels, {0, 255}, ())
        assert found.images_fingerprint == given.images_fingerprint
        assert found.masks_fingerprint != given.masks_fingerprint
    with pytest.raises(DataError, match="7"):
        check_annotations(given, {"": (7,)})


def test_a_thousand_masks_are_not_all_read(monkeypatch: pytest.MonkeyPatch) -> None:
    given = target([square()] * 200)
    read: list[str] = []
    mask: Callable[..., Any] = dsim.Dataset.mask

    def count(self: dsim.Dataset, index: int) -> Any:
        read.append(self.ids[index])
        return mask(self, index)

    monkeypatch.setattr(dsim.Dataset, "mask", count)
    check_annotations(given)
    assert len(set(read)) <= 64
