"""Actions survive their way through JSON, and fold into the state that they describe."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dsim.annotations import Region
from dsim.errors import DataError, UnknownNameError, UsageError
from dsim_simsearch.session import actions as act
from dsim_simsearch.session.state import CONFIDENCE, History, State, after

A, B, C = (Region("a", x, 2.5, 8, 6) for x in (1.0, 20.0, 40.0))
EVERY = (
    act.Begin(("a", "b"), (0, 2)),
    act.ShowImages(("b",)),
    act.ChooseChannels((1,)),
    act.AddPrototypes("cell", (A, B)),
    act.RemovePrototypes("cell", (A,)),
    act.SetThreshold("cell", 0.1 + 0.2),
    act.Flag("cell", (C,)),
    act.Unflag("cell", (C,)),
    act.FlagBackground((C,)),
    act.UnflagBackground((C,)),
    act.SetBackground(7),
    act.Train("0" * 64, "1" * 64, {"epochs": 3}, 5),
    act.SetConfidence("cell", 0.75),
    act.Undo(),
    act.Redo(),
)


def folded(*actions: act.Action) -> State:
    history = History()
    for action in actions:
        history.take(action)
    return history.state


def test_every_kind_of_action_is_written_and_read_back_equal() -> None:
    assert {action.kind for action in EVERY} == set(act.KINDS)
    for action in EVERY:
        assert act.from_dict(json.loads(json.dumps(action.to_dict()))) == action


@pytest.mark.parametrize(
    "document",
    [
        {"kind": "dance"},
        {"kind": "threshold", "label": "cell"},
        {"kind": "undo", "of": 3},
        {"kind": "flag", "label": "cell", "regions": [["a", 1, 2, 3]]},
        {"kind": "flag", "label": "cell", "regions": [["a", 1, 2, 3, float("nan")]]},
    ],
)
def test_what_is_no_action_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(DataError) as caught:
        act.from_dict(document)
    assert caught.value.hint


def test_classes_begin_with_their_first_prototype_and_end_with_their_last() -> None:
    state = folded(act.AddPrototypes("cell", (A,)), act.SetThreshold("cell", 0.5), act.AddPrototypes("egg", (B,)))
    assert (state.labels, state.patch) == (("cell", "egg"), (6, 8))
    assert state.class_of("cell").threshold == 0.5
    assert state.class_of("cell").confidence == CONFIDENCE
    state = after(state, act.RemovePrototypes("cell", (A,)))
    assert state.labels == ("egg",)
    flagged = after(state, act.FlagBackground((C,)))
    empty = after(flagged, act.RemovePrototypes("egg", (B,)))
    assert (empty.classes, empty.background_flags, empty.patch) == ((), (), None)


def test_prototypes_of_two_sizes_are_refused_with_the_culprit() -> None:
    other = Region("b", 0, 0, 9, 6)
    for actions in (
        (act.AddPrototypes("cell", (A, other)),),
        (act.AddPrototypes("cell", (A,)), act.AddPrototypes("egg", (other,))),
        (act.AddPrototypes("cell", (A,)), act.Flag("cell", (other,))),
        (act.AddPrototypes("cell", (A,)), act.FlagBackground((other,))),
    ):
        with pytest.raises(UsageError) as caught:
            folded(*actions)
        assert "b,0,0,9,6" in caught.value.message
        assert "8 x 6" in caught.value.message
        assert "--size 8x6" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("action", "culprit"),
    [
        (act.SetThreshold("egg", 0.5), "egg"),
        (act.SetThreshold("cell", 1.5), "1.5"),
        (act.SetThreshold("cell", float("nan")), "nan"),
        (act.SetConfidence("cell", -0.1), "-0.1"),
        (act.Flag("egg", (C,)), "egg"),
        (act.Flag("cell", ()), "cell"),
        (act.Unflag("cell", (C,)), "a,40,2.5,8,6"),
        (act.RemovePrototypes("cell", (B,)), "a,20,2.5,8,6"),
        (act.AddPrototypes("egg", (A,)), "a,1,2.5,8,6"),
        (act.AddPrototypes("egg", (B, B)), "a,20,2.5,8,6"),
        (act.AddPrototypes("  ", (B,)), "'  '"),
        (act.AddPrototypes("background", (B,)), "'background'"),
        (act.AddPrototypes("egg", ()), "egg"),
        (act.ShowImages(()), "images"),
        (act.ShowImages(("a", "a")), "'a'"),
        (act.ChooseChannels((1, 1)), "1"),
        (act.SetBackground(0), "0"),
        (act.Train("f" * 64, "0" * 64, {}, 0), "ffffffffffff"),
        (act.Begin(("a",)), "('a',)"),
    ],
)
def test_an_action_that_cannot_be_carried_out_names_its_culprit_and_changes_nothing(
    action: act.Action, culprit: str
) -> None:
    history = History()
    history.take(act.Begin(("a",)))
    before = history.take(act.AddPrototypes("cell", (A,)))
    with pytest.raises((UsageError, UnknownNameError)) as caught:
        history.take(action)
    assert culprit in caught.value.message
    assert caught.value.hint
    assert history.state == before


def test_flagging_twice_is_flagging_once() -> None:
    state = folded(act.AddPrototypes("cell", (A,)), act.Flag("cell", (C,)), act.Flag("cell", (C, B)))
    assert state.class_of("cell").flagged == (C, B)


def test_undo_returns_to_the_state_before_and_redo_to_the_one_after() -> None:
    history = History()
    states = [history.take(action) for action in (act.Begin(("a",)), act.AddPrototypes("cell", (A,)))]
    states.append(history.take(act.SetThreshold("cell", 0.5)))
    bare = [replace(state, rev=0, undoable=None, redoable=None) for state in states]
    undone = history.take(act.Undo())
    assert (undone.rev, undone.undoable, undone.redoable) == (4, "add", "threshold")
    assert replace(undone, rev=0, undoable=None, redoable=None) == bare[1]
    assert replace(history.take(act.Undo()), rev=0, undoable=None, redoable=None) == bare[0]
    history.take(act.Redo())
    again = history.take(act.Redo())
    assert replace(again, rev=0, undoable=None, redoable=None) == bare[2]
    assert again.redoable is None


def test_the_beginning_cannot_be_undone_and_a_new_action_ends_redoing() -> None:
    history = History()
    history.take(act.Begin(("a",)))
    with pytest.raises(UsageError):
        history.take(act.Undo())
    history.take(act.SetBackground(2))
    history.take(act.Undo())
    history.take(act.SetBackground(3))
    with pytest.raises(UsageError):
        history.take(act.Redo())
    assert history.state.background_count == 3


def test_a_training_is_out_of_date_once_its_inputs_change_and_confidences_are_none() -> None:
    history = History()
    history.take(act.Begin(("a",)))
    state = history.take(act.AddPrototypes("cell", (A,)))
    state = history.take(act.Train("f" * 64, state.inputs, {}, 0))
    assert state.is_trained
    assert history.take(act.SetConfidence("cell", 0.9)).is_trained
    assert not history.take(act.Flag("cell", (C,))).is_trained
    assert history.take(act.Undo()).is_trained
