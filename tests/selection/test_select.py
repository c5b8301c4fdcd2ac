"""From a target and models to the choice: candidates, evidence, order, and what is said of bad input."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dsim.selection.evidence
from dsim.data import Dataset, from_arrays
from dsim.errors import DataError, NeedError, UsageError
from dsim.models import SegmentationRecipe, Segmenter, dice, load_segmenter
from dsim.runtime import Runtime
from dsim.selection import Record, RecordedTarget, candidate_models, find_candidates, gather_evidence, select
from dsim.selection.prior import Prior
from dsim.selection.signals import distance_signals


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(device="cpu", cache=tmp_path / "cache", workers=0)


@pytest.fixture(scope="module")
def prior(measured: list[RecordedTarget]) -> Prior:
    return Prior.fit(Record("drawn", "command", 1, tuple(measured)))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Similarity by tiny pictures only."""
    monkeypatch.setattr("dsim.selection.signals.DISTANCES", {"energy:extractor=pixels:[side=8]": 3.0})


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Dataset]:
    """Three datasets with a model each, untrained."""
    rng, place = np.random.default_rng(0), tmp_path_factory.mktemp("models")
    recipe = SegmentationRecipe(width=4, levels=2, side=32, patch=32)
    found = []
    for seed, name in enumerate(("first", "second", "third")):
        data = from_arrays(rng.integers(0, 256, (5, 16, 16), dtype=np.uint8), name=name)
        known = ({"name": name, "n": 5, "images_fingerprint": data.images_fingerprint},)
        model = Segmenter(recipe.build(seed).eval(), recipe, known).save(place / f"{name}.safetensors")
        found.append(replace(data, model=str(model)))
    return found


def target(masked: int, shape: tuple[int, int] = (16, 16), empty: bool = False) -> Dataset:
    rng = np.random.default_rng(1)
    mask = np.zeros(shape, np.uint8)
    mask[4:12, 4:12] = 0 if empty else 1
    masks = [mask if index < masked else None for index in range(6)] if masked else None
    return from_arrays(rng.integers(0, 256, (6, 16, 16, 3), dtype=np.uint8), masks=masks, name="mine")


def test_candidates_come_in_order_with_interval_and_probability(
    sources: list[Dataset], prior: Prior, runtime: Runtime
) -> None:
    found = select(target(2), sources, runtime, prior=prior)
    assert sorted(one.model.name for one in found.candidates) == ["first", "second", "third"]
    expected = [one.dice for one in found.candidates]
    assert expected == sorted(expected, reverse=True)
    assert all(one.low <= one.dice <= one.high for one in found.candidates)
    assert sum(one.best for one in found.candidates) == pytest.approx(1)
    assert (found.annotated, found.evidence.rest) == (2, 4)
    assert found.first is found.candidates[0]
    document = found.to_dict()
    assert [one["name"] for one in document["candidates"]] == [one.model.name for one in found.candidates]


def test_scores_are_the_dice_of_each_model_on_each_annotated_image(sources: list[Dataset], runtime: Runtime) -> None:
    mine = target(2)
    candidates = candidate_models(mine, sources, runtime)
    found = gather_evidence(mine, candidates, runtime)
    for row, candidate in enumerate(found.candidates):
        model = load_segmenter(candidate.reference, runtime)
        for column, index in enumerate(found.annotated):
            own = model.predict(mine.pixels(index)) >= candidate.threshold
            assert found.scores[row, column] == pytest.approx(dice(own, mine.mask(index) > 0), abs=0.02)
    assert np.diag(found.agreement) == pytest.approx(np.ones(3))
    assert found.agreements is not None
    assert found.agreements.shape == (6, 3, 3)


def test_without_masks_the_prior_alone_answers(sources: list[Dataset], prior: Prior, runtime: Runtime) -> None:
    found = select(target(0), sources, runtime, prior=prior)
    assert (found.annotated, found.evidence.rest) == (0, 6)
    assert all(np.isnan(one.scored) for one in found.candidates)


def test_the_same_again_is_the_same(sources: list[Dataset], prior: Prior, runtime: Runtime) -> None:
    one, again = (select(target(1), sources, runtime, prior=prior).to_dict() for _ in range(2))
    assert one == again


def test_a_model_that_saw_images_of_the_target_is_left_out_under_whatever_name(
    sources: list[Dataset], runtime: Runtime
) -> None:
    copy = replace(sources[1], name="copy", model=None)
    found, notes = find_candidates(copy, sources)
    assert [one.name for one in found] == ["first", "third"]
    assert any("second" in note and "copy" in note for note in notes)


