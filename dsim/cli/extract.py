"""``dsim extract``: features of datasets, into the cache and, if asked for, a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsim.cli.completion import extractors
from dsim.ui import completion, options

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.store import Rows


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", shell_complete=completion.datasets)
@click.option(
    "--extractor",
    shell_complete=extractors,
    required=True,
    metavar="KIND:NAME[OPTIONS]",
    help="timm:resnet18.a1_in1k, zoo:ID, ...",
)
@click.option("--weights", type=click.Path(dir_okay=False), help="Weights of the network, from a file.")
@options.out_file(help="HDF5 file for features, ids and recipe.")
@options.device
@options.offline
@options.skip_unreadable
@options.wide
@options.as_json
def extract(
    paths: Sequence[str],
    extractor: str,
    weights: str | None,
    out: Path | None,
    device: str,
    offline: bool,
    skip_unreadable: bool,
    as_json: bool,
) -> None:
    """Compute features of datasets; features in the cache are not computed again.

    PATH is a folder, an archive, a manifest, phantoms:NAME, or NAME=PATH to give it a name.
    """
    from dsim.cli.data import open_datasets
    from dsim.features import feature_rows, recipe
    from dsim.ui import emit_json, make_runtime, print_table

    reference = _with_weights(extractor, weights) if weights else extractor
    runtime = make_runtime(device, offline)
    used = recipe(reference, runtime)
    datasets = open_datasets(paths, runtime, skip_unreadable=skip_unreadable)
    features = {dataset.name: feature_rows(dataset, reference, runtime) for dataset in datasets}
    description = {"reference": used.reference, **used.key()}
    if out is not None:
        write_features(out, datasets, features, description)
    shapes = {name: list(rows.shape) for name, rows in features.items()}
    if as_json:
        return emit_json(
            {
                "schema": "dsim.extract/1",
                "recipe": description,
                "datasets": {d.name: {"shape": shapes[d.name], "images": d.images_fingerprint} for d in datasets},
                "file": None if out is None else str(out),
            }
        )
    rows = [[name, str(n), str(d)] for name, (n, d) in shapes.items()]
    return print_table("", ["dataset", "images", "features"], rows, right=["images", "features"])


def write_features(
    path: Path,
    datasets: Sequence[Dataset],
    features: Mapping[str, Rows],
    recipe: Mapping[str, Any],
) -> None:
    """Write one group per dataset (``features`` (n, d), ``ids`` (n,)), and the recipe as attributes of the file.

    Raises DsimError where the file cannot be written; it is whole or absent.
    """
    import h5py

    from dsim.files import replacing
    from dsim.files.deferred_errors import DeferringFile
    from dsim.store import blocks

    with replacing(path) as temporary, DeferringFile(temporary) as disk:
        with h5py.File(disk, "w") as file:
            file.attrs.update(recipe)
            for dataset in datasets:
                group = file.create_group(dataset.name)
                group.attrs["images_fingerprint"] = dataset.images_fingerprint
                rows, done = features[dataset.name], 0
                written = group.create_dataset("features", shape=rows.shape, dtype=rows.dtype)
                for block in blocks(rows):
                    written[done : done + len(block)] = block
                    disk.check()
                    done += len(block)
                group.create_dataset("ids", data=list(dataset.ids), dtype=h5py.string_dtype())
        disk.check()


def _with_weights(reference: str, weights: str) -> str:
    from dsim.registry import format_bracketed, parse_bracketed

    head, given = parse_bracketed(reference)
    return format_bracketed(head, {**given, "weights": weights})
