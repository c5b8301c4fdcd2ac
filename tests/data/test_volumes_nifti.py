"""NIfTI volumes: what nibabel reads, upright, with masks; time points; every kind of damage."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import tifffile

from dsim.data import open_dataset
from dsim.data.formats import decode, nifti
from dsim.data.formats import nifti as kept
from dsim.errors import DataError, UnreadableImageError

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
RAS = np.eye(4)


def save(path: Path, values: np.ndarray, affine: np.ndarray | None = LPS, **fields: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nibabel.Nifti1Image(values, affine)
    if "slope" in fields:
        image.header.set_slope_inter(fields["slope"], fields.get("inter", 0))
    nibabel.save(image, path)
    return path


@pytest.fixture
def scan(rng: np.random.Generator) -> np.ndarray:
    """(x, y, z) in Hounsfield units."""
    return rng.integers(-1024, 2000, (6, 5, 7)).astype(np.int16)


def shown(values: np.ndarray, z: int) -> np.ndarray:
    """A slice of a volume whose axes run to the left, to posterior and to superior, as it is looked at."""
    return values[:, :, z].T


# What is read -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
def test_slices_are_those_that_nibabel_reads(tmp_path: Path, scan, name: str) -> None:
    path = save(tmp_path / name, scan)
    dataset = open_dataset(path, slices=3)
    assert (dataset.name, dataset.ids) == ("scan[slices=3]", ("scan#1", "scan#3", "scan#5"))
    theirs = np.asarray(nibabel.load(path).dataobj)
    for index, z in enumerate((1, 3, 5)):
        np.testing.assert_array_equal(dataset.native(index)[..., 0], shown(theirs, z))
    assert dataset.dtypes == ("float32",) * 3
    assert dataset.native(0).dtype == np.float32


@pytest.mark.parametrize(
    "affine", [LPS, RAS, np.diag([-2.0, 1, 3, 1]), np.eye(4)[[1, 0, 2, 3]], np.eye(4)[[0, 2, 1, 3]]]
)
def test_slices_lie_as_nibabel_reorients_them(tmp_path: Path, scan, affine: np.ndarray) -> None:
    """By another way: nibabel's as_reoriented to left and posterior, or inferior where slices run front to back."""
    path = save(tmp_path / "scan.nii", scan, affine)
    image = nibabel.load(path)
    letters = "".join(nibabel.aff2axcodes(image.affine))
    third = letters[2]
    wanted = "LPS" if third in "SI" else "LIA"
    turn = nibabel.orientations.ornt_transform(
        nibabel.io_orientation(image.affine), nibabel.orientations.axcodes2ornt(wanted.replace(wanted[2], third))
    )
    theirs = np.asarray(image.as_reoriented(turn).dataobj)
    ours = open_dataset(path)
    assert len(ours) == 7
    for z in range(7):
        np.testing.assert_array_equal(ours.native(z)[..., 0], theirs[:, :, z].T)


def test_without_directions_the_first_axis_runs_across(tmp_path: Path, scan) -> None:
    path = save(tmp_path / "scan.nii", scan, None)
    dataset = open_dataset(path)
    np.testing.assert_array_equal(dataset.native(2)[..., 0], scan[:, :, 2].T)
    assert dataset.notes == ()


def test_gzipped_and_plain_hold_the_same_pixels_but_are_other_files(tmp_path: Path, scan) -> None:
    plain, zipped = (
        open_dataset(save(tmp_path / "a/scan.nii", scan)),
        open_dataset(save(tmp_path / "scan.nii.gz", scan)),
    )
    for z in range(7):
        np.testing.assert_array_equal(plain.pixels(z), zipped.pixels(z))
    assert plain.ids == zipped.ids
    assert plain.images_fingerprint != zipped.images_fingerprint


def test_negative_values_span_the_range_of_the_whole_dataset(tmp_path: Path, rng) -> None:
    for number in range(3):
        save(tmp_path / f"{number}.nii.gz", rng.integers(-1024, 2000, (6, 5, 7)).astype(np.int16))
    dataset = open_dataset(tmp_path, slices=4)
    scale = dataset.treatment.scales["float32x1"]
    assert -1024 <= scale.low[0] < -500
    assert scale.images == 12
    assert 0 <= dataset.pixels(0).min() < 0.2 < 0.8 < dataset.pixels(0).max() <= 1


