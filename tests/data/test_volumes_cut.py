"""Which slices of volumes become images: the closed form, the notation, z-stacks in TIFF, other axes, memory."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path

import numpy as np
import pytest
import tifffile

from dsim.data import Cut, open_dataset
from dsim.data.formats.nifti import KeptVolumes
from dsim.errors import DataError, UnknownNameError, UsageError


def stack(path: Path, shape: tuple[int, ...] = (7, 5, 6), axes: str = "ZYX", dtype: str = "uint8") -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = sum(map(ord, path.name))
    values = np.random.default_rng(seed).integers(0, 250, shape).astype(dtype)
    tifffile.imwrite(path, values, imagej=True, metadata={"axes": axes})
    return values


# The rule ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 7, 10, 31, 155])
def test_k_slices_are_the_middles_of_k_equal_parts(depth: int) -> None:
    for count in range(1, depth + 1):
        found = Cut(slices=count).positions(depth)
        assert found == tuple(int(np.floor((i + 0.5) * depth / count + 1e-9)) for i in range(count))
        assert len(set(found)) == count
        assert found[0] >= 0
        assert found[-1] < depth


def test_central_is_one_slice_and_too_many_are_all() -> None:
    assert Cut(slices="central").positions(7) == Cut(slices=1).positions(7) == (3,)
    assert Cut(slices=9).positions(7) == Cut().positions(7) == tuple(range(7))
    assert Cut(slices=7).positions(7) == tuple(range(7))


@pytest.mark.parametrize("wrong", [{"slices": 0}, {"slices": "some"}, {"slices": True}, {"axis": "w"}, {"time": -1}])
def test_other_values_are_refused(wrong: dict) -> None:
    with pytest.raises(UsageError) as caught:
        Cut(**wrong)
    assert caught.value.hint


# The notation -----------------------------------------------------------------------------------------------------


def test_options_stand_in_brackets_and_enter_name_and_record(tmp_path: Path) -> None:
    stack(tmp_path / "scans/a.tif")
    stack(tmp_path / "scans/b.tif", (4, 5, 6))
    dataset = open_dataset(f"{tmp_path}/scans[slices=3]")
    assert (dataset.name, dataset.format) == ("scans[slices=3]", "folder[slices=3]")
    assert dataset.ids == ("a#1", "a#3", "a#5", "b#0", "b#2", "b#3")
    assert "3 slices of each of 2 volumes, along z" in dataset.notes
    assert open_dataset(f"mine={tmp_path}/scans[slices=3]").name == "mine"
    same = open_dataset(tmp_path / "scans", slices=3)
    assert (same.name, same.ids, same.location) == (dataset.name, dataset.ids, dataset.location)
    assert open_dataset(same.subset([0]).reference).ids == dataset.ids


def test_an_option_is_known_and_given_once(tmp_path: Path) -> None:
    stack(tmp_path / "a.tif")
    with pytest.raises(UnknownNameError, match="Did you mean 'slices'"):
        open_dataset(f"{tmp_path}/a.tif[slice=3]")
    with pytest.raises(UsageError, match="also given as a keyword"):
        open_dataset(f"{tmp_path}/a.tif[slices=3]", slices=2)
    with pytest.raises(UsageError, match="slices cannot be 'many'"):
        open_dataset(f"{tmp_path}/a.tif[slices=many]")


def test_a_folder_may_be_named_like_options(tmp_path: Path) -> None:
    stack(tmp_path / "scans[slices=3]/a.tif")
    assert len(open_dataset(tmp_path / "scans[slices=3]")) == 7
    assert open_dataset(f"{tmp_path}/scans[slices=3][slices=2]").ids == ("a#1", "a#5")


def test_options_for_volumes_are_refused_where_there_are_none(tmp_path: Path, write) -> None:
    write("flat/a.png")
    np.savez(tmp_path / "a.npz", images=np.zeros((3, 4, 4), np.uint8))
    for place in ("flat", "a.npz"):
        with pytest.raises(DataError, match=r"slices=3 chooses slices of volumes, and .* (holds none|holds single)"):
            open_dataset(tmp_path / place, slices=3)
    with pytest.raises(DataError, match="made of pictures"):
        open_dataset("phantoms:fundus", slices=3)


# z-stacks in TIFF -------------------------------------------------------------------------------------------------


def test_slices_of_a_stack_are_those_that_tifffile_reads(tmp_path: Path) -> None:
    values = stack(tmp_path / "a.tif", dtype="uint16")
    dataset = open_dataset(tmp_path / "a.tif", slices=3)
    for index, z in enumerate((1, 3, 5)):
        np.testing.assert_array_equal(dataset.native(index)[..., 0], tifffile.imread(tmp_path / "a.tif")[z])
        np.testing.assert_array_equal(dataset.native(index)[..., 0], values[z])
    assert dataset.dtypes == ("uint16",) * 3


def test_every_volume_is_a_group_unless_it_is_alone(tmp_path: Path) -> None:
    stack(tmp_path / "a.tif")
    stack(tmp_path / "b.tif", (4, 5, 6))
    assert open_dataset(tmp_path, slices=2).groups == ("a", "a", "b", "b")
    assert open_dataset(tmp_path / "a.tif").groups is None


def test_groups_that_are_given_stay(tmp_path: Path) -> None:
    stack(tmp_path / "images/a.tif")
    stack(tmp_path / "images/b.tif")
    (tmp_path / "labels.csv").write_text("file,label,group\na.tif,ill,p1\nb,well,p1\n")
    dataset = open_dataset(tmp_path, slices=2)
    assert dataset.groups == ("p1",) * 4
    assert dataset.labels == ("ill", "ill", "well", "well")


def test_masks_are_sliced_as_their_images(tmp_path: Path) -> None:
    stack(tmp_path / "images/a.tif")
    mask = stack(tmp_path / "masks/a.tif")
    dataset = open_dataset(tmp_path, slices=3)
    np.testing.assert_array_equal([dataset.mask(i) for i in range(3)], mask[[1, 3, 5]])
    across = open_dataset(tmp_path, slices=2, axis="y")
    np.testing.assert_array_equal([across.mask(i) for i in range(2)], [mask[::-1, 1], mask[::-1, 3]])


def test_time_is_chosen_and_without_a_choice_every_page_is_an_image(tmp_path: Path) -> None:
    values = stack(tmp_path / "a.tif", (2, 4, 5, 6), "TZYX")
    assert len(open_dataset(tmp_path / "a.tif")) == 8
    dataset = open_dataset(tmp_path / "a.tif", slices=2, time=1)
    assert dataset.ids == ("a#5", "a#7")
    np.testing.assert_array_equal(dataset.native(1)[..., 0], values[1, 3])
    assert open_dataset(tmp_path / "a.tif", slices="central").ids == ("a#2", "a#6")
    with pytest.raises(DataError, match="has 2 time points, and no number 2"):
        open_dataset(tmp_path / "a.tif", time=2)
    with pytest.raises(DataError, match=r"has 2 time points .* which is meant"):
        open_dataset(tmp_path / "a.tif", axis="y")


# Other axes -------------------------------------------------------------------------------------------------------


def test_other_axes_run_down_the_rows_and_along_the_columns_with_the_last_slice_on_top(tmp_path: Path) -> None:
    values = stack(tmp_path / "a.tif")
    down, along = open_dataset(tmp_path / "a.tif", axis="y"), open_dataset(tmp_path / "a.tif", axis="x", slices=2)
    assert down.ids == tuple(f"a#y{y}" for y in range(5))
    assert along.ids == ("a#x1", "a#x4")
    for y in range(5):
        np.testing.assert_array_equal(down.native(y)[..., 0], values[::-1, y])
    np.testing.assert_array_equal(along.native(1)[..., 0], values[::-1, :, 4])


def test_fingerprints_tell_slices_and_axes_apart_and_not_how_they_were_asked_for(tmp_path: Path) -> None:
    stack(tmp_path / "a.tif")
    options = [{}, {"slices": 3}, {"slices": "central"}, {"axis": "y"}, {"axis": "x"}, {"axis": "x", "slices": 2}]
    prints = [open_dataset(tmp_path / "a.tif", **option).images_fingerprint for option in options]
    assert len(set(prints)) == len(options)
    assert open_dataset(tmp_path / "a.tif", slices=7).images_fingerprint == prints[0]
    assert open_dataset(tmp_path / "a.tif", slices=1).images_fingerprint == prints[2]


def test_a_resliced_dataset_can_be_pickled(tmp_path: Path) -> None:
    stack(tmp_path / "a.tif")
    dataset = open_dataset(tmp_path / "a.tif", axis="y")
    copy = pickle.loads(pickle.dumps(dataset))
    np.testing.assert_array_equal(copy.native(2), dataset.native(2))
    assert copy.images_fingerprint == dataset.images_fingerprint


def test_pages_of_several_sizes_are_no_volume_to_cut_across(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(np.zeros((4, 5), np.uint8))
        file.write(np.zeros((6, 5), np.uint8))
    assert len(open_dataset(tmp_path / "a.tif")) == 2
    with pytest.raises(DataError, match="unequal shapes"):
        open_dataset(tmp_path / "a.tif", axis="y")


# What is kept -----------------------------------------------------------------------------------------------------


def test_the_volume_used_longest_ago_is_forgotten_first() -> None:
    kept, loads = KeptVolumes(limit=250), []

    def volume(key: str) -> np.ndarray:
        return kept.get(key, lambda: loads.append(key) or np.zeros(100, np.uint8))  # type: ignore[func-returns-value]

    for key in "abacab":
        volume(key)
    assert loads == ["a", "b", "c", "b"]
    assert len(kept) == 2


def test_a_volume_larger_than_the_limit_is_kept_alone() -> None:
    kept = KeptVolumes(limit=10)
    assert kept.get("a", lambda: np.zeros(100)) is kept.get("a", lambda: np.ones(100))


def test_two_threads_load_a_volume_once() -> None:
    kept, loads = KeptVolumes(), []
    ask = [threading.Thread(target=kept.get, args=("a", lambda: loads.append(1) or np.zeros(9))) for _ in range(8)]
    for thread in ask:
        thread.start()
    for thread in ask:
        thread.join()
    assert loads == [1]
