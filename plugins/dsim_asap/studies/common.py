"""Shared by all studies: their options, finished rows, files and printed tables, and the spread over seeds."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsim.store.ledger import Ledger, key_of
from dsim.ui import options as shared

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.runtime import Runtime
    from dsim.truth import TransferMatrix

#: Below the folder of a study, with its finished rows; hidden, since nobody reads it.
_WORK = ".work"

sources = shared.sources("Datasets of the pool.", required=True)
targets = shared.targets("Datasets of interest; default: the sources.")
model = click.option("--model", metavar="zoo:ID|file:FOLDER", help="A trained model. Default: the zoo's own.")
out = shared.out_folder(required=True, help="Folder of the study; also to go on.")
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
        from dsim_asap.trainer import params_of

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

        last = (shared.seed, shared.device, shared.offline, shared.wide, shared.as_json)
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
    return Ledger(out / _WORK, key_of(facts)).find_or_add(job, compute)


def datasets_of(datasets: Sequence[Dataset]) -> list[dict[str, Any]]:
    """Return name, number of images and fingerprint of each, for a document."""
    return [{"name": one.name, "images": len(one), "fingerprint": one.images_fingerprint} for one in datasets]
