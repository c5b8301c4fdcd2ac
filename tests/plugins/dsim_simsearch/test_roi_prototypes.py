"""Prototypes: one size, an area, inside the image; else an error that names the prototype."""

from __future__ import annotations

import pytest

from dsim.annotations import Region
from dsim.errors import UnknownNameError, UsageError
from dsim_simsearch.prototypes import check_prototypes, fit_to_patch, patch_of

SHAPES = {"a": (60, 80)}


def test_boxes_of_the_patch_in_the_image_are_accepted_up_to_rounding():
    boxes = [Region("a", 0, 0, 16, 12), Region("a", 64, 48, 16, 12), Region("a", 30.2, 20.7, 16.4, 11.6)]
    check_prototypes(boxes, (12, 16), SHAPES)


@pytest.mark.parametrize(
    ("box", "culprit"),
    [
        (Region("a", 5, 5, 0, 0, "cell"), "x = 5"),
        (Region("a", 5, 5, 16, 0), "16 x 0"),
        (Region("a", 5, 5, -16, 12), "-16 x 12"),
        (Region("a", 5, 5, float("nan"), 12), "nan"),
        (Region("a", 5, 5, 12, 16, "cell"), "'cell'"),
        (Region("a", 70, 5, 16, 12), "beyond"),
        (Region("a", 5, 55, 16, 12), "beyond"),
        (Region("a", -4, 5, 16, 12), "x = -4"),
        (Region("a", float("nan"), 5, 16, 12), "x = nan"),
    ],
)
def test_other_boxes_are_refused_by_name(box, culprit):
    with pytest.raises(UsageError) as caught:
        check_prototypes([Region("a", 0, 0, 16, 12), box], (12, 16), SHAPES)
    assert culprit in str(caught.value)
    assert caught.value.hint


def test_a_box_of_an_unknown_image_is_refused():
    with pytest.raises(UnknownNameError, match="'b'"):
        check_prototypes([Region("b", 0, 0, 16, 12)], (12, 16), SHAPES)


def test_the_first_prototype_fixes_the_patch():
    assert patch_of(Region("a", 0, 0, 30.4, 0.2)) == (1, 30)
    with pytest.raises(UsageError):
        patch_of(Region("a", 0, 0, 0, 0))


def test_a_point_or_another_box_becomes_a_patch_about_its_centre():
    patch = fit_to_patch(Region("a", 10, 20, 7, 5, "cell", 0.5), (12, 16))
    assert patch == Region("a", 5.5, 16.5, 16, 12, "cell", 0.5)
