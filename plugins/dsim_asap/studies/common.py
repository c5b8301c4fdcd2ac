"""Shared by all studies: their options, finished rows, files and printed tables, and the spread over seeds."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from dsim.store.ledger import Ledger, key_of
from dsim.ui import options as shared

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsim.data.dataset import Dataset
    from dsim.measures import SimilarityMatrix
    from dsim.runtime import Runtime
    from dsim.truth import TransferMatrix

CONFIDENCE = 0.95
#: Below the folder of a study, with its finished rows; hidden, since nobody reads it.
_WORK = ".work"

sources = shared.sources("Datasets of the pool.", required=True)
targets = shared.targets("Datasets of interest; default: the sources.")
model = click.option("--model", metavar="zoo:ID|file:FOLDER", help="A trained model. Default: the zoo's own.")
out = click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder of the study; also to go on."
)
settings = click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="A parameter of the training; dsim explain asap."
)
preset = click.option(
    "--preset", type=click.Choice(["paper", "reference"]), help="Whose training; default: dsim's own."
)
judge = shared.together(
    click.option("--truth", metavar="NAME|FILE", help="Measured transfer that judges; dsim truth lists it."),
    click.option("--common", "intersect", is_flag=True, help="Judge the datasets that study and truth both name."),
)


def seeds(default: int, help: str) -> shared.Option:
    """Return the option ``--seeds``: how many, from ``--seed`` on."""
    return click.option("--seeds", type=click.IntRange(min=1), default=default, show_default=True, help=help)


@dataclass(frozen=True)
class Options:
    """The shared options of one command, as they were given, and the datasets, models and truths that they name."""

    sources: Sequence[str] = ()
    targets: Sequence[str] = ()
    model: str | None = None
    out: Path = Path()
    settings: Sequence[str] = ()
    preset: str | None = None
    truth: str | None = None
    intersect: bool = False
    seeds: int = 1
    seed: int = 0
    device: str = "auto"
    offline: bool = False
    as_json: bool = False

    @cached_property
    def runtime(self) -> Runtime:
        from dsim.ui import make_runtime

        return make_runtime(self.device, self.offline)

    @cached_property
    def pool(self) -> list[Dataset]:
        """The sources, opened."""
        from dsim.data.opener import open_many

        return open_many(self.sources)

    @cached_property
    def wanted(self) -> list[Dataset]:
        """The targets, opened; the sources where no target was given."""
        from dsim.data.opener import open_many

        return open_many(self.targets) if self.targets else self.pool

    @cached_property
    def judge(self) -> TransferMatrix | None:
        from dsim.truth import open_truth

        return open_truth(self.truth) if self.truth else None

    @property
    def params(self) -> dict[str, Any]:
        """The parameters of the training."""
        from dsim_asap.fitting import params_of

        return params_of(self.settings, self.preset)

    @property
    def all_seeds(self) -> tuple[int, ...]:
        return tuple(range(self.seed, self.seed + self.seeds))

    def finish(
        self,
        name: str,
        document: Mapping[str, Any],
        draw: Callable[[Path], object],
        show: Callable[[Mapping[str, Any]], None],
        notes: Sequence[str] = (),
    ) -> None:
        """Write NAME.json and NAME.png, print the document as JSON or as tables, and notes to stderr."""
        from dsim.files.documents import to_json
        from dsim.ui import emit_json, say, say_written

        files = self.out / f"{name}.json", self.out / f"{name}.png"
        to_json(document, files[0])
        draw(files[1])
        emit_json(document) if self.as_json else show(document)
        for note in notes:
            say(f"note: {note}")
        say_written(files)


def command(*options: shared.Option) -> Callable[[Callable[..., Any]], click.Command]:
    """Return a decorator that makes NAME_command(options, own options) the command NAME."""
    names = Options.__dataclass_fields__

    def decorate(function: Callable[..., Any]) -> click.Command:
        @functools.wraps(function)
        def call(**given: Any) -> Any:
            own = {name: value for name, value in given.items() if name not in names}
            return function(Options(**{name: given[name] for name in given.keys() - own.keys()}), **own)

        last = (shared.seed, shared.device, shared.offline, shared.as_json)
        return click.command(function.__name__.removesuffix("_command"))(shared.together(*options, *last)(call))

    return decorate


def finished_row(
    out: Path, facts: Mapping[str, Any], job: tuple[str | int, ...], compute: Callable[[Path], Mapping[str, Any]]
) -> Mapping[str, Any]:
    """Return a row of a study: from its folder where it is finished, else computed now and kept there.

    Parameters
    ----------
    facts : all that the row depends on besides its name and seed, as JSON: recipe, fingerprints. Rows of other facts
        lie beside these, and are not taken up.
    compute : gets the file where the job may keep its checkpoint.
    """
    ledger = Ledger(out / _WORK, key_of(facts))
    row: Mapping[str, Any] | None = ledger.find(job)
    if row is None:
        row = compute(ledger.checkpoint(job))
        ledger.add(job, row)
        ledger.done(job)
    return row


def matrix_of(
    sources: Sequence[Dataset], targets: Sequence[Dataset], values: NDArray[np.float64], same: NDArray[np.bool_]
) -> SimilarityMatrix:
    """Return distances (sources, targets) under the names of the datasets; ``same``, of that shape, is not ranked."""
    from dsim.measures import SimilarityMatrix
    from dsim.plugin import Direction

    return SimilarityMatrix(
        measure="distances",
        direction=Direction.DISTANCE,
        unit="",
        sources=tuple(dataset.name for dataset in sources),
        targets=tuple(dataset.name for dataset in targets),
        values=values,
        notes=(("",) * len(targets),) * len(sources),
        same=same,
        verdicts={},
        provenance={},
    )


def datasets_of(datasets: Sequence[Dataset]) -> list[dict[str, Any]]:
    """Return name, number of images and fingerprint of each, for a document."""
    return [{"name": one.name, "images": len(one), "fingerprint": one.images_fingerprint} for one in datasets]


def version() -> str:
    """Return the version of dsim that did the study."""
    from importlib.metadata import version as installed

    return installed("dsim")


def or_null(value: float | None) -> float | None:
    """Return a number as JSON has it: None for NaN, for an infinite one, and for None.

    >>> or_null(float("nan")), or_null(0.5)
    (None, 0.5)
    """
    return None if value is None or not math.isfinite(value) else float(value)


def or_nulls(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with every float as ``or_null`` has it."""
    return {name: or_null(value) if isinstance(value, float) else value for name, value in values.items()}


