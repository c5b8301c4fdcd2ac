"""``dsim asap coherence``: nothing unseen is trained on, nothing trained twice, shares and spreads are as defined."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import dsim
from dsim.data.dataset import Dataset
from dsim.embeddings import Cloud
from dsim.errors import UsageError
from dsim.files.documents import check
from dsim.runtime import Runtime
from dsim.stats.shares import wilson_interval
from dsim_asap import objective as training
from dsim_asap.studies.coherence import Trial, document, train_trials, zoo_trial
from dsim_asap.studies.pictures import draw_coherence
from dsim_asap.trainer import choose

TINY = ["backbone=test_resnet", "size=32", "epochs=1", "batch=8", "precision=float32"]


def dataset(name: str, n: int, level: int = 0) -> Dataset:
    pixels = np.random.default_rng(level).integers(level, level + 60, (n, 32, 32, 3)).astype(np.uint8)
    return dsim.from_arrays(pixels, name=name)


def cloud(name: str, points: np.ndarray) -> Cloud:
    return Cloud(dataset(name, len(points)), points)


@pytest.fixture
def trial() -> Trial:
    rng = np.random.default_rng(0)
    near, far = rng.standard_normal((40, 2)), np.array([20, 0]) + rng.standard_normal((40, 2))
    held = np.concatenate([rng.standard_normal((3, 2)), [[20.0, 0.0]]])
    strangers = cloud("strangers", 10 * rng.standard_normal((30, 2)))
    return Trial(0, choose(None), (cloud("a", near), cloud("b", far)), (cloud("a", held), None), (strangers,))


def test_shares_are_those_of_images_placed_with_their_own(trial: Trial) -> None:
    told = document([trial], 0.2)
    check(told, "dsim.asap-coherence/1", "the study", "")
    assert list(told["unseen"]) == ["a"]
    share = told["unseen"]["a"]["by_centre"]
    assert share["share"] == 0.75
    assert (share["low"], share["high"]) == wilson_interval(0.75, 4, 0.95)
    assert told["unseen"]["a"]["by_mean_distance"]["share"] == 0.75
    assert told["unseen"]["a"]["inside_own"]["share"] == 0.75
    assert told["unseen"]["a"]["inside_any"]["share"] == 1.0
    json.dumps(told, allow_nan=False)


def test_foreign_images_that_scatter_are_told_by_their_spread(trial: Trial) -> None:
    told = document([trial], 0.2)["foreign"]["strangers"]
    assert told["spread_over_median"] == pytest.approx(10, rel=0.35)
    assert told["spread_over_widest"] <= told["spread_over_median"]
    assert told["inside"]["share"] < 0.3


def test_more_seeds_make_no_interval_narrower(trial: Trial) -> None:
    one, two = document([trial], 0.2)["unseen"]["a"], document([trial, trial], 0.2)["unseen"]["a"]
    check(document([trial, trial], 0.2), "dsim.asap-coherence/1", "the study", "")
    assert (one["by_centre"]["low"], one["images"]) == (two["by_centre"]["low"], two["images"])
    assert two["by_centre"]["smallest"] == two["by_centre"]["largest"] == 0.75


def test_the_picture_is_drawn_in_any_dimension(trial: Trial, tmp_path: Path) -> None:
    draw_coherence(trial, tmp_path / "two.svg", "two")
    deep = [
        tuple(c and Cloud(c.dataset, np.pad(c.points, ((0, 0), (0, 1)))) for c in part)
        for part in (trial.known, trial.unseen, trial.foreign)
    ]
    draw_coherence(Trial(0, trial.chosen, *deep), tmp_path / "three.svg", "three")  # type: ignore[arg-type]
    assert (tmp_path / "three.svg").exists()


def test_what_is_unseen_is_not_trained_on_and_nothing_is_trained_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dsim_asap.trainer import recipe_of

    sets, runtime = [dataset("dark", 20), dataset("bright", 20, 180)], Runtime(device="cpu", cache=tmp_path)
    (first,) = train_trials(sets, [], recipe_of(TINY), runtime)
    for known, held in zip(first.known, first.unseen, strict=True):
        assert held is not None
        assert not set(known.dataset.ids) & set(held.dataset.ids)
        assert known.seen
        assert not held.seen
        assert len(known) + len(held) == 20
    monkeypatch.setattr(training, "train_asap", lambda *_: pytest.fail("trained again"))
    (again,) = train_trials(sets, [], recipe_of(TINY), runtime)
    assert document([again], 0.2) == document([first], 0.2)


def test_of_datasets_new_to_a_model_a_part_is_held_out_and_whole_pools_are_refused(tmp_path: Path) -> None:
    from dsim.embeddings import LatentModel
    from dsim_asap.trainer import recipe_of, train_once

    sets, runtime = [dataset("dark", 10), dataset("bright", 10, 180)], Runtime(device="cpu", cache=tmp_path)
    chosen = LatentModel(f"file:{train_once(sets, recipe_of(TINY), 0, runtime)}", "mine")
    new = zoo_trial([dataset("x", 10, 90), dataset("y", 10, 40)], [], chosen, runtime)
    assert [len(held) for held in new.unseen if held is not None] == [2, 2]
    with pytest.raises(UsageError, match="none is unseen"):
        zoo_trial(sets, [], chosen, runtime)


def test_the_command_writes_numbers_and_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dsim.cli.main import run

    sets = [f"phantoms:{name}[count=10,size=32]" for name in ("histology", "fundus")]
    call = ["asap", "coherence", "--sources", *sets, "--no-foreign", "--device", "cpu", "--out", str(tmp_path)]
    assert run([*call, *(part for one in TINY for part in ("--set", one)), "--json"]) == 0
    captured = json.loads(capsys.readouterr().out)
    assert json.loads((tmp_path / "coherence.json").read_text()) == captured
    assert captured["all_unseen"]["images"] == sum(row["images"] for row in captured["unseen"].values())
    assert (tmp_path / "coherence.png").exists()
