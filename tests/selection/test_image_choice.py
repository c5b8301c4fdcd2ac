"""Images to annotate next: which, from what, when none is needed, and that nothing true is looked at."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from dsim.data import Dataset, from_arrays
from dsim.errors import DataError, NeedError, UsageError
from dsim.models import SegmentationRecipe, Segmenter
from dsim.runtime import Runtime
from dsim.selection import Basis, CandidateModel, Evidence, Fit, Posterior, Selection, next_images
from dsim.selection.prior import Noise

COUNT = 12


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Near duplicates by tiny pictures instead of the shipped network."""
    monkeypatch.setattr("dsim.selection.image_choice.EXTRACTOR", SimpleNamespace(default="pixels:[side=4]"))


@pytest.fixture
def runtime(tmp_path) -> Runtime:
    return Runtime(device="cpu", cache=tmp_path / "cache")


def _target(masked: tuple[int, ...] = (), groups: tuple[str, ...] | None = None) -> Dataset:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (COUNT, 32, 32, 3), dtype=np.uint8)
    drawn = np.zeros((32, 32), np.uint8)
    drawn[8:20, 8:20] = 1
    masks = [drawn if index in masked else None for index in range(COUNT)] if masked else None
    return replace(from_arrays(images, masks=masks, name="cells"), groups=groups)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[CandidateModel]:
    """Three untrained networks: what they mark is arbitrary, and differs."""
    recipe = SegmentationRecipe(width=4, levels=2, side=32, patch=32)
    place = tmp_path_factory.mktemp("models")
    files = [Segmenter(recipe.build(seed).eval(), recipe).save(place / f"m{seed}.safetensors") for seed in range(3)]
    return [CandidateModel(str(file), file.stem) for file in files]


class _Prior:
    """Of a prior only the noise of one image is asked for."""

    noise = Noise(0.2, 0.1, 0.3)


def _selection(
    models: list[CandidateModel], mean: list[float], deviation: float, annotated: tuple[int, ...] = ()
) -> Selection:
    from dsim.selection.selection import _expected

    count = len(models)
    evidence = Evidence(
        tuple(models), {}, np.eye(count), annotated, np.zeros((count, len(annotated))), COUNT - len(annotated)
    )
    posterior = Posterior(np.array(mean), deviation**2 * np.eye(count))
    ranked = tuple(_expected(evidence, posterior, place) for place in posterior.order.tolist())
    return Selection("cells", ranked, Fit.FITS, "", evidence, posterior)


def test_images_without_masks_are_chosen_each_once(models, runtime) -> None:
    target = _target(masked=(2, 5))
    found = next_images(target, _selection(models, [0.6, 0.55, 0.5], 0.15, (2, 5)), 4, prior=_Prior(), runtime=runtime)
    assert (len(found.images), found.settled, found.basis, found.annotated) == (4, False, Basis.AGREEMENT, 2)
    assert len({2, 5, *found.images}) == 6
    assert found.ids == tuple(target.ids[index] for index in found.images)
    assert found.loss > found.gain > found.enough


def test_the_first_of_more_images_are_those_of_fewer(models, runtime) -> None:
    selection = _selection(models, [0.6, 0.55, 0.5], 0.15)
    few, many = (next_images(_target(), selection, k, prior=_Prior(), runtime=runtime).images for k in (2, 5))
    assert many[:2] == few


def test_masks_that_were_drawn_change_nothing_unless_they_were_scored(models, runtime) -> None:
    """What an annotator drew on one image must not leak into which is chosen, but through the selection."""
    selection = _selection(models, [0.6, 0.55, 0.5], 0.15, (1,))
    one = _target(masked=(1,))
    other = replace(
        one, backing=replace(one.backing, masks=tuple(None if m is None else 1 - m for m in one.backing.masks))
    )
    chosen = [next_images(t, selection, 3, prior=_Prior(), runtime=runtime).images for t in (one, other)]
    assert chosen[0] == chosen[1]


def test_a_choice_that_nothing_would_change_is_settled(models, runtime) -> None:
    sure = _selection(models, [0.9, 0.5, 0.4], 0.01)
    found = next_images(_target(), sure, 3, prior=_Prior(), runtime=runtime)
    assert (found.settled, found.images) == (True, ())
    assert found.gain < 0.1
    strict = next_images(_target(), sure, 3, enough=0, prior=_Prior(), runtime=runtime)
    assert (strict.settled, len(strict.images)) == (False, 3)
    alone = next_images(_target(), _selection(models[:1], [0.5], 0.2), 3, prior=_Prior(), runtime=runtime)
    assert alone.settled


def test_where_no_candidate_fits_nothing_is_settled(models, runtime) -> None:
    lost = replace(_selection(models, [0.1, 0.05, 0.04], 0.001), fit=Fit.NONE)
    found = next_images(_target(), lost, 3, prior=_Prior(), runtime=runtime)
    assert (found.settled, len(found.images)) == (False, 3)


def test_without_candidates_diversity_decides_and_that_is_said(runtime) -> None:
    found = next_images(_target(groups=tuple("abc" * 4)), None, 3, runtime=runtime)
    assert (found.basis, len(found.images), found.settled) == (Basis.DIVERSITY, 3, False)
    assert np.isnan(found.gain)
    assert [note for note in found.notes if "no model" in note]
    assert found.to_dict()["gain"] is None
    groups = [index % 3 for index in found.images]
    assert len(set(groups)) == 3


def test_more_than_is_left_is_all_that_is_left_and_said(runtime) -> None:
    found = next_images(_target(masked=tuple(range(COUNT - 2))), None, 5, runtime=runtime)
    assert set(found.images) == {COUNT - 2, COUNT - 1}
    assert [note for note in found.notes if "5 images" in note]


def test_bad_input_names_the_target_and_the_fix(runtime) -> None:
    with pytest.raises(DataError, match="'cells'") as caught:
        next_images(_target(masked=tuple(range(COUNT))), None, 2, runtime=runtime)
    assert "dsim recommend" in caught.value.hint
    with pytest.raises(UsageError, match="0"):
        next_images(_target(), None, 0, runtime=runtime)
    with pytest.raises(NeedError, match="'bare'"):
        next_images(from_arrays(features=np.zeros((4, 3)), name="bare"), None, 2, runtime=runtime)
