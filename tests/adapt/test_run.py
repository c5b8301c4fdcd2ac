"""Promises of adaptation: the judged way is written, no model is tested on what it saw, nothing is done twice."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dsim.adapt import Adapted, Pool, Settings, Standing, Trials, adapt, choice, read_annotation, training, trials
from dsim.data import Dataset
from dsim.errors import DataError, UsageError
from dsim.models import VoteNetwork, load_segmenter
from dsim.prelabel import open_model, prelabel
from dsim.runtime import Runtime
from dsim.zoo import add_model, read_model

Partly, PoolOf = Callable[..., Dataset], Callable[..., Pool]
QUICK = Settings(epochs=6, shown=16, width=8, encoder="plain", scratch_lr=5e-3, lr=5e-3)
#: Three candidates on three images: the first is poor, the second good, the third poor.
SCORES = ((0.1, 0.2, 0.1), (0.4, 0.5, 0.3), (0.2, 0.1, 0.2))


def test_training_that_marks_nothing_begins_again_more_slowly(
    partly: Partly, cpu: Runtime, quick: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only images that train are looked at for it, and the last attempt counts."""
    shares: list[float] = []
    attempt = training._attempt

    def noted(*given: object) -> object:
        shares.append(given[4])  # type: ignore[arg-type]
        return attempt(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "_attempt", noted)
    monkeypatch.setattr(training, "score_images", lambda model, target, images: [0.0] * len(images))
    training.train_lesson(training.Lesson("scratch", (0, 1)), partly(3), replace(quick, epochs=1), cpu)
    assert shares == sorted(shares, reverse=True)
    assert len(shares) == 3
    shares.clear()
    monkeypatch.setattr(training, "score_images", lambda model, target, images: [0.5] * len(images))
    training.train_lesson(training.Lesson("scratch", (0, 1)), partly(3), replace(quick, epochs=1), cpu)
    assert len(shares) == 1


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tiny: object) -> Settings:
    """Settings whose training from scratch is that of the tiny recipe."""
    recipe = replace(tiny, epochs=8, shown=16, lr=5e-3)  # type: ignore[type-var]
    monkeypatch.setattr(Settings, "from_scratch", lambda self: recipe)
    return QUICK


