"""The training of a session: patches from its state, a detector in its folder, and the action that says so."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.errors import DsimError, UsageError
from dsim_simsearch.session import files
from dsim_simsearch.session.actions import Train
from dsim_simsearch.session.engine import Engine, roi_classes

if TYPE_CHECKING:
    from dsim.plugin import Runtime
    from dsim_simsearch.detector import Detector
    from dsim_simsearch.selection import PatchSet
    from dsim_simsearch.session.state import State
    from dsim_simsearch.training_settings import TrainingSettings


@dataclass(frozen=True)
class Patches:
    """Patches to train on.

    Parameters
    ----------
    clean : of the displayed images, as the person approved them. ``noisy`` : of all others; None where none is used.
    """

    clean: PatchSet
    noisy: PatchSet | None


def select_patches(engine: Engine, state: State, settings: TrainingSettings, seed: int, runtime: Runtime) -> Patches:
    """Return the patches of a state. Raises UsageError, which names what is missing.

    That is a class without prototypes or threshold, one of which all candidates are flagged, or no background left.
    """
    from dsim_simsearch.selection import find_background, select_clean, select_noisy

    for one in state.classes:
        if one.threshold is None:
            raise UsageError(
                f"class {one.name!r} has no threshold", hint="choose one: dsim roi suggest shows candidates by score"
            )
    search, classes = engine.search(state, runtime), roi_classes(state)
    displayed = engine.positions(state.displayed)
    count = state.background_count
    background = find_background(
        search, displayed, classes, count=count * len(displayed), flagged=state.background_flags
    )
    clean = select_clean(search, displayed, classes, background)
    others = [index for index in range(len(engine.dataset)) if index not in set(displayed)]
    if not (settings.self_learning and others):
        return Patches(clean, None)
    most = settings.most_noisy or None
    return Patches(clean, select_noisy(search, others, classes, background=count, most=most, seed=seed))


def train(
    engine: Engine, state: State, settings: TrainingSettings, seed: int, runtime: Runtime
) -> tuple[Detector, Train]:
    """Train a detector on a state, save it in the folder of the session, and return it with its action.

    A training that was interrupted goes on where it was when the same is asked for again.
    """
    from dsim_simsearch.training import train_detector

    patches = select_patches(engine, state, settings, seed, runtime)
    maps = engine.search(state, runtime).maps
    work = engine.folder / files.MODELS / f".{state.inputs[:16]}.work"
    detector = train_detector(maps, patches.clean, patches.noisy, settings, seed, runtime, work)
    shutil.rmtree(work, ignore_errors=True)
    save(detector, engine.folder)
    return detector, Train(detector.digest, state.inputs, settings.to_dict(), seed)


def model_folder(folder: Path, digest: str) -> Path:
    """Return the folder of a detector within that of its session."""
    return folder / files.MODELS / digest[:16]


def save(detector: Detector, folder: Path) -> None:
    """Save a detector in the folder of a session, whole or not at all; one that is there already stays as it is."""
    place = model_folder(folder, detector.digest)
    if place.exists():
        return
    temporary = place.with_name(f".{place.name}.new")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        detector.save(temporary)
        temporary.rename(place)
    except OSError as error:
        raise DsimError(
            f"cannot write {place}: {error.strerror}", hint="free disk space; what was marked is not lost"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
