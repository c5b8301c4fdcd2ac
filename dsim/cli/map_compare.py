"""``dsim map compare``: maps of a labelled dataset by several methods, judged on the same splits and groups."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsim.ui import completion, options

if TYPE_CHECKING:
    from dsim.maps import MapComparison, MethodScores

#: Classes with a line each below ``--why``; of more, those with the most images.
_CLASSES = 20


def read_texts(context: click.Context, option: click.Parameter, texts: Sequence[str]) -> tuple[str, ...]:
    """Return the methods of ``a,b[c=d,e=f]``; a comma within brackets belongs to the method."""
    from dsim.registry import split_outside_brackets

    parts = [part.strip() for text in texts for part in split_outside_brackets(text, ",")]
    return tuple(part for part in parts if part)


@click.command(short_help="Compare methods that map a dataset.")
@click.argument("dataset", metavar="DATASET", shell_complete=completion.datasets)
@click.option(
    "--methods",
    multiple=True,
    callback=read_texts,
    metavar="METHOD,...",
    help="FEATURES+LAYOUT (pixels, imagenet, zoo, a trainer such as simclr, or an extractor, with tsne, umap or pca), "
    "or a trainer of maps: t-simcne[rotations=any]. Default: every trainer of maps, pixels+tsne, imagenet+tsne.",
)
@options.out_folder(required=True, help="Folder of the scores, the picture, and trainings.")
@click.option(
    "--rotations",
    metavar="KIND",
    help="For trainers that have it: any, quarter, none. Default: by the modality of the dataset.",
)
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Maps by each method; from 2 on it is shown how far they agree.",
)
@click.option("--neighbours", "k", type=click.IntRange(min=1), default=15, show_default=True, help="Of all scores.")
@click.option(
    "--repeats",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Splits into 10 folds, by which neighbours are judged.",
)
@click.option("--without-labels", is_flag=True, help="Judge trustworthiness and, with --seeds 3, stability only.")
@click.option("--why", is_flag=True, help="Also print scores by class, and whose neighbours share a group.")
@options.wide
@options.seed
@options.device
@options.offline
@options.skip_unreadable
@options.as_json
def compare(
    dataset: str,
    methods: Sequence[str],
    out: Path,
    rotations: str | None,
    without_labels: bool,
    why: bool,
    device: str,
    offline: bool,
    skip_unreadable: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Compare methods that map DATASET in the plane: do neighbours on the map have the same label?

    No method sees the labels. They judge the finished maps: the 15 nearest neighbours of an image from other groups
    (patients, smears) are to recognise it. An interrupted comparison goes on when the same command is given again.

    DATASET is a folder of images, a .csv, .npz or .h5 file, NAME=PATH, or phantoms:NAME.
    """
    from dsim.cli.data import open_datasets
    from dsim.maps import compare_maps, write_comparison
    from dsim.ui import emit_json, make_runtime, say_written

    runtime = make_runtime(device, offline)
    [opened] = open_datasets([dataset], runtime, skip_unreadable=skip_unreadable)
    asked = [with_rotations(text, rotations) for text in methods or default_methods()]
    found = compare_maps(opened, asked, out=out, runtime=runtime, labelled=not without_labels, **settings)
    files = write_comparison(found, out)
    if as_json:
        return emit_json(found.to_dict())
    _show(found, next_command(dataset, found, settings["seeds"], out))
    if why:
        _show_evidence(found)
    return say_written(files)


def default_methods() -> tuple[str, ...]:
    """Return every trainer of maps that is installed, and the two baselines of the paper that train nothing."""
    from dsim.registry import Product, default

    trainers = [spec.name for spec in default().trainers.values() if Product.MAP in spec.produces]
    return (*trainers, "pixels+tsne", "imagenet+tsne")


def with_rotations(text: str, rotations: str | None) -> str:
    """Return the text of a method with these rotations, where it is of a trainer that has them and names none.

    Raises what ``read_method`` raises.
    """
    from dsim.maps import read_method
    from dsim.registry import format_bracketed, parse_bracketed

    method = read_method(text)
    if rotations is None or "rotations" not in method.parameters:
        return method.text
    features, plus, layout = method.text.rpartition("+") if method.layout else (method.text, "", "")
    head, given = parse_bracketed(features)
    return format_bracketed(head, {"rotations": rotations, **given}) + plus + layout


