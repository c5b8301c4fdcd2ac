"""``dsim asap tune``: what is tried, what is chosen and whether it can be told apart, and a killed search goes on."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsim.cli.main import run
from dsim.data.phantoms import open_phantom
from dsim.errors import DsimError, MeasureError, UsageError
from dsim.files.documents import check
from dsim.runtime import Runtime
from dsim_asap import objective as training
from dsim_asap.specs import AsapRecipe
from dsim_asap.studies import search as tuning
from dsim_asap.studies.search import Search, parse_over, settings_of, tune
from dsim_asap.trainer import params_of

NAMES = ("fluorescence", "fundus")
NETWORK = ("backbone=test_resnet", "size=32", "batch=8", "precision=float32")
TINY = (*NETWORK, "epochs=1", "split=0.4")
ALL = "alpha,beta,w,n_emb"


def search(over: str, kind: str = "lines", seeds: int = 3, settings: tuple[str, ...] = TINY) -> Search:
    params = params_of(settings)
    pool = [open_phantom(name, count=12, size=32) for name in NAMES]
    return Search(pool, params, settings_of(kind, parse_over(over), params, None, 0), 0, seeds)


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, int]]:
    """No training: EQC is lowest at alpha 0.3, and moves a little with the seed; returns the trainings asked for."""
    asked: list[tuple[float, int]] = []

    def pretend(study: Search, recipe: AsapRecipe, seed: int, checkpoint: Path, runtime: Runtime) -> dict[str, Any]:
        asked.append((recipe.alpha, seed))
        eqc = 0.2 + (recipe.alpha - 0.3) ** 2 + 0.001 * math.sin(10 * seed * (1 + recipe.alpha))
        return {"eqc": eqc, "reason": "", "epochs": 1, "kept_epoch": 1, "seconds": 1.0}

    monkeypatch.setattr(tuning, "_trained", pretend)
    return asked


def test_a_longer_search_begins_with_the_shorter_one() -> None:
    params = params_of()
    short, long = (settings_of("random", parse_over(ALL), params, count, 0) for count in (5, 12))
    assert (len(short), len(long)) == (5, 12)
    assert long[:5] == short
    assert short[0] == {"alpha": 0.5, "beta": 0.6, "w": (0.2, 0.2, 0.3, 0.3), "n_emb": 2}


def test_what_is_searched_over_besides_changes_no_draw_and_weights_add_up_to_one() -> None:
    params = params_of()
    whole, part = (settings_of("random", parse_over(over), params, 30, 0) for over in (ALL, "w"))
    assert [one["w"] for one in whole] == [one["w"] for one in part]
    assert all(round(sum(one["w"]), 9) == 1 and min(one["w"]) >= 0 for one in whole)
    assert {one["n_emb"] for one in whole} == {1, 2, 3, 4, 5}
    assert all(0 <= one["alpha"] <= 1 and 0 <= one["beta"] <= 1 for one in whole)


@pytest.mark.parametrize(
    ("kind", "over", "count"),
    [
        ("lines", "alpha", 11),
        ("lines", "alpha,beta,n_emb", 11 + 10 + 4),
        ("lines", "w", 1 + 35),  # the weights given are no quarters
        ("grid", "alpha=0/0.5/1,n_emb=1/2", 6),
        ("grid", "alpha=0/1,n_emb=1/2", 1 + 4),
    ],
)
def test_a_grid_is_every_combination_and_lines_one_at_a_time(kind: str, over: str, count: int) -> None:
    assert len(settings_of(kind, parse_over(over), params_of(), None, 0)) == count


@pytest.mark.parametrize(
    ("over", "message"), [("alfa", "Did you mean 'alpha'"), ("alpha=2", "alpha"), ("w=1", "shares"), ("", "nothing")]
)
def test_what_cannot_be_searched_over_is_refused(over: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_over(over)


def test_a_grid_larger_than_allowed_is_refused() -> None:
    with pytest.raises(UsageError, match="121 trainings, more than --trials 50"):
        settings_of("grid", parse_over("alpha,beta"), params_of(), 50, 0)


def test_without_validation_images_nothing_can_be_chosen(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="split=0 sets none apart"):
        tune(search("alpha", settings=(*NETWORK, "split=0")), tmp_path, Runtime(device="cpu"))


def test_the_optimum_is_told_from_the_settings_given_with_seeds_that_had_no_say(
    tmp_path: Path, pretended: list[tuple[float, int]]
) -> None:
    found = tune(search("alpha"), tmp_path, Runtime(device="cpu"))
    assert {one.role: one.setting["alpha"] for one in found.finalists}["optimum"] == pytest.approx(0.3)
    assert {trial.seed for one in found.finalists for trial in one.trials} == {1, 2, 3}
    assert "the optimum is better than the settings given" in found.verdicts()[1]


def test_an_optimum_that_was_luck_cannot_be_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def noise(study: Search, recipe: AsapRecipe, seed: int, *_: object) -> dict[str, Any]:
        eqc = float(np.random.default_rng([seed, int(10 * recipe.alpha)]).uniform(0.3, 0.4))
        return {"eqc": eqc, "reason": "", "epochs": 1, "kept_epoch": 1, "seconds": 1.0}

    monkeypatch.setattr(tuning, "_trained", noise)
    found = tune(search("alpha", seeds=5), tmp_path, Runtime(device="cpu"))
    assert all("cannot be distinguished" in verdict for verdict in found.verdicts())


def test_one_seed_tells_nothing_apart(tmp_path: Path, pretended: list[tuple[float, int]]) -> None:
    found = tune(search("alpha", seeds=1), tmp_path, Runtime(device="cpu"))
    assert all("is not known: one seed" in verdict for verdict in found.verdicts())


def test_a_killed_search_goes_on_and_repeats_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pretended: list[tuple[float, int]]
) -> None:
    pretend = tuning._trained

    def killed(*given: Any) -> dict[str, Any]:
        if len(pretended) == 4:
            raise KeyboardInterrupt
        return pretend(*given)

    with monkeypatch.context() as patch:
        patch.setattr(tuning, "_trained", killed)
        with pytest.raises(KeyboardInterrupt):
            tune(search("alpha"), tmp_path, Runtime(device="cpu"))
    first = tune(search("alpha"), tmp_path, Runtime(device="cpu"))
    assert len(pretended) == len(set(pretended)) == 11 + 3 * 3
    assert tune(search("alpha"), tmp_path, Runtime(device="cpu")).finalists == first.finalists
    assert len(pretended) == 20


def test_a_trial_killed_between_epochs_goes_on_from_its_checkpoint(tmp_path: Path, interrupted: list[int]) -> None:
    study = search("n_emb=2/3", seeds=1, settings=(*NETWORK, "epochs=2", "split=0.4"))
    with pytest.raises(KeyboardInterrupt):
        tuning._trial(study, study.settings[0], 0, tmp_path, Runtime(device="cpu"))
    trial = tuning._trial(study, study.settings[0], 0, tmp_path, Runtime(device="cpu"))
    assert interrupted == [0, 1, 1]
    assert trial.epochs == 2
    assert list(tmp_path.rglob("*.safetensors")) == []


def test_a_setting_that_diverges_is_a_result_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverges(*_: object) -> None:
        raise MeasureError("training diverged in epoch 1")

    monkeypatch.setattr(training, "train_asap", diverges)
    with pytest.raises(DsimError, match="0 of 2 trials have an EQC: training diverged in epoch 1"):
        tune(search("n_emb=2/3"), tmp_path, Runtime(device="cpu"))


@pytest.fixture
def arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    monkeypatch.setenv("DSIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    sources = [f"{name}=phantoms:{name}[count=12,size=32]" for name in NAMES]
    settings = [part for setting in TINY for part in ("--set", setting)]

    def made(*more: str) -> list[str]:
        return ["asap", "tune", "--sources", *sources, "--out", "out", "--device", "cpu", *settings, *more]

    return made


def test_the_command_searches_writes_and_says_what_to_type_next(
    arguments: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    given = arguments("--search", "grid", "--over", "n_emb=2/3", "--seeds", "1")
    assert run([*given, "--json"]) == 0
    shown = capsys.readouterr()
    document = json.loads(shown.out)
    check(document, "dsim.asap-tune/1", "the search", "")
    assert document == json.loads(Path("out/tune.json").read_text())
    assert all(trial["eqc"] > 0 for trial in document["trials"])
    assert Path("out/tune.png").stat().st_size > 10_000
    assert f"next: dsim compare --measure {document['measure']}" in shown.err
    assert run(given) == 0
    assert "trained again" in capsys.readouterr().out


def test_the_picture_and_tables_of_every_parameter(
    arguments: Callable[..., list[str]], pretended: list[tuple[float, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments("--trials", "6", "--seeds", "2")) == 0
    document = json.loads(Path("out/tune.json").read_text())
    check(document, "dsim.asap-tune/1", "the search", "")
    assert document["over"] == ["alpha", "beta", "w", "n_emb"]
    assert "optimum" in capsys.readouterr().out
