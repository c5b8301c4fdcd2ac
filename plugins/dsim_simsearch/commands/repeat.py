"""``dsim roi replay``: carry a session out again from its log alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dsim.errors import DataError
from dsim.ui import options
from dsim_simsearch.commands import arguments

if TYPE_CHECKING:
    from dsim_simsearch.session.replay import Replay


@click.command(short_help="Carry a session out again, and compare its detections.")
@arguments.session
@click.argument("name", metavar="NEW")
@options.device
@options.offline
@options.as_json
def replay(session: str, images: str | None, name: str, device: str, offline: bool, as_json: bool) -> None:
    """Carry out all actions of SESSION again in a new session NEW, from its log and images alone.

    Features are computed and the detector is trained again; the detections of both are compared byte by byte. Exit code
    1 where they differ, as on another processor or with another version of a library.
    """
    from dsim.ui import emit_json, make_runtime, print_behind
    from dsim_simsearch.session.files import session_path
    from dsim_simsearch.session.replay import replay as run
    from dsim_simsearch.session.replay import to_dict

    runtime = make_runtime(device, offline)
    with arguments.open_session(session, images, runtime, writing=False) as opened:
        found = run(opened, name, session_path(name) / "replay", runtime)
        if as_json:
            emit_json(to_dict(opened, found))
        else:
            print_behind("", sentence(found))
        if found.identical is False:
            raise DataError(
                f"the detections of {found.path.name} are others than those of {opened.path.name}",
                hint=f"see {found.path / 'replay'}; other libraries or processors round differently",
            )


def sentence(found: Replay) -> str:
    """Return what came of a replay, in words."""
    if found.before is None or found.model is None:
        return f"{found.path.name} holds the same actions; no detector was trained in them."
    model = "the same detector" if found.model == found.before else "another detector"
    if found.identical is None:
        return f"{found.path.name} has {model}; the first one is gone, so their detections were not compared."
    same = "the same" if found.identical else "not the same"
    return f"{found.path.name} has {model} and {same} {found.detections:,} detections, byte by byte."
