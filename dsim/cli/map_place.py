"""``dsim map place``: place new images on a map, and say which are unlike its training images."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsim.ui import completion, options

if TYPE_CHECKING:
    from dsim.maps import PlacedImages

#: Images unlike the training images that are printed; the table has all.
_SHOWN = 5
#: Width of the interval of a share that says nothing.
_WIDE = 0.6


@click.command(short_help="Place new images on a map.")
@click.argument("new", metavar="NEW", shell_complete=completion.datasets)
@click.option("--model", required=True, metavar="MAP", help="Folder of a map, folder of its model, or zoo:ID.")
@options.out_folder(help="Folder of placed.csv, placed.json and the page placed.html.")
@options.datasets("--dataset", help="Where datasets of the map are now: NAME=PATH; only the nearest images need them.")
@click.option("--pictures-folder", is_flag=True, help="Put pictures that do not fit into the page beside it.")
@options.wide
@options.device
@options.skip_unreadable
@options.as_json
def place(
    new: str,
    model: str,
    out: Path | None,
    dataset: Sequence[str],
    pictures_folder: bool,
    device: str,
    skip_unreadable: bool,
    as_json: bool,
) -> None:
    """Place the images of NEW on a map that was fitted without them, and say which are unlike its training images.

    The plane is not asked: an image unlike all others lies somewhere in it too. The novelty of an image is how many
    times farther it is from its nearest training images, in feature space, than these are from theirs; p is the share
    of held-out images that are at least as novel.

    NEW is a folder of images, an image, a .csv, .npz or .h5 file, or phantoms:NAME.
    """
    from dsim.cli.data import open_datasets
    from dsim.maps import place_on_map, write_placed
    from dsim.ui import emit_json, make_runtime, say_written

    runtime = make_runtime(device)
    [opened] = open_datasets([new], runtime, skip_unreadable=skip_unreadable)
    moved = open_datasets(dataset, runtime, skip_unreadable=skip_unreadable)
    placed = place_on_map(opened, model, datasets=moved, runtime=runtime)
    files = [] if out is None else write_placed(placed, out, runtime, pictures_folder=pictures_folder)
    if as_json:
        return emit_json(placed.to_dict())
    _show(placed)
    if files:
        return say_written(files)
    from dsim.cli.answer import NEXT, print_answers

    command = shlex.join(["dsim", "map", "place", new, "--model", model, "--out", "placed"])
    return print_answers([f"{NEXT}, to see them on the map: {command}"])


def _show(placed: PlacedImages) -> None:
    """Print the answer, and the images that are most unlike the training images."""
    from dsim.cli.answer import print_answers
    from dsim.ui import print_table

    print_answers([sentence(placed)])
    rows = placed.unusual[:_SHOWN].tolist()
    if not rows or math.isnan(placed.foreign.share):
        return
    numbers, nearest = ["p", "novelty"], "most similar image of the map"
    cells = [
        [str(placed.dataset.ids[row]), f"{placed.p[row]:.3f}", f"{placed.novelty[row]:.3g}", *near[:1]]
        for row, near in ((row, placed.names_of_nearest(row)) for row in rows)
    ]
    columns = ["image", *numbers, *([nearest] if placed.nearest is not None else [])]
    title = f"the most unlike of {len(placed.unusual):,} with p of at most {placed.foreign.level:g}"
    print_table(title, columns, cells, right=numbers, whole=["image"], optional=columns[:1:-1])


def sentence(placed: PlacedImages) -> str:
    """Return the answer: how many images were placed, and which share is foreign.

    Where the interval holds 0 nothing need be foreign; where it is wide the images are too few to say.
    """
    found, several = placed.foreign, len(placed) > 1
    count = f"{len(placed):,} images of {placed.dataset.name} are placed" if several else "The image is placed"
    if math.isnan(found.share):
        return f"{count}; what is foreign cannot be said: {found.reason}."
    if not several:
        like = "unlike" if placed.p[0] <= found.level else "like"
        usual = f"{found.expected:.0%} of images of the same kind have {found.level:g} or less"
        return f"{count}; it is {like} the images that the map was trained on (p {placed.p[0]:.2f}; {usual})."
    unusual = f"{found.unusual:.0%} have p of at most {found.level:g}, where {found.expected:.0%} are expected"
    interval = f"{found.low:.0%} to {found.high:.0%}"
    if found.high - found.low > _WIDE:
        return f"{count}; they are too few to say which share is foreign ({interval}; {unusual})."
    if found.low <= 0:
        return f"{count}; no foreign images are evident ({unusual}; foreign: {interval})."
    share = f"about {found.share:.0%} are unlike the images that the map was trained on"
    return f"{count}; {share} ({interval}; {unusual})."
