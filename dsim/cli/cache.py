"""``dsim cache``: size of the cache, check of its files, and removal of files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from dsim.ui import options

if TYPE_CHECKING:
    from dsim.store.maintenance import Item


@click.group()
def cache() -> None:
    """Look after the cache of features, summaries and finished pairs ($DSIM_CACHE)."""


@cache.command()
@options.as_json
def info(as_json: bool) -> None:
    """Show where the cache is, and how much it holds of each kind."""
    from dsim.runtime import default_cache
    from dsim.store.maintenance import format_size, usage
    from dsim.ui import emit_json, print_table

    root, held = default_cache(), usage(default_cache())
    total = sum(found.bytes for found in held)
    if as_json:
        kinds = {found.kind: {"files": found.count, "bytes": found.bytes} for found in held}
        return emit_json({"folder": str(root), "bytes": total, "kinds": kinds})
    rows = [[found.kind, str(found.count), format_size(found.bytes)] for found in held]
    rows.append(["total", str(sum(found.count for found in held)), format_size(total)])
    click.echo(root)
    return print_table("", ["kind", "files", "size"], rows, right=["files", "size"])


@cache.command()
@options.as_json
def verify(as_json: bool) -> int:
    """Check every file against its checksum. Exit code 1 if any is corrupt."""
    from dsim.store import maintenance
    from dsim.ui import emit_json, make_runtime, print_table

    how = make_runtime()
    corrupt = maintenance.verify(how.cache, how.progress)
    count = len(maintenance.items(how.cache))
    if as_json:
        emit_json({"files": count, "corrupt": [{**_record(item), "reason": reason} for item, reason in corrupt]})
    elif corrupt:
        rows = [[str(item.path), reason] for item, reason in corrupt]
        print_table("corrupt: computed again when next needed", ["file", "reason"], rows, prose=["file", "reason"])
    else:
        click.echo(f"all {count} files are sound")
    return 1 if corrupt else 0


@cache.command()
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    metavar="DAYS",
    help="Remove records that were not used for so many days.",
)
@click.option(
    "--max-size",
    metavar="SIZE",
    help="Remove the least recently used records until the rest has this size: 500MB, 2GB.",
)
@click.option(
    "--kind", "kinds", multiple=True, metavar="KIND", help="Only records of this kind; dsim cache info lists the kinds."
)
@click.option(
    "--stale-hours",
    type=click.FloatRange(min=0),
    default=24.0,
    show_default=True,
    help="Age in hours after which unfinished and quarantined files are removed.",
)
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@options.as_json
def prune(
    older_than: float | None,
    max_size: str | None,
    kinds: Sequence[str],
    stale_hours: float,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Remove old records. Without limits, only leftovers of interrupted work are removed.

    To empty the cache: dsim cache prune --older-than 0
    """
    from dsim.runtime import default_cache
    from dsim.store import maintenance
    from dsim.ui import emit_json

    removed = maintenance.prune(
        default_cache(),
        older_than=older_than,
        max_bytes=None if max_size is None else maintenance.parse_size(max_size),
        kinds=_known(kinds),
        stale_hours=stale_hours,
        dry_run=dry_run,
    )
    if as_json:
        records = [{**_record(removal.item), "why": removal.why} for removal in removed]
        return emit_json({"dry_run": dry_run, "removed": records})
    size = maintenance.format_size(sum(removal.item.bytes for removal in removed))
    return click.echo(f"{'would remove' if dry_run else 'removed'} {len(removed)} files, {size}")


def _known(kinds: Sequence[str]) -> Sequence[str]:
    """Return the kinds. Raises UnknownNameError for one that is not in the cache: it would silently remove nothing."""
    from dsim.errors import UnknownNameError
    from dsim.runtime import default_cache
    from dsim.store.maintenance import usage

    held = [found.kind for found in usage(default_cache())]
    for kind in kinds:
        if kind not in held:
            raise UnknownNameError("kind of record", kind, held, hint="dsim cache info lists the kinds")
    return kinds


def _record(item: Item) -> dict[str, object]:
    return {"kind": item.kind, "path": str(item.path), "bytes": item.bytes}
