"""The state of a session: what its actions amount to. Folding the same actions gives the same state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dsim.annotations import Region
from dsim.errors import UnknownNameError, UsageError
from dsim.files.documents import digest
from dsim_simsearch.session import actions as act
from dsim_simsearch.session.actions import Action, region_to_list

#: Softmax value from which a place is a detection, until a person sets another one.
CONFIDENCE = 0.5
#: Regions of each displayed image that are suggested as background: the most similar, and as many of the least.
BACKGROUND = 5
#: What the search calls patches of no class.
BACKGROUND_LABEL = "background"


@dataclass(frozen=True)
class ClassState:
    """One class: its prototypes in the order in which they were added, thresholds and negatives.

    ``threshold`` : of the similarity, in [-1, 1]; None until it is set. ``confidence`` : of the trained detector.
    """

    name: str
    prototypes: tuple[Region, ...] = ()
    threshold: float | None = None
    flagged: tuple[Region, ...] = ()
    confidence: float = CONFIDENCE


@dataclass(frozen=True)
class State:
    """All that a person chose and marked.

    Parameters
    ----------
    displayed : ids of images. ``channels`` : from 0 on; empty for all.
    classes : in the order in which they began. ``background_flags`` : suggested background that is none.
    background_count : see ``actions.SetBackground``. ``trained`` : the last training in force; None before it.
    rev : number of the last action of the log, whether in force or undone; 0 for an empty log.
    undoable, redoable : kinds of the actions that ``Undo`` and ``Redo`` are about; None where there is none.
    """

    displayed: tuple[str, ...] = ()
    channels: tuple[int, ...] = ()
    classes: tuple[ClassState, ...] = ()
    background_flags: tuple[Region, ...] = ()
    background_count: int = BACKGROUND
    trained: act.Train | None = None
    rev: int = 0
    undoable: str | None = None
    redoable: str | None = None

    @property
    def patch(self) -> tuple[int, int] | None:
        """(height, width) of every region in pixels, as the first prototype fixed it; None before it."""
        first = next((one.prototypes[0] for one in self.classes if one.prototypes), None)
        return None if first is None else (int(first.height), int(first.width))

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes."""
        return tuple(one.name for one in self.classes)

    def class_of(self, label: str) -> ClassState:
        """Return a class. Raises UnknownNameError where there is none of that name."""
        for one in self.classes:
            if one.name == label:
                return one
        raise UnknownNameError("class", label, self.labels, hint="a class begins with its first prototype: add one")

    @property
    def inputs(self) -> str:
        """sha256 of all that a training depends on; confidences do not enter."""
        return digest(
            {
                "displayed": self.displayed,
                "channels": self.channels,
                "background": [self.background_count, _plain(self.background_flags)],
                "classes": [
                    [one.name, _plain(one.prototypes), one.threshold, _plain(one.flagged)] for one in self.classes
                ],
            }
        )

    @property
    def is_trained(self) -> bool:
        """Whether there is a detector, and nothing that it depends on was changed since it was trained."""
        return self.trained is not None and self.trained.inputs == self.inputs

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON; regions are [image, x, y, width, height]."""
        return {
            "rev": self.rev,
            "displayed": list(self.displayed),
            "channels": list(self.channels),
            "patch": None if self.patch is None else list(self.patch),
            "classes": [
                {
                    "name": one.name,
                    "prototypes": _plain(one.prototypes),
                    "threshold": one.threshold,
                    "flagged": _plain(one.flagged),
                    "confidence": one.confidence,
                }
                for one in self.classes
            ],
            "background": {"count": self.background_count, "flagged": _plain(self.background_flags)},
            "trained": None if self.trained is None else {**self.trained.to_dict(), "is_current": self.is_trained},
            "undoable": self.undoable,
            "redoable": self.redoable,
        }


def _plain(regions: Iterable[Region]) -> list[list[Any]]:
    return [region_to_list(region) for region in regions]


@dataclass
class History:
    """The states of a session one after the other, and those that were undone.

    >>> history = History()
    >>> history.take(act.SetBackground(3)).background_count, history.take(act.Undo()).background_count
    (3, 5)
    """

    _done: list[tuple[str | None, State]] = field(default_factory=lambda: [(None, State())])
    _undone: list[tuple[str | None, State]] = field(default_factory=list)
    _rev: int = 0

    @property
    def state(self) -> State:
        """The state now."""
        kind, state = self._done[-1]
        redoable = self._undone[-1][0] if self._undone else None
        undoable = None if kind == act.Begin.kind else kind
        return replace(state, rev=self._rev, undoable=undoable, redoable=redoable)

    def take(self, action: Action) -> State:
        """Carry out an action and return the state after it.

        Raises UsageError, which names the culprit, where it cannot be carried out; nothing is changed then.
        """
        if isinstance(action, act.Undo):
            if self._done[-1][0] in (None, act.Begin.kind):
                raise UsageError("'undo' finds no action in this session", hint="dsim roi show lists its state")
            self._undone.append(self._done.pop())
        elif isinstance(action, act.Redo):
            if not self._undone:
                raise UsageError(
                    "'redo' finds no action that was undone last", hint="redo follows undo, with nothing between them"
                )
            self._done.append(self._undone.pop())
        else:
            self._done.append((action.kind, after(self._done[-1][1], action)))
            self._undone.clear()
        self._rev += 1
        return self.state

    def check(self, action: Action) -> None:
        """Raise what ``take`` would raise; nothing is changed."""
        History(list(self._done), list(self._undone), self._rev).take(action)


def after(state: State, action: Action) -> State:
    """Return the state after an action. Raises UsageError, which names the culprit, where it cannot be carried out."""
    return _EFFECTS[type(action)](state, action)


def _with_class(state: State, changed: ClassState) -> State:
    """The state with one class changed, begun where it is new, gone where it has no prototype."""
    names = [*state.labels, *([] if changed.name in state.labels else [changed.name])]
    every = [changed if name == changed.name else state.class_of(name) for name in names]
    classes = tuple(one for one in every if one.prototypes)
    # Without any prototype the size of regions is free again, and flags of the old size mean nothing.
    return replace(state, classes=classes, background_flags=state.background_flags if classes else ())


def _begin(state: State, action: act.Begin) -> State:
    if state != State():
        raise UsageError(f"a session begins once, not again with {action.images}", hint="make a new one: dsim roi new")
    shown = _show_images(state, act.ShowImages(action.images))
    return _choose_channels(shown, act.ChooseChannels(action.channels))


def _show_images(state: State, action: act.ShowImages) -> State:
    if not action.images:
        raise UsageError("images to display: none was given", hint="name at least one of the session's images")
    _refuse_repeated(action.images, "image")
    return replace(state, displayed=action.images)


def _choose_channels(state: State, action: act.ChooseChannels) -> State:
    _refuse_repeated(action.channels, "channel")
    return replace(state, channels=action.channels)


def _add_prototypes(state: State, action: act.AddPrototypes) -> State:
    if not action.label.strip() or action.label == BACKGROUND_LABEL:
        raise UsageError(f"{action.label!r} is no name of a class", hint="name it after what it holds, as 'red cell'")
    old = next((one for one in state.classes if one.name == action.label), ClassState(action.label))
    _refuse_none(action.regions, f"prototypes of class {action.label!r}")
    size = state.patch or _whole_pixels(action.regions[0])
    for region in action.regions:
        _refuse_other_size(region, size)
        for one in state.classes:
            if region in one.prototypes:
                raise UsageError(f"{words(region)} is a prototype of class {one.name!r} already", hint="add it once")
    _refuse_repeated(action.regions, "prototype")
    return _with_class(state, replace(old, prototypes=(*old.prototypes, *action.regions)))


def _remove_prototypes(state: State, action: act.RemovePrototypes) -> State:
    old = state.class_of(action.label)
    left = _without(old.prototypes, action.regions, f"a prototype of class {action.label!r}")
    return _with_class(state, replace(old, prototypes=left))


def _set_threshold(state: State, action: act.SetThreshold) -> State:
    if not -1 <= action.value <= 1:
        raise UsageError(f"{action.value:g} is no threshold of a similarity", hint="give a number from -1 to 1")
    return _with_class(state, replace(state.class_of(action.label), threshold=float(action.value)))


def _set_confidence(state: State, action: act.SetConfidence) -> State:
    if not 0 <= action.value <= 1:
        raise UsageError(f"{action.value:g} is no confidence", hint="give a number from 0 to 1")
    return _with_class(state, replace(state.class_of(action.label), confidence=float(action.value)))


def _flag(state: State, action: act.Flag) -> State:
    old = state.class_of(action.label)
    flagged = _with_flags(state, old.flagged, action.regions, f"class {action.label!r}")
    return _with_class(state, replace(old, flagged=flagged))


def _unflag(state: State, action: act.Unflag) -> State:
    old = state.class_of(action.label)
    left = _without(old.flagged, action.regions, f"flagged for class {action.label!r}")
    return _with_class(state, replace(old, flagged=left))


def _flag_background(state: State, action: act.FlagBackground) -> State:
    return replace(state, background_flags=_with_flags(state, state.background_flags, action.regions, "the background"))


def _unflag_background(state: State, action: act.UnflagBackground) -> State:
    left = _without(state.background_flags, action.regions, "flagged for the background")
    return replace(state, background_flags=left)


def _set_background(state: State, action: act.SetBackground) -> State:
    if action.count < 1:
        raise UsageError(f"{action.count} regions of background are too few", hint="give a count of at least 1")
    return replace(state, background_count=action.count)


def _train(state: State, action: act.Train) -> State:
    if action.inputs != state.inputs:
        raise UsageError(
            f"model {action.model[:12]} was trained on another state of the session", hint="train again: dsim roi train"
        )
    return replace(state, trained=action)


_EFFECTS: Mapping[type[Action], Callable[[State, Any], State]] = {
    act.Begin: _begin,
    act.ShowImages: _show_images,
    act.ChooseChannels: _choose_channels,
    act.AddPrototypes: _add_prototypes,
    act.RemovePrototypes: _remove_prototypes,
    act.SetThreshold: _set_threshold,
    act.SetConfidence: _set_confidence,
    act.Flag: _flag,
    act.Unflag: _unflag,
    act.FlagBackground: _flag_background,
    act.UnflagBackground: _unflag_background,
    act.SetBackground: _set_background,
    act.Train: _train,
}


def words(region: Region) -> str:
    """Return a region as the command line writes it.

    >>> words(Region("a.png", 1, 2, 8.5, 8))
    'a.png,1,2,8.5,8'
    """
    return ",".join([region.image, *(f"{value:g}" for value in region[1:5])])


def _with_flags(state: State, old: tuple[Region, ...], new: tuple[Region, ...], whose: str) -> tuple[Region, ...]:
    """Flags with new ones behind them; one that is there already is not repeated."""
    _refuse_none(new, f"flags of {whose}")
    if state.patch is None:
        raise UsageError(f"{whose} cannot be flagged before there is a prototype", hint="add one: dsim roi add")
    for region in new:
        _refuse_other_size(region, state.patch)
    return tuple(dict.fromkeys([*old, *new]))


def _without(old: tuple[Region, ...], taken: tuple[Region, ...], what: str) -> tuple[Region, ...]:
    _refuse_none(taken, "regions to remove")
    for region in taken:
        if region not in old:
            raise UsageError(f"{words(region)} is not {what}", hint="dsim roi show lists what is marked")
    return tuple(region for region in old if region not in taken)


def _refuse_none(regions: tuple[Region, ...], what: str) -> None:
    if not regions:
        raise UsageError(f"{what}: none was given", hint="give at least one region")


def _refuse_repeated(values: tuple[Any, ...], what: str) -> None:
    for value in values:
        if values.count(value) > 1:
            shown = words(value) if isinstance(value, Region) else value
            raise UsageError(f"{what} {shown!r} is given twice", hint=f"give each {what} once")


def _whole_pixels(region: Region) -> tuple[int, int]:
    """(height, width) of the first prototype, which cuts windows. Raises UsageError for parts of pixels."""
    height, width = round(region.height), round(region.width)
    if (height, width) != (region.height, region.width):
        raise UsageError(
            f"{words(region)} is {region.width:g} x {region.height:g} pixels, and sides must be whole",
            hint=f"give boxes a size around their centres: --size {max(width, 1)}x{max(height, 1)}",
        )
    return height, width


def _refuse_other_size(region: Region, size: tuple[int, int]) -> None:
    height, width = size
    if (region.height, region.width) != size:
        raise UsageError(
            f"{words(region)} is {region.width:g} x {region.height:g} pixels, and the regions of this session "
            f"are {width:g} x {height:g}",
            hint="regions of a session have one size, that of its first prototype: give their centres that size, "
            f"--size {width:g}x{height:g}; or begin another session",
        )
