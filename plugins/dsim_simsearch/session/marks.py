"""Images, and the log of what a person chose and marked in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Self

from dsim.annotations import Region
from dsim.errors import DataError, StoreError, UsageError
from dsim.runtime import VERSION, Runtime
from dsim_simsearch.session import actions as act
from dsim_simsearch.session import files
from dsim_simsearch.session.checks import check_action
from dsim_simsearch.session.log import ActionLog, Entry, StaleActionError
from dsim_simsearch.session.state import History, State
from dsim_simsearch.settings import SearchSettings

if TYPE_CHECKING:
    from dsim.plugin import Dataset

#: Images that are displayed, unless others are chosen: few, since a person looks at them.
DISPLAYED = 6


class Marks:
    """What a person chose and marked in images, open for reading or writing; a context manager that closes it.

    Every action is on the disk when its method returns. An action may carry ``rev``, the revision of the state that its
    author saw: StaleActionError where the session is at another one. Threads may share a session; only one process
    holds it for writing.

    Attributes
    ----------
    path : the folder. ``dataset`` : its images, in the session's order, under their names in it, ``ids``.
    seed : of all random numbers. ``settings`` : of the search.
    notes : what was noticed at opening, such as renamed images.
    """

    def __init__(
        self, path: Path, document: dict[str, Any], matched: files.Matched, writing: bool, runtime: Runtime
    ) -> None:
        self.path, self.document, self.runtime = path, document, runtime
        self.ids = tuple(one["id"] for one in document["images"]["list"])
        # Renamed images go by their old names: those stand in the log.
        self.dataset, self.notes = replace(matched.dataset, ids=self.ids), matched.notes
        self.seed, self.settings = int(document["seed"]), SearchSettings.from_dict(document["settings"])
        self.writing = writing
        self._lock = RLock()
        self._shapes: dict[int, tuple[int, int, int]] = {}
        with ExitStack() as stack:
            if writing:
                stack.enter_context(files.one_writer(path))
            self._log = stack.enter_context(ActionLog(path / files.LOG, writing=writing))
            self._history = replayed(self._log)
            self._held = stack.pop_all()

    @classmethod
    def create(
        cls,
        path: str | Path,
        images: str | Path | Dataset,
        *,
        displayed: int | Sequence[str] = DISPLAYED,
        channels: Sequence[int] = (),
        seed: int = 0,
        settings: SearchSettings | None = None,
        runtime: Runtime | None = None,
    ) -> Self:
        """Make a session and return it, open for writing; the folder appears whole or not at all.

        Parameters
        ----------
        path : NAME.dsimroi; the suffix is added where it is missing.
        images : a dataset, or what ``open_dataset`` takes. Arrays of a program are given again when it is opened.
        displayed : ids of the images to display, or how many to draw at random.
        channels : numbers from 0 on; none stands for all.
        settings : of the search; they stay as they are. Default: ``SearchSettings()``.

        Raises DataError where the folder is there already, UsageError for images or channels that are not there.
        """
        folder, runtime = files.session_path(path), runtime or Runtime()
        dataset = _opened(images)
        begin = act.Begin(_displayed(displayed, dataset, seed), tuple(channels))
        check_action(begin, dataset.ids, lambda index: _shape_of(dataset, index))
        History().check(begin)
        document = {
            "schema": files.SCHEMA,
            "dsim": VERSION,
            "images": files.images_to_dict(dataset, folder),
            "seed": seed,
            "settings": (settings or SearchSettings()).to_dict(),
            "weights": None,
        }
        with files.new_folder(folder) as new:
            files.write_document(new, document)
            with ActionLog(new / files.LOG, create=True) as log:
                log.append(begin, rev=0)
        return cls(folder, document, files.Matched(dataset), True, runtime)

    @classmethod
    def open(
        cls,
        path: str | Path,
        images: str | Path | Dataset | None = None,
        *,
        writing: bool = True,
        runtime: Runtime | None = None,
    ) -> Self:
        """Open a session; an opening that fails changes nothing.

        ``images`` : where they are now; by default where they were. They are matched by their content. Raises DataError
        for a session of a newer version and for images that are gone or changed, UsageError where another process
        writes.
        """
        folder, runtime = files.find_session(path), runtime or Runtime()
        document = files.read_document(folder)
        dataset = _opened(_place(folder, document) if images is None else images)
        matched = files.match_by_content(document["images"], dataset)
        session = cls(folder, document, matched, writing, runtime)
        place = files.place_to_dict(dataset, folder)
        if images is not None and writing and place["location"] != files.MEMORY:
            session._change_document({"images": {**document["images"], **place}})
        return session

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the log and let others write; nothing is left to be saved."""
        self._held.close()

    @property
    def state(self) -> State:
        """What all actions amount to; immutable."""
        with self._lock:
            return self._history.state

    @property
    def rev(self) -> int:
        """The number of the last action."""
        return self.state.rev

    @property
    def actions(self) -> list[Entry]:
        """The log: all actions, those that were undone and their undoing too."""
        return self._log.read()

    def shape(self, index: int) -> tuple[int, int, int]:
        """Return (height, width, channels) of an image by its position."""
        if index not in self._shapes:
            self._shapes[index] = _shape_of(self.dataset, index)
        return self._shapes[index]

    def act(self, action: act.Action, rev: int | None = None) -> State:
        """Carry out an action, and return the state when it is on the disk.

        Raises UsageError, which names the culprit, where it cannot be carried out; StaleActionError where ``rev`` is
        given and is not that of the session. Nothing is changed then.
        """
        with self._lock:
            self._refuse_reading()
            now = self._history.state.rev
            if rev is not None and rev != now:
                raise StaleActionError(rev, now)
            check_action(action, self.ids, self.shape)
            self._history.check(action)
            self._log.append(action, rev=now)
            return self._history.take(action)

    def show_images(self, images: Sequence[str], rev: int | None = None) -> State:
        """Display these images, by id; see ``act`` for what it returns and raises."""
        return self.act(act.ShowImages(tuple(images)), rev)

    def choose_channels(self, channels: Sequence[int], rev: int | None = None) -> State:
        """Use these channels, numbers from 0 on; none stands for all. See ``act``."""
        return self.act(act.ChooseChannels(tuple(channels)), rev)

    def add_prototypes(self, label: str, regions: Iterable[Region], rev: int | None = None) -> State:
        """Add prototypes to a class, all of one size, whole within their images. See ``act``."""
        return self.act(act.AddPrototypes(label, _bare(regions)), rev)

    def remove_prototypes(self, label: str, regions: Iterable[Region], rev: int | None = None) -> State:
        """Remove prototypes from a class. See ``act``."""
        return self.act(act.RemovePrototypes(label, _bare(regions)), rev)

    def set_threshold(self, label: str, value: float, rev: int | None = None) -> State:
        """Take candidates of at least this similarity, in [-1, 1], for objects of a class. See ``act``."""
        return self.act(act.SetThreshold(label, float(value)), rev)

    def flag(self, label: str, regions: Iterable[Region], rev: int | None = None) -> State:
        """Flag candidates that are no objects of a class. See ``act``."""
        return self.act(act.Flag(label, _bare(regions)), rev)

    def unflag(self, label: str, regions: Iterable[Region], rev: int | None = None) -> State:
        """Take flags of a class back. See ``act``."""
        return self.act(act.Unflag(label, _bare(regions)), rev)

    def flag_background(self, regions: Iterable[Region], rev: int | None = None) -> State:
        """Flag suggested background that is none. See ``act``."""
        return self.act(act.FlagBackground(_bare(regions)), rev)

    def unflag_background(self, regions: Iterable[Region], rev: int | None = None) -> State:
        """Take flags of background back. See ``act``."""
        return self.act(act.UnflagBackground(_bare(regions)), rev)

    def set_background(self, count: int, rev: int | None = None) -> State:
        """Suggest that many regions of each displayed image as background, and as many of the least. See ``act``."""
        return self.act(act.SetBackground(int(count)), rev)

    def set_confidence(self, label: str, value: float, rev: int | None = None) -> State:
        """Take places of at least this softmax value, in [0, 1], for detections of a class. See ``act``."""
        return self.act(act.SetConfidence(label, float(value)), rev)

    def undo(self, rev: int | None = None) -> State:
        """Return to the state before the last action in force; also after the session was closed. See ``act``."""
        return self.act(act.Undo(), rev)

    def redo(self, rev: int | None = None) -> State:
        """Carry out again what was undone last. See ``act``."""
        return self.act(act.Redo(), rev)

    def _refuse_reading(self) -> None:
        if not self.writing:
            raise UsageError(f"{self.path} was opened for reading", hint="open it for writing: Session.open(PATH)")

    def _change_document(self, changes: dict[str, Any]) -> None:
        document = {**self.document, **changes}
        files.write_document(self.path, document)
        self.document = document


