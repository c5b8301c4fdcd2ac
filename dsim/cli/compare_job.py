"""The run of ``dsim compare``: choose measures, compare by each, write files, then agreement and report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.cli.measure_words import WORDS
from dsim.errors import DsimError, UsageError
from dsim.measures import SimilarityMeasure, build_measure, with_extractor, with_weights
from dsim.registry import default

if TYPE_CHECKING:
    from dsim.comparison import Agreement
    from dsim.data import Dataset
    from dsim.measures import SimilarityMatrix
    from dsim.runtime import Runtime


#: Of one comparison, in the folder of its results.
_MATRIX = "matrix.json"


@dataclass(frozen=True)
class Chosen:
    """A measure to compare by; ``of_word``: it was chosen by ``all`` or ``label-free``, and not by its name."""

    measure: SimilarityMeasure[Any]
    of_word: bool = False


@dataclass(frozen=True)
class Choice:
    """The chosen measures, and those of ``all`` or ``label-free`` that cannot be built, with the errors."""

    chosen: tuple[Chosen, ...]
    failed: tuple[tuple[str, Exception], ...]


def choose(texts: Sequence[str], extractor: str | None, weights: str | None, note: Callable[[str], None]) -> Choice:
    """Build the measures, each once. Raises UsageError for a wrong name or parameter."""
    found = {
        repr(measure): Chosen(measure)
        for text in texts
        if text not in WORDS
        for measure in [build_measure(_equipped(text, extractor, weights, note))]
    }
    failed = []
    for name, needs in [(name, WORDS[word]) for word in texts if word in WORDS for name in default().measures]:
        try:
            measure = build_measure(_equipped(name, extractor, weights, note, of_word=True))
        except DsimError as error:
            failed.append((name, error))
            continue
        if measure.needs | measure.source_needs <= needs:
            found.setdefault(repr(measure), Chosen(measure, of_word=True))
    return Choice(tuple(found.values()), tuple(failed))


def _equipped(
    text: str, extractor: str | None, weights: str | None, note: Callable[[str], None], of_word: bool = False
) -> str:
    """Return the call with the extractor and the weights that were given for all measures."""
    if extractor:
        changed = with_extractor(text, extractor)
        if changed is None:
            note(f"{text} has no parameter extractor: it runs as it is")
        text = changed or text
    if not weights:
        return text
    try:
        return with_weights(text, weights)
    except UsageError:
        if not of_word:
            raise
        return text


@dataclass(frozen=True)
class Job:
    """The datasets, settings and outputs that all measures of one command share."""

    sources: Sequence[Dataset]
    targets: Sequence[Dataset] | None
    numbers: Mapping[str, Any]
    runtime: Runtime
    out: Path
    as_json: bool
    report: Path | None
    why: bool = False

    @property
    def datasets(self) -> dict[str, Dataset]:
        """All datasets by name."""
        return {dataset.name: dataset for dataset in (*self.sources, *(self.targets or ()))}

    def carry_out(self, choice: Choice) -> int:
        """Compare by the chosen measures, print the results, and return the exit code.

        One measure alone writes into ``out`` itself, several write into a folder each. Raises the first measure's
        error where no measure gives a matrix, and DsimError where a file cannot be written.
        """
        if len(choice.chosen) > 1 or choice.failed:
            return _finish(_each(self, choice), self)
        matrix, written = self.compare(choice.chosen[0], self.out)
        if not self.as_json:
            from dsim.cli.answer import answers
            from dsim.cli.compare_tables import show

            show(matrix, written, self.why, answers(matrix, self.datasets))
        return _finish(_Outcome([matrix], [self.out]), self)

    def compare(self, chosen: Chosen, folder: Path) -> tuple[SimilarityMatrix, list[Path]]:
        """Compare by one measure; return the matrix and its files. Raises DsimError where one cannot be written."""
        from dsim.comparison import compare as run

        self._say_what_is_replaced(chosen, folder)
        asked = self._asked(chosen)
        matrix = run(self.sources, self.targets, measure=chosen.measure, runtime=self.runtime, **asked)
        _refuse_nothing_ranked(matrix)
        return matrix, _write(matrix, folder)

    def _say_what_is_replaced(self, chosen: Chosen, folder: Path) -> None:
        """Note that the folder holds results of another measure, parameter or dataset, while they can be saved."""
        from dsim.measures import SimilarityMatrix

        try:
            earlier = SimilarityMatrix.from_json(folder / _MATRIX)
        except DsimError:
            return  # there is none, or none that could be lost
        sources = {dataset.name for dataset in self.sources}
        targets = sources if self.targets is None else {dataset.name for dataset in self.targets}
        same = earlier.measure == chosen.measure.identity
        if not same or (set(earlier.sources), set(earlier.targets)) != (sources, targets):
            datasets = f"sources: {len(earlier.sources)}, targets: {len(earlier.targets)}"
            self.runtime.progress.note(
                f"{folder} holds results of {earlier.measure} ({datasets}), which this run replaces when it ends;"
                " to keep both: --out FOLDER"
            )

    def _asked(self, chosen: Chosen) -> dict[str, Any]:
        """Return the settings for a measure; one chosen by ``all`` or ``label-free`` gets only what it supports."""
        spec, asked = chosen.measure.spec, dict(self.numbers)
        if asked["bootstrap"] is None or (chosen.of_word and not spec.resamples):
            asked["bootstrap"] = spec.replicates if spec.resamples else 0
        if asked["test"] and chosen.of_word and not spec.two_sample:
            self.runtime.progress.note(f"{spec.name} is not a two-sample statistic: the permutation test is left out")
            asked["test"] = 0
        return asked


@dataclass
class _Outcome:
    """Results of the measures: matrices and their folders, wall seconds by measure, and errors of those that failed.

    ``several``: more than one measure was asked for.
    ``left_out``: measures of ``all`` or ``label-free`` that need something that is missing; not a failure.
    """

    matrices: list[SimilarityMatrix] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    failed: dict[str, Exception] = field(default_factory=dict)
    left_out: dict[str, Exception] = field(default_factory=dict)
    several: bool = False

    @property
    def without(self) -> dict[str, str]:
        """Reasons by name of the measures that gave no matrix."""
        return {name: f"{type(error).__name__}: {error}" for name, error in (self.failed | self.left_out).items()}


def _each(job: Job, choice: Choice) -> _Outcome:
    """Compare by every measure. Raises the first error if no measure gives a matrix."""
    import time

    from dsim.errors import NeedError, WeightsError
    from dsim.files import slug

    outcome = _Outcome(failed=dict(choice.failed), several=True)
    for chosen in choice.chosen:
        name, started = chosen.measure.identity, time.perf_counter()
        folder = job.out / slug(repr(chosen.measure))
        try:
            matrix, _ = job.compare(chosen, folder)
        except Exception as error:
            missing = chosen.of_word and isinstance(error, NeedError | WeightsError)
            (outcome.left_out if missing else outcome.failed)[name] = error
        else:
            outcome.matrices.append(matrix)
            outcome.folders.append(folder)
            outcome.seconds[name] = time.perf_counter() - started
    if not outcome.matrices:
        raise next(iter((outcome.failed | outcome.left_out).values()))
    return outcome


def _agreement(outcome: _Outcome, job: Job) -> Agreement | None:
    """Write and return the agreement of the measures; None for fewer than two."""
    files = [job.out / "agreement.json", job.out / "agreement.png"]
    if len(outcome.matrices) < 2:
        for path in files:
            # Those of an earlier run would be taken for these measures'.
            path.unlink(missing_ok=True)
        return None
    from dsim.comparison import compare_rankings
    from dsim.plots import draw_agreement

    found = compare_rankings(outcome.matrices, seconds=outcome.seconds, failed=outcome.without)
    found.to_json(files[0])
    draw_agreement(found, files[1], note=_note(outcome.matrices[0], extractors=False))
    return found


def _report(outcome: _Outcome, job: Job, path: Path) -> None:
    """Write the report, with images of the datasets."""
    from dsim.cli.report import assemble, write
    from dsim.report import Results

    results = Results(tuple(outcome.matrices), tuple(outcome.folders), outcome.seconds, outcome.without)
    write(assemble(results, job.datasets), path)


def _finish(outcome: _Outcome, job: Job) -> int:
    """Print agreement, failures and JSON, and return the exit code."""
    from dsim.ui import emit_json, say

    found = _agreement(outcome, job)
    if outcome.several and not job.as_json:
        from dsim.cli.answer import answers, answers_of_several
        from dsim.cli.compare_tables import show_several

        alone = outcome.matrices[0]
        lines = answers(alone, job.datasets) if found is None else answers_of_several(found, job.datasets)
        # Beside the folder of one measure alone, ``out`` may hold the matrix of an earlier run.
        show_several(outcome.matrices, found, job.out if found else outcome.folders[0], job.why, lines)
    if job.report is not None:
        _report(outcome, job, job.report)
    for what, errors in (("left out", outcome.left_out), ("failed", outcome.failed)):
        for name, error in errors.items():
            say(f"{what}: {name}: {error}")
    if job.as_json:
        results = [matrix.to_dict() for matrix in outcome.matrices]
        agreed = {"agreement": found.to_dict()} if found else {}
        emit_json({"schema": "dsim.compare/1", "results": results, **agreed})
    return 3 if outcome.failed or any(matrix.failed for matrix in outcome.matrices) else 0


def _refuse_nothing_ranked(matrix: SimilarityMatrix) -> None:
    """Raise UsageError where every source is the target itself: the table would be empty."""
    if matrix.same.all():
        names = ", ".join(matrix.sources)
        raise UsageError(
            f"there is nothing to choose from: {names} holds what the target {matrix.targets[0]} holds",
            hint="name other sources: --sources PATH...",
        )


def _write(matrix: SimilarityMatrix, folder: Path) -> list[Path]:
    """Write the matrix and its pictures; returns the files."""
    from dsim.plots import draw_embedding, draw_heatmap

    files = [folder / _MATRIX, folder / "matrix.csv", folder / "heatmap.png"]
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
