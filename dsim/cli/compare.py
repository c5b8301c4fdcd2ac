"""``dsim compare``: rank sources by similarity to each target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsim.cli import completing, options

if TYPE_CHECKING:
    from dsim.cli.choosing import Choice, Chosen
    from dsim.comparison.agreement import Agreement
    from dsim.data.dataset import Dataset
    from dsim.matrix import SimilarityMatrix
    from dsim.runtime import Progress, Runtime


@click.command()
@click.option(
    "--measure",
    "measures",
    multiple=True,
    shell_complete=completing.several_measures,
    metavar="NAME[:PARAM=VALUE,...]",
    help="Measure; may be repeated. label-free: all that need only images or features; all: every one.",
)
@click.option(
    "--sources",
    multiple=True,
    shell_complete=completing.datasets,
    metavar="PATH...",
    help="Datasets to choose from; default: the phantoms.",
)
@click.option(
    "--targets",
    multiple=True,
    shell_complete=completing.datasets,
    metavar="PATH...",
    help="Datasets of interest; default: the sources.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("dsim-results"),
    show_default=True,
    help="Folder for matrix.json, matrix.csv and the pictures.",
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.html",
    help="Also one page on all of it, for a person who decides: needs no other file, no network.",
)
@options.as_json
@options.seed
@options.device
@options.jobs
@click.option(
    "--bootstrap",
    type=click.IntRange(min=0),
    metavar="N",
    help="Replicates for intervals; 0 for none. Default: as many as the measure proposes (dsim explain NAME).",
)
@click.option(
    "--test",
    type=click.IntRange(min=0),
    metavar="N",
    default=0,
    help="Permutations for a p-value of each pair: could both be samples of one population? 0 for none.",
)
@click.option(
    "--floor/--no-floor",
    default=True,
    show_default=True,
    help="Tell how far two halves of each dataset are from each other.",
)
@click.option(
    "--extractor",
    shell_complete=completing.extractors,
    metavar="REF",
    help="Features for every measure that takes an extractor.",
)
@click.option("--weights", type=click.Path(dir_okay=True), help="Weights for the measure's network, from a file.")
@click.option(
    "--attributes",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    help="What experts say of the datasets, by their names; may be repeated. See dsim expert rate.",
)
@options.offline
@options.skip_unreadable
def compare(
    measures: Sequence[str],
    sources: Sequence[str],
    targets: Sequence[str],
    out: Path,
    report: Path | None,
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
    Without --sources and --targets the built-in phantoms are compared. Several measures have a folder each, and where
    they agree is told at the end; one that fails stops no other.
    """
    from dsim.cli.choosing import choose
    from dsim.cli.console import runtime

    if report is not None:
        from dsim.report.writing import check_name

        check_name(report)
    how = runtime(device, offline)
    choice = choose(measures or ("asap",), extractor, weights, how.progress.note)
    pool, wanted = _attributed(*_datasets(sources, targets, skip_unreadable), attributes)
    _tell_skipped((*pool, *(wanted or ())), how.progress)
    job = _Job(pool, wanted, numbers, how, out, as_json, report)
    if len(choice.chosen) == 1 and not choice.failed:
        return _finish(_Outcome([job.compare(choice.chosen[0], out)], [out]), job)
    return _finish(_each(job, choice), job)


@dataclass(frozen=True)
class _Job:
    """What every measure is to do."""

    sources: Sequence[Dataset]
    targets: Sequence[Dataset] | None
    numbers: Mapping[str, Any]
    runtime: Runtime
    out: Path
    as_json: bool
    report: Path | None

    def compare(self, chosen: Chosen, folder: Path) -> SimilarityMatrix:
        """Compare by one measure, write its files, print its table."""
        from dsim.cli.showing import show
        from dsim.comparison import compare as run

        asked = self._asked(chosen)
        matrix = run(self.sources, self.targets, measure=chosen.measure, runtime=self.runtime, **asked)
        written = write_results(matrix, folder)
        if not self.as_json:
            show(matrix, written)
        return matrix

    def _asked(self, chosen: Chosen) -> dict[str, Any]:
        """The numbers that were given; of intervals and test, for measures of a word, what they can have."""
        spec, asked = chosen.measure.spec, dict(self.numbers)
        if asked["bootstrap"] is None or (chosen.of_word and not spec.resamples):
            asked["bootstrap"] = spec.replicates if spec.resamples else 0
        if asked["test"] and chosen.of_word and not spec.two_sample:
            self.runtime.progress.note(f"{spec.name} is no statistic of two samples: no permutation test")
            asked["test"] = 0
        return asked


