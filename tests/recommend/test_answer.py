"""The whole answer: files, schema, nearest images, models, and what must be said beside the choice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dsim
from dsim.data.phantoms import open_phantom
from dsim.files.documents import check
from dsim.recommend import command, in_words, models_of, recommend, segmenting
from dsim.zoo import Model

MEASURE = "energy:extractor=pixels:[side=4]"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nearest images by tiny pictures instead of the shipped network, and an empty zoo."""
    monkeypatch.setattr("dsim.recommend.pool.REFERENCE", "pixels:[side=4]")
    monkeypatch.setattr("dsim.zoo.models", list)


@pytest.fixture(scope="module")
def pool() -> list[dsim.Dataset]:
    return [open_phantom(name, count=6, size=16) for name in ("fundus", "histology", "xray")]


@pytest.fixture(scope="module")
def target() -> dsim.Dataset:
    return open_phantom("xray-bedside", count=8, size=16)


def model(
    dataset: dsim.Dataset,
    id: str,
    *others: dsim.Dataset,
    dice: float | None = None,
    segments: bool = True,
    newer: str | None = None,
) -> Model:
    """A described model: its weights are never asked for."""
    entries = [
        {"name": each.name, "n": 6, "images_fingerprint": each.images_fingerprint} for each in (dataset, *others)
    ]
    training = {"pool": entries} | ({} if dice is None else {"dice_held_out": dice})
    training |= {} if newer is None else {"replaced_by": newer}
    kind = {"kind": "segmentation", "marks": "lungs"} if segments else {"kind": "latent"}
    return Model(id, Path(id), {"title": id, "training": training, "output": kind}, Path("w"))


def test_the_answer_and_its_picture_are_written(pool: list[dsim.Dataset], target: dsim.Dataset, tmp_path: Path) -> None:
    found = recommend(target, pool, measure=MEASURE, bootstrap=50, out=tmp_path / "out")
    document = json.loads((tmp_path / "out/recommendation.json").read_text())
    check(document, "dsim.recommend/1", "the file", "")
    assert document == json.loads(found.to_json())
    assert (document["best"], document["reliability"]) == ("xray", [])
    assert len(document["said"]) == 1
    assert str(found).splitlines()[1:] == [in_words([])], "that nothing was measured is said once"
    first = document["sources"][0]
    assert first["low"] <= first["value"] <= first["high"] or first["first_share"] > 0
    assert document["matrix"]["sources"] == ["fundus", "histology", "xray"]
    with Image.open(tmp_path / "out/nearest.png") as sheet:
        assert np.asarray(sheet).std() > 10


def test_nearest_images_are_the_nearest(pool: list[dsim.Dataset], target: dsim.Dataset) -> None:
    found = recommend(target, pool, measure=MEASURE, bootstrap=0)
    source = pool[2]
    from dsim.features import extract
    from dsim.runtime import Runtime

    ours, theirs = (extract(dataset, "pixels:[side=4]", Runtime()).astype(float) for dataset in (target, source))
    assert [row["image"] for row in found.nearest] == [target.ids[k] for k in (0, 1, 2, 4, 5, 6)]
    for row in found.nearest:
        distances = np.linalg.norm(theirs - ours[target.ids.index(row["image"])], axis=1)
        expected = np.argsort(distances, kind="stable")[:5]
        assert [near["image"] for near in row["nearest"]] == [source.ids[k] for k in expected]
        assert [near["distance"] for near in row["nearest"]] == pytest.approx(distances[expected])


