"""Methods by their texts: what is meant is one thing, and what is wrong is named with its fix."""

from __future__ import annotations

import pytest

from dsim.errors import UnknownNameError, UsageError
from dsim.maps import read_method, read_methods
from dsim.maps.methods import reference_of


@pytest.mark.parametrize(
    ("text", "canonical", "kind", "layout"),
    [
        ("pixels + tsne", "pixels+tsne", "baseline", "tsne"),
        ("imagenet+umap", "imagenet+umap", "baseline", "umap"),
        ("t-simcne", "t-simcne", "trainer", ""),
        (
            "t-simcne[rotations=any,leave_out=crops+flips]",
            "t-simcne[leave_out=crops+flips,rotations=any]",
            "trainer",
            "",
        ),
        ("simclr[size=32]+tsne", "simclr[size=32]+tsne", "trainer", "tsne"),
        ("file:/a+b/model+pca", "file:/a+b/model+pca", "reference", "pca"),
        ("file:MAP", "file:MAP", "reference", ""),
    ],
)
def test_a_text_is_one_method(text: str, canonical: str, kind: str, layout: str) -> None:
    method = read_method(text)
    assert (method.text, method.kind, method.layout) == (canonical, kind, layout)
    assert method.trains == (kind == "trainer")
    assert read_method(method.text) == method


def test_settings_go_before_a_preset_and_all_parameters_have_a_value() -> None:
    method = read_method("t-simcne[preset=paper,size=28,rotations=none]")
    assert (method.parameters["size"], method.parameters["batch"]) == (28, 1024)
    assert method.parameters["rotations"] == "none"


def test_maps_that_no_seed_changes_are_made_once() -> None:
    assert [read_method(text).is_fixed for text in ("pixels+pca", "file:MAP", "pixels+tsne", "t-simcne")] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("text", "error", "word"),
    [
        ("pixels", UsageError, "pixels+tsne"),
        ("simclr", UnknownNameError, "t-simcne"),
        ("t-simcnee", UnknownNameError, "t-simcne"),
        ("simclrr+tsne", UnknownNameError, "simclr"),
        ("pixels+t-sne", UnknownNameError, "tsne"),
        ("imagenet[size=3]+tsne", UsageError, "settings"),
        ("simclr[sise=32]+tsne", UnknownNameError, "size"),
        ("t-simcne[preset=large]", UnknownNameError, "paper"),
    ],
)
def test_what_is_wrong_is_named_with_a_fix(text: str, error: type[UsageError], word: str) -> None:
    with pytest.raises(error) as caught:
        read_method(text)
    assert word in str(caught.value)


def test_methods_given_twice_and_none_are_refused() -> None:
    with pytest.raises(UsageError, match="twice"):
        read_methods(["pixels+tsne", "pixels + tsne"])
    with pytest.raises(UsageError):
        read_methods([])


def test_pixels_are_taken_in_colour_at_the_size_of_the_images() -> None:
    assert reference_of("pixels", 28) == "pixels:[channels=3,side=28]"
    assert reference_of("pixels", 300) == "pixels:[channels=3,side=64]"
