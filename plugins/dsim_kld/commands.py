"""``dsim fingerprint``: what a hospital may send instead of images, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsim.ui import options
from dsim_kld.specs import KLD_TF

if TYPE_CHECKING:
    from dsim.measures import SimilarityMatrix
    from dsim_kld.fingerprint import Record


@click.group()
def fingerprint() -> None:
    """Write fingerprints of datasets; compare them without the images.

    A fingerprint holds the mean and the histogram of every feature over all images: no image, no feature of a single
    one, no file name. See docs/measures/kld-tf.md for what it may still reveal.
    """


def _default(name: str) -> object:
    return KLD_TF.parameter(name).default


@fingerprint.command()
@click.argument("dataset", metavar="DATASET")
@options.out_file(required=True, help="File to write: *.json.")
@click.option("--name", help="Name that others see; default: the dataset's.")
@click.option(
    "--extractor",
    default=_default("extractor"),
    show_default=True,
    metavar="KIND:NAME[OPTIONS]",
    help="All who take part use the same.",
)
@click.option("--bins", type=click.IntRange(2, 1000), default=_default("bins"), show_default=True)
@click.option("--scale", type=float, default=_default("scale"), show_default=True, help="Of the bins; see the page.")
@click.option(
    "--least", type=click.IntRange(min=1), default=20, show_default=True, help="Refuse datasets of fewer images."
)
@options.device
@options.offline
def write(
    dataset: str,
    out: Path,
    name: str | None,
    extractor: str,
    bins: int,
    scale: float,
    least: int,
    device: str,
    offline: bool,
) -> None:
    """Write the fingerprint of DATASET to a file that may be sent: JSON, readable by eye."""
    from dataclasses import replace

    from dsim.data import open_dataset
    from dsim.errors import UsageError
    from dsim.ui import make_runtime, say
    from dsim_kld.fingerprint import is_record, make_record, write_record
    from dsim_kld.measure import bins_that_hide

    if not is_record(str(out)):
        raise UsageError(f"cannot write a fingerprint to {out}", hint="end its name in .json")
    KLD_TF.parameter("scale").check(scale)
    made = make_record(open_dataset(dataset), extractor, bins, scale, make_runtime(device, offline), least)
    write_record(replace(made, name=name or made.name), out)
    for remark in bins_that_hide(made.fingerprint.histograms):
        say(f"note: {remark} (--scale)")
    say(f"wrote {out}: {made.fingerprint.count} images, {len(made.fingerprint.mean)} features")


@fingerprint.command()
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--sources", multiple=True, metavar="FILE...", help="Fingerprints to choose from, or datasets at hand.")
@click.option("--targets", multiple=True, metavar="FILE...", help="Fingerprints of interest, or datasets at hand.")
@click.option(
    "--variant", type=click.Choice(KLD_TF.parameter("variant").choices), default=_default("variant"), show_default=True
)
@click.option("--smoothing", type=float, default=_default("smoothing"), show_default=True, help="Of binned.")
@click.option(
    "--weights", type=click.Choice(KLD_TF.parameter("weights").choices), default=_default("weights"), show_default=True
)
@click.option("--extractor", metavar="KIND:NAME[OPTIONS]", help="For datasets at hand; default: that of the files.")
@options.out_file(help="Write the matrix as JSON, too.")
@options.wide
@options.as_json
@options.device
@options.offline
def compare(
    files: Sequence[str],
    sources: Sequence[str],
    targets: Sequence[str],
    variant: str,
    smoothing: float,
    weights: str,
    extractor: str | None,
    out: Path | None,
    as_json: bool,
    device: str,
    offline: bool,
) -> int:
    """Rank sources by the divergence of their fingerprints from each target's.

    FILEs are compared with each other, or are the sources where there are --targets. A folder, archive or phantoms:NAME
    among sources or targets is a dataset at hand: its fingerprint is made as those of the files were.
    """
    from dsim.errors import UsageError
    from dsim.ui import make_runtime
    from dsim_kld.measure import Way, compare_records, gather

    pool = [*files, *sources]
    if not pool:
        raise UsageError("there are no fingerprints to compare", hint="name files, or --sources and --targets")
    way = Way(variant, smoothing, weights)
    records = gather([*pool, *targets], extractor, make_runtime(device, offline))
    matrix = compare_records(records[: len(pool)], records[len(pool) :] or None, way)
    _print(matrix, records, as_json)
    if out is not None:
        matrix.to_json(out)
    return 3 if matrix.failed else 0


def _print(matrix: SimilarityMatrix, records: Sequence[Record], as_json: bool) -> None:
    from dsim.ui import emit_json, print_table, say

    if any(not record.reference for record in records):
        say("note: features were given: whether they are of one network cannot be checked")
    if as_json:
        return emit_json(matrix.to_dict())
    rows = [
        (ranking.target if rank == 1 else "", str(rank), entry.source, _shown(entry.value), entry.note)
        for ranking in matrix.rankings()
        for rank, entry in enumerate(ranking.entries, 1)
    ]
    title = f"{matrix.measure}, a {matrix.direction} in {matrix.unit}: sources for each target, best first"
    columns = ("target", "rank", "source", "value", "why not")
    return print_table(title, columns, rows, right=("rank", "value"), prose=("why not",))


def _shown(value: float) -> str:
    """Four digits, or that there is none.

    >>> _shown(float("nan"))
    'failed'
    """
    return f"{value:.4g}" if value == value else "failed"