def test_two_models_of_one_name_are_told_apart_by_their_references(sources: list[Dataset]) -> None:
    """A model of one's own beside the zoo's of the same set must not stop every choice."""
    both = [sources[0], replace(sources[1], name=sources[0].name)]
    found, _ = find_candidates(target(0), both)
    assert sorted(one.name for one in found) == sorted(str(source.model) for source in both)


def test_a_source_of_the_name_of_the_target_is_compared_with_it(sources: list[Dataset], runtime: Runtime) -> None:
    """Names are the user's: only equal images make a source the target itself."""
    named = replace(sources[0], name="mine")
    candidates = [replace(one, sources=("mine",)) for one in find_candidates(target(0), [named])[0]]
    found, notes = distance_signals(target(0), candidates, [named], runtime, calls=["cc:size=16"])
    assert np.isfinite(found["cc:size=16"]).all()
    assert not notes


def test_no_model_is_a_question_of_sources(sources: list[Dataset], runtime: Runtime) -> None:
    with pytest.raises(UsageError) as refused:
        select(target(0), [replace(source, model=None) for source in sources], runtime)
    assert "mine" in refused.value.message
    assert "model=" in str(refused.value.hint)


def test_masks_that_are_all_empty_are_not_used(sources: list[Dataset], prior: Prior, runtime: Runtime) -> None:
    found = select(target(2, empty=True), sources, runtime, prior=prior)
    assert found.annotated == 0
    assert any("empty" in note for note in found.notes)


def test_a_mask_of_another_size_than_its_image_is_named(sources: list[Dataset], runtime: Runtime) -> None:
    mine = target(1)
    broken = replace(mine, backing=_OtherMasks(mine.backing))
    with pytest.raises(DataError) as refused:
        gather_evidence(broken, candidate_models(broken, sources, runtime), runtime)
    assert mine.ids[0] in refused.value.message


class _OtherMasks:
    """Masks of half the size."""

    def __init__(self, whole: object) -> None:
        self.whole = whole

    def __getattr__(self, name: str) -> object:
        return getattr(self.__dict__["whole"], name)

    def mask(self, index: int) -> np.ndarray:
        return np.ones((8, 8), np.uint8)


def test_a_target_without_images_is_refused(sources: list[Dataset]) -> None:
    with pytest.raises(NeedError):
        find_candidates(from_arrays(features=np.zeros((4, 2)), name="bare"), sources)


def test_annotations_can_be_forgotten_and_candidates_left_out(sources: list[Dataset], runtime: Runtime) -> None:
    mine = target(3)
    found = gather_evidence(mine, candidate_models(mine, sources, runtime), runtime)
    fewer = found.restricted([2]).of([2, 0])
    assert fewer.rest == 5
    assert [one.name for one in fewer.candidates] == ["third", "first"]
    assert fewer.scores[0, 0] == found.scores[2, 2]
    assert found.without_annotations().scores.shape == (3, 0)


def test_at_most_so_many_annotated_images_are_scored(
    sources: list[Dataset], runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dsim.selection.evidence, "ANNOTATED", 2)
    found = gather_evidence(target(4), candidate_models(target(4), sources, runtime), runtime)
    assert (len(found.annotated), found.rest) == (2, 2)
    assert any("2 of 4" in note for note in found.notes)


def test_a_pre_label_that_nobody_touched_speaks_for_no_model(
    sources: list[Dataset], prior: Prior, runtime: Runtime, tmp_path: Path
) -> None:
    """Guards the choice in Python as on the command line: else the model that wrote a mask would be right by itself."""
    from dsim.data import with_masks
    from dsim.prelabel import open_model, prelabel

    mine = target(0)
    prelabel(mine, open_model(str(sources[0].model), runtime), tmp_path / "out", images=[0, 1], runtime=runtime)
    given = with_masks(mine, [tmp_path / "out" / "masks"])
    found = select(given, sources, runtime, prior=prior)
    assert found.annotated == 0
    assert found.evidence.rest == len(mine)
    assert any("2 of 2" in note for note in found.notes)

    drawn = np.zeros((16, 16), np.uint8)
    drawn[4:12, 4:12] = 255
    Image.fromarray(drawn).save(tmp_path / "out" / "masks" / f"{mine.ids[1]}.png")
    again = select(with_masks(mine, [tmp_path / "out" / "masks"]), sources, runtime, prior=prior)
    assert again.evidence.annotated == (1,)
