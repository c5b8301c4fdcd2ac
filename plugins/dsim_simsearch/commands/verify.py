"""``dsim roi sample`` and ``counts``: how many objects there are, with intervals from a small verified sample."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsim.plugin import DataError, UsageError
from dsim.ui import options
from dsim_simsearch.commands import arguments

if TYPE_CHECKING:
    from dsim.annotations import Region
    from dsim.stats.power_law import Estimate
    from dsim.stats.verified_counts import VerifiedCount
    from dsim_simsearch.session.session import Session

SCHEMA = "dsim.roi-counts/1"

Counts = Mapping[str, "VerifiedCount"]


@click.command(short_help="Draw a sample of detections to verify.")
@arguments.session
@click.option(
    "--count",
    type=click.IntRange(min=0),
    default=40,
    show_default=True,
    help="Detections of each class, from all confidences.",
)
@click.option(
    "--windows",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="Parts of the images, to be searched for missed objects.",
)
@options.out_folder(required=True, help="Folder of the sample.")
@options.seed
@options.device
@options.offline
@options.as_json
def sample(
    session: str,
    images: str | None,
    count: int,
    windows: int,
    out: Path,
    seed: int,
    device: str,
    offline: bool,
    as_json: bool,
) -> None:
    """Draw detections and parts of the images for a person to verify, for dsim roi counts --verified.

    Writes detections.png and windows.png to look at, and sample.csv to fill in: in the column correct, 1 or 0 for each
    detection; in the column missed, for each window and class, how many objects have no detection. Cells may be left
    empty.
    """
    from dsim.ui import emit_json, make_runtime, print_behind, say_written
    from dsim_simsearch.verification import draw_sample, refuse_another, write_sample

    if not count and not windows:
        raise UsageError("--count 0 --windows 0 is a sample of nothing", hint="give at least one of them")
    refuse_another(out)
    with arguments.open_session(session, images, make_runtime(device, offline), writing=False) as opened:
        found = opened.detect()
        detections, patch = list(found.regions), opened.model.open(opened.runtime).patch
        drawn = draw_sample(detections, found.classes, opened.sizes, patch, count, windows, seed)
        paths = write_sample(out, drawn)
        paths += _draw(opened, out, drawn, detections, patch)
        if as_json:
            return emit_json(drawn.to_dict())
        checks, parts = len(drawn.checks), len(drawn.windows)
        print_behind("", f"{checks} of {len(detections)} detections and {parts} windows are to be verified.")
        print(f"Next: fill in {paths[0]}, then dsim roi counts {opened.path} --verified {paths[0]}")
    say_written(paths)
    return None


def _draw(
    opened: Session, out: Path, drawn: Any, detections: Sequence[Region], patch: tuple[float, float]
) -> list[Path]:
    """Write the sheets; returns their paths."""
    from dsim_simsearch import verification_sheets as sheets
    from dsim_simsearch.images import PreparedImages

    prepared = PreparedImages(opened.dataset, opened.engine.preparation(opened.state, opened.runtime))
    paths = []
    if drawn.checks:
        paths.append(out / sheets.CHECKS)
        sheets.draw_checks(paths[-1], prepared, drawn)
    if drawn.windows:
        paths.append(out / sheets.WINDOWS)
        sheets.draw_windows(paths[-1], prepared, drawn, detections, patch)
    return paths


@click.command(short_help="Count objects, with intervals from a verified sample.")
@arguments.session
@click.option(
    "--verified",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="sample.csv",
    help="The sample of dsim roi sample, filled in.",
)
@click.option("--groups", "by_group", is_flag=True, help="Also for each group of images, such as a patient.")
@options.device
@options.offline
@options.wide
@options.as_json
def counts(
    session: str,
    images: str | None,
    verified: Path | None,
    by_group: bool,
    device: str,
    offline: bool,
    as_json: bool,
) -> None:
    """Count the detections of each class, or estimate the objects with --verified: with 95 % intervals.

    Objects are the detections that are right, and what was missed; both are estimated from the sample.
    """
    from dsim.ui import emit_json, make_runtime
    from dsim_simsearch.verification import count_groups, count_objects, read_sample

    with arguments.open_session(session, images, make_runtime(device, offline), writing=False) as opened:
        groups = _groups(opened) if by_group else {}
        read = None if verified is None else read_sample(verified)
        found = opened.detect()
        detections = list(found.regions)
        estimates = None if read is None else count_objects(*read, detections)
        of_groups = {} if read is None or not groups else count_groups(*read, detections, groups, opened.sizes)
        numbers = _numbers(found.counts, found.classes, groups)
        if as_json:
            return emit_json(to_dict(opened, numbers, estimates, of_groups))
        print_counts(numbers, len(opened.ids), estimates, of_groups)
        return None


def _groups(opened: Session) -> dict[str, str]:
    """The group of each image; DataError where there are none."""
    if opened.dataset.groups is None:
        raise DataError(f"the images of {opened.path.name} have no groups", hint="leave out --groups")
    return dict(zip(opened.ids, opened.dataset.groups, strict=True))


def _numbers(
    counts: Mapping[str, Mapping[str, int]], classes: Sequence[str], groups: Mapping[str, str]
) -> dict[str, dict[str, int]]:
    """Detections by group, the empty name for all images, and class."""
    table = {group: dict.fromkeys(classes, 0) for group in ["", *dict.fromkeys(groups.values())]}
    for image, own in counts.items():
        for name, number in own.items():
            table[""][name] += number
            if image in groups:
                table[groups[image]][name] += number
    return table


def print_counts(
    numbers: Mapping[str, Mapping[str, int]],
    images: int,
    estimates: Counts | None,
    of_groups: Mapping[str, Counts],
) -> None:
    """Print a sentence, a table of the classes, one of the groups, and why numbers are missing."""
    from dsim.ui import print_behind, print_table

    every = numbers[""]
    print_behind("", sentence(every, images, estimates))
    if estimates is None:
        rows = [[group or "all", name, f"{number:,}"] for group, own in numbers.items() for name, number in own.items()]
        grouped = len(numbers) > 1
        columns = ["images", "class", "detections"][not grouped :]
        print_table("", columns, [row[not grouped :] for row in rows], right=["detections"])
        return
    tables = {"": estimates, **of_groups}
    rows = [
        [group or "all", name, f"{one.detected:,}", _share(one.precision), _range(one.missed), _range(one.total)]
        for group, table in tables.items()
        for name, one in table.items()
    ]
    columns = ["images", "class", "detections", "precision", "missed", "objects"]
    start = 0 if of_groups else 1
    print_table("", columns[start:], [row[start:] for row in rows], right=columns[2:])
    for group, table in tables.items():
        for name, one in table.items():
            if one.total.note:
                print_behind("note: ", f"{f'{group}, ' if group else ''}{name}: {one.total.note}")


def sentence(detections: Mapping[str, int], images: int, estimates: Counts | None) -> str:
    """Return the answer in a sentence.

    >>> sentence({"cell": 1200}, 3, None)
    '1,200 detections in 3 images: 1,200 of cell; how many objects, dsim roi sample helps to say.'
    """
    of_classes = ", ".join(f"{number:,} of {name}" for name, number in detections.items())
    total, where = sum(detections.values()), "1 image" if images == 1 else f"{images} images"
    if estimates is None:
        return f"{total:,} detections in {where}: {of_classes}; how many objects, dsim roi sample helps to say."
    objects = ", ".join(
        f"unknown of {name}" if math.isnan(one.total.value) else f"{_whole(one.total)} of {name} {_interval(one.total)}"
        for name, one in estimates.items()
    )
    return f"{objects} in {where}, estimated from {total:,} detections with 95 % intervals."


def _whole(estimate: Estimate) -> str:
    return f"{round(estimate.value):,}"


def _interval(estimate: Estimate) -> str:
    # Outwards, so that rounding takes nothing of the interval.
    return f"({math.floor(estimate.low + 1e-9):,} to {math.ceil(estimate.high - 1e-9):,})"


def _range(estimate: Estimate) -> str:
    return "unknown" if math.isnan(estimate.value) else f"{_whole(estimate)} {_interval(estimate)}"


def _share(estimate: Estimate) -> str:
    if math.isnan(estimate.value):
        return "unknown"
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


def to_dict(
    opened: Session,
    numbers: Mapping[str, Mapping[str, int]],
    estimates: Counts | None,
    of_groups: Mapping[str, Counts],
) -> dict[str, Any]:
    """Return the counts as JSON, of the schema ``dsim.roi-counts/1``."""
    return {
        "schema": SCHEMA,
        "session": str(opened.path),
        "rev": opened.rev,
        "images": len(opened.ids),
        "detections": numbers[""],
        "estimates": None if estimates is None else _estimates(estimates),
        "groups": [
            {
                "group": group,
                "detections": own,
                "estimates": _estimates(of_groups[group]) if group in of_groups else None,
            }
            for group, own in numbers.items()
            if group
        ],
    }


def _estimates(table: Counts) -> dict[str, Any]:
    parts = ("correct", "missed", "total", "precision")
    return {name: {part: getattr(one, part).to_dict() for part in parts} for name, one in table.items()}