def next_command(dataset: str, found: MapComparison, seeds: int, out: Path) -> str:
    """Return what to type next: see whether maps are stable, or fit the map."""
    words = ["dsim", "map", "compare", dataset, "--methods", ",".join(each.method.text for each in found.methods)]
    if seeds == 1 and any(not each.method.is_fixed for each in found.methods):
        return f"see whether the maps are stable: {shlex.join([*words, '--seeds', '3', '--out', str(out)])}"
    return f"fit a map to look at: {shlex.join(['dsim', 'map', 'fit', dataset, '--out', str(out.with_name('map'))])}"


def _show(found: MapComparison, following: str) -> None:
    """Print the answer, a line for each method, the best first, and the next command."""
    from dsim.cli.answer import NEXT, print_answers
    from dsim.maps import answer
    from dsim.ui import print_table

    print_answers([answer(found)])
    below = dict(found.contrasts())
    columns = {
        "method": [each.method.text for each in found.order],
        "accuracy": [_interval(each.accuracy) for each in found.order],
        "below the best": [_interval_below(below.get(each.method.text)) for each in found.order],
        "silhouette": [_number(each.silhouette.value) for each in found.order],
        "balanced": [_number(each.balanced.value) for each in found.order],
        "one split": [_number(each.knn) for each in found.order],
        "trust": [_number(each.trustworthiness, 3) for each in found.order],
        "agreement": [_number(each.overlap) for each in found.order],
        "disparity": [_number(each.disparity) for each in found.order],
    }
    shown = {name: cells for name, cells in columns.items() if name == "method" or set(cells) != {"-"}}
    rows = list(zip(*shown.values(), strict=True))
    numbers = [name for name in shown if name != "method"]
    dropped = [name for name in ("one split", "balanced", "trust", "agreement", "disparity") if name in shown]
    print_table("", list(shown), rows, right=numbers, optional=dropped)
    print_answers([f"{NEXT}, to {following}"])


def _show_evidence(found: MapComparison) -> None:
    """Print scores by class of every method, and how many neighbours are of one group or class."""
    from collections import Counter

    from dsim.ui import print_table

    texts = [f"{place + 1} {each.method.text}" for place, each in enumerate(found.order)]
    rows = [(text, *_neighbours(each)) for text, each in zip(texts, found.order, strict=True)]
    columns = ["method", "same class", "same group", "same group, within a class", "accuracy, groups divided"]
    print_table("neighbours of an image, and by chance", columns, rows, right=columns[1:])
    if found.judges.labels is None:
        return
    sizes = Counter(label for label in found.judges.labels if label.strip())
    numbers = [str(place + 1) for place in range(len(texts))]
    for title, name in (("recognised of each class", "recalls"), ("silhouette of each class", "by_class")):
        lines = [
            (label, str(size), *(_number(getattr(each, name).get(label, math.nan)) for each in found.order))
            for label, size in sizes.most_common(_CLASSES)
        ]
        print_table(title, ["class", "images", *numbers], lines, right=["images", *numbers])


def _neighbours(scores: MethodScores) -> tuple[str, ...]:
    near = scores.neighbours
    pairs = [
        (near.same_class, near.same_class_chance),
        (near.same_group, near.same_group_chance),
        (near.group_in_class, near.group_in_class_chance),
    ]
    return (*(f"{_number(share)} ({_number(chance)})" for share, chance in pairs), _number(scores.by_image.value))


def _number(value: float, decimals: int = 2) -> str:
    return "-" if math.isnan(value) else f"{value:z.{decimals}f}"


def _interval(estimate: Any) -> str:
    from dsim.maps.comparison_answer import in_words

    return "-" if math.isnan(estimate.value) else in_words(estimate)


def _interval_below(found: Any) -> str:
    from dsim.maps.comparison_answer import difference_in_words

    return "-" if found is None else difference_in_words(found)
