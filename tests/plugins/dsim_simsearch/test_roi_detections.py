"""Detections beside a brute-force loop over patches: softmax maps, candidates, one class per place, semantic maps."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch
from drawn_discs import EXTRACTOR, PATCH, draw_dataset, make_maps

from dsim.annotations import Region
from dsim.plugin import Runtime, UsageError
from dsim_simsearch import detection
from dsim_simsearch.detection import (
    SUPPRESSION,
    Detections,
    detect,
    detection_grid,
    semantic_map,
    softmax_maps,
)
from dsim_simsearch.detector import Detector, LinearClassifier
from dsim_simsearch.feature_map import FeatureMap
from dsim_simsearch.features import FeatureMaps
from dsim_simsearch.images import PreparedImages

RUNTIME = Runtime(device="cpu")
CLASSES = ("disc", "ring")
SHAPE = (120, 160)


@lru_cache(maxsize=2)
def made(is_directional: bool = True) -> tuple[Detector, FeatureMaps]:
    """A detector whose classifier was drawn at random, and maps of its features."""
    maps = make_maps(draw_dataset(2)[0])
    cells = torch.from_numpy(np.asarray(maps[0].cells))
    generator = torch.Generator().manual_seed(1)
    spread, mean = torch.std_mean(cells.flatten(0, 1), dim=0)
    classifier = LinearClassifier(
        mean=mean,
        matrix=torch.diag(1 / spread),
        weight=torch.randn(3, maps.width, generator=generator) * (4 if is_directional else 0.4),
        bias=torch.tensor([0.0, 0.2, 0.4]),
        is_directional=is_directional,
    )
    preparation = maps.images.preparation.to_dict()
    return Detector(CLASSES, maps.blocks, EXTRACTOR, classifier, (PATCH, PATCH), 48, preparation), maps


def brute_force_logits(is_directional: bool, index: int, centres: np.ndarray) -> np.ndarray:
    """Logits (n, 3): features of cells are standardised, then interpolated, then classified, one place at a time."""
    detector, maps = made(is_directional)
    own = detector.classifier
    cells = (np.asarray(maps[index].cells, np.float64) - own.mean.numpy()) @ own.matrix.numpy().astype(np.float64)
    if is_directional:
        cells /= np.linalg.norm(cells, axis=2, keepdims=True)
    points = FeatureMap(cells, maps[index].origin, maps[index].step, SHAPE).at(centres)
    return points @ own.weight.numpy().T.astype(np.float64) + own.bias.numpy()


def brute_force_softmax(is_directional: bool, index: int) -> np.ndarray:
    grid = detection_grid(made(is_directional)[0], SHAPE)
    powers = np.exp(brute_force_logits(is_directional, index, grid.centres()))
    return (powers / powers.sum(axis=1, keepdims=True)).T.reshape(3, grid.rows, grid.cols)


@pytest.mark.parametrize("is_directional", [False, True])
@pytest.mark.parametrize("index", [0, 1])
def test_softmax_maps_are_those_of_each_patch_alone(is_directional: bool, index: int) -> None:
    detector, maps = made(is_directional)
    values = softmax_maps(detector, maps.images, index, RUNTIME)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values.sum(axis=0), 1, atol=1e-5)
    np.testing.assert_allclose(values, brute_force_softmax(is_directional, index), atol=1e-4)


def test_parts_of_an_image_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    detector, maps = made()
    whole = softmax_maps(detector, maps.images, 0, RUNTIME)
    semantic = semantic_map(detector, maps.images, 0, 0.4, RUNTIME)
    found = detect(detector, maps.images, 0.5, RUNTIME)
    monkeypatch.setattr(detection, "_AT_ONCE", 500)
    assert np.array_equal(softmax_maps(detector, maps.images, 0, RUNTIME), whole)
    assert np.array_equal(semantic_map(detector, maps.images, 0, 0.4, RUNTIME).values, semantic.values)
    assert detect(detector, maps.images, 0.5, RUNTIME) == found


# ---- candidates and detections -------------------------------------------------------------------------------------


def test_candidates_are_local_maxima_of_their_class_apart_from_each_other() -> None:
    detector, maps = made()
    found = detect(detector, maps.images, 0.5, RUNTIME, floor=0.0)
    assert found.images == maps.images.dataset.ids
    for index, image in enumerate(found.images):
        values, grid = brute_force_softmax(True, index), detection_grid(detector, SHAPE)
        for number, label in enumerate(CLASSES):
            own = [one for one in found.candidates if (one.image, one.label) == (image, label)]
            assert [one.score for one in own] == sorted((one.score for one in own), reverse=True)
            centres = np.array([one.centre for one in own])
            apart = np.hypot(*(centres[:, None] - centres[None]).transpose(2, 0, 1)) + 1e9 * np.eye(len(own))
            assert apart.min() > SUPPRESSION * PATCH - 1e-6
            cols = np.rint((centres[:, 0] - grid.x) / grid.stride).astype(int)
            rows = np.rint((centres[:, 1] - grid.y) / grid.stride).astype(int)
            scores = values[number][rows, cols]
            np.testing.assert_allclose([one.score for one in own], scores, atol=1e-4)
            padded = np.pad(values[number], 1, constant_values=-1)
            for row, col, score in zip(rows, cols, scores, strict=True):
                assert score >= padded[row : row + 3, col : col + 3].max() - 1e-4
            assert values[number].max() == pytest.approx(max(one.score for one in own), abs=1e-4)
            assert {one.width for one in own} == {one.height for one in own} == {PATCH}


def test_thresholds_change_detections_and_never_candidates() -> None:
    detector, maps = made()
    low, high = (detect(detector, maps.images, value, RUNTIME) for value in (0.2, 0.8))
    assert low.candidates == high.candidates
    assert low.at({"disc": 0.8, "ring": 0.8}) == high == low.above(0.8)
    assert len(high.regions) < len(low.regions) < len(low.candidates)
    mixed = low.above(ring=0.9)
    assert mixed.thresholds == {"disc": 0.2, "ring": 0.9}
    assert all(one.score >= mixed.thresholds[one.label] for one in mixed.regions)


def test_some_images_are_searched_and_counted_those_without_detections_too() -> None:
    detector, maps = made()
    every, second = (
        detect(detector, maps.images, 0.5, RUNTIME),
        detect(detector, maps.images, 0.5, RUNTIME, indices=[1]),
    )
    assert second.images == ("scene1",)
    assert second.candidates == tuple(one for one in every.candidates if one.image == "scene1")
    for image in every.images:
        for label in CLASSES:
            own = [one for one in every.regions if (one.image, one.label) == (image, label)]
            assert every.counts[image][label] == len(own)
    assert every.above(1.0).counts == {image: dict.fromkeys(CLASSES, 0) for image in every.images}


def region(x: float, label: str, score: float, image: str = "a") -> Region:
    return Region(image, x - 5, 0, 10, 10, label, score)


def seen(*candidates: Region, threshold: float = 0.5) -> Detections:
    return Detections(CLASSES, ("a", "b"), candidates, dict.fromkeys(CLASSES, threshold), radius=3.5)


def test_a_place_has_one_class_the_surest_that_its_threshold_lets_through() -> None:
    disc, ring, other = region(0, "disc", 0.6), region(3, "ring", 0.8), region(3, "ring", 0.8, image="b")
    found = seen(disc, ring, other)
    assert found.regions == (ring, other)
    # Once the ring is below its threshold, it suppresses nothing.
    assert found.above(ring=0.9).regions == (disc,)
    assert seen(disc, region(4, "ring", 0.8)).regions == (region(4, "ring", 0.8), disc)
    assert seen(disc, region(3.5, "ring", 0.8)).regions == (region(3.5, "ring", 0.8),)


def test_suppression_is_that_of_a_loop_over_all_pairs() -> None:
    rng = np.random.default_rng(0)
    candidates = [
        Region("a", float(x), float(y), 4, 4, CLASSES[label], float(score))
        for x, y, label, score in zip(
            rng.uniform(0, 60, 300),
            rng.uniform(0, 60, 300),
            rng.integers(2, size=300),
            rng.uniform(size=300),
            strict=True,
        )
    ]
    expected: list[Region] = []
    for one in sorted(candidates, key=lambda one: -one.score):
        if one.score >= 0.3 and all(np.hypot(*np.subtract(one.centre, other.centre)) > 3.5 for other in expected):
            expected.append(one)
    assert seen(*candidates, threshold=0.3).regions == tuple(expected)


def test_maxima_are_maxima_where_softmax_values_are_one_to_all_digits() -> None:
    detector, maps = made()
    sure = replace(detector.classifier, weight=60 * detector.classifier.weight)
    plain = detect(detector, maps.images, 0.5, RUNTIME)
    saturated = detect(replace(detector, classifier=sure), maps.images, 0.5, RUNTIME)
    best = next(one for one in saturated.candidates if one.label == "disc")
    assert best.score == 1.0
    grid = detection_grid(detector, SHAPE)
    logits = brute_force_logits(True, 0, grid.centres()) - detector.classifier.bias.numpy()
    odds = logits[:, 0] - np.logaddexp(60 * logits[:, 1], 60 * logits[:, 2]) / 60
    np.testing.assert_allclose(best.centre, grid.centres()[odds.argmax()], atol=grid.stride * 1.01)
    assert len(saturated.candidates) > 0.5 * len([one for one in plain.candidates if one.score > 0.5])


# ---- semantic maps -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("thresholds", [0.4, {"disc": 0.2, "ring": 0.7}])
def test_a_semantic_map_is_bilinear_between_centres_of_patches_at_each_pixel(
    thresholds: float | dict[str, float],
) -> None:
    from scipy.interpolate import RegularGridInterpolator

    detector, maps = made()
    result = semantic_map(detector, maps.images, 1, thresholds, RUNTIME)
    assert result.classes == CLASSES
    assert result.values.shape == SHAPE
    grid, values = detection_grid(detector, SHAPE), brute_force_softmax(True, 1)
    ys = np.clip(np.arange(SHAPE[0]) + 0.5, grid.ys()[0], grid.ys()[-1])
    xs = np.clip(np.arange(SHAPE[1]) + 0.5, grid.xs()[0], grid.xs()[-1])
    places = np.stack(np.meshgrid(ys, xs, indexing="ij"), axis=-1)
    dense = np.stack([RegularGridInterpolator((grid.ys(), grid.xs()), plane)(places) for plane in values[:2]])
    limits = thresholds if isinstance(thresholds, dict) else dict.fromkeys(CLASSES, thresholds)
    allowed = np.where(dense >= np.array([limits[name] for name in CLASSES])[:, None, None], dense, -1)
    expected = np.where(allowed.max(0) < 0, 0, allowed.argmax(0) + 1)
    assert (result.values == expected).mean() > 0.999  # rounding where two values are equal
    assert set(np.unique(expected)) == {0, 1, 2}


# ---- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("thresholds", "named"), [({"disc": 0.5}, "ring"), ({"disc": 0.5, "ring": 0.5, "dust": 0.5}, "dust"), (1.5, "1.5")]
)
def test_thresholds_of_other_classes_or_beyond_one_are_refused(
    thresholds: dict[str, float] | float, named: str
) -> None:
    detector, maps = made()
    for call in (
        lambda: detect(detector, maps.images, thresholds, RUNTIME),
        lambda: semantic_map(detector, maps.images, 0, thresholds),
    ):
        with pytest.raises(UsageError, match=named) as refused:
            call()
        assert refused.value.hint


def test_images_that_are_prepared_in_another_way_are_refused() -> None:
    detector, maps = made()
    other = replace(maps.images.preparation, high=tuple(value + 1 for value in maps.images.preparation.high))
    images = PreparedImages(maps.images.dataset, other)
    with pytest.raises(UsageError) as refused:
        detect(detector, images, 0.5, RUNTIME)
    assert "preparation" in (refused.value.hint or "")
