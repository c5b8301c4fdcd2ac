"""CC-FV as a measure: masks on maps, a source's pixel head, and reasons where masks say nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dsim
from dsim.data import Dataset, from_arrays
from dsim.data.phantoms import style_ladder
from dsim.errors import MeasureError, NeedError
from dsim.measures import DatasetView, SimilarityMeasure, build_measure
from dsim.random import stream
from dsim.runtime import Runtime, Silent
from dsim.stats.transferability import cc_fv, class_consistency, feature_variety, train_head


class NoteRecorder(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def blobs(name: str = "blobs", n: int = 8, seed: int = 0, invert: bool = False, value: int = 255) -> Dataset:
    """Bright squares on a dark ground, with masks of them."""
    rng = np.random.default_rng(seed)
    images = rng.normal(60, 8, (n, 64, 64))
    masks = np.zeros((n, 64, 64), np.uint8)
    for image, mask in zip(images, masks, strict=True):
        top, left = rng.integers(4, 28, 2)
        mask[top : top + 32, left : left + 32] = value
        image[mask > 0] += 90
    stored = images.clip(0, 255).astype(np.uint8)
    return from_arrays(255 - stored if invert else stored, masks=masks, name=name)


def with_masks(data: Dataset, masks: Any, name: str = "masked") -> Dataset:
    return from_arrays([data.native(i) for i in range(len(data))], masks=masks, name=name)


def masks_of(data: Dataset) -> np.ndarray[Any, Any]:
    return np.stack([data.mask(i) for i in range(len(data))])


def view(measure: SimilarityMeasure[Any], data: Dataset) -> DatasetView:
    return DatasetView(data, measure.needs, "measure 'cc-fv'", Runtime(device="cpu"))


def summary(data: Dataset, call: str = "cc-fv") -> Any:
    measure = build_measure(call)
    return measure.summarise(view(measure, data), stream(0))


def value(source: Dataset, target: Dataset, call: str = "cc-fv") -> float:
    return float(build_measure(call).compare(summary(source, call), summary(target, call)))


def test_the_value_is_the_paper_s_ratio_through_the_source_s_pixel_head() -> None:
    source, target = summary(blobs(seed=1)), summary(blobs(seed=2))
    head = train_head(source.features, source.classes, 10.0)
    seen = head.coordinates(target.features)
    foreground = [seen[(target.images == i) & (target.classes == 1)] for i in range(8)]
    everything = [seen[target.images == i] for i in range(8)]
    expected = cc_fv([class_consistency(foreground)], feature_variety(everything))
    assert build_measure("cc-fv").compare(source, target) == pytest.approx(expected, rel=1e-6)


def test_without_a_head_the_maps_themselves_are_scored_whatever_the_source() -> None:
    call = "cc-fv:representation=extractor"
    target = blobs(seed=2)
    assert value(blobs(seed=1), target, call) == value(blobs(seed=3, invert=True), target, call)


def test_foreground_that_looks_alike_scores_above_foreground_at_random() -> None:
    source, target = blobs(seed=1), blobs(seed=2)
    rng = np.random.default_rng(0)
    shuffled = with_masks(target, np.roll(masks_of(target), int(rng.integers(1, 7)), axis=0))
    assert value(source, target) > value(source, shuffled)


def test_it_follows_a_growing_change_of_style() -> None:
    start, *rungs = style_ladder(steps=4, base="xray", count=10, size=64)
    values = [value(rung, start) for rung in rungs]
    assert values[0] > values[-1]


def test_foreground_is_any_value_unless_values_are_classes() -> None:
    source = blobs(seed=1)
    target = blobs(seed=2)
    halves = masks_of(target)
    halves[:, :, 32:][halves[:, :, 32:] > 0] = 7
    two = with_masks(target, halves)
    assert value(source, two) == pytest.approx(value(source, target))
    # Two classes of one look: the sum over classes is about twice the distance.
    apart = value(source, two, "cc-fv:classes=values")
    assert apart == pytest.approx(value(source, target) - np.log(2), abs=0.5)


def test_cells_are_drawn_per_class_and_image_with_the_seed() -> None:
    few = summary(blobs(), "cc-fv:pixels=20")
    assert np.bincount(few.images * 2 + few.classes).tolist() == [20] * 16
    again = summary(blobs(), "cc-fv:pixels=20")
    np.testing.assert_array_equal(few.features, again.features)


def test_images_without_foreground_do_not_count_and_are_told_of() -> None:
    data = blobs()
    masks = masks_of(data)
    masks[:2] = 0
    emptied = with_masks(data, masks)
    remark = build_measure("cc-fv").remark(summary(emptied))
    assert remark.startswith("2 of 8 images have fewer than 2 cells of foreground on the map of 16 x 16 cells")
    assert build_measure("cc-fv").remark(summary(data)) == ""
    assert np.isfinite(value(data, emptied))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda masks: masks * 0, "hold no foreground on the map of 16 x 16 cells"),
        (lambda masks: masks * 0 + 1, "leave no background"),
        (lambda masks: masks * (np.arange(len(masks)) == 3)[:, None, None], "fewer than 2 images"),
    ],
)
def test_masks_that_say_nothing_have_a_reason(change: Any, reason: str) -> None:
    data = blobs()
    with pytest.raises(MeasureError, match=reason):
        summary(with_masks(data, change(masks_of(data))))


def test_masks_that_number_objects_are_told_from_classes() -> None:
    data = blobs()
    numbered = (masks_of(data) > 0) * (1 + np.arange(8))[:, None, None]
    with pytest.raises(MeasureError, match="mask value 1") as error:
        summary(with_masks(data, numbered.astype(np.uint8)), "cc-fv:classes=values")
    assert "classes=foreground" in str(error.value.hint)


def test_black_images_have_a_reason() -> None:
    # Their maps vary all the same, towards the padded border.
    masks = masks_of(blobs())
    with pytest.raises(MeasureError, match="all images of 'black' have the same maps"):
        summary(from_arrays(np.zeros((8, 64, 64), np.uint8), masks=masks, name="black"))


def test_a_dataset_without_masks_is_refused() -> None:
    bare = from_arrays(np.zeros((3, 64, 64), np.uint8), name="bare")
    with pytest.raises(NeedError, match="'bare' has no masks"):
        summary(bare)


def test_of_a_partly_annotated_dataset_the_images_with_masks_are_compared_and_that_is_said(tmp_path: Path) -> None:
    whole, target = blobs(seed=1), blobs(seed=2)
    some = [whole.mask(i) if i < 5 else None for i in range(8)]
    partly, alone = with_masks(whole, some, "cells"), with_masks(whole.subset(range(5)), some[:5], "cells")
    recorder = NoteRecorder()
    runtime = Runtime(device="cpu", cache=tmp_path, progress=recorder)
    found = [dsim.compare([one], [target], measure="cc-fv", bootstrap=0, runtime=runtime) for one in (partly, alone)]
    assert found[0].values[0, 0] == found[1].values[0, 0]
    assert [note for note in recorder.notes if "5 of 8" in note and "cells" in note]
    assert "5 of 8" in found[0].provenance["datasets"]["cells"]["notes"][-1]
