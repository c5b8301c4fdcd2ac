"""``dsim compare``: rank sources by similarity to each target."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsim.cli.completion import extractors
from dsim.ui import completion, options

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.runtime import Runtime


def enough_replicates(context: click.Context, parameter: click.Parameter, count: int | None) -> int | None:
    """Return how many replicates to draw: the least number that bounds an interval, with a note, for fewer."""
    from dsim.comparison.plan import FEWEST_REPLICATES
    from dsim.ui import say

    if not count or count >= FEWEST_REPLICATES or context.resilient_parsing:
        return count
    say(
        f"note: --bootstrap {count} is taken as {FEWEST_REPLICATES}: fewer replicates bound no 95 % interval;"
        " 0 is for no intervals"
    )
    return FEWEST_REPLICATES


@click.command()
@click.option(
    "--measure",
    "measures",
    multiple=True,
    shell_complete=completion.several_measures,
    metavar="NAME[:PARAM=VALUE,...]",
    help="A measure; may be repeated. label-free: all that need only images or features; all: every measure.",
)
@options.sources("Datasets to choose from; default: the phantoms.")
@options.targets("Datasets of interest; default: the sources.")
@options.out_folder(
    default=Path("dsim-results"),
    show_default=True,
    help="Folder for matrix.json, matrix.csv and the pictures.",
)
@options.out_file(
    "--report",
    metavar="FILE.html",
    help="Also write one HTML page that summarises everything; it needs no other file and no network.",
)
@click.option("--why", is_flag=True, help="Also print the statistics: intervals, and each measure's table of several.")
@options.wide
@options.as_json
@options.seed
@options.device
@options.jobs
@click.option(
    "--bootstrap",
    type=click.IntRange(min=0),
    callback=enough_replicates,
    metavar="N",
    help="Replicates for intervals: 20 at least, or 0 for none. Default: as the measure proposes (dsim explain NAME).",
)
@click.option(
    "--test",
    type=click.IntRange(min=0),
    metavar="N",
    default=0,
    help="Permutations for the p-value of each pair (hypothesis: both are samples of one population); 0 for none.",
)
@click.option(
    "--floor/--no-floor",
    default=True,
    show_default=True,
    help="Compute the noise floor: the distance of two halves of each target.",
)
@click.option(
    "--extractor",
    shell_complete=extractors,
    metavar="REF",
    help="Extractor of features, for every measure that takes one.",
)
@click.option("--weights", type=click.Path(dir_okay=True), help="Weights for the measure's network, from a file.")
@click.option(
    "--attributes",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    help="Experts' ratings of the datasets, by name; may be repeated. See dsim expert rate.",
)
@options.offline
@options.skip_unreadable
def compare(
    measures: Sequence[str],
    sources: Sequence[str],
    targets: Sequence[str],
    out: Path,
    report: Path | None,
    why: bool,
    as_json: bool,
    device: str,
    extractor: str | None,
    weights: str | None,
    attributes: Sequence[Path],
    offline: bool,
    skip_unreadable: bool,
    **numbers: Any,
) -> int:
    """Rank source datasets by similarity to each target.

    PATH is a folder, a .csv, .npz or .h5 file, an image stack, phantoms:NAME, or NAME=PATH to give it a name.
    Without --sources and --targets the built-in phantoms are compared. With several measures, their vote is said
    first, and each writes its own folder. If one fails, the others still run.
    """
    from dsim.cli.compare_job import Job, choose
    from dsim.ui import make_runtime

    if report is not None:
        from dsim.report import check_report_path

        check_report_path(report)
    runtime = make_runtime(device, offline)
    choice = choose(measures or ("asap",), extractor, weights, runtime.progress.note)
    pool, wanted = _attributed(*_datasets(sources, targets, runtime, skip_unreadable), attributes)
    return Job(pool, wanted, numbers, runtime, out, as_json, report, why).carry_out(choice)


def _datasets(
    sources: Sequence[str], targets: Sequence[str], runtime: Runtime, skip_unreadable: bool
) -> tuple[list[Dataset], list[Dataset] | None]:
    from dsim.cli.data import open_datasets

    if not sources and not targets:
        from dsim.data.phantoms import sources as phantom_sources
        from dsim.data.phantoms import targets as phantom_targets

        return phantom_sources(), phantom_targets()
    if not sources:
        from dsim.errors import UsageError

        raise UsageError(
            "--targets were given, but no sources", hint="name the datasets to choose from: --sources PATH..."
        )
    pool = open_datasets(sources, runtime, skip_unreadable=skip_unreadable)
    return pool, open_datasets(targets, runtime, skip_unreadable=skip_unreadable) if targets else None


def _attributed(
    pool: list[Dataset], wanted: list[Dataset] | None, tables: Sequence[Path]
) -> tuple[list[Dataset], list[Dataset] | None]:
    """Return the datasets with the attributes of the tables."""
    from dsim.data.attributes import attach, merge, read_attributes

    if not tables:
        return pool, wanted
    together = attach([*pool, *(wanted or ())], merge(read_attributes(path) for path in tables))
    return together[: len(pool)], None if wanted is None else together[len(pool) :]