def test_an_earlier_picture_does_not_outlive_its_choice(pool: list[dsim.Dataset], tmp_path: Path) -> None:
    (tmp_path / "nearest.png").write_bytes(b"old")
    bare = dsim.from_arrays(features=np.random.default_rng(0).random((6, 16)), name="bare")
    found = recommend(bare, pool, measure=MEASURE, bootstrap=0, out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["recommendation.json"]
    assert "no nearest images: a dataset was given as features only" in found.notes


def test_images_that_target_and_source_share_are_told(pool: list[dsim.Dataset]) -> None:
    part = pool[2].subset([0, 3], "mine")
    found = recommend(part, pool, measure=MEASURE, bootstrap=0)
    (note,) = [note for note in found.notes if note.startswith("2 images")]
    assert {"mine", "xray"} <= set(note.split())
    assert found.excluded == ()


def test_a_source_that_was_not_compared_is_told_with_the_reason(target: dsim.Dataset, pool: list[dsim.Dataset]) -> None:
    odd = dsim.from_arrays(features=np.zeros((6, 3)), name="odd")
    found = recommend(target, [*pool, odd], measure=MEASURE, bootstrap=0)
    assert found.choice.candidates[-1].source == "odd"
    assert any(note.startswith("odd could not be compared: the source has 3 features") for note in found.notes)


def test_the_model_is_one_that_segments_of_this_source_alone_and_the_best_on_held_out_images(
    pool: list[dsim.Dataset], target: dsim.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    fundus, histology, xray = pool
    known = [
        model(xray, "a.features.r1", segments=False),
        model(xray, "b.both.r1", histology, dice=99.0),
        model(xray, "c.xray.r1", dice=70.0),
        model(xray, "c.old.r1", dice=99.0, newer="d.xray.r2"),
        model(xray, "c.weak.r1", dice=49.9),
        model(xray, "d.xray.r2", dice=80.0),
        model(xray, "e.xray.r3"),
        model(fundus, "f.fundus.r1", dice=95.0),
    ]
    monkeypatch.setattr("dsim.zoo.models", lambda: known)
    ids = [found.id for found in models_of(xray.renamed("mine"), target)]
    assert ids == [
        *("d.xray.r2", "c.xray.r1", "e.xray.r3", "b.both.r1"),
        *("c.old.r1", "c.weak.r1", "a.features.r1"),
    ]
    found = recommend(target, pool, measure=MEASURE, bootstrap=0)
    assert found.model is not None
    assert (found.model.id, found.model.marks) == ("d.xray.r2", "lungs")
    assert found.command == "dsim prelabel phantoms:xray-bedside --model zoo:d.xray.r2 --out prelabels-xray-bedside"


def test_a_model_that_has_not_learnt_its_source_is_not_recommended_and_that_is_told(
    pool: list[dsim.Dataset], target: dsim.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dsim.zoo.models", lambda: [model(pool[2], "c.xray.r1", dice=41.2)])
    found = recommend(target, pool, measure=MEASURE, bootstrap=0)
    assert found.model is None
    assert "c.xray.r1" not in (found.command or "")
    assert any({"c.xray.r1", "xray:", "41"} <= set(note.split()) for note in found.notes)


def test_a_model_that_was_trained_on_the_target_is_told(
    pool: list[dsim.Dataset], target: dsim.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dsim.zoo.models", lambda: [model(pool[2], "c.both.r1", target, dice=80.0)])
    notes = recommend(target, pool, measure=MEASURE, bootstrap=0).notes
    assert any(note.startswith("dataset 'xray-bedside' is in the training pool of c.both.r1") for note in notes)


def test_without_a_model_the_way_to_train_one_is_told(pool: list[dsim.Dataset], target: dsim.Dataset) -> None:
    found = recommend(target, pool, measure=MEASURE, bootstrap=0)
    assert found.model is None
    assert found.command == "dsim transfer segmentation --sources phantoms:xray --out trained/truth.json"
    assert "no segmentation model of the zoo was trained on xray: train one" in found.notes
    assert command(dsim.from_arrays(np.zeros((1, 4, 4), np.uint8)), target, segmenting(())) is None


def test_a_recommendation_takes_what_is_at_hand():
    """Paths and texts, as ``dsim.compare`` takes them; names are those of the mapping."""
    pool = {"chest": "phantoms:xray[count=4,size=32]", "eyes": "phantoms:fundus[count=4,size=32]"}
    found = recommend("mine=phantoms:xray-bedside[count=4,size=32]", pool, measure="cc:size=32", bootstrap=0)
    assert found.best == "chest"
    assert found.answer in repr(found)
    assert "mine" in repr(found)