@dataclass
class _Outcome:
    """What became of the measures: matrices and their folders, wall seconds by measure, and errors of those without.

    ``left_out`` are measures that a word stands for but that need what is not here: no failure.
    """

    matrices: list[SimilarityMatrix] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    failed: dict[str, Exception] = field(default_factory=dict)
    left_out: dict[str, Exception] = field(default_factory=dict)

    @property
    def without(self) -> dict[str, str]:
        """The measures without a matrix, with their reasons."""
        return {name: f"{type(error).__name__}: {error}" for name, error in (self.failed | self.left_out).items()}


def _each(job: _Job, choice: Choice) -> _Outcome:
    """Compare by every measure; the first error is raised where that leaves nothing."""
    import time

    from dsim.errors import NeedError, WeightsError
    from dsim.files import slug

    outcome = _Outcome(failed=dict(choice.failed))
    for chosen in choice.chosen:
        name, started = chosen.measure.identity, time.perf_counter()
        folder = job.out / slug(repr(chosen.measure))
        try:
            outcome.matrices.append(job.compare(chosen, folder))
        except Exception as error:
            missing = chosen.of_word and isinstance(error, NeedError | WeightsError)
            (outcome.left_out if missing else outcome.failed)[name] = error
        else:
            outcome.folders.append(folder)
            outcome.seconds[name] = time.perf_counter() - started
    if not outcome.matrices:
        raise next(iter((outcome.failed | outcome.left_out).values()))
    return outcome


def _agreement(outcome: _Outcome, job: _Job) -> Agreement | None:
    """Where the measures agree: written, and printed; None where there are not two of them."""
    files = [job.out / "agreement.json", job.out / "agreement.png"]
    if len(outcome.matrices) < 2:
        for path in files:
            # Those of an earlier run would be taken for these measures'.
            path.unlink(missing_ok=True)
        return None
    from dsim.cli.agreeing import show_agreement
    from dsim.comparison.agreement import agreement
    from dsim.plots.agreement import draw_agreement

    found = agreement(outcome.matrices, seconds=outcome.seconds, failed=outcome.without)
    found.to_json(files[0])
    draw_agreement(found, files[1], note=_note(outcome.matrices[0], extractors=False))
    if not job.as_json:
        show_agreement(found, files)
    return found


def _report(outcome: _Outcome, job: _Job, path: Path) -> None:
    """The page on all of it, with the images that are at hand."""
    from dsim.cli.report import assemble, write
    from dsim.report import Results

    results = Results(tuple(outcome.matrices), tuple(outcome.folders), outcome.seconds, outcome.without)
    write(assemble(results, {dataset.name: dataset for dataset in (*job.sources, *(job.targets or ()))}), path)


def _finish(outcome: _Outcome, job: _Job) -> int:
    """Tell where the measures agree and which failed, print the JSON that was asked for, and give the exit code."""
    from dsim.cli.console import emit_json, stderr

    found = _agreement(outcome, job)
    if job.report is not None:
        _report(outcome, job, job.report)
    for what, errors in (("left out", outcome.left_out), ("failed", outcome.failed)):
        for name, error in errors.items():
            stderr().print(f"{what}: {name}: {error}", markup=False)
    if job.as_json:
        results = [matrix.to_dict() for matrix in outcome.matrices]
        agreed = {"agreement": found.to_dict()} if found else {}
        emit_json({"schema": "dsim.compare/1", "results": results, **agreed})
    return 3 if outcome.failed or any(matrix.failed for matrix in outcome.matrices) else 0


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


def _attributed(
    pool: list[Dataset], wanted: list[Dataset] | None, tables: Sequence[Path]
) -> tuple[list[Dataset], list[Dataset] | None]:
    """The datasets with what the tables say of them."""
    from dsim.data.attributes import attach, merge, read_attributes

    if not tables:
        return pool, wanted
    together = attach([*pool, *(wanted or ())], merge(read_attributes(path) for path in tables))
    return together[: len(pool)], None if wanted is None else together[len(pool) :]


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


def _note(matrix: SimilarityMatrix, extractors: bool = True) -> str:
    record = matrix.provenance
    parts = [f"dsim {record['dsim']}", f"seed {record['seed']}"]
    parts += [recipe["extractor"] for recipe in record["extractors"]] if extractors else []
    return ", ".join(parts)


def _roles(matrix: SimilarityMatrix) -> dict[str, Any]:
    roles = dict.fromkeys(matrix.targets, "target")
    return {**roles, **dict.fromkeys(matrix.sources, "source")}
