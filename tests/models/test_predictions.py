"""What a model says of images is computed once: the same maps from the cache, and only what is missing is computed."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from dsim.data import Dataset, from_arrays
from dsim.errors import DataError, WeightsError
from dsim.models import SegmentationRecipe, Segmenter, mask_like, predict_kept
from dsim.models.predictions import LONGEST, as_map
from dsim.runtime import Runtime


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(device="cpu", cache=tmp_path / "cache")


@pytest.fixture
def model(tiny: SegmentationRecipe, tmp_path: Path) -> str:
    recipe = SegmentationRecipe.of({**tiny.record(), "threshold": 0.4})
    return str(Segmenter(recipe.build(0).eval(), recipe).save(tmp_path / "model"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The positions of all images that pass a network."""
    seen: list[int] = []
    real = Segmenter.predict_many

    def watched(self: Segmenter, dataset: Dataset, indices: list[int], **more: int) -> object:
        seen.extend(indices)
        return real(self, dataset, indices, **more)

    monkeypatch.setattr(Segmenter, "predict_many", watched)
    return seen


def test_maps_are_the_models_chances_rounded_and_masks_follow_its_threshold(
    model: str, runtime: Runtime, discs: Callable[..., Dataset]
) -> None:
    from dsim.models import load_segmenter

    dataset = discs(n=3, side=32)
    found = predict_kept(model, dataset, runtime)
    exact = [load_segmenter(model, runtime).predict(dataset.pixels(index)) for index in range(3)]
    assert found.indices == (0, 1, 2)
    assert found.threshold == 0.4
    for chances, kept, mask in zip(exact, found.maps, found.masks(), strict=True):
        assert kept.dtype == np.uint8
        assert np.abs(kept / 255 - chances).max() < 0.6 / 255
        assert (mask == (kept >= 0.4 * 255)).all()


def test_only_images_that_are_not_kept_pass_the_network(
    model: str, runtime: Runtime, discs: Callable[..., Dataset], asked: list[int]
) -> None:
    dataset = discs(n=5, side=32)
    first = predict_kept(model, dataset, runtime, [3, 1])
    more = predict_kept(model, dataset, runtime, [0, 1, 3, 3])
    again = predict_kept(model, dataset.subset([3, 0], "other name"), runtime)
    assert asked == [3, 1, 0]
    assert more.indices == (0, 1, 3, 3)
    assert (more.maps[2] == first.maps[0]).all()
    assert (again.maps[1] == more.maps[0]).all()
    assert predict_kept(model, dataset, runtime, [3, 1]).digest == first.digest != more.digest


def test_other_weights_are_another_model_whatever_the_file_is_called(
    model: str, tiny: SegmentationRecipe, runtime: Runtime, discs: Callable[..., Dataset], asked: list[int]
) -> None:
    dataset = discs(n=2, side=32)
    before = predict_kept(model, dataset, runtime)
    Segmenter(tiny.build(1).eval(), tiny).save(Path(model))
    after = predict_kept(model, dataset, runtime)
    assert len(asked) == 4
    assert (before.maps[0] != after.maps[0]).any()
    assert after.threshold == tiny.threshold


def test_a_file_of_maps_that_was_removed_or_damaged_is_computed_again(
    model: str, runtime: Runtime, discs: Callable[..., Dataset], asked: list[int]
) -> None:
    dataset = discs(n=2, side=32)
    before = predict_kept(model, dataset, runtime)
    (file,) = (runtime.cache / "predictions").rglob("*.h5")
    file.write_bytes(file.read_bytes()[:100])
    after = predict_kept(model, dataset, runtime)
    assert len(asked) == 4
    assert (before.maps[1] == after.maps[1]).all()


def test_large_images_are_kept_smaller() -> None:
    chances = np.zeros((100, 2 * LONGEST), np.float32)
    chances[:, LONGEST:] = 1
    kept = as_map(chances)
    assert kept.shape == (50, LONGEST)
    assert kept[:, 0].max() == 0
    assert kept[:, -1].min() == 255


def test_chances_of_large_images_are_not_held_together(
    model: str, runtime: Runtime, discs: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards memory: 64 maps at the size of their images would be gigabytes."""
    held: list[weakref.ref[object]] = []

    def large(self: Segmenter, dataset: Dataset, indices: list[int], **more: int) -> Iterator[tuple[int, object]]:
        for index in indices:
            assert sum(one() is not None for one in held) <= 1
            chances = np.full((LONGEST * 2, LONGEST * 2), 0.5, np.float32)
            held.append(weakref.ref(chances))
            yield index, chances
            del chances

    monkeypatch.setattr(Segmenter, "predict_many", large)
    found = predict_kept(model, discs(n=4, side=32), runtime)
    assert len(held) == len(found) == 4
    assert found.maps[3].shape == (LONGEST, LONGEST)


def test_a_mask_at_another_size_marks_the_same_part() -> None:
    mask = np.zeros((9, 30), int)
    mask[3:6, :10] = 7
    assert mask_like(mask, (3, 3)).tolist() == [[False] * 3, [True, False, False], [False] * 3]
    assert (mask_like(mask, mask.shape) == (mask != 0)).all()


def test_many_channels_and_missing_models_are_refused(model: str, runtime: Runtime, tmp_path: Path) -> None:
    many = from_arrays(np.zeros((1, 16, 16, 5), np.uint8), name="many")
    with pytest.raises(DataError, match="5 channels"):
        predict_kept(model, many, runtime)
    with pytest.raises(WeightsError, match="nowhere"):
        predict_kept(str(tmp_path / "nowhere"), many, runtime)
