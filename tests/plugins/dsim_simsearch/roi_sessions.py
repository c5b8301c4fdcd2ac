"""Sessions on drawn discs, rings and squares, by a small network and trainings of seconds."""

from __future__ import annotations

from pathlib import Path

from drawn_discs import EXTRACTOR, draw_scene, patch_at

from dsim_simsearch.session.session import Session
from dsim_simsearch.settings import SearchSettings
from dsim_simsearch.training_settings import TrainingSettings

#: A tiny network at a small scale: little to compute.
SEARCH = SearchSettings(extractor=EXTRACTOR, region=32)
#: Two epochs of each step, of patches that pass the fixed stages once.
TRAINING = TrainingSettings(
    self_epochs=2,
    self_batch=8,
    refine_epochs=2,
    refine_batch=16,
    classifier_epochs=20,
    turns=False,
    hidden=16,
    outputs=8,
    margin=0.0,
    bank=2,
    most_noisy=8,
)
IMAGES = 5


def write_images(folder: Path, count: int = IMAGES, first: int = 0) -> Path:
    """Write scenes as PNG files ``scene0``, ..."""
    from PIL import Image

    folder.mkdir(parents=True)
    for seed in range(first, first + count):
        Image.fromarray(draw_scene(seed)[0]).save(folder / f"scene{seed}.png")
    return folder


def region_at(image: int, number: int):
    """The patch about an object of a scene: 0 to 2 are discs, 3 to 5 rings, 6 to 8 squares."""
    return patch_at(f"scene{image}", draw_scene(image)[1][number])


def begin_session(folder: Path, images: Path, **more) -> Session:
    """A session that displays three images, with two classes of two prototypes each, and thresholds."""
    displayed = ["scene0", "scene1", "scene2"]
    session = Session.create(folder, images, displayed=displayed, settings=SEARCH, **more)
    session.add_prototypes("disc", [region_at(0, 0), region_at(1, 1)])
    session.add_prototypes("ring", [region_at(0, 3), region_at(2, 4)])
    for label in ("disc", "ring"):
        session.set_threshold(label, 0.5)
    session.set_background(2)
    return session
