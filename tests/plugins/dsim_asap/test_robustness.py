"""``dsim asap robustness``: curves over the share of wrong members, judged and resumed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import dsim
from dsim.data.dataset import Dataset
from dsim.errors import DataError, UsageError
from dsim.files.documents import check
from dsim.runtime import Runtime
from dsim.truth import TransferMatrix
from dsim_asap.studies import robustness as study_of
from dsim_asap.studies.pictures import draw_robustness
from dsim_asap.studies.robustness import Study, read_shares, robustness

LEVELS = {"dark": 0, "dim": 50, "middle": 100, "bright": 190}


def dataset(name: str, n: int = 10) -> Dataset:
    low = LEVELS[name]
    pixels = np.random.default_rng(low).integers(low, low + 60, (n, 16, 16, 3)).astype(np.uint8)
    return dsim.from_arrays(pixels, name=name, attributes={"modality": name})


@pytest.fixture
def sources() -> list[Dataset]:
    return [dataset(name) for name in LEVELS]


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(device="cpu", cache=tmp_path / "cache")


def test_wrong_shares_are_refused() -> None:
    for text in ("", "half", "0", "50"):
        with pytest.raises(UsageError, match="--shares"):
            read_shares(text)


def study(sources: list[Dataset], measure: str = "cc:size=16", **changed: object) -> Study:
    return Study(sources, sources, [dsim.build_measure(measure)], (0.1, 1.0), (0, 1), **changed)  # type: ignore[arg-type]


def truth() -> TransferMatrix:
    names = tuple(LEVELS)
    steps = np.array([[100.0 - abs(LEVELS[a] - LEVELS[b]) / 2 for b in names] for a in names])
    return TransferMatrix("steps", "DSC", "%", names, names, steps[..., None], (0, 100))


def test_rows_hold_order_and_choice_beside_the_clean_distances(
    sources: list[Dataset], runtime: Runtime, tmp_path: Path
) -> None:
    told = robustness(study(sources, "frechet:extractor=pixels:[side=4]"), tmp_path / "out", runtime)
    assert [(row["share"], row["seed"]) for row in told["rows"]] == [(s, k) for k in (0, 1) for s in (0.0, 0.1, 1.0)]
    clean = [row for row in told["rows"] if row["share"] == 0]
    assert all(row["spearman"] == pytest.approx(1) and row["same_nearest"] == 1 for row in clean), "nothing is drawn"
    by_share = {curve["share"]: curve["spearman"]["mean"] for curve in told["curves"]}
    assert by_share[0.1] > by_share[1.0]
    assert not told["failed"]
    check(told, "dsim.asap-robustness/1", "the study", "")


def test_a_study_that_was_stopped_repeats_nothing(
    sources: list[Dataset], runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = robustness(study(sources), tmp_path / "out", runtime)
    monkeypatch.setattr("dsim.comparison.compare", lambda *_, **__: pytest.fail("compared again"))
    assert robustness(study(sources), tmp_path / "out", runtime) == first


def test_a_truth_judges_every_share(sources: list[Dataset], runtime: Runtime, tmp_path: Path) -> None:
    told = robustness(study(sources, truth=truth()), tmp_path / "out", runtime)
    assert told["truth"]["name"] == "steps"
    assert all(row["regret"] >= 0 and 0 <= row["top1"] <= 1 for row in told["rows"])
    check(told, "dsim.asap-robustness/1", "the study", "")
    with pytest.raises(DataError):
        robustness(study(sources[:3], truth=truth()), tmp_path / "other", runtime)


def test_asap_trains_on_the_spoilt_pool(
    sources: list[Dataset], runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dsim_asap.measure import Asap

    pools: list[tuple[str, ...]] = []
    fit = Asap.fit

    def noted(self: Asap, pool: object, rng: object) -> None:
        pools.append(tuple(view.dataset.name for view in pool))  # type: ignore[attr-defined]
        fit(self, pool, rng)  # type: ignore[arg-type]

    monkeypatch.setattr(Asap, "fit", noted)
    measure = "asap:fit=pool,backbone=test_resnet,size=32,epochs=1,batch=8,precision=float32"
    one = Study(sources, sources, [dsim.build_measure(measure)], (0.5,), (0,))
    told = robustness(one, tmp_path / "out", runtime)
    assert pools == [tuple(LEVELS), tuple(f"{name} (spoilt)" for name in LEVELS)]
    assert len(told["rows"]) == 2


def test_a_measure_that_fails_is_named_and_the_others_go_on(
    sources: list[Dataset], runtime: Runtime, tmp_path: Path
) -> None:
    measures = [dsim.build_measure(name) for name in ("gbc:extractor=pixels:[side=4]", "cc:size=16")]
    told = robustness(Study(sources, sources, measures, (0.5,)), tmp_path / "out", runtime)
    assert ["labels" in reason for reason in told["failed"].values()] == [True]
    assert len(told["rows"]) == 2
    assert study_of.QUANTITIES.keys() == told["quantities"].keys()
    check(told, "dsim.asap-robustness/1", "the study", "")


def test_the_picture_shows_a_study_with_gaps(sources: list[Dataset], runtime: Runtime, tmp_path: Path) -> None:
    told = robustness(Study(sources, sources, [dsim.build_measure("cc:size=16")], (0.5,)), tmp_path / "out", runtime)
    assert told["curves"][0]["spearman"]["mean"] is None, "one seed has no other"
    check(told, "dsim.asap-robustness/1", "the study", "")
    for name in ("a.png", "b.png"):
        draw_robustness(json.loads(json.dumps(told)), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
