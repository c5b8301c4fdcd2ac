"""Promises of ``TSimCNE``: the manners of scikit-learn, the same place for an image whatever is placed with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from tiny_maps import CPU, phantoms, two_kinds

from dsim.errors import DsimError
from dsim.features import extract
from dsim_tsimcne import TSimCNE

SETTINGS: dict[str, Any] = {"size": 16, "batch": 8, "steps": (3, 2, 2), "rotations": "any", "runtime": CPU}
IMAGES, KINDS = two_kinds(24)


@pytest.fixture(scope="module")
def fitted() -> TSimCNE:
    return TSimCNE(**SETTINGS).fit(IMAGES, KINDS)


def test_places_do_not_depend_on_what_is_placed_together(fitted: TSimCNE) -> None:
    whole = fitted.transform(IMAGES)
    assert whole.shape == (24, 2)
    assert whole.dtype == np.float64
    assert np.array_equal(whole, fitted.embedding_)
    scale = np.abs(whole).max()
    for size in (1, 7):
        parts = [fitted.transform(IMAGES[start : start + size]) for start in range(0, 24, size)]
        assert np.concatenate(parts) == pytest.approx(whole, abs=1e-5 * scale)
    order = np.random.default_rng(0).permutation(24)
    assert fitted.transform(IMAGES[order]) == pytest.approx(whole[order], abs=1e-5 * scale)


def test_floats_lists_and_datasets_are_placed_as_bytes_are(fitted: TSimCNE) -> None:
    whole = fitted.transform(IMAGES)
    assert np.array_equal(fitted.transform((IMAGES / 255).astype(np.float32)), whole)
    assert np.array_equal(fitted.transform(list(IMAGES)), whole)
    assert np.array_equal(fitted.transform(phantoms(24)), whole)
    assert np.asarray(extract(phantoms(24), f"file:{fitted.model_path_}", CPU)) == pytest.approx(whole, rel=1e-3)


def test_it_has_the_manners_of_scikit_learn(fitted: TSimCNE) -> None:
    copy = clone(fitted)
    own, given = fitted.get_params(), copy.get_params()
    assert {name for name in own if own[name] != given[name]} <= {"runtime"}
    assert copy.set_params(rotations="none").rotations == "none"
    assert list(fitted.get_feature_names_out()) == ["t-simcne0", "t-simcne1"]
    assert fitted.n_features_in_ == 20 * 20 * 3
    with pytest.raises(NotFittedError):
        copy.transform(IMAGES)


def test_the_same_seed_gives_the_same_map(fitted: TSimCNE) -> None:
    assert np.array_equal(clone(fitted).fit_transform(IMAGES), fitted.embedding_)


def test_a_map_that_was_saved_places_alike(fitted: TSimCNE, tmp_path: Path) -> None:
    loaded = TSimCNE.load(fitted.save(tmp_path / "map"), CPU)
    assert np.array_equal(loaded.transform(IMAGES), fitted.embedding_)
    with pytest.raises(DsimError):
        fitted.save(tmp_path / "map")


@pytest.mark.parametrize(
    "images",
    [
        IMAGES[..., 0],
        IMAGES.astype(np.int32),
        IMAGES.astype(np.float64),
        np.full((2, 20, 20, 3), np.nan),
        np.zeros((2, 20, 20, 5), np.uint8),
        IMAGES[:0],
        [IMAGES[0], IMAGES[0, ..., 0]],
        [],
    ],
)
def test_images_that_no_map_can_place_are_refused_with_a_fix(fitted: TSimCNE, images: Any) -> None:
    with pytest.raises(DsimError) as refused:
        fitted.transform(images)
    assert refused.value.hint


def test_arrays_need_rotations_to_be_chosen() -> None:
    with pytest.raises(DsimError) as refused:
        TSimCNE(**{**SETTINGS, "rotations": "auto"}).fit(IMAGES)
    assert "rotations" in refused.value.message
    assert "13 points" in str(refused.value.hint)
