"""``dsim asap place``: the datasets of an image, and the images that a dataset should not hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsim.ui import options

if TYPE_CHECKING:
    from dsim.runtime import Runtime
    from dsim_asap.latent.chosen import Chosen
    from dsim_asap.latent.clouds import Cloud


@click.command()
@click.argument("images", nargs=-1, metavar="[IMAGE]...")
@options.sources("Known datasets.")
@click.option("--dataset", metavar="PATH", help="Find the images of this dataset that do not belong to it.")
@click.option("--model", metavar="zoo:ID|file:FOLDER", help="A trained model. Default: the zoo's own.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the result as JSON and, with --dataset, the contact sheet.",
)
@click.option("--top", type=click.IntRange(min=1), default=5, show_default=True, help="Datasets shown per image.")
@options.as_json
@options.seed
@options.device
@options.offline
def place(
    images: Sequence[str],
    sources: Sequence[str],
    dataset: str | None,
    model: str | None,
    out: Path | None,
    top: int,
    as_json: bool,
    seed: int,
    device: str,
    offline: bool,
) -> None:
    """Rank datasets for each IMAGE, or find the images of a dataset that do not belong to it.

    IMAGE is an image file, or a folder of them. The distance to a dataset is the mean over its images; p is the share
    of its own images that lie at least as far from all others.
    """
    from dsim.data.opener import open_many
    from dsim.ui import make_runtime
    from dsim_asap.latent.chosen import choose
    from dsim_asap.latent.clouds import embed

    _check(images, sources, dataset)
    how = make_runtime(device, offline)
    chosen = choose(model)
    known = embed(open_many(sources), chosen, how)
    if dataset is not None:
        return _find(dataset, known, chosen, seed, out, as_json, how)
    return _rank(images, known, chosen, top, out, as_json, how)


def _check(images: Sequence[str], sources: Sequence[str], dataset: str | None) -> None:
    from dsim.errors import UsageError

    if bool(images) == (dataset is not None):
        raise UsageError("give images to place, or --dataset to look through", hint="one of both; --help shows how")
    if images and not sources:
        raise UsageError("there is nothing to place images among", hint="give known datasets: --sources PATH...")


def _rank(
    images: Sequence[str],
    known: Sequence[Cloud],
    chosen: Chosen,
    top: int,
    out: Path | None,
    as_json: bool,
    how: Runtime,
) -> None:
    from dsim.data.opener import open_dataset
    from dsim.ui import emit_json, print_table
    from dsim_asap.latent.clouds import embed
    from dsim_asap.studies.place import place_images, placement_document

    # One by one: two files may have the same name.
    clouds = [embed([open_dataset(image)], chosen, how)[0] for image in images]
    documents = [
        placement_document(cloud, known, place_images(cloud, known), chosen.told, given)
        for given, cloud in zip(images, clouds, strict=True)
    ]
    whole = {**documents[0], "images": [row for document in documents for row in document["images"]]}
    whole["expected_unusual_at_home"] = sum(document["expected_unusual_at_home"] for document in documents)
    _write(whole, out, "place.json")
    if as_json:
        return emit_json(whole)
    columns = ["rank", "dataset", "mean distance", "rank of centre", "p"]
    for row in whole["images"]:
        lines = [
            [str(r["rank"]), r["dataset"], _number(r["mean_distance"]), str(r["centre_rank"]), _number(r["p"])]
            for r in row["datasets"][:top]
        ]
        title = row["given"] if row["alone"] else f"{row['given']}: {row['id']}"
        print_table(title, columns, lines, right=[name for name in columns if name != "dataset"])
    n, expected = len(whole["images"]), whole["expected_unusual_at_home"]
    how.progress.note(
        f"p: how usual the image would be in that dataset; of {n} images, {expected:.2g} would have p of 0.05 or less"
        " even in their own"
    )


def _find(
    path: str, known: Sequence[Cloud], chosen: Chosen, seed: int, out: Path | None, as_json: bool, how: Runtime
) -> None:
    from dsim.data.opener import open_dataset
    from dsim.random import stream
    from dsim.ui import emit_json, print_table, stderr
    from dsim_asap.latent.clouds import embed
    from dsim_asap.studies.place import find_strays
    from dsim_asap.studies.place_sheet import draw_sheet

    cloud = embed([open_dataset(path)], chosen, how)[0]
    fingerprint = cloud.dataset.images_fingerprint
    # The dataset may be among the known ones; it is no other dataset than itself.
    others = [other for other in known if other.dataset.images_fingerprint != fingerprint]
    found = find_strays(cloud, others, stream(seed, fingerprint, "strays"))
    document = found.document(cloud.name, chosen.told)
    _write(document, out, "strays.json")
    told = _told(document)
    if out is not None and found.found:
        draw_sheet(cloud, found, out / "strays.png", f"{cloud.name}: images that may not belong", told)
    if as_json:
        return emit_json(document)
    columns = ["image", "strength", "distance", "p", "nearest other", "distance to it", "p there"]
    rows = [
        [
            row["id"],
            _number(row["strength"]),
            _number(row["own"]),
            _number(row["p_own"]),
            row["nearest"],
            _number(row["other"]),
            _number(row["p_other"]),
        ]
        for row in document["strays"]
    ]
    print_table(f"{cloud.name}: images that may not belong", columns, rows, right=[columns[i] for i in (1, 2, 3, 5, 6)])
    stderr().print(told, markup=False)
    return None


def _told(document: dict[str, Any]) -> str:
    """How many were found beside how many are found where nothing is wrong."""
    far, nearer = document["far"], document["nearer_to_another"]
    expected = nearer["expected"]
    chance = "" if expected is None else f", where a Gaussian cloud of its shape would have {expected:.1f}"
    return (
        f"Of {document['images']} images {far['found']} are farther than all but 5 %, as in any dataset; "
        f"{nearer['found']} are nearer to another dataset{chance}."
    )


def _write(document: dict[str, Any], out: Path | None, name: str) -> None:
    import json

    from dsim.files import write_text

    if out is not None:
        text = json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False)
        write_text(out / name, text + "\n")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
