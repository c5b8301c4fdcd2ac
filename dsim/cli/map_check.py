"""``dsim map check``: which images of a map, or of datasets without one, are worth a look."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsim.cli.completion import extractors
from dsim.ui import completion, options

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.maps import ImageMap
    from dsim.maps.quality import MapCheck
    from dsim.runtime import Runtime

#: Findings of each kind that are printed.
_SHOWN = 5


@click.command(short_help="List the images that are worth a look.")
@click.argument("images", nargs=-1, required=True, metavar="MAP|DATASET...", shell_complete=completion.datasets)
@click.option(
    "--extractor",
    default="",
    shell_complete=extractors,
    metavar="KIND:NAME[OPTIONS]",
    help="What turns images into features. Default: the map's model; without a map zoo:lite0.imagenet.r1.",
)
@click.option(
    "--kinds",
    default="",
    metavar="KIND,...",
    help="Only these: exact-duplicate, near-duplicate, blank, outlier, label, group.",
)
@click.option("--most", type=click.IntRange(min=1), metavar="N", help="At most N findings of each kind.")
@options.out_folder(help="Folder of check.html, which shows the images, check.csv, check.json, and of a map map.html.")
@options.datasets("--dataset", help="Where datasets of the map are now: NAME=PATH.")
@options.seed
@options.device
@options.offline
@options.skip_unreadable
@options.wide
@options.as_json
def check(
    images: Sequence[str],
    extractor: str,
    kinds: str,
    most: int | None,
    out: Path | None,
    dataset: Sequence[str],
    seed: int,
    device: str,
    offline: bool,
    skip_unreadable: bool,
    as_json: bool,
) -> None:
    """List the images that are worth a look before one trains on them: copies, blank images, outliers, doubtful labels.

    Also groups, such as patients or smears, that cluster by themselves. Copies are found across all datasets, also
    turned, mirrored, brightened, shifted a little or compressed.

    MAP is the folder of a fitted map; DATASET is a folder of images, a .csv, .npz or .h5 file, NAME=PATH, or
    phantoms:NAME: no map is needed.
    """
    from dsim.maps.quality import check_map, write_check
    from dsim.ui import emit_json, make_runtime, say_written

    runtime = make_runtime(device, offline)
    subject = _open(images, dataset, runtime, skip_unreadable)
    wanted = [kind.strip() for kind in kinds.split(",") if kind.strip()]
    result = check_map(subject, extractor=extractor, kinds=wanted, seed=seed, runtime=runtime)
    files = [] if out is None else write_check(result, subject, out, runtime, most)
    if as_json:
        return emit_json(result.to_dict(most))
    show(result, _SHOWN if most is None else most)
    if files:
        return say_written(files)
    if result.findings:
        from dsim.cli.answer import NEXT, print_answers

        command = shlex.join(["dsim", "map", "check", *images, "--out", "checked"])
        print_answers([f"{NEXT}, to see them: {command}"])
    return None


def _open(
    images: Sequence[str], moved: Sequence[str], runtime: Runtime, skip_unreadable: bool
) -> ImageMap | list[Dataset]:
    """The map in a folder, or datasets. Raises UsageError for a map among several, and for --dataset without a map."""
    from dsim.cli.data import open_datasets
    from dsim.errors import UsageError
    from dsim.maps import open_map
    from dsim.maps.files import RECORD

    maps = [text for text in images if (Path(text) / RECORD).is_file()]
    if maps and len(images) > 1:
        raise UsageError(
            f"{maps[0]} is a map, and it is not alone", hint=f"check it by itself: dsim map check {maps[0]}"
        )
    if not maps:
        if moved:
            raise UsageError("--dataset belongs to a map", hint="name the datasets: dsim map check DATASET...")
        return open_datasets(images, runtime, skip_unreadable=skip_unreadable)
    return open_map(maps[0], open_datasets(moved, runtime, skip_unreadable=skip_unreadable))


def show(result: MapCheck, shown: int) -> None:
    """Print the answer, and a table of the strongest findings of each kind."""
    from dsim.cli.answer import print_answers
    from dsim.maps.quality import sentences
    from dsim.ui import print_table

    print_answers(sentences(result))
    several = len(result.datasets) > 1
    for kind, count in result.counts.items():
        findings = [finding for finding in result.of_kind(kind) if finding.rank <= shown]
        if not findings:
            continue
        rows = [
            [
                f"{finding.dataset}/{finding.id}" if several else finding.id,
                _beside(finding.group or finding.partner, finding.partner_dataset if several else ""),
                f"{finding.score:.2f}",
                finding.reason,
            ]
            for finding in findings
        ]
        first = f"the first {len(findings)} of {count:,}" if count > len(findings) else f"{count:,}"
        columns = ["image", "group" if kind == "group" else "partner", "score", "reason"]
        print_table(f"{kind.value}, {first}: {kind.words}", columns, rows, right=["score"], prose=["reason"])


def _beside(name: str, dataset: str) -> str:
    return f"{dataset}/{name}" if dataset and name else name
