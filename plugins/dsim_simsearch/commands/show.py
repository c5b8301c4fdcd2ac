"""``dsim roi show``: the state of a session on one screen, which the commands that change it print too."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from dsim.ui import options
from dsim_simsearch.commands import arguments

if TYPE_CHECKING:
    from dsim_simsearch.preparation import ChannelFacts
    from dsim_simsearch.session.session import Session
    from dsim_simsearch.session.state import State

SCHEMA = "dsim.roi-state/1"


@click.command(short_help="Show the state of a session.")
@arguments.session
@click.option("--log", "with_log", is_flag=True, help="Also list all actions.")
@click.option("--channels", "with_channels", is_flag=True, help="Also measure the channels: ranges, correlations.")
@options.wide
@options.as_json
def show(session: str, images: str | None, with_log: bool, with_channels: bool, as_json: bool) -> None:
    """Show what is chosen and marked in SESSION, and what to do next. Others may be writing to it meanwhile."""
    from dsim.ui import make_runtime

    with arguments.open_session(session, images, make_runtime(), writing=False) as opened:
        facts = opened.channels() if with_channels else None
        print_state(opened, as_json, facts)
        if with_log and not as_json:
            _print_log(opened)
        if facts is not None and not as_json:
            _print_channels(facts, opened.state.channels)


def print_state(session: Session, as_json: bool, facts: ChannelFacts | None = None) -> None:
    """Print a sentence, the classes, and the command that comes next; or all of it as JSON, with ``facts``."""
    from dsim.ui import emit_json, print_behind, print_table

    if as_json:
        return emit_json(to_dict(session, facts))
    state = session.state
    print_behind("", sentence(session))
    if state.classes:
        rows = [
            [
                one.name,
                str(len(one.prototypes)),
                "not set" if one.threshold is None else f"{one.threshold:g}",
                str(len(one.flagged)),
                f"{one.confidence:g}",
            ]
            for one in state.classes
        ]
        columns = ["class", "prototypes", "threshold", "flagged", "confidence"]
        print_table("", columns, rows, right=columns[1:])
    print(f"Next: {next_command(session)}")
    return None


def to_dict(session: Session, facts: ChannelFacts | None = None) -> dict[str, Any]:
    """Return session and state as JSON of the schema ``dsim.roi-state/1``; ``facts`` of its channels may be there."""
    measured = {} if facts is None else {"channels": _channels_to_dict(facts)}
    return {
        "schema": SCHEMA,
        "session": str(session.path),
        "images": {"name": session.dataset.name, "count": len(session.ids)},
        "seed": session.seed,
        "settings": session.settings.to_dict(),
        "notes": list(session.notes),
        "state": session.state.to_dict(),
        **measured,
    }


def _channels_to_dict(facts: ChannelFacts) -> list[dict[str, Any]]:
    from dsim.files.documents import number

    rows = zip(facts.names, facts.low, facts.high, facts.clipped, facts.correlation, strict=True)
    return [
        {
            "name": name,
            "low": float(low),
            "high": float(high),
            "clipped": float(clipped),
            "correlation": [number(float(value)) for value in correlation],
        }
        for name, low, high, clipped, correlation in rows
    ]


def _print_channels(facts: ChannelFacts, chosen: Sequence[int]) -> None:
    """Print which range of each channel becomes [0, 1], and how channels are correlated."""
    from dsim.ui import print_table

    rows = [
        [
            str(at),
            name,
            "yes" if not chosen or at in chosen else "no",
            f"{facts.low[at]:g}",
            f"{facts.high[at]:g}",
            f"{facts.clipped[at]:.1%}",
            " ".join(f"{value:.2f}" for value in facts.correlation[at]),
        ]
        for at, name in enumerate(facts.names)
    ]
    columns = ["channel", "name", "used", "low", "high", "clipped", "correlation with each"]
    print_table("channels, of all images", columns, rows, right=["channel", "low", "high", "clipped"])


def sentence(session: Session) -> str:
    """Return the state of a session in words."""
    state = session.state
    count = sum(len(one.prototypes) for one in state.classes)
    marked = (
        f"{count} prototypes of {state.patch[1]} x {state.patch[0]} pixels in {_many(len(state.classes), 'class')}"
        if state.patch
        else "no prototypes yet"
    )
    shown = f"{len(state.displayed)} of {_many(len(session.ids), 'image')} displayed"
    return f"{session.path.name}: {marked}, {shown}, {_training(state)}."


def _many(count: int, what: str) -> str:
    """
    >>> _many(1, "class"), _many(2, "class"), _many(2, "image")
    ('1 class', '2 classes', '2 images')
    """
    return f"{count} {what}" if count == 1 else f"{count} {what}{'es' if what.endswith('s') else 's'}"


def _training(state: State) -> str:
    if state.trained is None:
        return "not trained"
    return "trained" if state.is_trained else "changed since it was trained"


def next_command(session: Session) -> str:
    """Return the command that most likely comes next."""
    state, path = session.state, str(session.path)
    if not state.classes:
        return _command("add", path, "--class", "NAME", "--box", f"{state.displayed[0]},X,Y,WIDTH,HEIGHT")
    for one in state.classes:
        if one.threshold is None:
            return _command("suggest", path, "--class", one.name)
    return _command("detect" if state.is_trained else "train", path)


def _command(*words: str) -> str:
    return shlex.join(["dsim", "roi", *words])


def _print_log(session: Session) -> None:
    from dsim.ui import print_table

    rows = [[str(entry.rev), entry.time[:19], entry.action.kind, _about(entry.action)] for entry in session.actions]
    print_table("log", ["rev", "time (UTC)", "action", "about"], rows, right=["rev"], prose=["about"])


def _about(action: Any) -> str:
    from dsim_simsearch.session.state import words

    fields = {key: value for key, value in action.to_dict().items() if key not in ("kind", "regions")}
    shown = [f"{key} {value}" for key, value in fields.items() if not isinstance(value, dict)]
    return "; ".join([*shown, *(words(region) for region in action.regions_of)])
