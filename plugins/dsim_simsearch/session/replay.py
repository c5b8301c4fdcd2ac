"""A session carried out again from its log alone, in a new folder, and whether its detections are the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.annotations import write_regions
from dsim_simsearch.session import files, training
from dsim_simsearch.session.actions import Train
from dsim_simsearch.session.detection import Model
from dsim_simsearch.session.log import ActionLog
from dsim_simsearch.session.session import Session
from dsim_simsearch.session.state import History
from dsim_simsearch.training_settings import TrainingSettings

if TYPE_CHECKING:
    from dsim.plugin import Runtime
    from dsim_simsearch.session.state import State

#: The table of detections, byte by byte.
TABLE = "csv"
SCHEMA = "dsim.roi-replay/1"


@dataclass(frozen=True)
class Replay:
    """What came of carrying out a session again.

    Parameters
    ----------
    path : the new session. ``model``, ``before`` : digests of the detector, now and then; None without training.
    detections : the number of detections. ``identical`` : whether the tables of detections are the same byte by byte;
        None where the detector of the first session is gone, so that only the digests can be compared.
    """

    path: Path
    model: str | None
    before: str | None
    detections: int = 0
    identical: bool | None = None


def replay(session: Session, path: str | Path, out: Path, runtime: Runtime) -> Replay:
    """Carry out all actions of a session again in a new one at ``path``, and compare the detections of both.

    Only images, settings, seed and log are taken: features are computed and the detector is trained again. The tables
    of detections are written to ``out``: ``before`` and ``now``. Raises DataError where ``path`` is there already.
    """
    trained = session.state.trained
    with _repeated(session, files.session_path(path), runtime) as again:
        if trained is None:
            return Replay(again.path, None, None)
        settings = TrainingSettings.from_dict(trained.settings)
        _, action = training.train(again.engine, _state_of(session, trained), settings, trained.seed, runtime)
        tables = [_table(again, action.model, out / "now")]
        if training.model_folder(session.path, trained.model).is_dir():
            tables.append(_table(session, trained.model, out / "before"))
        count = tables[0].count(b"\n") - 1
        identical = tables[0] == tables[1] if len(tables) == 2 else None
        return Replay(again.path, action.model, trained.model, count, identical)


def _state_of(session: Session, trained: Train) -> State:
    """The last state that a detector was trained on: it may have been changed since."""
    history = History()
    states = [history.take(entry.action) for entry in session.actions]
    return next(state for state in reversed(states) if state.trained == trained and state.is_trained)


def _repeated(session: Session, folder: Path, runtime: Runtime) -> Session:
    """A new session with the actions of another one."""
    document: dict[str, Any] = {
        **session.document,
        "images": {**session.document["images"], **files.place_to_dict(session.dataset, folder)},
    }
    with files.new_folder(folder) as new:
        files.write_document(new, document)
        with ActionLog(new / files.LOG, create=True) as log:
            for entry in session.actions:
                log.append(entry.action)
    return Session.open(folder, session.dataset, runtime=runtime)


def _table(session: Session, digest: str, folder: Path) -> bytes:
    """The table of the detections of a detector, as it is exported."""
    model = Model(training.model_folder(session.path, digest), digest)
    write_regions(folder, session.detect(model=model).regions, session.sizes, [TABLE])
    return (folder / "detections.csv").read_bytes()


def to_dict(session: Session, found: Replay) -> dict[str, Any]:
    """Return what came of a replay as JSON of the schema ``dsim.roi-replay/1``."""
    return {
        "schema": SCHEMA,
        "session": str(session.path),
        "new": str(found.path),
        "model": found.model,
        "before": found.before,
        "detections": found.detections,
        "identical": found.identical,
    }
