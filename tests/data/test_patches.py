"""Patches: where they lie, what they keep of their images, and that images are read once for them."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsim.data import Dataset, Patch, boxes_of, cut_boxes, cut_grid, from_arrays, join, open_dataset
from dsim.data.backings import ArraysBacking
from dsim.data.formats import decode
from dsim.errors import DataError, NeedError, UnknownNameError, UsageError
from dsim.features import Square, image_batches


@pytest.fixture
def slides(rng: np.random.Generator) -> Dataset:
    """Three images of 60 x 100 pixels with masks, labels and splits."""
    return from_arrays(
        rng.integers(0, 256, (3, 60, 100, 3), dtype=np.uint8),
        masks=rng.integers(0, 3, (3, 60, 100)),
        labels=["a", "b", "a"],
        ids=["x", "y", "z"],
        name="slides",
    )


def places(patches: Dataset, image: str = "x") -> list[tuple[int, int, int, int]]:
    return [box[1:] for box in boxes_of(patches) if box.image == image]


def test_a_grid_covers_whole_patches_row_by_row(slides: Dataset) -> None:
    patches = cut_grid(slides, 40)
    assert places(patches) == [(0, 0, 40, 40), (40, 0, 40, 40)]
    assert len(patches) == 6
    assert patches.name == "slides-patches"


@pytest.mark.parametrize(
    ("edge", "columns", "rows"),
    [
        ("drop", [(0, 40), (40, 40)], [(0, 40)]),
        ("shift", [(0, 40), (40, 40), (60, 40)], [(0, 40), (20, 40)]),
        ("part", [(0, 40), (40, 40), (80, 20)], [(0, 40), (40, 20)]),
    ],
)
def test_the_edge_rule_decides_on_the_rest(
    slides: Dataset, edge: str, columns: list[tuple[int, int]], rows: list[tuple[int, int]]
) -> None:
    expected = [(x, y, width, height) for y, height in rows for x, width in columns]
    assert places(cut_grid(slides, 40, edge=edge)) == expected


@pytest.mark.parametrize("edge", ["drop", "shift", "part"])
def test_a_grid_that_fits_is_the_same_with_every_edge_rule(slides: Dataset, edge: str) -> None:
    assert places(cut_grid(slides, 20, edge=edge)) == places(cut_grid(slides, 20))
    assert len(places(cut_grid(slides, 20, edge=edge))) == 15


def test_strides_overlap_or_leave_gaps(slides: Dataset) -> None:
    assert places(cut_grid(slides, (60, 40), 30)) == [(0, 0, 40, 60), (30, 0, 40, 60), (60, 0, 40, 60)]
    assert places(cut_grid(slides, (60, 10), (60, 45))) == [(0, 0, 10, 60), (45, 0, 10, 60), (90, 0, 10, 60)]


@pytest.mark.parametrize("edge", ["shift", "part"])
def test_a_small_image_is_one_patch(slides: Dataset, edge: str) -> None:
    assert places(cut_grid(slides, 128, edge=edge)) == [(0, 0, 100, 60)]


def test_pixels_and_masks_are_windows_of_the_images(slides: Dataset) -> None:
    patches = cut_grid(slides, 32, 17, edge="part")
    for index, (image, x, y, width, height) in enumerate(boxes_of(patches)):
        whole = slides.ids.index(image)
        window = slice(y, y + height), slice(x, x + width)
        np.testing.assert_array_equal(patches.native(index), slides.native(whole)[window])
        np.testing.assert_array_equal(patches.mask(index), slides.mask(whole)[window])


def test_labels_are_kept_and_patches_of_an_image_share_a_group(slides: Dataset) -> None:
    patches = cut_grid(slides, 50)
    assert patches.labels == ("a", "a", "b", "b", "a", "a")
    assert patches.groups == ("x", "x", "y", "y", "z", "z")
    grouped = from_arrays(np.zeros((2, 8, 8), np.uint8), groups=["patient", "patient"])
    assert set(cut_grid(grouped, 4).groups or ()) == {"patient"}


def test_boxes_are_taken_as_given_with_labels_of_their_own(slides: Dataset) -> None:
    boxes = [("z", 90, 0, 10, 60), Patch("x", 0, 1, 2, 3), ("z", 0, 0, 100, 60)]
    patches = cut_boxes(slides, boxes, labels=["tumour", "stroma", "stroma"], name="regions")
    assert boxes_of(patches) == tuple(Patch(*box) for box in boxes)
    assert patches.classes == ("stroma", "tumour")
    assert patches.name == "regions"
    assert cut_boxes(slides, boxes).labels == ("a", "a", "a")


@pytest.mark.parametrize("box", [(-1, 0, 5, 5), (96, 0, 5, 5), (0, 56, 5, 5), (0, 0, 0, 5)])
def test_a_box_beyond_its_image_is_refused_by_name(slides: Dataset, box: tuple[int, int, int, int]) -> None:
    with pytest.raises(DataError) as caught:
        cut_boxes(slides, [("y", *box)])
    assert "'y'" in caught.value.message
    assert "60 x 100" in caught.value.message


def test_what_cannot_be_cut_is_refused(slides: Dataset) -> None:
    with pytest.raises(UnknownNameError, match="'w'"):
        cut_boxes(slides, [("w", 0, 0, 1, 1)])
    with pytest.raises(DataError, match="duplicate"):
        cut_boxes(slides, [("x", 0, 0, 1, 1)] * 2)
    with pytest.raises(DataError, match="labels"):
        cut_boxes(slides, [("x", 0, 0, 1, 1)], labels=[])
    with pytest.raises(UnknownNameError, match="mirror"):
        cut_grid(slides, 8, edge="mirror")
    with pytest.raises(UsageError, match="stride"):
        cut_grid(slides, 8, 0)
    with pytest.raises(DataError, match="128"):
        cut_grid(slides, 128)
    with pytest.raises(NeedError, match="numbers"):
        cut_grid(from_arrays(features=np.zeros((2, 2)), name="numbers"), 8)
    with pytest.raises(DataError, match="slides"):
        boxes_of(slides)


def test_subsets_keep_their_boxes_and_patches_can_be_sent_to_another_process(slides: Dataset) -> None:
    patches = cut_grid(slides, 20)
    part = patches.subset([20, 3, 41]).subset([2, 0])
    assert boxes_of(part) == (boxes_of(patches)[41], boxes_of(patches)[20])
    patches.native(0)
    sent = pickle.loads(pickle.dumps(patches))
    np.testing.assert_array_equal(sent.native(7), patches.native(7))
    assert sent.images_fingerprint == patches.images_fingerprint


def test_patches_of_subsets_and_of_joined_datasets(slides: Dataset) -> None:
    part = cut_grid(slides.subset([2]), 50)
    assert [box.image for box in boxes_of(part)] == ["z", "z"]
    both = join([slides, slides.renamed("again")], "both")
    assert cut_grid(both, 50).ids[-1] == "again/z@x50-y0-w50-h50"


def test_identity_is_that_of_the_images_and_the_boxes(slides: Dataset) -> None:
    fingerprint = cut_grid(slides, 20).images_fingerprint
    assert cut_grid(slides, 20, name="other").images_fingerprint == fingerprint
    assert cut_grid(slides, 25).images_fingerprint != fingerprint
    assert cut_grid(slides, 20).masks_fingerprint != fingerprint
    changed = from_arrays(np.stack([slides.native(i) ^ 1 for i in range(3)]), ids=list(slides.ids))
    assert cut_grid(changed, 20).images_fingerprint != fingerprint


def test_deeper_images_stay_scaled_as_in_their_dataset(rng: np.random.Generator) -> None:
    deep = from_arrays(rng.integers(0, 4000, (4, 32, 32)).astype(np.uint16), name="scans")
    patches = cut_grid(deep, 8)
    for chosen in (patches, patches.subset([5, 1]), patches.subset(range(len(patches) - 1, -1, -1))):
        assert chosen.treatment == deep.treatment
    np.testing.assert_array_equal(patches.pixels(5), deep.pixels(0)[8:16, 8:16])
    np.testing.assert_array_equal(patches.subset([5]).pixels(0), patches.pixels(5))
    assert cut_grid(deep.subset([0]), 8).treatment == deep.treatment


@pytest.mark.parametrize("workers", [0, 2])
def test_an_image_is_read_once_for_its_patches(slides: Dataset, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    patches, reads, plain = cut_grid(slides, 20), Counter[int](), ArraysBacking.image

    def image(self: ArraysBacking, index: int) -> Any:
        reads[index] += 1
        return plain(self, index)

    monkeypatch.setattr(ArraysBacking, "image", image)
    batches = list(image_batches(patches, Square(8), 4, workers))
    assert sum(map(len, batches)) == 45
    assert reads == {0: 1, 1: 1, 2: 1}


def test_an_image_that_cannot_be_read_raises_and_is_tried_again(
    slides: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    patches, plain = cut_grid(slides, 20), ArraysBacking.image

    def broken(self: ArraysBacking, index: int) -> Any:
        raise DataError("broken", hint="mend it")

    monkeypatch.setattr(ArraysBacking, "image", broken)
    with pytest.raises(DataError, match="broken"):
        patches.native(0)
    monkeypatch.setattr(ArraysBacking, "image", plain)
    assert patches.native(0).shape == (20, 20, 3)


def test_sizes_of_files_come_from_their_headers(
    write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        write(f"set/{name}.png")
    dataset = open_dataset(tmp_path / "set")
    with monkeypatch.context() as patch:
        patch.setattr(decode, "read", lambda *args: pytest.fail("an image was decoded"))
        patches = cut_grid(dataset, 4)
    assert len(patches) == 2 * 3 * 4
    np.testing.assert_array_equal(patches.native(5), dataset.native(0)[4:8, 4:8])
