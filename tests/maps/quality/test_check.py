"""Every planted fault is listed with its reason, clean data give an empty list, and files agree with the findings."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dsim.data import Dataset, from_arrays, join
from dsim.errors import DataError, NeedError, UnknownNameError
from dsim.files.documents import check as hold_to
from dsim.maps.quality import Fault, MapCheck, check_map, sentences, write_check
from dsim.runtime import Runtime

#: Features that need no network.
PIXELS = "pixels:[side=8]"


@pytest.fixture(scope="module")
def faulty(pictures: np.ndarray, dataset_of: Callable) -> Dataset:
    """Two classes that features tell apart, and one image of each fault; groups are of 6 images."""
    rng = np.random.default_rng(0)
    images = [*pictures, pictures[3], pictures[34], np.full((48, 48, 3), 7, np.uint8)]
    points = rng.normal(size=(60, 6)) + np.repeat([[9.0] * 6, [9.0, -9.0] * 3], 30, axis=0)
    points = np.concatenate([points, points[[3, 34]], [[-9.0, 9.0] * 3]])
    labels = ["smooth"] * 30 + ["rough"] * 30 + ["smooth", "rough", "rough"]
    labels[10] = "rough"
    names = [f"image{place}" for place in range(60)] + ["copy3", "copy34", "blank"]
    groups = [str(group) for group in np.random.default_rng(1).permutation(np.arange(60) // 6)] + ["c", "d", "e"]
    data = dataset_of(images, names, labels=labels, groups=groups, name="cells")
    return replace(data, features=points.astype(np.float32))


@pytest.fixture(scope="module")
def result(faulty: Dataset) -> MapCheck:
    return check_map([faulty])


def test_each_fault_is_listed_once_with_its_partner(result: MapCheck) -> None:
    exact = result.of_kind(Fault.EXACT_DUPLICATE)
    assert [(found.id, found.partner, found.across) for found in exact] == [
        ("copy3", "image3", ("group",)),
        ("copy34", "image34", ("group",)),
    ]
    assert result.of_kind(Fault.NEAR_DUPLICATE) == ()
    assert [found.id for found in result.of_kind(Fault.BLANK)] == ["blank"]
    assert result.of_kind(Fault.OUTLIER) == ()
    assert [(found.id, found.suggestion) for found in result.of_kind(Fault.LABEL)] == [("image10", "smooth")]
    assert result.of_kind(Fault.GROUP) == ()


def test_the_column_marks_images_in_order(result: MapCheck, faulty: Dataset) -> None:
    marks = dict(zip(faulty.ids, result.column(), strict=True))
    assert marks["copy34"] == "exact-duplicate"
    assert marks["image10"] == "label"
    assert marks["image0"] == ""
    assert result.flagged == sum(mark != "" for mark in result.column())


def test_clean_data_give_an_empty_list_that_says_so(pictures: np.ndarray) -> None:
    result = check_map([from_arrays(pictures, name="clean")], extractor=PIXELS)
    assert result.findings == ()
    assert sentences(result)[0].startswith("None of 60 images of clean")


def test_the_document_holds_to_its_schema_and_the_table_to_the_document(
    result: MapCheck, faulty: Dataset, tmp_path: Path
) -> None:
    files = write_check(result, [faulty], tmp_path, Runtime(), most=1)
    assert [path.name for path in files] == ["check.html", "check.csv", "check.json"]
    document = json.loads((tmp_path / "check.json").read_text("utf-8"))
    hold_to(document, "dsim.map-check/1", "the check", "")
    rows = list(csv.DictReader((tmp_path / "check.csv").read_text("utf-8").splitlines()))
    assert [(row["kind"], row["id"]) for row in rows] == [(one["kind"], one["id"]) for one in document["findings"]]
    assert all(row["rank"] == "1" for row in rows)
    page = (tmp_path / "check.html").read_text("utf-8")
    assert "image3" in page
    assert "copy34" not in page


def test_names_are_escaped_on_the_page(pictures: np.ndarray, dataset_of: Callable) -> None:
    from dsim.maps.quality import render_check

    data = dataset_of([pictures[0], pictures[0], pictures[1]], ["a", "<b onclick='x'>", "c"], name="<i>")
    page = render_check(check_map([data], extractor=PIXELS, kinds=["exact-duplicate"]), [data], Runtime())
    assert "<b onclick" not in page
    assert "<i>" not in page


def test_a_copy_in_another_dataset_split_or_label_says_so(pictures: np.ndarray, dataset_of: Callable) -> None:
    first = dataset_of(pictures[:4], name="train", labels=["a"] * 4)
    second = dataset_of(pictures[3:6], name="test", labels=["b"] * 3)
    [found] = check_map([first, second], extractor=PIXELS, kinds=["exact-duplicate"]).findings
    assert (found.dataset, found.id, found.partner_dataset, found.partner) == ("test", "0", "train", "3")
    assert found.across == ("dataset", "label")
    assert found.suggestion == "a"
    joined = replace(join([first, second], name="both"), splits=("train",) * 4 + ("test",) * 3)
    [again] = check_map([joined], extractor=PIXELS, kinds=["exact-duplicate"]).findings
    assert "split" in again.across


def test_copies_of_an_image_with_a_label_do_not_vote_for_it(pictures: np.ndarray, dataset_of: Callable) -> None:
    """Twenty copies of one image with a wrong label would be its nearest neighbours."""
    rng = np.random.default_rng(3)
    points = np.concatenate([rng.normal(0, 1, (40, 4)) + 9, rng.normal(0, 1, (40, 4)) - 9, np.full((17, 4), 9.0)])
    noise = rng.integers(0, 255, (80, 24, 24), np.uint8)
    labels = ["up"] * 40 + ["down"] * 57
    data = dataset_of([*noise, *[rng.integers(0, 255, (24, 24), np.uint8)] * 17], labels=labels, name="copied")
    given = replace(data, features=points.astype(np.float32))
    listed = {found.index for found in check_map([given], kinds=["label"]).findings}
    assert listed == set(range(80, 97))


def test_features_that_were_given_are_taken(pictures: np.ndarray, dataset_of: Callable) -> None:
    points = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32) + 5
    points[7] *= -1
    data = replace(dataset_of(pictures, name="given"), features=points)
    result = check_map([data], kinds=["outlier"])
    assert result.extractor == ""
    assert [found.index for found in result.findings] == [7]


def test_few_images_and_missing_labels_and_groups_are_said(pictures: np.ndarray) -> None:
    result = check_map([from_arrays(pictures[:9], name="few")], extractor=PIXELS)
    notes = {one.kind: one.note for one in result.examined}
    assert "few" in notes[Fault.OUTLIER]
    assert "no labels" in notes[Fault.LABEL]
    assert "no groups" in notes[Fault.GROUP]


def test_one_image_one_class_and_missing_labels_do_no_harm(pictures: np.ndarray, dataset_of: Callable) -> None:
    assert check_map([from_arrays(pictures[:1], name="one")], extractor=PIXELS).findings == ()
    data = dataset_of(pictures[:40], name="some", labels=["a"] * 20 + [""] * 20, groups=["g"] * 5 + [""] * 35)
    assert check_map([data], extractor=PIXELS, kinds=["label", "group"]).findings == ()


def test_wrong_input_is_refused(pictures: np.ndarray) -> None:
    data = from_arrays(pictures[:3], name="data")
    with pytest.raises(UnknownNameError, match="outliers"):
        check_map([data], kinds=["outliers"])
    with pytest.raises(DataError, match="data"):
        check_map([data, data])
    with pytest.raises(DataError):
        check_map([])
    with pytest.raises(NeedError):
        check_map([from_arrays(features=np.ones((3, 2)), name="features")])


def test_the_result_does_not_depend_on_the_order_of_the_images(faulty: Dataset, result: MapCheck) -> None:
    order = np.random.default_rng(5).permutation(len(faulty)).tolist()
    again = check_map([faulty.subset(order)])
    for kind in (Fault.BLANK, Fault.OUTLIER, Fault.LABEL):
        assert {found.id for found in again.of_kind(kind)} == {found.id for found in result.of_kind(kind)}
    pairs = [{frozenset((f.id, f.partner)) for f in one.of_kind(Fault.EXACT_DUPLICATE)} for one in (result, again)]
    assert pairs[0] == pairs[1]


def test_a_map_is_checked_by_its_features_and_its_page_marks_the_faults(
    fitted_folder: Path, runtime: Runtime, tmp_path: Path
) -> None:
    from dsim.maps import open_map

    image_map = open_map(fitted_folder)
    result = check_map(image_map, runtime=runtime)
    assert result.extractor.endswith("[layer=features]")
    assert result.images == len(image_map)
    files = write_check(result, image_map, tmp_path, runtime)
    assert "map.html" in [path.name for path in files]
    assert "fault" in (tmp_path / "map.html").read_text("utf-8")