def test_each_way_is_scored_on_images_that_it_has_not_seen(
    partly: Partly, pool_of: PoolOf, cpu: Runtime, tmp_path: Path, quick: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    train = trials.train_lesson

    def noted(lesson: trials.Lesson, *given: object) -> object:
        seen.append(lesson.images)  # type: ignore[arg-type]
        return train(lesson, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(trials, "train_lesson", noted)
    target = partly(3)
    run = Trials(read_annotation(target), pool_of(target, SCORES), replace(quick, epochs=1), tmp_path, cpu)
    scores = run.cross_validate()
    assert list(scores) == ["apply", "vote", "finetune", "scratch"]
    assert scores["apply"] == list(SCORES[1])
    assert sorted(seen) == sorted([(0, 1), (0, 2), (1, 2)] * 2)
    assert all(0 <= value <= 1 for values in scores.values() for value in values)


def test_the_choice_among_candidates_is_tested_too(
    partly: Partly, pool_of: PoolOf, cpu: Runtime, tmp_path: Path
) -> None:
    """One candidate is best on the image that is left out only: no fold may take it."""
    target = partly(3)
    lucky = pool_of(target, [(0.9, 0.0, 0.0), (0.0, 0.9, 0.0), (0.0, 0.0, 0.9), (0.2, 0.2, 0.2)])
    run = Trials(read_annotation(target), lucky, Settings(ways=("apply",)), tmp_path, cpu)
    assert max(run.cross_validate()["apply"]) <= 0.2


def test_training_wins_over_poor_candidates_and_is_written_for_prelabel_and_the_zoo(
    partly: Partly, pool_of: PoolOf, cpu: Runtime, tmp_path: Path, quick: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, out = partly(3), tmp_path / "model"
    tried = replace(quick, ways=("apply", "vote", "scratch"))
    found = adapt(target, out, settings=tried, pool=pool_of(target, SCORES), runtime=cpu)
    assert (found.way, found.models, found.marks) == ("scratch", (), "foreground")
    assert found.answer.startswith(f"Wrote {out}: ")
    assert "3 annotated images" in found.answer
    assert found.expected is not None
    assert found.expected.mean > 0.5
    assert json.loads(json.dumps(found.to_dict()))["way"] == found.way
    labels = prelabel(target, open_model(out, cpu), tmp_path / "labels", runtime=cpu)
    assert labels.seen is not None
    assert "3 of 12" in labels.seen
    card = (out / "card.md").read_text("utf-8")
    assert all(way in card for way in tried.ways)
    monkeypatch.setenv("DSIM_ZOO", str(tmp_path / "zoo"))
    added, _ = add_model(out)
    assert added.id == read_model(out).id


def test_good_candidates_are_kept_as_they_are(
    partly: Partly, pool_of: PoolOf, cpu: Runtime, tmp_path: Path, quick: Settings
) -> None:
    target = partly(3)
    pool = pool_of(target, [(0.99, 0.99, 0.99), (0.1, 0.1, 0.1)])
    found = adapt(target, tmp_path / "m", settings=replace(quick, epochs=1), pool=pool, runtime=cpu)
    assert (found.way, found.models, found.marks) == ("apply", ("tiny0",), "discs")
    own, first = load_segmenter(tmp_path / "m", cpu), load_segmenter(pool.models[0].reference, cpu)
    assert np.array_equal(own.predict(target.pixels(5)), first.predict(target.pixels(5)))


def test_one_annotated_image_tests_nothing_and_trains_only_where_that_is_asked_for(
    partly: Partly, pool_of: PoolOf, cpu: Runtime, tmp_path: Path, quick: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, quickest = partly(1), replace(quick, epochs=1)
    pool = pool_of(target, [[0.50], [0.51], [0.505]])
    monkeypatch.setitem(choice.LEADS, 1, {"vote": (0.02, 0.01), "scratch": (0.1, 0.2)})
    voted = adapt(target, tmp_path / "voted", settings=quickest, pool=pool, runtime=cpu)
    assert (voted.way, len(voted.models), voted.choice) == ("vote", 3, None)
    assert isinstance(load_segmenter(tmp_path / "voted", cpu).network, VoteNetwork)
    assert "one annotated image" in voted.notes[0]
    assert voted.expected is not None
    assert voted.expected.mean == pytest.approx(0.53)
    asked = replace(quickest, ways=("scratch",))
    trained = adapt(target, tmp_path / "trained", settings=asked, pool=pool, runtime=cpu)
    assert (trained.way, trained.choice) == ("scratch", None)


def test_without_a_candidate_only_training_from_scratch_is_left(
    partly: Partly, cpu: Runtime, tmp_path: Path, quick: Settings
) -> None:
    target = partly(2)

    def nobody(columns: object) -> Standing:
        raise AssertionError("there is nobody to judge")

    pool = Pool((), tuple(target.annotated), np.zeros((0, 2)), nobody)
    found = adapt(target, tmp_path / "m", settings=quick, pool=pool, runtime=cpu)
    assert (found.way, found.models) == ("scratch", ())
    with pytest.raises(UsageError) as error:
        adapt(target, tmp_path / "n", settings=replace(quick, ways=("apply",)), pool=pool, runtime=cpu)
    assert "scratch" in (error.value.hint or "")


def test_an_interrupted_run_goes_on_and_ends_with_the_same_scores(
    partly: Partly, pool_of: PoolOf, cpu: Runtime, tmp_path: Path, quick: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, calls = partly(3), 0
    pool, only = pool_of(target, SCORES), replace(quick, ways=("finetune",), epochs=1)
    whole = Trials(read_annotation(target), pool, only, tmp_path / "whole", cpu).cross_validate()
    train = trials.train_lesson

    def failing(*given: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return train(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(trials, "train_lesson", failing)
    run = Trials(read_annotation(target), pool, only, tmp_path / "parts", cpu)
    with pytest.raises(KeyboardInterrupt):
        run.cross_validate()
    assert run.cross_validate() == whole
    assert calls == 4


def test_a_folder_that_holds_a_model_or_something_else_is_not_overwritten(
    partly: Partly, pool_of: PoolOf, cpu: Runtime, tmp_path: Path
) -> None:
    target, out = partly(1), tmp_path / "m"
    more = {"pool": pool_of(target, [[0.9], [0.1]]), "runtime": cpu, "settings": Settings(ways=("apply",))}
    adapt(target, out, **more)  # type: ignore[arg-type]
    with pytest.raises(DataError) as error:
        adapt(target, out, **more)  # type: ignore[arg-type]
    assert "--overwrite" in (error.value.hint or "")
    adapt(target, out, overwrite=True, **more)  # type: ignore[arg-type]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match=r"notes\.txt"):
        adapt(target, tmp_path / "other", overwrite=True, **more)  # type: ignore[arg-type]


def test_the_next_command_can_be_typed_whatever_the_names() -> None:
    found = Adapted(Path("my model"), "mine", "my images", 3, "apply", ("a",), None, None, "discs", (), 0.0)
    words = shlex.split(found.next_command)
    assert words == ["dsim", "prelabel", "my images", "--model", "my model", "--out", "my model-labels"]
