"""``dsim asap map``: all datasets in one plane, as pictures and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsim.ui import options
from dsim_asap.cli import options as shared

if TYPE_CHECKING:
    from dsim_asap.studies.map import LatentMap


@click.command()
@shared.sources
@options.targets("Datasets of interest; drawn as strokes.")
@click.option("--model", metavar="zoo:ID|file:FOLDER", help="A trained model. Default: the zoo's own.")
@click.option(
    "--fit",
    type=click.Choice(["all", "sources"]),
    is_flag=False,
    flag_value="all",
    help="Train first: on all datasets, as Fig. 8 does, or on the sources alone.",
)
@shared.settings
@shared.out
@click.option("--title", default="", help="Above the pictures; default: how many datasets and images.")
@click.option(
    "--pictures",
    type=click.IntRange(min=1),
    default=120,
    show_default=True,
    help="Images of a dataset that the page holds at most.",
)
@options.as_json
@options.seed
@options.device
@options.offline
def map(
    sources: Sequence[str],
    targets: Sequence[str],
    model: str | None,
    fit: str | None,
    settings: Sequence[str],
    out: Path,
    title: str,
    pictures: int,
    as_json: bool,
    seed: int,
    device: str,
    offline: bool,
) -> None:
    """Draw the latent map of all datasets, with typical images and ellipses by modality.

    Writes map.png, map.svg, map.json, and map.html: one file that needs no network, in which every mark shows its
    image. A dataset states its modality as an attribute, or in a META.json in its folder.
    """
    from dsim.data.opener import open_many
    from dsim.ui import emit_json, make_runtime
    from dsim_asap.latent.chosen import choose_or_fit
    from dsim_asap.latent.clouds import embed
    from dsim_asap.studies.map import build_map
    from dsim_asap.studies.map_files import write_map

    how = make_runtime(device, offline)
    opened = open_many([*sources, *targets])
    known, wanted = opened[: len(sources)], opened[len(sources) :]
    chosen = choose_or_fit(model, opened if fit == "all" else known, fit is not None, settings, seed, how)
    found = build_map(embed(known, chosen, how) + embed(wanted, chosen, how, "target"), chosen)
    written = write_map(found, out, how, title, pictures)
    if as_json:
        return emit_json(found.to_dict())
    return _show(found, written)


def _show(found: LatentMap, written: Sequence[Path]) -> None:
    from dsim.ui import print_table, stderr

    rows = []
    for number, cloud in enumerate(found.clouds):
        nearest = found.nearest(number)
        far = "" if nearest is None else f"{found.between[number, nearest]:.3f}"
        within = f"{found.between[number, number]:.3f}" if len(cloud) > 1 else ""
        near = "" if nearest is None else found.names[nearest]
        rows.append([cloud.name, cloud.role, found.modalities[number], str(len(cloud)), within, near, far])
    numbers = ["images", "distance within", "distance to it"]
    heads = ["dataset", "role", "modality", "images", "distance within", "nearest", "distance to it"]
    print_table(f"{found.chosen.told}: EQC {found.eqc[0]:.3f}", heads, rows, right=numbers)
    stderr().print(f"wrote {', '.join(path.name for path in written)} to {written[0].parent}", markup=False)