def _bare(regions: Iterable[Region]) -> tuple[Region, ...]:
    """Regions without class and score, so that equal ones are equal."""
    return tuple(Region(one.image, float(one.x), float(one.y), float(one.width), float(one.height)) for one in regions)


def _opened(images: str | Path | Dataset) -> Dataset:
    from dsim.plugin import open_dataset

    return open_dataset(images) if isinstance(images, str | Path) else images


def _place(folder: Path, document: dict[str, Any]) -> str:
    reference = files.reference_of(document["images"], folder)
    if reference is None:
        raise DataError(
            f"the images of {folder} are arrays of a program", hint="give them again: Session.open(PATH, images)"
        )
    return reference


def replayed(log: ActionLog) -> History:
    """Return the states that the actions of a log lead to. Raises StoreError where it is damaged."""
    history = History()
    for entry in log.read():
        try:
            history.take(entry.action)
        except UsageError as error:
            raise StoreError(
                f"the log {log.path} is damaged at action {entry.rev}: {error.message}", hint="restore it from a backup"
            ) from error
    return history


def _displayed(displayed: int | Sequence[str], dataset: Dataset, seed: int) -> tuple[str, ...]:
    """Ids of the images to display: those that are given, or some that are drawn, in the order of the dataset."""
    if not isinstance(displayed, int):
        return tuple(displayed)
    if displayed < 1:
        raise UsageError(f"{displayed} images cannot be displayed", hint="display at least one")
    from dsim.random import stream

    rng = stream(seed, dataset.images_fingerprint, "displayed")
    chosen = rng.choice(len(dataset), size=min(displayed, len(dataset)), replace=False)
    return tuple(dataset.ids[index] for index in sorted(chosen.tolist()))


def _shape_of(dataset: Dataset, index: int) -> tuple[int, int, int]:
    from dsim.data import open_windows

    reader = open_windows(dataset, index)
    return reader.height, reader.width, reader.channels
