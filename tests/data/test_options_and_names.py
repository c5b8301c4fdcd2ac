"""Promise: options of a path and names written by hand mean what they say; nothing is paired wrongly or lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from dsim.data import open_dataset
from dsim.data.formats import decode
from dsim.errors import DataError, UsageError

Draw = Callable[..., None]


@pytest.fixture
def draw(tmp_path: Path) -> Draw:
    """Write an image of noise, or a mask with one square of a value, below the folder of the test."""
    rng = np.random.default_rng(0)

    def write(name: str, value: int | None = None) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 255, (16, 16), dtype=np.uint8)
        if value is not None:
            pixels = np.zeros((16, 16), np.uint8)
            pixels[2:8, 2:8] = value
        Image.fromarray(pixels).save(path)

    return write


def write_stack(folder: Path, depth: int) -> None:
    (folder / "images").mkdir()
    pixels = np.random.default_rng(1).integers(0, 255, (depth, 16, 16), dtype=np.uint8)
    tifffile.imwrite(folder / "images" / "stack.tif", pixels, photometric="minisblack")


def test_a_mask_named_with_other_leading_zeros_is_that_of_its_slice(tmp_path: Path, draw: Draw) -> None:
    write_stack(tmp_path, 12)
    draw("masks/stack#3.png", 255)
    draw("masks/stack#0011.png", 255)

    assert open_dataset(tmp_path).annotated == (3, 11)


def test_two_masks_of_one_slice_are_refused_whatever_their_zeros(tmp_path: Path, draw: Draw) -> None:
    write_stack(tmp_path, 12)
    draw("masks/stack#3.png", 255)
    draw("masks/stack#03.png", 255)

    with pytest.raises(DataError) as caught:
        open_dataset(tmp_path)
    assert "stack#3.png" in caught.value.message
    assert "stack#03.png" in caught.value.message


def test_masks_that_a_cut_along_another_axis_cannot_use_are_noted(tmp_path: Path, draw: Draw) -> None:
    write_stack(tmp_path, 5)
    draw("masks/stack#3.png", 255)

    dataset = open_dataset(tmp_path, axis="y")

    assert not dataset.masked
    assert any("masks" in note and "stack" in note for note in dataset.notes)


def test_masks_of_slices_that_were_not_chosen_are_noted(tmp_path: Path, draw: Draw) -> None:
    write_stack(tmp_path, 5)
    draw("masks/stack#0.png", 255)

    assert not any("chosen" in note for note in open_dataset(tmp_path).notes)
    central = open_dataset(tmp_path, slices="central")
    assert not central.masked
    assert any("masks" in note and "1" in note for note in central.notes)


def test_notes_on_masks_count_those_of_slices(tmp_path: Path, draw: Draw) -> None:
    write_stack(tmp_path, 2)
    draw("masks/stack#0.png", 255)
    drawn = Image.new("RGBA", (16, 16), "white")
    drawn.putalpha(Image.open(tmp_path / "masks/stack#0.png"))
    drawn.save(tmp_path / "masks/stack#1.png")

    dataset = open_dataset(tmp_path)

    assert any("transparency" in note and "1 of 2" in note for note in dataset.notes)
    assert dataset.mask(1).any()
    assert not dataset.mask(1).all()


def test_a_star_does_not_run_on_into_a_longer_number(tmp_path: Path, draw: Draw) -> None:
    for case in ("p1", "p2"):
        for time in (1, 2, 10):
            draw(f"{case}_t{time}.png")
        draw(f"{case}_seg.png", 255)

    dataset = open_dataset(f"{tmp_path}[images=*_t1,masks=*_seg]")

    assert dataset.ids == ("p1_t1", "p2_t1")
    assert dataset.masked is True


@pytest.mark.parametrize("ending", ["PNG", "png", "drawn"])
def test_a_pattern_takes_the_ending_that_the_files_have(tmp_path: Path, draw: Draw, ending: str) -> None:
    for name in "ab":
        draw(f"{name}.jpg")
        draw(f"{name}_m.png", 255)
        (tmp_path / f"{name}_m.png").rename(tmp_path / f"{name}_m.{ending}")

    dataset = open_dataset(f"{tmp_path}[images=*.jpg,masks=*_m.{ending}]")

    assert dataset.ids == ("a", "b")
    assert dataset.masked is True


@pytest.mark.parametrize("place", ["{top}/other", "../other", "a/../../other"])
def test_options_do_not_reach_outside_the_path(tmp_path: Path, draw: Draw, place: str) -> None:
    draw("other/secret.png")
    draw("data/a.png")
    for option in ("images={},masks=none", "masks={}"):
        with pytest.raises(UsageError) as caught:
            open_dataset(f"{tmp_path}/data[{option.format(place.format(top=tmp_path))}]")
        assert "other" in caught.value.message


@pytest.mark.parametrize("folder", ["", "images/"])
def test_a_channel_that_no_file_is_named_by_is_refused(tmp_path: Path, draw: Draw, folder: str) -> None:
    draw(f"{folder}a.png")
    draw(f"{folder}b.png")
    with pytest.raises(DataError) as caught:
        open_dataset(f"{tmp_path}[channel=3]")
    assert "channel=3" in caught.value.message


def test_a_table_of_labels_may_write_folders_as_windows_does(tmp_path: Path, draw: Draw) -> None:
    draw("images/day1/a.png")
    (tmp_path / "labels.csv").write_text("file,label\nday1\\a.png,old\n", encoding="utf-8")
    assert open_dataset(tmp_path).labels == ("old",)


def test_a_table_of_labels_with_an_absolute_path_is_refused_with_its_line(tmp_path: Path, draw: Draw) -> None:
    draw("images/a.png")
    (tmp_path / "labels.csv").write_text("file,label\n/data/a.png,old\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        open_dataset(tmp_path)
    assert "line 2" in caught.value.message
    assert "/data/a.png" in caught.value.message


def test_a_link_to_itself_does_not_hide_its_folder(tmp_path: Path, draw: Draw) -> None:
    draw("a.png")
    (tmp_path / "ring").symlink_to("ring")
    assert open_dataset(tmp_path).ids == ("a",)


def test_a_float_mask_with_a_sign_for_missing_values_is_refused(tmp_path: Path, draw: Draw) -> None:
    draw("images/a.png")
    (tmp_path / "masks").mkdir()
    mask = np.zeros((16, 16), np.float32)
    mask[:2] = np.finfo(np.float32).min
    tifffile.imwrite(tmp_path / "masks" / "a.tif", mask)
    dataset = open_dataset(tmp_path)
    with pytest.raises(DataError) as caught:
        dataset.mask(0)
    assert "a.tif" in caught.value.message


@pytest.mark.parametrize("lossless", [True, False])
def test_a_webp_is_lossy_or_not_whatever_stands_before_its_pixels(tmp_path: Path, lossless: bool) -> None:
    mask = np.zeros((64, 64, 3), np.uint8)
    mask[8:40, 8:40] = 250
    path = tmp_path / "mask.webp"
    Image.fromarray(mask).save(path, quality=20, lossless=lossless, icc_profile=bytes(range(256)) * 4)
    assert np.unique(decode.read_mask(path)).tolist() == ([0, 250] if lossless else [0, 255])


def test_a_folder_of_empty_folders_is_not_called_empty(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    with pytest.raises(DataError) as caught:
        open_dataset(tmp_path)
    assert "images/" in caught.value.message


def test_objects_of_a_table_are_numbered_as_their_lines(tmp_path: Path, draw: Draw) -> None:
    draw("a.png")
    draw("m10.png", 255)
    Image.fromarray(np.eye(16, dtype=np.uint8)[::-1].copy()).save(tmp_path / "m2.png")
    (tmp_path / "manifest.csv").write_text("path,mask\na.png,m10.png\na.png,m2.png\n", encoding="utf-8")

    dataset = open_dataset(tmp_path)

    assert dataset.mask(0)[2, 2] == 1
    assert dataset.mask(0)[15, 0] == 2
    assert any("lines" in note for note in dataset.notes)
