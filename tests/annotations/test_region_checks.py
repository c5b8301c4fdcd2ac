"""Names of files find their images, and regions that cannot be used are named with the reason."""

from __future__ import annotations

import math

import pytest

from dsim.annotations import Region, faults_of, match_images, refuse_faulty
from dsim.errors import DataError

IDS = ["train/a", "val/a", "train/b.01", "c", "sub/train/d"]


def of(*images: str) -> list[Region]:
    return [Region(image, 1, 1, 2, 2) for image in images]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("train/a", "train/a"),
        ("train/a.png", "train/a"),
        ("val\\a.tif", "val/a"),
        ("set/val/a.ome.tif", "val/a"),
        ("b.01", "train/b.01"),
        ("b.01.png", "train/b.01"),
        ("/data/c.jpg", "c"),
        ("c", "c"),
        ("d.png", "sub/train/d"),
        ("train/d.png", "sub/train/d"),
    ],
)
def test_names_with_or_without_suffix_and_folders_find_their_image(name: str, wanted: str) -> None:
    assert [region.image for region in match_images(of(name, name), IDS)] == [wanted] * 2


@pytest.mark.parametrize("name", ["e.png", "test/a.png", "xa", "", "rain/a"])
def test_names_of_no_image_are_listed(name: str) -> None:
    with pytest.raises(DataError) as caught:
        match_images(of("c", name), IDS)
    assert name in caught.value.message


def test_a_name_of_two_images_is_refused_with_both() -> None:
    with pytest.raises(DataError, match=r"'a.png'.*train/a, val/a"):
        match_images(of("a.png"), IDS)


SIZES = {"a": (10, 20)}


@pytest.mark.parametrize(
    ("place", "culprit"),
    [
        ((0, 0, 20, 10), ""),
        ((19, 9, 1, 1), ""),
        ((0, 0, 21, 10), "reaches beyond.*20 x 10"),
        ((-0.5, 0, 2, 2), "reaches beyond"),
        ((3, 3, 2, 7.5), "reaches beyond"),
        ((20, 3, 2, 2), "lies outside"),
        ((3, -4, 2, 4), "lies outside"),
        ((3, 3, 0, 2), "no area: 0 x 2"),
        ((3, 3, 2, -1), "no area: 2 x -1"),
        ((3, 3, 0, 0), "no area: 0 x 0"),
        ((math.nan, 3, 2, 2), "not a number"),
    ],
)
def test_regions_that_cannot_be_used_have_a_reason(place: tuple[float, ...], culprit: str) -> None:
    region = Region("a", *place)
    regions = [Region("a", 1, 1, 2, 2), region]
    faults = faults_of(regions, SIZES)
    assert [fault for fault, _ in faults] == ([region] if culprit else [])
    if culprit:
        with pytest.raises(DataError, match=culprit):
            refuse_faulty(regions, SIZES)
    else:
        refuse_faulty(regions, SIZES)


def test_points_are_allowed_among_points_or_where_asked() -> None:
    point, box = Region("a", 3, 3, 0, 0), Region("a", 1, 1, 2, 2)
    assert faults_of([point], SIZES) == []
    assert faults_of([point, box], SIZES, points=True) == []
    assert [region for region, _ in faults_of([point], SIZES, points=False)] == [point]
    assert [reason[:11] for _, reason in faults_of([Region("a", 20, 3, 0, 0)], SIZES)] == ["it lies out"]


def test_many_faults_are_counted_and_three_named() -> None:
    with pytest.raises(DataError) as caught:
        refuse_faulty([Region("a", number, 0, 0, 1, "cell") for number in range(5)], SIZES)
    assert "5" in caught.value.message
    assert caught.value.message.count("(cell)") == 3
