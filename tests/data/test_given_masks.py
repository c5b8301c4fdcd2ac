"""Masks that lie elsewhere than their images, and pre-labels that nobody has corrected."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dsim
from dsim.data import open_dataset, unchanged_prelabels, with_masks, without_unchanged
from dsim.errors import DataError

DRAWN = (np.arange(12 * 16).reshape(12, 16) % 7 > 3).astype(np.uint8)


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """A folder outside the dataset, with the mask of ``b`` and of ``in/c``."""
    for name in ("b", "in/c"):
        path = tmp_path / "drawn" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(DRAWN * 255).save(path)
    return tmp_path / "drawn"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images, one of them in a folder of its own."""
    for name in ("a", "b", "in/c"):
        path = tmp_path / "cells" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(DRAWN * 9).save(path)
    return tmp_path / "cells"


def test_masks_of_another_folder_belong_to_the_images_of_their_names(folder: Path, masks: Path) -> None:
    found = pickle.loads(pickle.dumps(with_masks(open_dataset(folder), [masks])))
    assert [found.ids[index] for index in found.annotated] == ["b", "in/c"]
    np.testing.assert_array_equal(found.mask(1) > 0, DRAWN > 0)
    assert [note for note in found.notes if str(masks) in note]
    assert found.masks_fingerprint


def test_masks_may_be_given_to_arrays_and_join_those_that_are_there(masks: Path) -> None:
    blank = np.zeros((3, 12, 16), np.uint8)
    own = dsim.from_arrays(blank, masks=[DRAWN, None, None], ids=["a", "b", "in/c"])
    found = with_masks(own, [masks])
    assert list(found.annotated) == [0, 1, 2]
    np.testing.assert_array_equal(found.mask(0), DRAWN)
    np.testing.assert_array_equal(found.subset([2]).mask(0) > 0, DRAWN > 0)
    assert found.masks_fingerprint != own.masks_fingerprint


def test_the_last_of_several_folders_counts(folder: Path, masks: Path, tmp_path: Path) -> None:
    (tmp_path / "later").mkdir()
    Image.fromarray(255 - DRAWN * 255).save(tmp_path / "later" / "b.png")
    found = with_masks(open_dataset(folder), [masks, tmp_path / "later"])
    np.testing.assert_array_equal(found.mask(1) > 0, DRAWN == 0)


def test_masks_that_do_not_belong_are_refused_by_name(folder: Path, masks: Path, tmp_path: Path) -> None:
    cells = open_dataset(folder)
    with pytest.raises(DataError, match="nowhere"):
        with_masks(cells, [tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty"):
        with_masks(cells, [tmp_path / "empty"])
    Image.fromarray(DRAWN[:5]).save(masks / "a.png")
    with pytest.raises(DataError, match=r"a\.png.*'a'") as caught:
        with_masks(cells, [masks])
    assert "resize" in caught.value.hint
    (masks / "a.png").rename(masks / "bb.png")
    with pytest.raises(DataError, match=r"bb\.png"):
        with_masks(cells, [masks])


def test_without_a_journal_no_mask_is_taken_for_a_pre_label(folder: Path, masks: Path) -> None:
    found = with_masks(open_dataset(folder), [masks])
    assert unchanged_prelabels(found) == ()
    assert without_unchanged(found) is found
