"""``dsim evaluate``: judge measures against measured transfer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsim.cli.completion import distances, truths
from dsim.ui import options

if TYPE_CHECKING:
    from dsim.evaluation import Contrast, Evaluation
    from dsim.measures import SimilarityMatrix
    from dsim.truth import TransferMatrix

SCHEMA = "dsim.evaluate/1"
#: Files that each measure has.
_OF_ONE = ("evaluation.json", "transfer.png", "ranks.png")


@click.command()
@click.argument("matrices", shell_complete=distances, nargs=-1, required=True, metavar="MATRIX|MEASURE...")
@click.option(
    "--truth",
    required=True,
    shell_complete=truths,
    metavar="NAME|FILE",
    help="The measured transfer to judge by; dsim truth list shows the stored ones.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Folder of the truth's images, to compute a MEASURE on. Default: DSIM_DATA; phantoms need none.",
)
@click.option("--common", is_flag=True, help="Use only the datasets that are in both the matrix and the truth.")
@click.option(
    "--direction",
    type=click.Choice(["distance", "similarity"]),
    help="Whether a CSV matrix holds distances or similarities; JSON files say it.",
)
@options.score
@options.bounds
@options.judging
@options.seed
@options.device
@options.jobs
@options.offline
@options.out_folder(
    default=Path("dsim-evaluation"),
    show_default=True,
    help="Folder for evaluation.json and the pictures.",
)
@options.wide
@options.as_json
def evaluate(
    matrices: Sequence[str],
    truth: str,
    data: Path | None,
    direction: str | None,
    score: str | None,
    bounds: tuple[float, float] | None,
    out: Path,
    as_json: bool,
    device: str,
    jobs: int,
    offline: bool,
    **settings: Any,
) -> int:
    """Judge measures against measured transfer.

    MATRIX is a stored name (asap-published), a matrix.json, a CSV with sources in rows (then --direction), or a folder
    that dsim compare wrote. A MEASURE (asap, energy:estimator=biased) is first computed on the datasets of the truth.
    Several of one truth are also tested against each other, target by target.
    """
    from dsim.cli.evaluate_tables import print_notes, show
    from dsim.evaluation import Intervals, contrast_all
    from dsim.evaluation import evaluate as judge
    from dsim.truth import open_truth
    from dsim.ui import emit_json, make_runtime

    measured = open_truth(truth, score=score, bounds=bounds)
    # Refused before a measure is computed.
    Intervals(len(measured.targets), resamples=settings["resamples"], method=settings["interval"])
    computing = {"seed": settings["seed"], "common": settings["common"], "jobs": jobs}
    compute = _Computing(measured, data, {**computing, "runtime": make_runtime(device, offline)})
    found = [matrix for text in matrices for matrix in compute(text) or _opened(text, direction)]
    compute.refuse_unused_data()
    _check_distinct(found)
    evaluations = [judge(matrix, measured, **settings) for matrix in found]
    contrasts = contrast_all(evaluations) if len(evaluations) > 1 else ()
    document = _document(evaluations, contrasts)
    written = [*compute.write(out, len(evaluations) > 1), *_written(evaluations, document, out)]
    if as_json:
        emit_json(document)
    else:
        show(evaluations, contrasts)
    print_notes(evaluations, contrasts, written)
    return 3 if any(_lacks(evaluation) for evaluation in evaluations) else 0


@dataclass
class _Computing:
    """Computes the measures that were named, on the datasets of a truth; ``done`` are their matrices."""

    truth: TransferMatrix
    data: Path | None
    settings: dict[str, Any]
    done: list[SimilarityMatrix] = field(default_factory=list)

    def __call__(self, text: str) -> list[SimilarityMatrix]:
        """Return the matrix of a measure; none where the text calls no measure."""
        from dsim.evaluation import calls_measure, compute_distances

        if not calls_measure(text, self.data):
            return []
        self.done.append(compute_distances(text, self.truth, self.data, **self.settings))
        return self.done[-1:]

    def refuse_unused_data(self) -> None:
        """Raise UsageError where images were given, and everything was found as computed distances."""
        from dsim.errors import UsageError

        if self.data is not None and not self.done:
            message = f"--data {self.data} is for a measure that is computed, and all that were named are results"
            raise UsageError(message, hint="name a measure (dsim measures), or leave out --data")

    def write(self, out: Path, several: bool) -> list[Path]:
        """Write the matrices beside their evaluations: they may have taken hours."""
        from dsim.files import slug

        files = [(out / slug(matrix.measure) if several else out) / "matrix.json" for matrix in self.done]
        for matrix, file in zip(self.done, files, strict=True):
            matrix.to_json(file)
        return files


def _opened(text: str, direction: str | None) -> list[SimilarityMatrix]:
    """Return the matrix of a stored name, a file or a folder; or all matrices in a folder of several measures."""
    from dsim.truth import distance_names, open_distances

    folder = Path(text)
    alone = text in distance_names() or (folder / "matrix.json").exists()
    several = [] if alone else sorted(folder.glob("*/matrix.json"))
    if not several:
        return [open_distances(text, direction=direction)]
    return [open_distances(path, direction=direction) for path in several]


def _check_distinct(matrices: Sequence[SimilarityMatrix]) -> None:
    """Raise UsageError for a measure given twice: it would be tested against itself."""
    from dsim.errors import UsageError

    twice = [name for name, times in Counter(matrix.measure for matrix in matrices).items() if times > 1]
    if twice:
        raise UsageError(f"given twice: {', '.join(twice)}", hint="give one matrix of each measure")


def _document(evaluations: Sequence[Evaluation], contrasts: Sequence[Contrast]) -> dict[str, Any]:
    results = [evaluation.to_dict() for evaluation in evaluations]
    return {"schema": SCHEMA, "results": results, "contrasts": [_contrast(found) for found in contrasts]}


def _contrast(found: Contrast) -> dict[str, Any]:
    """Return a contrast as JSON values; NaN becomes null."""
    from dsim.files.documents import number

    return {name: number(value) if isinstance(value, float) else value for name, value in vars(found).items()}


def _written(evaluations: Sequence[Evaluation], document: dict[str, Any], out: Path) -> list[Path]:
    """Write documents and pictures, several measures into a folder each; return the files."""
    import json

    from dsim.files import slug, write_text
    from dsim.plots import draw_regret

    several = len(evaluations) > 1
    regret, together = out / "regret.png", out / "evaluate.json"
    for path in [out / name for name in _OF_ONE] if several else [together]:
        # Those of an earlier run would be taken for these measures'.
        path.unlink(missing_ok=True)
    written = [path for one in evaluations for path in _of_one(one, out / slug(one.measure) if several else out)]
    draw_regret(evaluations, regret, note=_note(evaluations[0]))
    if several:
        write_text(together, json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n")
    return [*written, regret, *([together] if several else [])]


def _of_one(evaluation: Evaluation, folder: Path) -> list[Path]:
    from dsim.plots import draw_ranks, draw_transfer

    files = [folder / name for name in _OF_ONE]
    evaluation.to_json(files[0])
    draw_transfer(evaluation, files[1], note=_note(evaluation))
    draw_ranks(evaluation, files[2], note=_note(evaluation))
    return files


def _lacks(evaluation: Evaluation) -> bool:
    """Return whether the measure lacks a value for a pair that the truth has."""
    return bool((evaluation.candidates & ~evaluation.counted).any())


def _note(evaluation: Evaluation) -> str:
    from dsim.runtime import VERSION

    how = f"{evaluation.interval} bootstrap over targets, {evaluation.resamples} resamples, seed {evaluation.seed}"
    return f"dsim {VERSION}, self pairs {evaluation.self_pairs}d, {how}"
