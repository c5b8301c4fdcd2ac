"""A detector's folder: what comes back is what was saved; damaged, foreign and newer ones are refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch
from drawn_discs import EXTRACTOR, PATCH, draw_dataset, make_maps

from dsim.plugin import DataError, Runtime
from dsim_simsearch.detection import detect
from dsim_simsearch.detector import FACTS, VERSION, WEIGHTS, Detector, LinearClassifier, open_detector
from dsim_simsearch.images import PreparedImages
from dsim_simsearch.preparation import Preparation

RUNTIME = Runtime(device="cpu")


@lru_cache(maxsize=1)
def detector() -> tuple[Detector, PreparedImages]:
    """A detector with weights drawn at random, and images that are prepared for it."""
    maps = make_maps(draw_dataset(2)[0])
    width, generator = maps.width, torch.Generator().manual_seed(0)
    classifier = LinearClassifier(
        mean=torch.randn(width, generator=generator),
        matrix=torch.randn(width, width, generator=generator),
        weight=torch.randn(3, width, generator=generator),
        bias=torch.randn(3, generator=generator),
        is_directional=True,
    )
    # Not the weights that come with the extractor: they have to come back too.
    with torch.no_grad():
        next(maps.blocks.stages()[-1].parameters()).add_(0.01)
    facts = {"seed": 3, "steps": {"classifier": {"seconds": 1.5}}}
    made = Detector(
        ("disc", "ring"),
        maps.blocks,
        EXTRACTOR,
        classifier,
        (PATCH, PATCH),
        48,
        maps.images.preparation.to_dict(),
        facts,
    )
    return made, maps.images


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    detector()[0].save(tmp_path / "model")
    return tmp_path / "model"


def test_a_saved_detector_comes_back_with_all_facts_and_the_same_detections(folder: Path) -> None:
    before, images = detector()
    after = open_detector(folder, RUNTIME)
    assert after.digest == before.digest
    assert after.facts == before.facts
    assert after.blocks.identity == before.blocks.identity
    prepared = PreparedImages(images.dataset, Preparation.from_dict(dict(after.preparation)))
    assert detect(after, prepared, 0.5, RUNTIME) == detect(before, images, 0.5, RUNTIME)


def test_saving_twice_writes_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    detector()[0].save(tmp_path / "again")
    for name in (FACTS, WEIGHTS):
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def change(**facts: Any) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        known = json.loads((folder / FACTS).read_text())
        (folder / FACTS).write_text(json.dumps({**known, **facts}))

    return apply


def cut_weights(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-4])


def change_weights(folder: Path) -> None:
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[-3] ^= 1
    (folder / WEIGHTS).write_bytes(content)


def remove_sha256(folder: Path) -> None:
    known = json.loads((folder / FACTS).read_text())
    del known["sha256"]
    (folder / FACTS).write_text(json.dumps(known))


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (shutil.rmtree, "model"),
        (lambda folder: (folder / WEIGHTS).unlink(), WEIGHTS),
        (cut_weights, WEIGHTS),
        (change_weights, WEIGHTS),
        (lambda folder: (folder / FACTS).write_text("{"), FACTS),
        (lambda folder: (folder / FACTS).write_text("{}"), FACTS),
        (remove_sha256, "sha256"),
        (change(version=VERSION + 1), "newer"),
        (change(extractor="zoo:lite0.imagenet.r1[layer=network.blocks.1]"), "blocks.1"),
    ],
)
def test_what_is_not_the_detector_that_was_saved_is_refused(
    damage: Callable[[Path], None], named: str, folder: Path
) -> None:
    damage(folder)
    with pytest.raises(DataError, match=named) as refused:
        open_detector(folder, RUNTIME)
    assert refused.value.hint
