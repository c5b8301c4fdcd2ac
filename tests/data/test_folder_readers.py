"""Folders: recursive, by class, images with masks, splits; what is passed over; every kind of bad input."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsim.data import open_dataset
from dsim.errors import DataError, UnreadableImageError


def refused(path: Path | str, *wanted: str, error: type[DataError] = DataError, **options: bool) -> str:
    """Opening fails; message and fix contain every wanted text."""
    with pytest.raises(error) as caught:
        open_dataset(path, **options)  # type: ignore[arg-type]
    text = str(caught.value)
    assert caught.value.hint, "an error without a fix"
    for part in wanted:
        assert part in text, text
    return text


# Understanding ----------------------------------------------------------------------------------------------------


def test_a_folder_is_searched_to_its_depths_and_ids_are_sorted_paths(tmp_path: Path, write) -> None:
    for name in ("b.png", "a/x.JPG", "a/deep/y.tif", ".hidden/z.png", "__MACOSX/w.png", "a/._x.png"):
        write(name, format={"JPG": "JPEG", "tif": "TIFF"}.get(name.rpartition(".")[2], "PNG"))
    (tmp_path / "notes.txt").write_text("...")
    (tmp_path / "Thumbs.db").write_text("...")
    (tmp_path / "scan.mhd").write_text("...")
    dataset = open_dataset(tmp_path)
    assert dataset.ids == ("a/deep/y", "a/x", "b")
    assert (dataset.labels, dataset.masked, dataset.format) == (None, False, "folder")
    assert dataset.notes == (
        "passed over Thumbs.db, notes.txt: not images",
        "passed over scan.mhd: unknown formats",
    )


def test_class_folders_give_labels(tmp_path: Path, write) -> None:
    for name in ("cat/1.png", "cat/2.png", "dog/1.png"):
        write(name)
    dataset = open_dataset(tmp_path)
    assert (dataset.ids, dataset.labels) == (("cat/1", "cat/2", "dog/1"), ("cat", "cat", "dog"))
    assert dataset.format == "class folders"


def test_folders_that_are_no_classes_give_no_labels(tmp_path: Path, write) -> None:
    for name in ("one/1.png", "two/1.png", "two/deeper/2.png"):
        write(name)
    assert open_dataset(tmp_path).labels is None
    for name in ("s/train/1.png", "s/test/1.png"):
        write(name)
    dataset = open_dataset(tmp_path / "s")
    assert (dataset.labels, dataset.splits) == (None, ("test", "train"))


def test_images_and_masks_are_paired_by_stem(tmp_path: Path, write) -> None:
    mask = np.zeros((12, 16), np.uint8)
    mask[3:5] = 255
    for stem in ("2", "10", "sub/3"):
        write(f"liver/images/{stem}.jpg")
        write(f"liver/masks/{stem}.png", mask)
    (tmp_path / "liver/META.json").write_text("{}")
    dataset = open_dataset(tmp_path / "liver")
    assert (dataset.name, dataset.ids, dataset.masked) == ("liver", ("10", "2", "sub/3"), True)
    np.testing.assert_array_equal(dataset.mask(1), mask)


def test_labels_csv_gives_labels_groups_and_splits(tmp_path: Path, write) -> None:
    for stem in ("a", "b.c"):
        write(f"images/{stem}.png")
    (tmp_path / "labels.csv").write_text("file,label,group,extra\nb.c,no,p2,x\na.png,yes,p1,x\n")
    dataset = open_dataset(tmp_path)
    assert (dataset.labels, dataset.groups, dataset.splits) == (("yes", "no"), ("p1", "p2"), None)


def test_images_without_masks_are_a_dataset_too(tmp_path: Path, write) -> None:
    write("busi/images/1.png")
    write("busi/overview.png")
    dataset = open_dataset(tmp_path / "busi")
    assert (dataset.name, dataset.ids, dataset.masked) == ("busi", ("1",), False)
    assert dataset.notes == ("passed over 1 images beside images/, the first overview.png",)
    assert open_dataset(tmp_path / "busi" / "images").name == "busi"


def test_mixed_sizes_channels_and_depths_in_one_folder(tmp_path: Path, write, rng) -> None:
    write("a.png", rng.integers(0, 256, (5, 7), dtype=np.uint8))
    write("b.png", rng.integers(0, 256, (9, 8, 4), dtype=np.uint8))
    write("c.png", rng.integers(0, 65536, (3, 3), dtype=np.uint16))
    dataset = open_dataset(tmp_path)
    assert dataset.dtypes == ("uint8", "uint8", "uint16")
    assert [dataset.pixels(i).shape for i in range(3)] == [(5, 7, 1), (9, 8, 3), (3, 3, 1)]
    assert dataset.notes == ("alpha dropped (1 of 3 images)",)


def test_frames_of_a_file_are_samples_and_masks_follow(tmp_path: Path, rng) -> None:
    frames = [Image.fromarray(frame) for frame in rng.integers(0, 256, (11, 6, 6), dtype=np.uint8)]
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        frames[0].save(tmp_path / folder / "film.tif", save_all=True, append_images=frames[1:])
    dataset = open_dataset(tmp_path)
    assert dataset.ids[:2] == ("film#00", "film#01")
    assert len(set(dataset.image_digests)) == 11
    np.testing.assert_array_equal(dataset.native(10)[..., 0], np.asarray(frames[10]))
    np.testing.assert_array_equal(dataset.mask(10), np.asarray(frames[10]))


def test_a_single_file_is_a_dataset(tmp_path: Path, write) -> None:
    path = write("cells.ome.tif")
    dataset = open_dataset(path)
    assert (dataset.name, dataset.ids, dataset.format) == ("cells", ("cells",), "image file")


# Identity ---------------------------------------------------------------------------------------------------------


def test_the_fingerprint_is_that_of_ids_and_bytes_not_of_the_place(tmp_path: Path, write) -> None:
    for root in ("one", "two"):
        write(f"{root}/a.png", np.eye(8, dtype=np.uint8))
        write(f"{root}/b.png", np.ones((8, 8), np.uint8))
    one, two = open_dataset(tmp_path / "one"), open_dataset(tmp_path / "two")
    assert one.images_fingerprint == two.images_fingerprint
    write("two/b.png", np.zeros((8, 8), np.uint8))
    assert open_dataset(tmp_path / "two").images_fingerprint != one.images_fingerprint


def test_labels_and_masks_do_not_enter_the_images_fingerprint(tmp_path: Path, write) -> None:
    write("images/a.png")
    before = open_dataset(tmp_path)
    write("masks/a.png")
    (tmp_path / "labels.csv").write_text("file,label\na.png,x\n")
    after = open_dataset(tmp_path)
    assert after.images_fingerprint == before.images_fingerprint
    old = after.masks_fingerprint
    write("masks/a.png", np.zeros((12, 16), np.uint8))
    assert open_dataset(tmp_path).masks_fingerprint != old


def test_a_dataset_travels_to_another_process(tmp_path: Path, write) -> None:
    write("images/a.png")
    write("masks/a.png")
    dataset = open_dataset(tmp_path)
    copy = pickle.loads(pickle.dumps(dataset))
    np.testing.assert_array_equal(copy.native(0), dataset.native(0))
    assert copy.images_fingerprint == dataset.images_fingerprint


# Bad input --------------------------------------------------------------------------------------------------------


def test_an_empty_folder(tmp_path: Path) -> None:
    refused(tmp_path, f"no image in {tmp_path}: it is empty", "put images there")
    (tmp_path / "images").mkdir()
    refused(tmp_path, f"no image in {tmp_path}")


def test_a_folder_of_other_things_tells_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "scan.mhd").write_text("x")
    refused(tmp_path, "no image in", "it holds scan.mhd")


def test_a_parent_of_datasets_is_not_one_dataset(tmp_path: Path, write) -> None:
    write("a/images/1.png")
    write("b/images/1.png")
    refused(tmp_path, "holds 2 datasets (a, ...)", f"{tmp_path}/*")


def test_a_folder_of_masks_without_images_is_refused(tmp_path: Path, write) -> None:
    write("other/2.png")
    write("masks/1.png", np.zeros((12, 16), np.uint8))
    refused(tmp_path, f"{tmp_path / 'masks'} holds masks", "put the images into images/ beside masks/", "[masks=none]")


def test_a_mask_without_image(tmp_path: Path, write) -> None:
    write("images/a.png")
    write("masks/a.png")
    write("masks/b.png")
    refused(tmp_path, f"mask {tmp_path / 'masks/b.png'} has no image (1 of 2 masks)")


def test_a_mask_with_a_slip_in_its_name_names_the_image_that_lacks_one(tmp_path: Path, write) -> None:
    for name in ("images/cell_01.png", "images/cell_02.png", "masks/cell_01.png", "masks/cel_02.png"):
        write(name)
    assert "'cell_02'" in refused(tmp_path, str(tmp_path / "masks/cel_02.png")).partition("masks/cel_02.png")[2]


def test_a_mask_of_another_size(tmp_path: Path, write) -> None:
    write("images/a.png")
    write("masks/a.png", np.zeros((16, 12), np.uint8))
    refused(tmp_path, f"mask {tmp_path / 'masks/a.png'} is 16 x 12", f"image {tmp_path / 'images/a.png'} is 12 x 16")


def test_duplicate_stems(tmp_path: Path, write) -> None:
    write("a.png")
    write("a.jpg")
    refused(tmp_path, str(tmp_path / "a.jpg"), str(tmp_path / "a.png"), "same stem", "rename")
    write("s/images/a.png")
    write("s/masks/a.png")
    write("s/masks/a.tif")
    refused(tmp_path / "s", "a.png", "a.tif", "same stem")


@pytest.mark.parametrize(
    ("table", "wanted"),
    [
        ("file;label\na.png;x\n", "no column 'file'"),
        ("file,label\nmissing.png,x\n", "line 2: there is no image 'missing.png'"),
        ("file,label\na.png,x\na,y\nb.png,y\n", "line 3: 'a' stands on line 2 too"),
        ("file,label\na.png,x\n", "b.png has no label, but 1 of 2 images have one"),
        ("file,label\na.png,x\nb.png,\n", "b.png has no label"),
        ("file,label\na.png,x,more\n", "line 2: more cells than columns"),
        ("file,label\n", "has no rows"),
        ("", "names nothing"),
    ],
)
def test_a_bad_table_of_labels(tmp_path: Path, write, table: str, wanted: str) -> None:
    write("images/a.png")
    write("images/b.png")
    (tmp_path / "labels.csv").write_text(table)
    refused(tmp_path, wanted)


def test_a_truncated_file_is_refused_when_the_dataset_is_opened(tmp_path: Path, write) -> None:
    for name in ("a.png", "b.png", "c.jpg", "d.tif"):
        path = write(name)
        path.write_bytes(path.read_bytes()[:-40])
    refused(tmp_path, str(tmp_path / "a.png"), "(and 3 more files)", "--skip-unreadable", error=UnreadableImageError)


def test_damage_within_a_file_surfaces_when_it_is_read(tmp_path: Path, write) -> None:
    path = write("a.png")
    data = bytearray(path.read_bytes())
    data[60:80] = bytes(20)
    path.write_bytes(data)
    dataset = open_dataset(tmp_path)
    with pytest.raises(UnreadableImageError, match=r"a\.png"):
        dataset.pixels(0)


def test_skip_unreadable_decodes_everything_and_lists_what_it_left_out(tmp_path: Path, write) -> None:
    write("images/good.png")
    write("masks/good.png")
    for stem in ("bad_image", "bad_mask"):
        write(f"images/{stem}.png")
        write(f"masks/{stem}.png")
    for path in (tmp_path / "images/bad_image.png", tmp_path / "masks/bad_mask.png"):
        data = bytearray(path.read_bytes())
        data[60:80] = bytes(20)
        path.write_bytes(data)
    dataset = open_dataset(tmp_path, skip_unreadable=True)
    assert dataset.ids == ("good",)
    assert len(dataset.skipped) == 2
    assert "images/bad_image.png" in dataset.skipped[0]
    assert "masks/bad_mask.png" in dataset.skipped[1]


def test_without_skip_unreadable_nothing_is_skipped(tmp_path: Path, write) -> None:
    write("a.png")
    write("b.png")
    assert open_dataset(tmp_path).skipped == ()
    (tmp_path / "b.png").write_bytes(b"")
    refused(tmp_path, "b.png: it is empty", error=UnreadableImageError)


def test_no_readable_image(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no")
    (tmp_path / "b.png").write_bytes(b"no")
    refused(tmp_path, "no readable image: all 2 files", "a.png", skip_unreadable=True)


def test_a_mask_file_with_fewer_frames_than_its_images(tmp_path: Path, write) -> None:
    frames = [Image.new("L", (6, 6), value) for value in range(3)]
    (tmp_path / "images").mkdir()
    frames[0].save(tmp_path / "images/film.tif", save_all=True, append_images=frames[1:])
    write("masks/film.tif", np.zeros((6, 6), np.uint8))
    refused(tmp_path, "film.tif holds 3 images but its mask", "holds 1")
