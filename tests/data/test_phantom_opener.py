"""Phantoms are opened by name, with options and knobs in brackets; mistakes are named with the nearest right name."""

from __future__ import annotations

import numpy as np
import pytest

from dsim.data import open_dataset
from dsim.data.phantoms import is_phantom, names, open_phantom
from dsim.errors import UnknownNameError, UsageError


@pytest.mark.parametrize("name", names())
def test_every_name_opens_with_the_documented_defaults(name):
    data = open_phantom(name)
    assert (data.name, len(data), data.native(0).shape[:2]) == (name, 24, (96, 96))
    assert data.masked
    assert data.format == "phantom"
    assert data.attributes["modality"]


def test_brackets_say_the_same_as_keywords():
    written = open_phantom("phantoms:dermoscopy[count=3,size=40,seed=7,noise=0.5,shape=1]")
    given = open_phantom("dermoscopy", count=3, size=40, seed=7, noise=0.5, shape=1)
    assert written.backing == given.backing
    assert written.name == "dermoscopy[count=3,noise=0.5,seed=7,shape=1,size=40]"
    assert np.array_equal(written.native(2), given.native(2))


def test_depth_is_an_option():
    assert open_phantom("relief[depth=16,size=32]").native(0).dtype == np.uint16


def test_turned_knobs_show_in_the_name_so_that_two_settings_can_be_compared():
    assert open_phantom("relief", noise=0.5).name == "relief[noise=0.5]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("phantoms:fundsu", "no phantom named 'fundsu'. Did you mean 'fundus'?"),
        ("fundus[nois=1]", "no knob or option named 'nois'. Did you mean 'noise'?"),
        ("fundus[coutn=3]", "no knob or option named 'coutn'. Did you mean 'count'?"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_known(text, message):
    with pytest.raises(UnknownNameError) as caught:
        open_phantom(text)
    assert caught.value.message == message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fundus[count=0]", "'count' must lie in"),
        ("fundus[count=2.5]", "'count' takes int"),
        ("fundus[size=8]", "'size' must lie in"),
        ("fundus[seed=-1]", "'seed' must lie in"),
        ("fundus[depth=12]", "'depth' cannot be 12"),
        ("fundus[noise=2]", "'noise' must lie in"),
        ("fundus[noise=much]", "'noise' takes a number"),
        ("fundus[noise=0.1,noise=0.2]", "given twice"),
        ("fundus[noise=0.1", "cannot read"),
        ("fundus[noise]", "param=value"),
    ],
)
def test_a_wrong_value_is_refused_by_name(text, message):
    with pytest.raises(UsageError, match=message):
        open_phantom(text)


def test_an_option_is_given_once():
    with pytest.raises(UsageError, match=r"'size' of .* is also given as a keyword"):
        open_phantom("fundus[size=32]", size=64)
    with pytest.raises(UsageError, match="'noise'"):
        open_phantom("fundus[noise=0.1]", noise=0.2)


def test_the_general_opening_knows_phantoms():
    assert open_dataset("phantoms:fundus") == open_phantom("fundus")
    named = open_dataset("mine=phantoms:fundus[noise=0.5,count=3]")
    assert named == open_phantom("fundus[noise=0.5,count=3]").renamed("mine")


def test_only_the_prefix_makes_a_phantom_of_a_text():
    assert is_phantom("phantoms:fundus")
    assert not is_phantom("fundus")
    assert not is_phantom("data/phantoms:fundus")