@dataclass(frozen=True)
class Spread:
    """A mean over seeds; NaN with the reason in ``note``.

    ``sd`` is the standard deviation of one training (divisor n - 1), NaN for a single seed; ``low`` and ``high`` bound
    the mean with a confidence of 95 % (Student); ``n`` is the number of seeds that have a value.
    """

    mean: float
    sd: float
    low: float
    high: float
    n: int
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON has them: NaN is null."""
        return or_nulls(vars(self))


@dataclass(frozen=True)
class Difference(Spread):
    """A paired difference, first less second; ``p`` of Student's paired test, two-sided."""

    p: float = math.nan


def spread(values: Sequence[float | None]) -> Spread:
    """Return mean and spread of the values of several seeds; None where a seed has none.

    Source: Student 1908, doi:10.1093/biomet/6.1.1.

    >>> found = spread([0.2, 0.4, 0.3])
    >>> round(found.mean, 3), round(found.sd, 3), round(found.low, 3), round(found.high, 3)
    (0.3, 0.1, 0.052, 0.548)
    >>> spread([0.2]).note
    'one seed: its spread is not known'
    """
    from scipy.special import stdtrit

    known = np.array([value for value in values if value is not None], dtype=np.float64)
    n = len(known)
    lost = f"{len(values) - n} of {len(values)} seeds have none" if n < len(values) else ""
    if not n:
        return Spread(math.nan, math.nan, math.nan, math.nan, 0, "no seed has one")
    mean = float(known.mean())
    if n < 2:
        return Spread(mean, math.nan, math.nan, math.nan, 1, lost or "one seed: its spread is not known")
    sd = float(known.std(ddof=1))
    half = float(stdtrit(n - 1, 0.5 + CONFIDENCE / 2)) * sd / math.sqrt(n)
    return Spread(mean, sd, mean - half, mean + half, n, lost)


def difference(first: Sequence[float | None], second: Sequence[float | None]) -> Difference:
    """Return first less second, seed by seed: both were trained from the same start on the same split.

    Source: Student 1908, doi:10.1093/biomet/6.1.1.

    >>> found = difference([0.5, 0.6, 0.8], [0.4, 0.4, 0.5])
    >>> round(found.mean, 3), round(found.p, 3)
    (0.2, 0.074)
    """
    from scipy.special import stdtr

    pairs = zip(first, second, strict=True)
    found = spread([None if one is None or other is None else one - other for one, other in pairs])
    p = math.nan
    if found.n > 1 and found.sd:
        p = float(2 * stdtr(found.n - 1, -abs(found.mean) / (found.sd / math.sqrt(found.n))))
    elif found.n > 1:
        p = 1.0 if found.mean == 0 else 0.0
    return Difference(found.mean, found.sd, found.low, found.high, found.n, found.note, p)
