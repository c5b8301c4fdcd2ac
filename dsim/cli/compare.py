"""``dsim compare``: rank sources by similarity to each target."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.matrix import SimilarityMatrix
    from dsim.runtime import Progress

#: Sources per target in the table; the files hold all.
_SHOWN = 3


@click.command()
@click.option(
    "--measure", "measures", multiple=True, metavar="NAME[:PARAM=VALUE,...]", help="Measure; may be repeated."
)
@click.option("--sources", multiple=True, metavar="PATH...", help="Datasets to choose from; default: the phantoms.")
@click.option("--targets", multiple=True, metavar="PATH...", help="Datasets of interest; default: the sources.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("dsim-results"),
    show_default=True,
    help="Folder for matrix.json, matrix.csv and the pictures.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of every random draw.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps.")
@click.option("--jobs", type=int, default=1, show_default=True, help="Summaries and pairs side by side; -1: all cores.")
@click.option(
    "--bootstrap",
    type=click.IntRange(min=0),
    metavar="N",
    help="Replicates for intervals; 0 for none. Default: 200 where the measure can be resampled.",
)
@click.option("--weights", type=click.Path(dir_okay=True), help="Weights for the measure's network, from a file.")
@click.option("--offline", is_flag=True, help="Never download anything.")
@click.option("--skip-unreadable", is_flag=True, help="Pass over images that cannot be read; they are listed.")
def compare(
    measures: Sequence[str],
    sources: Sequence[str],
    targets: Sequence[str],
    out: Path,
    as_json: bool,
    seed: int,
    device: str,
    jobs: int,
    bootstrap: int | None,
    weights: str | None,
    offline: bool,
    skip_unreadable: bool,
) -> int:
    """Rank source datasets by similarity to each target.

    PATH is a folder, a .csv, .npz or .h5 file, an image stack, phantoms:NAME, or NAME=PATH to give it a name.
    Without --sources and --targets the built-in phantoms are compared.
    """
    from dsim.cli.console import emit_json, runtime
    from dsim.comparison import compare as run
    from dsim.registry import build_measure, with_weights

    chosen = [build_measure(with_weights(text, weights) if weights else text) for text in measures or ("asap",)]
    pool, wanted = _datasets(sources, targets, skip_unreadable)
    how = runtime(device, offline)
    _tell_skipped((*pool, *(wanted or ())), how.progress)
    results = []
    for measure in chosen:
        replicates = (200 if measure.spec.resamples else 0) if bootstrap is None else bootstrap
        matrix = run(pool, wanted, measure=measure, seed=seed, jobs=jobs, bootstrap=replicates, runtime=how)
        written = write_results(matrix, out if len(chosen) == 1 else out / _slug(repr(measure)))
        results.append(matrix)
        if not as_json:
            _print(matrix, written)
    if as_json:
        emit_json({"schema": "dsim.compare/1", "results": [matrix.to_dict() for matrix in results]})
    return 3 if any(matrix.failed for matrix in results) else 0


def _datasets(
    sources: Sequence[str], targets: Sequence[str], skip_unreadable: bool
) -> tuple[list[Dataset], list[Dataset] | None]:
    from dsim.data.opening import open_many

    if not sources and not targets:
        from dsim.data.phantoms import sources as phantom_sources
        from dsim.data.phantoms import targets as phantom_targets

        return phantom_sources(), phantom_targets()
    if not sources:
        from dsim.errors import UsageError

        raise UsageError("there are targets but no sources", hint="name the datasets to choose from: --sources PATH...")
    pool = open_many(sources, skip_unreadable=skip_unreadable)
    return pool, open_many(targets, skip_unreadable=skip_unreadable) if targets else None


def _tell_skipped(datasets: Sequence[Dataset], progress: Progress) -> None:
    for dataset in datasets:
        if dataset.skipped:
            listed = ", ".join(dataset.skipped)
            progress.note(f"{dataset.name}: {len(dataset.skipped)} unreadable left out: {listed}")


def write_results(matrix: SimilarityMatrix, folder: Path) -> list[Path]:
    """Write the matrix and its pictures; returns the files."""
    from dsim.plots.embedding import draw_embedding
    from dsim.plots.heatmap import draw_heatmap

    files = [folder / "matrix.json", folder / "matrix.csv", folder / "heatmap.png"]
    matrix.to_json(files[0])
    matrix.to_csv(files[1])
    note = _note(matrix)
    draw_heatmap(matrix, files[2], note=note)
    embedding = folder / "embedding.png"
    if not matrix.clouds:
        # One of an earlier run would be taken for a picture of this matrix.
        embedding.unlink(missing_ok=True)
        return files
    title = f"{matrix.measure}: where the datasets lie"
    draw_embedding(matrix.clouds, _roles(matrix), embedding, title=title, note=note)
    return [*files, embedding]


def _note(matrix: SimilarityMatrix) -> str:
    record = matrix.provenance
    parts = [f"dsim {record['dsim']}", f"seed {record['seed']}"]
    parts += [recipe["extractor"] for recipe in record["extractors"]]
    return ", ".join(parts)


def _roles(matrix: SimilarityMatrix) -> dict[str, Any]:
    roles = dict.fromkeys(matrix.targets, "target")
    return {**roles, **dict.fromkeys(matrix.sources, "source")}


def _print(matrix: SimilarityMatrix, written: Sequence[Path]) -> None:
    from dsim.cli.console import stderr, table

    title = f"{matrix.measure}, a {matrix.direction}: sources for each target, best first{_shown_of(matrix)}"
    columns = ["target", "rank", "source", "value", f"{matrix.confidence:.0%} interval", "first in", "verdict"]
    table(title, columns, _rows(matrix), right=["rank", "value", "first in"])
    for line in _failures(matrix):
        stderr().print(line, markup=False)
    seen = [name for name in matrix.targets if matrix.provenance["datasets"][name]["seen_by"]]
    if seen:
        fair = "as targets they lie nearer than new data would"
        stderr().print(f"note: the measure's model was trained on {', '.join(seen)}: {fair}", markup=False)
    stderr().print(f"wrote {', '.join(str(path) for path in written)}", markup=False)


def _failures(matrix: SimilarityMatrix) -> list[str]:
    """One line per reason: a dataset that cannot be summarised fails in all of its pairs."""
    pairs: dict[str, list[str]] = {}
    for source, target, reason in matrix.failed:
        pairs.setdefault(reason, []).append(f"{source} -> {target}")
    return [
        f"failed: {found[0]}{f' and {len(found) - 1} more pairs' if found[1:] else ''}: {reason}"
        for reason, found in pairs.items()
    ]


def _shown_of(matrix: SimilarityMatrix) -> str:
    available = max(len(ranking.entries) for ranking in matrix.rankings())
    return f" ({_SHOWN} of {available}; all are in matrix.json)" if available > _SHOWN else ""


def _rows(matrix: SimilarityMatrix) -> list[list[str]]:
    rows = []
    for ranking in matrix.rankings():
        verdict = ranking.verdict
        for rank, entry in enumerate(ranking.entries[:_SHOWN], 1):
            known = entry.low == entry.low
            rows.append(
                [
                    ranking.target if rank == 1 else "",
                    str(rank),
                    entry.source,
                    f"{entry.value:.4g}" if entry.value == entry.value else "failed",
                    f"{entry.low:.4g} to {entry.high:.4g}" if known else "",
                    f"{entry.first_share:.0%}" if known else "",
                    verdict.reason if rank == 1 else "",
                ]
            )
    return rows


def _slug(text: str) -> str:
    return "".join(character if character.isalnum() or character in "-_." else "_" for character in text)
