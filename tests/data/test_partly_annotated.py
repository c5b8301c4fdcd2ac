"""Datasets of which some images have masks: what is read, counted, cut and identified."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

import dsim
from dsim.data import Dataset, cut_grid, inspect, open_dataset
from dsim.errors import DataError, NeedError
from dsim.registry import Need

BLANK = np.zeros((6, 12, 16), np.uint8)
DRAWN = (np.arange(6 * 12 * 16).reshape(6, 12, 16) % 7 > 3).astype(np.uint8)


@pytest.fixture
def partly() -> Dataset:
    """Six images; the second and the fifth have masks."""
    masks = [DRAWN[index] if index in (1, 4) else None for index in range(6)]
    return dsim.from_arrays(DRAWN * 9, masks=masks, ids=list("abcdef"), name="partly")


def test_images_without_masks_are_counted_and_the_others_are_read(tmp_path: Path, write) -> None:
    for stem in "abcdef":
        write(f"images/{stem}.png")
    for stem in "be":
        write(f"masks/{stem}.png", DRAWN[0])
    dataset = open_dataset(tmp_path)
    assert (len(dataset), list(dataset.annotated)) == (6, [1, 4])
    np.testing.assert_array_equal(dataset.mask(4), DRAWN[0])
    found = inspect(dataset)
    assert [note for note in found.notes if "2 of 6" in note]
    assert found.annotated == 2
    assert found.foreground == pytest.approx(float(DRAWN[0].mean()))


def test_a_table_may_leave_the_cells_of_masks_empty(tmp_path: Path, write) -> None:
    for name in ("x/a.png", "x/b.png", "m/b.png"):
        write(name)
    (tmp_path / "cells.csv").write_text("path,mask\nx/a.png,\nx/b.png,m/b.png\n")
    assert list(open_dataset(tmp_path / "cells.csv").annotated) == [1]


def test_an_archive_may_have_masks_for_one_of_its_splits(tmp_path: Path) -> None:
    np.savez(tmp_path / "cells.npz", test_images=BLANK, train_images=BLANK, train_masks=DRAWN)
    dataset = open_dataset(tmp_path / "cells.npz")
    assert {dataset.splits[index] for index in dataset.annotated} == {"train"}
    assert len(dataset.annotated) == 6
    np.testing.assert_array_equal(dataset.mask(8), DRAWN[2])


def test_the_mask_of_an_image_without_one_is_an_error_that_names_it(partly: Dataset) -> None:
    with pytest.raises(NeedError, match="'c'") as caught:
        partly.mask(2)
    assert "annotated_part" in caught.value.hint
    assert not partly.has_mask(2)


def test_the_annotated_part_is_the_images_with_masks(partly: Dataset) -> None:
    part = partly.annotated_part()
    assert (part.ids, part.name, part.masked, part.annotation) == (("b", "e"), "partly", True, "")
    np.testing.assert_array_equal(part.mask(1), DRAWN[4])
    whole = dsim.from_arrays(BLANK, masks=DRAWN)
    assert whole.annotated_part() is whole
    with pytest.raises(NeedError, match="'bare'"):
        dsim.from_arrays(BLANK, name="bare").annotated_part()


def test_subsets_patches_and_pickles_keep_which_images_have_masks(partly: Dataset) -> None:
    assert list(partly.subset([4, 0, 1]).annotated) == [0, 2]
    assert partly.subset([0, 2]).masked is False
    patches = pickle.loads(pickle.dumps(cut_grid(partly, 8)))
    assert {patches.ids[index][0] for index in patches.annotated} == {"b", "e"}
    assert not patches.has(Need.MASKS) or patches.masks_fingerprint
    np.testing.assert_array_equal(patches.mask(patches.annotated[0]), DRAWN[1][:8, :8])


def test_masks_of_all_or_of_none_are_as_ever(partly: Dataset) -> None:
    assert dsim.from_arrays(BLANK, masks=[None] * 6).masked is False
    assert dsim.from_arrays(BLANK, masks=list(DRAWN)).masked is True
    with pytest.raises(DataError, match="6 samples"):
        Dataset("odd", partly.ids, partly.backing, masked=(True, False))


def test_the_fingerprint_of_masks_is_of_those_there_are(partly: Dataset) -> None:
    """Fully annotated, it must stay what it was: caches and truths are known by it."""
    one, other = ([DRAWN[0] if index == at else None for index in range(6)] for at in (0, 1))
    prints = {dsim.from_arrays(BLANK, masks=masks).masks_fingerprint for masks in (one, other, [DRAWN[0]] * 6)}
    assert len(prints) == 3
    assert dsim.from_arrays(BLANK[:2], masks=[DRAWN[0], None]).masks_fingerprint == (
        dsim.from_arrays(BLANK[:1], masks=DRAWN[:1]).masks_fingerprint
    )
    assert dsim.from_arrays(BLANK[:2], masks=DRAWN[:2]).masks_fingerprint.startswith("79f15c395d1615d3")
    assert partly.fingerprint([Need.IMAGES, Need.MASKS]) != partly.fingerprint([Need.IMAGES])
    with pytest.raises(NeedError):
        _ = dsim.from_arrays(BLANK).masks_fingerprint


def test_a_volume_may_lack_its_mask_and_a_cut_across_has_none_where_one_slice_lacks_it(tmp_path: Path) -> None:
    import tifffile

    for name in ("images/a.tif", "images/b.tif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        tifffile.imwrite(tmp_path / name, DRAWN, photometric="minisblack")
    (tmp_path / "masks").mkdir()
    tifffile.imwrite(tmp_path / "masks/b.tif", DRAWN, photometric="minisblack")
    for options in ("", "[axis=y]"):
        dataset = open_dataset(f"{tmp_path}{options}")
        assert {dataset.ids[index][0] for index in dataset.annotated} == {"b"}
