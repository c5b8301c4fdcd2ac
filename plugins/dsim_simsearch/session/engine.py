"""What is computed for a session: channels, the search, background; held as long as what it depends on stays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from dsim.annotations import Region
from dsim.errors import DataError, DsimError, UsageError, WeightsError
from dsim.files import documents
from dsim_simsearch.session import files

if TYPE_CHECKING:
    from dsim.plugin import Dataset, Runtime
    from dsim_simsearch.candidates import Candidates
    from dsim_simsearch.preparation import ChannelFacts, Preparation
    from dsim_simsearch.selection import RoiClass
    from dsim_simsearch.session.state import State
    from dsim_simsearch.settings import SearchSettings
    from dsim_simsearch.similarity import Search

#: A class without a threshold has no candidate above it.
_NONE_ABOVE = math.inf


@dataclass
class Engine:
    """Computes candidates and background of the state of a session. Threads may share it; one computes at a time.

    Parameters
    ----------
    folder : of the session; measured channels and features are stored there. ``dataset`` : its images.
    settings : of the search. ``weights`` : sha256 of the network's weights with which it began; None before.
    """

    folder: Path
    dataset: Dataset
    settings: SearchSettings
    weights: str | None = None

    def __post_init__(self) -> None:
        self._lock = RLock()
        self._facts: ChannelFacts | None = None
        self._checked = False
        self._search: tuple[Any, Search] | None = None

    def channel_facts(self, runtime: Runtime) -> ChannelFacts:
        """Return what was measured of the channels of all images, at the first time now.

        Raises DataError for images of other channels, which it names.
        """
        with self._lock:
            if self._facts is None:
                self._facts = _read_facts(self.folder, self.dataset)
            if self._facts is None:
                from dsim_simsearch.preparation import measure_channels

                self._facts = measure_channels(self.dataset, runtime)
                _write_facts(self.folder, self.dataset, self._facts)
            return self._facts

    def preparation(self, state: State, runtime: Runtime) -> Preparation:
        """Return how images are prepared: the range of each channel that is chosen."""
        return self.channel_facts(runtime).prepare(state.channels or None)

    def check_weights(self, runtime: Runtime) -> str:
        """Return the sha256 of the network's weights; WeightsError where the session began with others."""
        from dsim.features import prepare

        with self._lock:
            if not self._checked:
                now = prepare(self.settings.extractor, runtime).recipe.weights
                if self.weights not in (None, now):
                    raise WeightsError(
                        f"the weights of {self.settings.extractor} are not those with which {self.folder.name} began",
                        hint="install those weights again, or begin a new session: candidates would be others",
                    )
                self.weights, self._checked = now, True
            return str(self.weights)

    def search(self, state: State, runtime: Runtime) -> Search:
        """Return the search in the displayed images. Raises UsageError before there is a prototype."""
        if state.patch is None:
            raise UsageError(
                f"{self.folder.name} has no prototype yet", hint="mark an object: dsim roi add, Session.add_prototypes"
            )
        key = (state.channels, state.patch, state.displayed)
        with self._lock:
            if self._search is None or self._search[0] != key:
                from dsim_simsearch.images import PreparedImages
                from dsim_simsearch.similarity import Search

                self.check_weights(runtime)
                images = PreparedImages(self.dataset, self.preparation(state, runtime))
                store = self.folder / files.FEATURES
                displayed = self.positions(state.displayed)
                search = Search(images, displayed, state.patch, self.settings, runtime, store)
                self._search = key, search
            return self._search[1]

    def candidates(
        self, state: State, label: str, images: Sequence[str], runtime: Runtime, rerank: bool = False
    ) -> list[Candidates]:
        """Return the candidates of a class in images, one by one; they do not depend on its threshold.

        ``rerank`` : correct the similarity by what was flagged; see ``fit_reranker``.
        """
        prototypes = state.class_of(label).prototypes
        search = self.search(state, runtime)
        with self._lock, runtime.progress.task(f"candidates of {label}", len(images), "images") as task:
            vectors, correction = search.vectors(prototypes), None
            if rerank:
                from dsim_simsearch.reranker import fit_reranker

                judged = fit_reranker(search, self.positions(state.displayed), roi_classes(state))
                correction = judged.corrections[state.labels.index(label)]
            found = []
            for index in self.positions(images):
                found.append(search.candidates(index, vectors, correction=correction))
                task.advance()
            return found

    def background(self, state: State, runtime: Runtime) -> list[Region]:
        """Return the suggested background of the displayed images, also what is flagged; see ``find_background``."""
        from dsim_simsearch.selection import find_background

        search = self.search(state, runtime)
        displayed = self.positions(state.displayed)
        with self._lock:
            return find_background(search, displayed, roi_classes(state), count=state.background_count * len(displayed))

    def positions(self, ids: Sequence[str]) -> list[int]:
        """Return the positions of images."""
        position = {id: index for index, id in enumerate(self.dataset.ids)}
        return [position[id] for id in ids]


def roi_classes(state: State) -> list[RoiClass]:
    """Return the classes as the search takes them; one without a threshold has no candidate above it."""
    from dsim_simsearch.selection import RoiClass

    return [
        RoiClass(one.name, one.prototypes, _NONE_ABOVE if one.threshold is None else one.threshold, one.flagged)
        for one in state.classes
    ]


def nearest(regions: Sequence[Region], wanted: Region, within: float, what: str) -> Region:
    """Return the region of the same image whose centre is nearest to that of another.

    ``within`` : pixels. Raises UsageError, which names the place, where none is as near.
    """
    x, y = wanted.centre
    near = [(math.dist(one.centre, (x, y)), at) for at, one in enumerate(regions) if one.image == wanted.image]
    distance, at = min(near, default=(math.inf, -1))
    if distance > within:
        raise UsageError(
            f"there is no {what} at {wanted.image},{x:g},{y:g}",
            hint="give a place within one of them: dsim roi suggest lists them",
        )
    return regions[at]


_CHANNELS = "channels.json"


def _read_facts(folder: Path, dataset: Dataset) -> ChannelFacts | None:
    """The facts in the folder, if they are of these images; None where they are to be measured."""
    import numpy as np

    from dsim_simsearch.preparation import ChannelFacts

    try:
        stored = documents.read(folder / _CHANNELS, "delete it: it is measured again")
        if stored["images"] != dataset.images_fingerprint:
            return None
        arrays = ("percentiles", "low", "high", "clipped", "correlation")
        return ChannelFacts(tuple(stored["names"]), *(np.array(stored[name], np.float64) for name in arrays))
    except (DataError, KeyError, TypeError, ValueError):
        return None


def _write_facts(folder: Path, dataset: Dataset, facts: ChannelFacts) -> None:
    arrays = {name: getattr(facts, name).tolist() for name in ("percentiles", "low", "high", "clipped")}
    correlation = [[None if math.isnan(value) else value for value in row] for row in facts.correlation.tolist()]
    document = {"images": dataset.images_fingerprint, "names": list(facts.names), **arrays, "correlation": correlation}
    with suppress(DsimError):  # a session that can only be read is measured again
        documents.to_json(document, folder / _CHANNELS)