def test_slope_and_intercept_are_applied_and_types_share_a_range(tmp_path: Path, rng) -> None:
    stored = rng.integers(0, 4000, (4, 5, 3)).astype(np.int16)
    save(tmp_path / "a.nii", stored, slope=2.0, inter=-1024.0)
    save(tmp_path / "b.nii", stored.astype(np.float64))
    dataset = open_dataset(tmp_path)
    theirs = nibabel.load(tmp_path / "a.nii").get_fdata()
    np.testing.assert_allclose(dataset.native(1)[..., 0], shown(theirs, 1))
    assert theirs.min() < 0
    assert sorted(dataset.treatment.scales) == ["float32x1"]


def test_eight_bits_and_colours_stay_eight_bits(tmp_path: Path, rng) -> None:
    gray = rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)
    save(tmp_path / "gray.nii", gray)
    np.testing.assert_array_equal(open_dataset(tmp_path / "gray.nii").native(1)[..., 0], shown(gray, 1))
    colours = np.zeros((4, 5, 3), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    for name in "RGB":
        colours[name] = rng.integers(0, 256, (4, 5, 3))
    save(tmp_path / "rgb.nii.gz", colours)
    dataset = open_dataset(tmp_path / "rgb.nii.gz")
    assert (dataset.native(0).shape, dataset.dtypes[0]) == ((5, 4, 3), "uint8")
    for channel, name in enumerate("RGB"):
        np.testing.assert_array_equal(dataset.native(2)[..., channel], shown(colours[name], 2))


def test_big_endian_and_nifti_2(tmp_path: Path, scan) -> None:
    image = nibabel.Nifti1Image(scan, LPS, nibabel.Nifti1Header(endianness=">"))
    nibabel.save(image, tmp_path / "big.nii")
    nibabel.save(nibabel.Nifti2Image(scan, LPS), tmp_path / "two.nii.gz")
    for name in ("big.nii", "two.nii.gz"):
        dataset = open_dataset(tmp_path / name)
        np.testing.assert_array_equal(dataset.native(3)[..., 0], shown(scan, 3))


def test_other_axes_are_those_of_the_slices_as_they_are_shown(tmp_path: Path, scan) -> None:
    path = save(tmp_path / "scan.nii.gz", scan)
    coronal, sagittal = open_dataset(path, axis="y"), open_dataset(path, axis="x", slices="central")
    assert (len(coronal), sagittal.ids) == (5, ("scan#x3",))
    np.testing.assert_array_equal(coronal.native(4)[..., 0], scan[:, 4, ::-1].T)
    np.testing.assert_array_equal(sagittal.native(0)[..., 0], scan[3, :, ::-1].T)


def test_a_folder_of_volumes_is_one_dataset_and_each_volume_a_group(tmp_path: Path, rng) -> None:
    for name, depth in (("p1/ct.nii.gz", 9), ("p2/ct.nii.gz", 2), ("p3.nii", 1)):
        save(tmp_path / "ct" / name, rng.integers(-100, 100, (4, 5, depth)).astype(np.int16))
    dataset = open_dataset(tmp_path / "ct", slices=3)
    assert dataset.ids == ("p1/ct#1", "p1/ct#4", "p1/ct#7", "p2/ct#0", "p2/ct#1", "p3")
    assert dataset.groups == ("p1/ct",) * 3 + ("p2/ct",) * 2 + ("p3",)


def test_folders_of_volumes_by_class(tmp_path: Path, scan) -> None:
    for name in ("ill/a", "ill/b", "well/a"):
        save(tmp_path / f"{name}.nii.gz", scan)
    dataset = open_dataset(tmp_path, slices=1)
    assert (dataset.ids, dataset.labels) == (("ill/a#3", "ill/b#3", "well/a#3"), ("ill", "ill", "well"))


# Reading ----------------------------------------------------------------------------------------------------------


def test_a_gzipped_volume_is_decompressed_once_for_all_its_slices(tmp_path: Path, scan, monkeypatch) -> None:
    monkeypatch.setattr(nifti, "KEPT", kept.KeptVolumes())
    for name in "ab":
        save(tmp_path / f"{name}.nii.gz", scan)
    dataset = open_dataset(tmp_path)
    reads: list[object] = []
    plain = nibabel.arrayproxy.ArrayProxy.get_unscaled
    monkeypatch.setattr(nibabel.arrayproxy.ArrayProxy, "get_unscaled", lambda p: reads.append(p) or plain(p))
    for index in range(len(dataset)):
        dataset.native(index)
    assert len(reads) == 2


def test_a_volume_that_is_replaced_is_read_anew(tmp_path: Path, scan) -> None:
    path = save(tmp_path / "scan.nii.gz", scan)
    before = open_dataset(path).native(0)
    save(path, scan + np.int16(7))
    np.testing.assert_array_equal(open_dataset(path).native(0), before + 7)


# Masks ------------------------------------------------------------------------------------------------------------


def test_masks_are_turned_and_sliced_as_their_images(tmp_path: Path, scan, rng) -> None:
    mask = rng.integers(0, 4, scan.shape).astype(np.int32)
    save(tmp_path / "images/p1.nii.gz", scan, RAS)
    save(tmp_path / "masks/p1.nii", mask, RAS)
    dataset = open_dataset(tmp_path, slices=2)
    assert (dataset.masked, dataset.format) == (True, "images and masks[slices=2]")
    for index, z in enumerate((1, 5)):
        np.testing.assert_array_equal(dataset.mask(index), mask[::-1, ::-1, z].T)
        assert dataset.mask(index).shape == dataset.native(index).shape[:2]


def test_one_mask_serves_every_time_point(tmp_path: Path, scan) -> None:
    save(tmp_path / "images/p1.nii", np.stack([scan, scan + np.int16(9)], axis=-1))
    save(tmp_path / "masks/p1.nii", (scan > 0).astype(np.uint8))
    dataset = open_dataset(tmp_path, time=1)
    np.testing.assert_array_equal(dataset.mask(6) > 0, shown(scan, 6) > 0)
    np.testing.assert_array_equal(dataset.native(6)[..., 0], shown(scan, 6) + 9)


@pytest.mark.parametrize(
    ("mask", "affine", "wanted"),
    [
        (np.zeros((6, 5, 6), np.uint8), LPS, "holds 7 images but its mask .* holds 6"),
        (np.zeros((6, 6, 7), np.uint8), LPS, "is 6 x 6 pixels"),
        (np.zeros((6, 5, 7), np.uint8), RAS, "has the directions RAS, but its image .* LPS"),
    ],
)
def test_a_mask_on_another_grid_is_refused(tmp_path: Path, scan, mask, affine, wanted: str) -> None:
    save(tmp_path / "images/p1.nii", scan)
    save(tmp_path / "masks/p1.nii", mask, affine)
    with pytest.raises(DataError, match=wanted):
        open_dataset(tmp_path)


def test_a_mask_of_another_format_is_refused(tmp_path: Path, scan) -> None:
    """A stack of pictures does not say which of its ends is the feet."""
    save(tmp_path / "images/p1.nii", scan)
    (tmp_path / "masks").mkdir()
    tifffile.imwrite(tmp_path / "masks/p1.tif", np.zeros((7, 5, 6), np.uint8), photometric="minisblack")
    with pytest.raises(DataError, match=r"is a picture, but its image .* is a NIfTI"):
        open_dataset(tmp_path)


# What is refused --------------------------------------------------------------------------------------------------


def test_pictures_and_volumes_in_one_folder_are_refused(tmp_path: Path, scan, write) -> None:
    save(tmp_path / "a.nii.gz", scan)
    write("preview.png")
    with pytest.raises(DataError, match=r"mixes pictures and volumes.*a\.nii\.gz \(NIfTI\) and preview\.png") as caught:
        open_dataset(tmp_path)
    assert "folder" in (caught.value.hint or "")


def test_the_time_point_of_a_4d_volume_must_be_chosen(tmp_path: Path, scan) -> None:
    values = np.stack([scan, scan + np.int16(5)], axis=-1)
    path = save(tmp_path / "bold.nii.gz", values)
    with pytest.raises(DataError, match=r"bold\.nii\.gz has 2 time points") as caught:
        open_dataset(path)
    assert "[time=0]" in (caught.value.hint or "")
    dataset = open_dataset(f"{path}[time=1]")
    assert (len(dataset), dataset.ids[0]) == (7, "bold#07")
    np.testing.assert_array_equal(dataset.native(4)[..., 0], shown(values[..., 1], 4))
    assert dataset.images_fingerprint != open_dataset(path, time=0).images_fingerprint
    with pytest.raises(DataError, match="has 2 time points, and no number 2"):
        open_dataset(path, time=2)


def test_one_time_point_needs_no_choice_and_vectors_are_refused(tmp_path: Path, scan) -> None:
    assert len(open_dataset(save(tmp_path / "one.nii", scan[..., None]))) == 7
    with pytest.raises(UnreadableImageError, match=r"has 5 axes, 6 x 5 x 7 x 1 x 3: vectors are not read"):
        open_dataset(save(tmp_path / "field.nii", np.zeros((6, 5, 7, 1, 3), np.float32)))


def test_zero_slices_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "empty.nii", np.zeros((6, 5, 1), np.int16))
    data = bytearray(path.read_bytes())
    data[46:48] = (0).to_bytes(2, "little")
    path.write_bytes(data)
    with pytest.raises(UnreadableImageError, match=r"empty\.nii: it has zero slices"):
        open_dataset(path)


