"""A session: marked images, and what is computed from them. The commands and pages stand on it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.annotations import Region
from dsim.errors import UsageError
from dsim_simsearch.session import files
from dsim_simsearch.session.checks import index_of
from dsim_simsearch.session.engine import Engine, nearest
from dsim_simsearch.session.marks import Marks
from dsim_simsearch.session.state import State

if TYPE_CHECKING:
    from dsim.plugin import Runtime
    from dsim_simsearch.candidates import Candidates
    from dsim_simsearch.detection import Detections
    from dsim_simsearch.preparation import ChannelFacts
    from dsim_simsearch.session.detection import Model
    from dsim_simsearch.training_settings import TrainingSettings


class Session(Marks):
    """An open session: ``Session.create(PATH, IMAGES)``, ``Session.open(PATH)``; a context manager that closes it.

    Nothing that is computed changes it but ``train``, whose result is an action. Where a method takes a ``runtime``,
    that of a request (see ``interruption``) lets it be given up once the request is out of date.
    """

    @cached_property
    def engine(self) -> Engine:
        """What computes, and holds what was computed last."""
        return Engine(self.path, self.dataset, self.settings, self.document["weights"])

    def candidates(
        self,
        label: str,
        images: Sequence[str] | None = None,
        *,
        rerank: bool = False,
        runtime: Runtime | None = None,
    ) -> list[Candidates]:
        """Return the candidates of a class by falling similarity, for each displayed image or each of ``images``.

        They do not depend on the threshold: those above it are ``candidates.above(threshold)``. With ``rerank`` the
        similarity is corrected by flags and other classes at once; a training selects patches without. Raises
        UnknownNameError for a class without prototypes.
        """
        state = self.state
        shown = state.displayed if images is None else [self.ids[index_of(id, self.ids)] for id in images]
        found = self.engine.candidates(state, label, shown, runtime or self.runtime, rerank)
        self._record_weights()
        return found

    def background(self, runtime: Runtime | None = None) -> list[Region]:
        """Return the suggested background of the displayed images, the most similar first, then the least similar.

        What was flagged among it is there too: ``state.background_flags`` says which.
        """
        return self.engine.background(self.state, runtime or self.runtime)

    def nearest_candidate(self, label: str, place: Region, runtime: Runtime | None = None) -> Region:
        """Return the candidate of a class at a place of an image, to flag it; UsageError where there is none."""
        found = self.candidates(label, [place.image], runtime=runtime)
        return self.nearest([one for each in found for one in each.regions()], place, f"candidate of {label!r}")

    def nearest(self, regions: Sequence[Region], place: Region, what: str) -> Region:
        """Return the region at a place of an image, no farther than half a patch; UsageError where there is none.

        ``what`` : it is, in the singular, for the message.
        """
        return nearest(regions, place, max(self.state.patch or (0,)) / 2, what)

    def train(
        self, settings: TrainingSettings | None = None, seed: int | None = None, runtime: Runtime | None = None
    ) -> State:
        """Train a detector on what is marked, save it in the session, and return the state with it.

        Parameters
        ----------
        settings : default: ``TrainingSettings.preset("quick")``. ``seed`` : default: the session's.

        Raises UsageError, which names what is missing, for a class without threshold, one of which all candidates are
        flagged, or where no background is left; and where somebody changed the session during the training.
        """
        from dsim_simsearch.session import training
        from dsim_simsearch.training_settings import TrainingSettings

        self._refuse_reading()
        settings = settings or TrainingSettings.preset("quick")
        chosen = self.seed if seed is None else seed
        _, action = training.train(self.engine, self.state, settings, chosen, runtime or self.runtime)
        self._record_weights()
        return self.act(action)

    def channels(self, runtime: Runtime | None = None) -> ChannelFacts:
        """Return what was measured of the channels of all images: ranges, clipped shares, correlations."""
        return self.engine.channel_facts(runtime or self.runtime)

    @property
    def model(self) -> Model:
        """The trained detector in force. Raises UsageError before a training."""
        from dsim_simsearch.session.detection import Model
        from dsim_simsearch.session.training import model_folder

        trained = self.state.trained
        if trained is None:
            raise UsageError(f"{self.path.name} has no trained detector", hint="train one: dsim roi train")
        return Model(model_folder(self.path, trained.model), trained.model)

    @property
    def confidences(self) -> dict[str, float]:
        """The least confidence of the detections of each class."""
        return {one.name: one.confidence for one in self.state.classes}

    def detect(self, jobs: int = 1, model: Model | None = None, runtime: Runtime | None = None) -> Detections:
        """Return the detections in all images of the session; images that were searched before are looked up.

        ``jobs`` : images side by side; -1 for all cores. ``model`` : by default that in force; UsageError before a
        training.
        """
        from dsim.store import JsonStore
        from dsim_simsearch.session.detection import detect_images

        runtime = runtime or self.runtime
        store = JsonStore(self.path / files.DETECTIONS, runtime.progress.note)
        return detect_images(model or self.model, self.dataset, self.confidences, store, runtime, jobs)

    def export(
        self, folder: str | Path, formats: Sequence[str] = (), *, semantic: bool = False, jobs: int = 1
    ) -> list[Path]:
        """Write the detections for other tools, counts, and ``detections.json``; return the paths.

        ``formats`` : see ``dsim.annotations.write_regions``; all where empty. ``semantic`` : also the class of each
        pixel.
        """
        from dsim_simsearch.session.export import write_detections, write_semantic_maps

        place = Path(folder)
        found = self.detect(jobs)
        paths = write_detections(place, found, self.sizes, self.facts, formats)
        if semantic:
            detector = self.model.open(self.runtime)
            paths += write_semantic_maps(place, detector, self.dataset, found.thresholds, self.runtime)
        return paths

    @property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """(height, width) of each image."""
        from dsim.data import image_sizes

        return dict(zip(self.ids, image_sizes(self.dataset, range(len(self.ids))), strict=True))

    @property
    def facts(self) -> dict[str, Any]:
        """What detections are made by, for their files: session, revision, images and model."""
        from dsim_simsearch.session.application import detection_facts

        return detection_facts(self.path, self.state, self.dataset)

    def _record_weights(self) -> None:
        """Remember in ``session.json`` with which weights candidates were computed for the first time."""
        if self.writing and self.document["weights"] is None:
            self._change_document({"weights": self.engine.weights})
