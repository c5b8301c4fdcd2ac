"""``dsim map fit``: train a map of datasets, place all their images, and write the page."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsim.ui import completion, options

if TYPE_CHECKING:
    from dsim.maps import ImageMap
    from dsim.registry import TrainerSpec

#: Options that are parameters of a trainer, by the name that it gives them.
_PARAMETERS = ("rotations", "invariant_to", "leave_out")


@click.command(short_help="Fit a map of datasets, with its page.")
@click.argument("datasets", nargs=-1, required=True, metavar="DATASET...", shell_complete=completion.datasets)
@options.out_folder(required=True, help="Folder of the map: page, table, picture, model.")
@click.option(
    "--preset", default="quick", show_default=True, metavar="NAME", help="quick: minutes; paper: as published."
)
@click.option(
    "--rotations",
    metavar="KIND",
    help="Turned images count as the same: any, quarter, none. Default: by the modality; where images have an upper "
    "side, rotations cost accuracy (13 points on CIFAR-10).",
)
@click.option(
    "--invariant-to",
    metavar="WHAT",
    help="group: what tells groups (smears, patients) apart shall not shape the map.",
)
@click.option("--leave-out", metavar="PARTS", help="Parts of the augmentation to leave out: crops+flips+jitter+gray.")
@click.option("-p", "--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter; may be repeated.")
@click.option("--trainer", default="", metavar="NAME", help="A trainer of maps, where several are installed.")
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Trainings; the map is the first, the others show which places are stable.",
)
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Labels to show: labels.csv of the page. Nothing is trained again.",
)
@click.option("--pictures-folder", is_flag=True, help="Put pictures that do not fit into the page beside it.")
@options.seed
@options.device
@click.option(
    "--resume/--restart", default=True, show_default=True, help="Go on with an interrupted fit, or start anew."
)
@options.skip_unreadable
@options.as_json
def fit(
    datasets: Sequence[str],
    out: Path,
    params: Sequence[str],
    device: str,
    skip_unreadable: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Fit a map of all images of DATASET...: a network learns, without labels, to place similar images together.

    An interrupted fit goes on when the same command is given again. The parameters: dsim explain t-simcne.

    DATASET is a folder of images, a .csv, .npz or .h5 file, NAME=PATH, or phantoms:NAME.
    """
    from dsim.cli.data import open_datasets
    from dsim.learning import launched
    from dsim.maps import fit_map, map_trainer
    from dsim.ui import emit_json, make_runtime

    given = {name: settings.pop(name) for name in _PARAMETERS}
    values = read_parameters(map_trainer(settings["trainer"]), params, given)
    runtime = make_runtime(device)
    opened = open_datasets(datasets, runtime, skip_unreadable=skip_unreadable)
    before = _written(out)
    image_map = fit_map(opened, out, runtime=runtime, **settings, **values)
    if not launched().is_first:
        return
    from dsim.maps import read_record

    record = read_record(out)
    if as_json:
        return emit_json({**record, "files": [str(out / name) for name in _FILES]})
    return _show(image_map, record, out, new=_written(out) != before)


def _written(out: Path) -> float:
    """When the record was written, seconds; 0 where there is none."""
    path = out / "map.json"
    return path.stat().st_mtime if path.is_file() else 0.0


#: In the order in which a reader wants them.
_FILES = ("map.html", "map.png", "points.csv", "map.json")


def read_parameters(spec: TrainerSpec, params: Sequence[str], given: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the parameters of a trainer from ``-p NAME=VALUE`` and the options that are parameters.

    Raises UnknownNameError for one that the trainer does not have, UsageError for a wrong value or one given twice.
    """
    from dsim.errors import UsageError
    from dsim.registry import parse_options

    texts = parse_options(",".join(params)) if params else {}
    for name in _PARAMETERS:
        text = given.get(name)
        if text is not None and name in texts:
            raise UsageError(f"--{name.replace('_', '-')} and -p {name} exclude each other", hint="give one of them")
        if text is not None:
            texts[name] = text
    return {name: spec.parameter(name).parse(text) for name, text in texts.items()}


def _show(image_map: ImageMap, record: Mapping[str, Any], out: Path, new: bool) -> None:
    from dsim.cli.answer import NEXT, print_answers
    from dsim.ui import say_written

    print_answers(sentences(image_map, record, out))
    placed = shlex.join(["dsim", "map", "place", "NEW", "--model", str(out), "--out", f"{out}-placed"])
    print_answers([f"{NEXT}, for new images: {placed}"])
    if new:
        say_written(out / name for name in _FILES)


def sentences(image_map: ImageMap, record: Mapping[str, Any], out: Path) -> list[str]:
    """Return the answer: what was mapped, how, where to look; and what is to be known of it."""
    from dsim.maps import describe_fit

    names = ", ".join(entry["name"] for entry in record["datasets"])
    first = (
        f"{out / 'map.html'} shows {len(image_map):,} images of {names}, placed by {describe_fit(record)}, "
        f"trained in {in_minutes(record['seconds'])}."
    )
    return [first, *_stability(record), *_unusual(image_map, record)]


def _stability(record: Mapping[str, Any]) -> list[str]:
    found = record.get("stability")
    if found is None:
        return []
    return [
        f"Over {record['seeds']} seeds an image keeps {found['mean']:.0%} of its {found['neighbours']} neighbours "
        f"on average; {found['by_chance']:.0%} would be chance."
    ]


def _unusual(image_map: ImageMap, record: Mapping[str, Any]) -> list[str]:
    """Whether too few images were held out to call any image unusual; none: the training images stand in for them."""
    if "p" not in image_map.columns or record["held_out"] >= 19:
        return []
    if not record["held_out"]:
        return ["No image was held out: p is by the training images, and too small for new images of the same kind."]
    return [f"Only {record['held_out']} images were held out: too few to tell what is unlike the training images."]


def in_minutes(seconds: float) -> str:
    """Return a duration in words.

    >>> in_minutes(42), in_minutes(260), in_minutes(9000)
    ('42 s', '4 min', '2.5 h')
    """
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
