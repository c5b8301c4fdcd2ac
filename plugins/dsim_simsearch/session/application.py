"""The detector of a session on other images, which needs neither the session's own images nor to write to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import UsageError
from dsim.runtime import VERSION
from dsim_simsearch.session import files
from dsim_simsearch.session.detection import Model, detect_images
from dsim_simsearch.session.export import write_detections, write_semantic_maps
from dsim_simsearch.session.log import ActionLog
from dsim_simsearch.session.marks import replayed
from dsim_simsearch.session.training import model_folder

if TYPE_CHECKING:
    from dsim.plugin import Dataset, Runtime
    from dsim_simsearch.detection import Detections
    from dsim_simsearch.session.state import State

#: Below the folder of the results: candidates of the images that are finished.
FINISHED = ".finished.sqlite"


class TrainedSession:
    """The detector and the confidences of a session as they are now.

    Raises DataError where there is no session or it is of a newer version, UsageError where it is not trained.

    Attributes
    ----------
    path : of the session. ``state`` : what was marked. ``model`` : the detector in force.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = files.find_session(path)
        files.read_document(self.path)
        with ActionLog(self.path / files.LOG, writing=False) as log:
            self.state: State = replayed(log).state
        if self.state.trained is None:
            raise UsageError(f"{self.path.name} has no trained detector", hint="train one: dsim roi train")
        digest = self.state.trained.model
        self.model = Model(model_folder(self.path, digest), digest)

    @property
    def confidences(self) -> dict[str, float]:
        """The least confidence of the detections of each class."""
        return {one.name: one.confidence for one in self.state.classes}

    def apply(
        self,
        dataset: Dataset,
        out: Path,
        runtime: Runtime,
        *,
        jobs: int = 1,
        formats: Sequence[str] = (),
        semantic: bool = False,
    ) -> tuple[Detections, list[Path]]:
        """Return the detections in the images of a dataset, and the paths of their files in ``out``.

        The same request goes on where it was interrupted, by image. ``jobs`` : images side by side, by joblib; -1 for
        all cores; see ``joblib.parallel_config`` for a cluster. ``formats``, ``semantic`` : as of ``Session.export``.
        """
        from dsim.data import image_sizes
        from dsim.store import JsonStore

        store = JsonStore(out / FINISHED, runtime.progress.note)
        found = detect_images(self.model, dataset, self.confidences, store, runtime, jobs)
        sizes = dict(zip(dataset.ids, image_sizes(dataset, range(len(dataset))), strict=True))
        paths = write_detections(out, found, sizes, self._facts(dataset), formats)
        if semantic:
            paths += write_semantic_maps(out, self.model.open(runtime), dataset, found.thresholds, runtime)
        return found, paths

    def _facts(self, dataset: Dataset) -> dict[str, Any]:
        return detection_facts(self.path, self.state, dataset)


def detection_facts(path: Path, state: State, dataset: Dataset) -> dict[str, Any]:
    """Return what detections were made by, for their files: session, revision, model and images."""
    return {
        "dsim": VERSION,
        "session": path.name,
        "rev": state.rev,
        "is_current": state.is_trained,
        "model": None if state.trained is None else state.trained.model,
        "images": {"name": dataset.name, "fingerprint": dataset.images_fingerprint},
    }
