"""``dsim asap ablate``: what each variant leaves out, what is judged, and a study that was killed goes on."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsim.cli.main import run
from dsim.data.phantoms import open_phantom
from dsim.errors import DataError, UsageError
from dsim.evaluation import evaluate
from dsim.files.documents import check
from dsim.measures import SimilarityMatrix, Verdict
from dsim.registry import Direction
from dsim.runtime import Runtime
from dsim.stats.embedding import eqc
from dsim.truth import TransferMatrix
from dsim_asap.measure import Asap
from dsim_asap.studies import ablation
from dsim_asap.studies.ablation import VARIANTS, Study, ablate, document, notes
from dsim_asap.trainer import params_of

NAMES = ("fluorescence", "fundus", "histology")
TINY = ("backbone=test_resnet", "size=32", "epochs=1", "batch=8", "precision=float32")
SCORES = np.array([[50.0, 60, 10], [40, 50, 30], [70, 20, 50]])


def truth(names: tuple[str, ...] = NAMES) -> TransferMatrix:
    return TransferMatrix("lab", "DSC", "%", names, names, SCORES[:, :, None], (0.0, 100.0))


def study(variants: tuple[str, ...] = tuple(VARIANTS), seeds: int = 2, settings: tuple[str, ...] = TINY) -> Study:
    pool = [open_phantom(name, count=4, size=32) for name in NAMES]
    return Study(pool, pool, params_of(settings), variants, tuple(range(seeds)))


def row(values: Any, measure: str = "asap@1") -> dict[str, Any]:
    """A finished run with these distances."""
    values = np.asarray(values, dtype=float)
    matrix = SimilarityMatrix(
        measure=measure,
        direction=Direction.DISTANCE,
        unit="",
        sources=NAMES,
        targets=NAMES,
        values=values,
        notes=(("",) * 3,) * 3,
        same=np.eye(3, dtype=bool),
        verdicts={name: Verdict(name, None, None, None, np.nan, np.nan, "") for name in NAMES},
        provenance={},
    )
    cost: Mapping[str, Any] = {
        "gmac": 0.1,
        "parameters": 10,
        "encoder_parameters": 5,
        "embedded": 12,
        "embedding_seconds": 0.5,
        "training_seconds": 2.0,
        "images_per_second": 6.0,
        "epochs": 1,
        "kept_epoch": 1,
        "eqc_validation": None,
    }
    clouds = {name: [[float(i), 0.0], [float(i), 1.0]] for i, name in enumerate(NAMES)}
    return {
        "matrix": matrix.to_dict(),
        "clouds": clouds,
        "eqc": {"paper": float(values.mean()), "reference": None},
        "cost": dict(cost),
    }


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """No training: distances drawn at random for each; returns the trainings asked for."""
    asked: list[tuple[str, int]] = []

    def pretend(study: Study, measure: Asap, seed: int, runtime: Runtime) -> dict[str, Any]:
        asked.append((repr(measure), seed))
        return row(np.random.default_rng(len(asked)).uniform(0, 1, (3, 3)), measure.identity)

    monkeypatch.setattr(ablation, "_trained", pretend)
    return asked


@pytest.mark.parametrize(
    ("variant", "losses"),
    [("ae", {"mse"}), ("ae-t", {"mse", "triplet"}), ("ae-s", {"mse", "mse-style"}), ("asap", set())],
)
def test_a_variant_keeps_the_losses_that_the_paper_names(variant: str, losses: set[str]) -> None:
    params = study().measure(variant).params
    halves = (params["alpha"], 1 - params["alpha"]), (params["beta"], 1 - params["beta"])
    names = ("mse", "mse-style", "triplet", "triplet-style")
    weights = dict(zip(names, (a * b for a, b in itertools.product(*halves)), strict=True))
    assert {name for name, weight in weights.items() if weight} == (losses or set(names))
    assert set(VARIANTS[variant].losses.split(", ")) == (losses or set(names))


def test_two_variants_that_would_be_one_training_are_refused() -> None:
    with pytest.raises(UsageError, match="ae and ae-t would be the same training"):
        study(settings=(*TINY, "alpha=1")).check()


def test_names_that_the_truth_lacks_are_told_before_any_training(
    tmp_path: Path, pretended: list[tuple[str, int]]
) -> None:
    with pytest.raises(DataError, match="histology"):
        ablate(study(), tmp_path, Runtime(device="cpu"), truth(("fluorescence", "fundus", "other")))
    assert pretended == []


def test_a_killed_study_goes_on_and_repeats_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pretended: list[tuple[str, int]]
) -> None:
    pretend = ablation._trained

    def killed(study: Study, measure: Asap, seed: int, runtime: Runtime) -> dict[str, Any]:
        if len(pretended) == 3:
            raise KeyboardInterrupt
        return pretend(study, measure, seed, runtime)

    runtime = Runtime(device="cpu")
    with monkeypatch.context() as patch:
        patch.setattr(ablation, "_trained", killed)
        with pytest.raises(KeyboardInterrupt):
            ablate(study(), tmp_path, runtime)
    resumed = ablate(study(), tmp_path, runtime)
    assert len(pretended) == len(set(pretended)) == 8
    again = ablate(study(), tmp_path, runtime)
    assert document(again) == document(resumed)
    assert len(pretended) == 8


def test_other_settings_take_up_nothing(tmp_path: Path, pretended: list[tuple[str, int]]) -> None:
    for settings in (TINY, (*TINY, "margin=2")):
        ablate(study(("asap",), 1, settings), tmp_path, Runtime(device="cpu"))
    assert len(pretended) == 2


def test_contrasts_are_of_each_targets_scores_averaged_over_seeds(
    tmp_path: Path, pretended: list[tuple[str, int]]
) -> None:
    found = ablate(study(("ae", "asap")), tmp_path, Runtime(device="cpu"), truth())
    regrets = {
        name: np.mean([evaluate(one.matrix, truth()).judgement.per_target["regret"] for one in runs], axis=0)
        for name, runs in found.runs.items()
    }
    contrast = next(one for one in found.contrasts if one.score == "regret")
    assert (contrast.first, contrast.second, contrast.targets) == ("asap", "ae", 3)
    assert contrast.difference == pytest.approx(float((regrets["asap"] - regrets["ae"]).mean()))


def test_targets_in_the_pool_are_named(tmp_path: Path, pretended: list[tuple[str, int]]) -> None:
    found = ablate(study(("asap",), 1), tmp_path, Runtime(device="cpu"), truth())
    assert any("not new datasets" in note and "fundus" in note for note in notes(found))
    assert any("one seed" in note for note in notes(found))


@pytest.fixture
def arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    monkeypatch.setenv("DSIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    truth().to_json("truth.json")
    sources = [f"{name}=phantoms:{name}[count=4,size=32]" for name in NAMES]
    settings = [part for setting in TINY for part in ("--set", setting)]

    def made(*more: str) -> list[str]:
        return ["asap", "ablate", "--sources", *sources, "--out", "out", "--device", "cpu", *settings, *more]

    return made


def test_the_command_trains_judges_and_writes(
    arguments: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    given = arguments("--seeds", "1", "--variants", "ae,asap", "--truth", "truth.json")
    assert run([*given, "--json"]) == 0
    captured = json.loads(capsys.readouterr().out)
    check(captured, "dsim.asap-ablate/1", "the study", "")
    assert captured == json.loads(Path("out/ablate.json").read_text())
    assert Path("out/ablate.png").stat().st_size > 10_000
    kept = json.loads(next(Path("out/.work").glob("*/ae-seed-0-*.json")).read_text())["record"]
    ae = captured["variants"][0]
    assert ae["variant"] == "ae"
    assert ae["runs"][0]["eqc"] == pytest.approx(eqc([np.array(cloud) for cloud in kept["clouds"].values()]))
    judged = evaluate(SimilarityMatrix.from_dict(kept["matrix"]), truth())
    assert ae["mean"]["regret"]["mean"] == pytest.approx(judged.judgement.scores["regret"].value)
    assert run(given) == 0
    shown = capsys.readouterr()
    assert "correlation" in shown.out
    assert "AE-T" not in shown.out
    assert "only 3 targets" in shown.err


def test_without_a_truth_the_embeddings_alone_are_told(
    arguments: Callable[..., list[str]], pretended: list[tuple[str, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments("--seeds", "2")) == 0
    shown = capsys.readouterr().out
    assert "EQC" in shown
    assert "regret" not in shown
    check(json.loads(Path("out/ablate.json").read_text()), "dsim.asap-ablate/1", "the study", "")


@pytest.mark.parametrize(
    ("more", "message"),
    [(["--variants", "ae-x"], "Did you mean"), (["--set", "epoch=3"], "epochs"), (["--truth", "nowhere"], "nowhere")],
)
def test_what_is_wrong_is_said_before_any_work(
    arguments: Callable[..., list[str]], more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments(*more)) != 0
    assert message in capsys.readouterr().err
