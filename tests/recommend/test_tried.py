"""The answer by models: what is said first, how sure it is, what it rests on, and what to type next."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import dsim
from dsim.data.phantoms import open_phantom
from dsim.files.documents import check
from dsim.recommend import Tried, recommend, said_of_models
from dsim.recommend.trial import Trial
from dsim.recommend.tried_words import answer_by_models, instead_of_models, next_command, other_commands
from dsim.selection import Fit

Make = Callable[..., Tried]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nearest images by tiny pictures instead of the shipped network, and an empty zoo."""
    monkeypatch.setattr("dsim.recommend.pool.REFERENCE", "pixels:[side=4]")
    monkeypatch.setattr("dsim.zoo.models", list)


@pytest.fixture
def mine() -> dsim.Dataset:
    return dsim.from_arrays(np.zeros((3, 8, 8), np.uint8), name="mine")


@pytest.fixture
def pool() -> list[dsim.Dataset]:
    return [open_phantom(name, count=4, size=16) for name in ("fundus", "histology", "xray")]


def test_the_first_sentence_holds_the_model_its_dice_its_chance_and_on_what_it_rests(tried: Make) -> None:
    said = answer_by_models(tried(annotated=("a", "b", "c")))
    assert said.startswith("Take xray: ")
    for part in ("0.81 (0.68 to 0.90)", "best of 3 with probability 0.72", "from 3 annotated images"):
        assert part in said
    assert "from no annotated image" in answer_by_models(tried())


def test_what_it_marks_is_said_and_one_annotated_image_is_called_few(tried: Make) -> None:
    first, *rest = said_of_models(tried())
    assert "lungs" in first
    assert rest == []
    assert any("interval is wide" in line for line in said_of_models(tried(annotated=("a",))))
    assert any("new images" in line for line in said_of_models(tried(annotated=("a", "b", "c"), rest=0)))
    doubtful = tried(fit=Fit.UNCERTAIN, reason="sets of other kinds are as near")
    assert any("as near" in line for line in said_of_models(doubtful))
    assert answer_by_models(doubtful).startswith("Take xray, if any: ")


def test_where_nothing_fits_that_is_the_answer_and_annotating_comes_next(tried: Make, mine: dsim.Dataset) -> None:
    nothing = tried(fit=Fit.NONE, reason="no source is near")
    said = answer_by_models(nothing)
    assert not said.startswith("Take")
    assert {"mine:", "xray,", "0.81"} <= set(said.split())
    assert any("annotate 3" in way for way in instead_of_models(nothing))
    assert next_command(nothing, mine).startswith("dsim annotate-next")
    assert other_commands(nothing, mine) == ()
    known = tried(fit=Fit.NONE, annotated=("a", "b", "c"))
    assert next_command(known, mine).startswith("dsim adapt")
    assert instead_of_models(tried()) == ()


def test_what_to_type_depends_on_what_is_annotated(tried: Make, mine: dsim.Dataset, pool: list[dsim.Dataset]) -> None:
    assert "--model zoo:unet4.xray.r1 --out prelabels-mine" in next_command(tried(), mine)
    ((_, annotate),) = other_commands(tried(), mine, pool[:1])
    assert annotate.startswith("dsim annotate-next")
    assert f"--sources {pool[0].reference}" in annotate
    doubtful = tried(fit=Fit.UNCERTAIN)
    assert next_command(doubtful, mine).split()[1] == "annotate-next"
    assert [command.split()[1] for _, command in other_commands(doubtful, mine)] == ["prelabel"]
    many = tried(annotated=("a", "b", "c"))
    assert [command.split()[1] for _, command in other_commands(many, mine)] == ["adapt", "annotate-next"]
    ((_, adapt),) = other_commands(tried(annotated=("a", "b", "c"), rest=0), mine)
    assert adapt.startswith("dsim adapt")


def test_a_document_and_what_it_is_read_into_are_the_same(tried: Make) -> None:
    given = tried(annotated=("a", "b"))
    document = json.loads(json.dumps(given.to_dict(), allow_nan=False))
    again = Tried.from_dict(document)
    assert again.to_dict() == document
    assert math.isnan(again.models[2].held_out)
    assert (again.fit, again.models[0].sources, again.models[1].scores) == (Fit.FITS, ("xray",), (0.8, 0.8))


def test_a_recommendation_by_models_says_so_in_every_form(
    tried: Make, pool: list[dsim.Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = tried(notes=("odd is left out: it takes images of 5 channels",), target="xray-bedside")
    chosen = Tried.from_dict(chosen.to_dict() | {"models": chosen.to_dict()["models"][1:]})
    monkeypatch.setattr("dsim.recommend.answer.try_models", lambda *_, **__: Trial(tried=chosen))
    target = open_phantom("xray-bedside", count=8, size=16)
    found = recommend(target, pool, measure="energy:extractor=pixels:[side=4]", bootstrap=0, out=tmp_path)
    assert (found.best, found.choice.best, found.reference) == ("fundus", "xray", "b.safetensors")
    assert found.answer.startswith("Take fundus: ")
    assert found.answer in str(found)
    assert found.answer in repr(found)
    assert "expected Dice" in found._repr_html_()
    assert chosen.notes[0] in found.notes
    assert [near["image"] in pool[0].ids for near in found.nearest[0]["nearest"]] == [True] * 4, "of the chosen source"
    document = json.loads((tmp_path / "recommendation.json").read_text())
    check(document, "dsim.recommend/1", "the file", "")
    assert document["selection"] == chosen.to_dict()
    assert "b.safetensors" in document["command"]
    assert Tried.from_dict(document["selection"]).to_dict() == chosen.to_dict()


def test_where_no_model_can_be_tried_the_answer_is_by_similarity_and_says_so(pool: list[dsim.Dataset]) -> None:
    target = open_phantom("xray-bedside", count=8, size=16)
    found = recommend(target, pool, measure="energy:extractor=pixels:[side=4]", bootstrap=0)
    assert found.tried is None
    assert "nearest" in found.answer
    assert any("no model could be tried" in note for note in found.notes)
    assert found.to_dict()["selection"] is None
    bare = dsim.from_arrays(features=np.random.default_rng(0).random((6, 16)), name="bare")
    notes = recommend(bare, pool, measure="energy:extractor=pixels:[side=4]", bootstrap=0).notes
    assert any("no model could be tried" in note and "features" in note for note in notes)