def test_nan_and_complex_are_refused(tmp_path: Path) -> None:
    values = np.zeros((4, 4, 2), np.float32)
    values[0, 0, 1] = np.nan
    with pytest.raises(UnreadableImageError, match=r"nan\.nii holds pixels that are not finite"):
        open_dataset(save(tmp_path / "nan.nii", values)).native(1)
    with pytest.raises(UnreadableImageError, match="complex64"):
        open_dataset(save(tmp_path / "k.nii", values.astype(np.complex64))).native(0)


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
def test_a_truncated_file_is_refused_when_it_is_opened(tmp_path: Path, scan, name: str) -> None:
    whole = save(tmp_path / name, scan).read_bytes()
    cut = tmp_path / "cut" / name
    cut.parent.mkdir()
    for length in (0, 100, 340, len(whole) // 2, len(whole) - 9, len(whole) - 1):
        cut.write_bytes(whole[:length])
        with pytest.raises(UnreadableImageError, match=str(cut)):
            open_dataset(cut)
    save(tmp_path / "set/whole.nii", scan)
    (tmp_path / "set" / name).write_bytes(whole[: len(whole) // 2])
    skipped = open_dataset(tmp_path / "set", skip_unreadable=True)
    assert (len(skipped), len(skipped.skipped)) == (7, 1)


def test_a_file_of_several_gzip_members_is_whole(tmp_path: Path, scan) -> None:
    whole = save(tmp_path / "scan.nii", scan).read_bytes()
    zipped = tmp_path / "parts.nii.gz"
    zipped.write_bytes(gzip.compress(whole[:400]) + gzip.compress(whole[400:]))
    np.testing.assert_array_equal(open_dataset(zipped).native(2)[..., 0], shown(scan, 2))
    zipped.write_bytes(gzip.compress(whole[:400]) + gzip.compress(whole[400:-4]))
    with pytest.raises(UnreadableImageError, match="breaks off"):
        open_dataset(zipped)


def test_a_bomb_is_refused_by_its_header(tmp_path: Path, scan) -> None:
    with pytest.raises(UnreadableImageError, match="decompression bomb"):
        open_dataset(save(tmp_path / "scan.nii", scan), max_pixels=20)


def test_the_format_is_told_by_the_first_bytes(tmp_path: Path, scan) -> None:
    (tmp_path / "scan.nii").write_bytes(b"no NIfTI")
    with pytest.raises(UnreadableImageError, match="not an image of a known format"):
        open_dataset(tmp_path / "scan.nii")
    assert decode.headers(save(tmp_path / "other.nii", scan))[0].kind == "NIfTI"
