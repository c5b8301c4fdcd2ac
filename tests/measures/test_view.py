"""A view shows a measure what it declared, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from dsim.data import from_arrays
from dsim.errors import NeedError, PluginError
from dsim.measures import DatasetView
from dsim.plugin import Need
from dsim.runtime import Runtime


@pytest.fixture
def dataset():
    rng = np.random.default_rng(0)
    return from_arrays(
        images=rng.integers(0, 255, (4, 8, 8), dtype=np.uint8),
        features=rng.random((4, 3), dtype=np.float32),
        labels=["a", "b", "a", "b"],
        masks=np.ones((4, 8, 8), np.uint8),
        attributes={"kind": "cells"},
        model="zoo:lite0unet.nuclei.r1",
        name="four",
    )


def view(dataset, *needs: Need) -> DatasetView:
    return DatasetView(dataset, frozenset(needs), "measure 'm'", Runtime())


@pytest.mark.parametrize(
    ("need", "touch"),
    [
        (Need.IMAGES, lambda v: v.images()),
        (Need.FEATURES, lambda v: v.features("pixels:")),
        (Need.LABELS, lambda v: v.labels),
        (Need.MASKS, lambda v: v.masks()),
        (Need.ATTRIBUTES, lambda v: v.attributes),
        (Need.MODEL, lambda v: v.model),
    ],
)
def test_what_was_not_declared_cannot_be_touched(dataset, need, touch):
    others = set(Need) - {need} - ({Need.IMAGES} if need is Need.FEATURES else set())
    with pytest.raises(PluginError, match=f"reads {need}"):
        touch(view(dataset, *others))
    touch(view(dataset, need))


def test_features_given_as_arrays_are_used_as_they_are(dataset):
    np.testing.assert_array_equal(view(dataset, Need.FEATURES).features("timm:whatever"), dataset.features)


def test_what_the_dataset_lacks_is_refused_at_once():
    bare = from_arrays(features=np.zeros((3, 2)), name="bare")
    with pytest.raises(NeedError, match="dataset 'bare' has no masks, and measure 'm' needs them"):
        view(bare, Need.MASKS)


def test_the_fingerprint_covers_exactly_what_may_be_read(dataset):
    from dataclasses import replace

    relabelled = replace(dataset, labels=("b", "b", "b", "b"))
    assert view(dataset, Need.IMAGES).fingerprint == view(relabelled, Need.IMAGES).fingerprint
    assert view(dataset, Need.LABELS).fingerprint != view(relabelled, Need.LABELS).fingerprint


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("float16", "float32"),
        ("float32", "float32"),
        ("float64", "float64"),
        ("uint8", "float32"),
        ("int64", "float64"),
    ],
)
def test_features_given_as_arrays_are_seen_as_they_are(given: str, seen: str) -> None:
    features = (np.arange(12).reshape(4, 3) * 20).astype(given)
    view = DatasetView(from_arrays(features=features, name="given"), frozenset({Need.FEATURES}), "a test", Runtime())
    for found in (view.features("unused"), next(view.feature_blocks("unused"))):
        assert found.dtype == seen
        np.testing.assert_array_equal(found, features)


def test_masks_and_images_of_a_partly_annotated_dataset_belong_together():
    images = np.arange(4 * 64, dtype=np.uint8).reshape(4, 8, 8)
    masks = [None, images[1] > 70, None, images[3] > 200]
    partly = from_arrays(images, masks=masks, features=np.eye(4), labels=list("abcd"), name="partly")
    seen = view(partly, Need.IMAGES, Need.MASKS, Need.LABELS, Need.FEATURES)
    assert (len(seen), seen.labels, seen.features("x").shape) == (2, ("b", "d"), (2, 4))
    for image, mask, index in zip(seen.images(), seen.masks(), (1, 3), strict=True):
        np.testing.assert_array_equal(image[..., 0], images[index])
        np.testing.assert_array_equal(mask != 0, masks[index])
    assert len(view(partly, Need.IMAGES)) == 4
    optional = DatasetView(partly, frozenset({Need.IMAGES}), "m", Runtime(), frozenset({Need.MASKS, Need.LABELS}))
    assert (len(optional), optional.has(Need.MASKS), optional.has(Need.LABELS)) == (4, False, True)
