"""Copies are found whatever small thing was done to them, and different images of one kind are no copies."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from dsim.maps.quality.alignment import Whitener, align
from dsim.maps.quality.copies import Copy, copy_sets, find_copies
from dsim.maps.quality.traits import TURNS, read_traits, turn
from dsim.runtime import Runtime


def _jpeg(image: np.ndarray) -> np.ndarray:
    memory = io.BytesIO()
    Image.fromarray(image).save(memory, "jpeg", quality=60)
    return np.asarray(Image.open(memory))


def _turned(image: np.ndarray, symmetry: int) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(turn(np.moveaxis(image, -1, 0), symmetry), 0, -1))


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "brighter": lambda image: np.clip(image * 1.15 + 4, 0, 255).astype(np.uint8),
    "darker": lambda image: (image * 0.8).astype(np.uint8),
    "jpeg": _jpeg,
    "shifted": lambda image: np.pad(image, ((2, 0), (1, 0), (0, 0)), "edge")[:48, :48],
    "turned and brighter": lambda image: np.clip(_turned(image, 3) * 1.1, 0, 255).astype(np.uint8),
}


@pytest.fixture(scope="session")
def whole_copies(pictures: np.ndarray, dataset_of: Callable) -> Callable:
    def find(images: list[np.ndarray]) -> list[Copy]:
        dataset = dataset_of([*pictures, *images])
        return find_copies([dataset], read_traits([dataset], Runtime()), None)

    return find


def test_different_images_of_one_kind_are_no_copies(whole_copies: Callable) -> None:
    assert whole_copies([]) == []


@pytest.mark.parametrize("change", CHANGES)
def test_changed_copies_are_found_without_features(pictures: np.ndarray, whole_copies: Callable, change: str) -> None:
    copies = whole_copies([CHANGES[change](pictures[place]) for place in (3, 20, 41)])
    assert sorted((copy.image, copy.partner) for copy in copies) == [(60, 3), (61, 20), (62, 41)]
    assert not any(copy.exact for copy in copies)


def test_turned_copies_are_the_same_pixels_and_the_turn_is_named(pictures: np.ndarray, whole_copies: Callable) -> None:
    copies = whole_copies([_turned(pictures[place], place) for place in range(8)])
    assert next((copy.image, copy.partner, copy.exact) for copy in copies) == (60, 0, True)
    assert sorted((copy.image, copy.partner) for copy in copies) == [(60 + place, place) for place in range(8)]
    assert {copy.score for copy in copies} == {1.0}
    for copy in copies[1:]:
        # Turning the partner's picture gives the copy.
        assert (
            _turned(pictures[copy.partner], TURNS.index(copy.turned)) == _turned(pictures[copy.partner], copy.partner)
        ).all()


def test_constant_images_are_no_copies_of_each_other(whole_copies: Callable) -> None:
    assert whole_copies([np.full((48, 48, 3), 9, np.uint8)] * 3) == []


def test_the_same_pixels_in_other_files_and_channels_are_exact_copies(
    pictures: np.ndarray, dataset_of: Callable
) -> None:
    gray = pictures[:5, ..., 0]
    first = dataset_of(gray, name="first")
    second = dataset_of(np.repeat(gray[..., None], 3, axis=-1), name="second")
    copies = find_copies([first, second], read_traits([first, second], Runtime()), None)
    assert [(copy.image, copy.partner, copy.exact) for copy in copies] == [(5 + i, i, True) for i in range(5)]


def test_a_set_of_copies_lists_all_but_its_first(pictures: np.ndarray, whole_copies: Callable) -> None:
    changed = [change(pictures[7]) for change in CHANGES.values()]
    copies = whole_copies([pictures[7], *changed])
    assert sorted(copy.image for copy in copies) == list(range(60, 66))
    assert set(copy_sets(66, copies)[[7, *range(60, 66)]]) == {7}


def test_alignment_gives_back_turn_and_shift(pictures: np.ndarray) -> None:
    gray = pictures.mean(axis=-1)[:, :32, :32]
    whitener = Whitener(gray)
    for symmetry in range(8):
        aligned = align(turn(gray, symmetry), gray, whitener)
        assert aligned.symmetry.tolist() == [symmetry] * len(gray)
        assert aligned.score == pytest.approx(1, abs=1e-5)
        assert not aligned.shift.any()
    moved = align(np.roll(gray, (2, -1), axis=(1, 2)), gray, whitener)
    assert (moved.shift == [2, -1]).mean() > 0.9
    assert np.quantile(moved.score, 0.1) > 0.95


def test_alignment_does_not_depend_on_the_other_pairs_nor_on_brightness(pictures: np.ndarray) -> None:
    gray = pictures.mean(axis=-1)
    whitener = Whitener(gray)
    together = align(gray[:6], gray[6:12], whitener)
    alone = align(2 * gray[3:4] + 5, gray[9:10], whitener)
    assert alone.score[0] == pytest.approx(together.score[3], abs=1e-5)
