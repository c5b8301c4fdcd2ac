"""``dsim asap place``: which datasets an image belongs to, and which images of a dataset do not belong to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from dsim.embeddings.placement import LEVEL
from dsim.errors import UsageError
from dsim.files.documents import or_null
from dsim.ui import options as shared
from dsim_asap.studies import common

if TYPE_CHECKING:
    from dsim.embeddings import Cloud, LatentModel, Placement, Stray

SCHEMA = "dsim.asap-place/1"
_STRAYS_SCHEMA = "dsim.asap-strays/1"


def placement_document(
    images: Cloud, known: Sequence[Cloud], found: Placement, model: str, given: str = ""
) -> dict[str, Any]:
    """All datasets for each image, the nearest first; an image alone in a dataset has no distance to its rest.

    ``given`` is the path that the images came from, which distinguishes two of one name.
    """
    return {
        "schema": SCHEMA,
        "model": model,
        "expected_unusual_at_home": LEVEL * len(images),
        "images": [
            {"given": given, "id": str(name), "alone": len(images) == 1, "datasets": _ranked(found, row, known)}
            for row, name in enumerate(images.dataset.ids)
        ],
    }


def _ranked(found: Placement, row: int, known: Sequence[Cloud]) -> list[dict[str, Any]]:
    # NaN comes last in both orders.
    order = np.argsort(found.mean[row], kind="stable")
    by_centre = np.argsort(np.argsort(found.centre[row], kind="stable"), kind="stable") + 1
    return [
        {
            "rank": rank,
            "dataset": known[column].name,
            "mean_distance": or_null(found.mean[row, column]),
            "centre_distance": or_null(found.centre[row, column]),
            "centre_rank": int(by_centre[column]),
            "p": or_null(found.p[row, column]),
            "trained_on": known[column].seen,
        }
        for rank, column in enumerate(order.tolist(), start=1)
    ]


@common.command(
    click.argument("images", nargs=-1, metavar="[IMAGE]..."),
    shared.sources("Known datasets."),
    click.option("--dataset", metavar="PATH", help="Find the images of this dataset that do not belong to it."),
    common.model,
    shared.out_folder(
        "--out",
        "folder",
        help="Folder for the result as JSON and, with --dataset, the contact sheet.",
    ),
    click.option("--top", type=click.IntRange(min=1), default=5, show_default=True, help="Datasets shown per image."),
)
def place_command(
    given: common.Options, images: Sequence[str], dataset: str | None, folder: Path | None, top: int
) -> None:
    """Rank datasets for each IMAGE, or find the images of a dataset that do not belong to it.

    IMAGE is an image file, or a folder of them. The distance to a dataset is the mean over its images; p is the share
    of its own images that lie at least as far from all others.
    """
    from dsim.embeddings import embed_datasets
    from dsim_asap.trainer import choose

    _check(images, given.sources, dataset)
    chosen = choose(given.model)
    known = embed_datasets(given.pool, chosen, given.runtime)
    if dataset is not None:
        return _find(dataset, known, chosen, given, folder)
    return _rank(images, known, chosen, given, folder, top)


def _check(images: Sequence[str], sources: Sequence[str], dataset: str | None) -> None:
    if bool(images) == (dataset is not None):
        raise UsageError("give images to place, or --dataset to look through", hint="one of both; --help shows how")
    if images and not sources:
        raise UsageError("there is nothing to place images among", hint="give known datasets: --sources PATH...")


def _rank(
    images: Sequence[str],
    known: Sequence[Cloud],
    chosen: LatentModel,
    given: common.Options,
    out: Path | None,
    top: int,
) -> None:
    from dsim.data.opener import open_dataset
    from dsim.embeddings import embed_datasets, place_images
    from dsim.files.documents import to_json
    from dsim.ui import emit_json
    from dsim_asap.studies.tables import show_placement

    # One by one: two files may have the same name.
    clouds = [embed_datasets([open_dataset(image)], chosen, given.runtime)[0] for image in images]
    documents = [
        placement_document(cloud, known, place_images(cloud, known), chosen.title, image)
        for image, cloud in zip(images, clouds, strict=True)
    ]
    whole = {**documents[0], "images": [row for document in documents for row in document["images"]]}
    whole["expected_unusual_at_home"] = sum(document["expected_unusual_at_home"] for document in documents)
    if out is not None:
        to_json(whole, out / "place.json")
    if given.as_json:
        return emit_json(whole)
    show_placement(whole, top)
    n, expected = len(whole["images"]), whole["expected_unusual_at_home"]
    given.runtime.progress.note(
        f"p: how usual the image would be in that dataset; of {n} images, {expected:.2g} would have p of 0.05 or less"
        " even in their own"
    )
    return None


def _find(path: str, known: Sequence[Cloud], chosen: LatentModel, given: common.Options, out: Path | None) -> None:
    from dsim.data.opener import open_dataset
    from dsim.embeddings import embed_datasets, find_strays
    from dsim.files.documents import to_json
    from dsim.plots import draw_sheet
    from dsim.random import stream
    from dsim.ui import emit_json, say
    from dsim_asap.studies.tables import show_strays

    cloud = embed_datasets([open_dataset(path)], chosen, given.runtime)[0]
    fingerprint = cloud.dataset.images_fingerprint
    # The dataset may be among the known ones, and is not another dataset than itself.
    others = [other for other in known if other.dataset.images_fingerprint != fingerprint]
    strays = find_strays(cloud, others, stream(given.seed, fingerprint, "strays"))
    written = strays.document(_STRAYS_SCHEMA, cloud.name, chosen.title)
    note = _counts(written)
    if out is not None:
        to_json(written, out / "strays.json")
        captions = {stray.index: _caption(stray) for stray in strays.found}
        draw_sheet(cloud.dataset, captions, out / "strays.png", f"{cloud.name}: images that may not belong", note)
    if given.as_json:
        return emit_json(written)
    show_strays(written)
    return say(note)


def _counts(written: dict[str, Any]) -> str:
    """Return how many were found beside how many are found where nothing is wrong."""
    far, nearer = written["far"], written["nearer_to_another"]
    expected = nearer["expected"]
    chance = "" if expected is None else f", where a Gaussian cloud of its shape would have {expected:.1f}"
    return (
        f"Of {written['images']} images {far['found']} are farther than all but 5 %, as in any dataset; "
        f"{nearer['found']} are nearer to another dataset{chance}."
    )


def _caption(stray: Stray) -> list[str]:
    """Four short lines: who, how strongly, and both reasons where they hold."""
    from dsim.plots import drawable

    lines = [drawable(stray.id, 24), f"strength {stray.strength:.2f}"]
    if stray.nearer:
        lines.append(f"nearer to {drawable(stray.nearest, 15)}")
    if stray.far:
        lines.append(f"far: p {stray.p_own:.2g}")
    return lines
