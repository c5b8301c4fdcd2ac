"""What both commands of ``dsim transfer`` are told, and what they do with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsim.ui import options

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.runtime import Runtime
    from dsim.truth import TransferMatrix


@dataclass(frozen=True)
class Experiment:
    """The options that both commands share, by the names that click gives them."""

    sources: Sequence[str]
    targets: Sequence[str]
    out: Path
    settings: Sequence[str]
    jobs: int
    name: str
    data: Path | None
    skip_unreadable: bool
    seed: int
    device: str
    offline: bool
    as_json: bool

    def measure(self, measure: Callable[..., TransferMatrix], recipe: Any, **own: Any) -> TransferMatrix:
        """Train and score, by ``dsim.transfer``'s function for the task and its own arguments, and write the truth."""
        sources = self._opened(self.sources)
        truth = measure(
            sources,
            self._opened(self.targets) if self.targets else sources,
            recipe,
            seed=self.seed,
            out=self.out.parent,
            runtime=self.runtime,
            jobs=self.jobs,
            name=self.name or self.out.stem,
            data=self.data,
            **own,
        )
        truth.to_json(self.out)
        return truth

    def finish(self, truth: TransferMatrix, show: Callable[[TransferMatrix], None], notes: Iterable[str]) -> int:
        """Print the truth, and what a reader of the numbers should know; the exit code."""
        from dsim.ui import emit_json

        if self.as_json:
            emit_json(truth.to_dict())
        else:
            show(truth)
        failed = [f"failed: {source} -> {target}: {reason}" for source, target, reason in truth.missing]
        for note in (*notes, *failed, f"wrote {self.out}"):
            self.runtime.progress.note(note)
        return 3 if truth.missing else 0

    def changes(self) -> dict[str, str]:
        """The settings of the recipe, as they were written. UsageError for one without a value."""
        from dsim.errors import UsageError

        for text in self.settings:
            if "=" not in text:
                raise UsageError(f"--set {text} is no setting", hint="write --set KEY=VALUE, as --set epochs=30")
        return {key: value for key, _, value in (text.partition("=") for text in self.settings)}

    @cached_property
    def runtime(self) -> Runtime:
        from dsim.ui import make_runtime

        return make_runtime(self.device, self.offline)

    def _opened(self, paths: Sequence[str]) -> list[Dataset]:
        from dsim.cli.opening import open_datasets

        return open_datasets(paths, self.runtime, skip_unreadable=self.skip_unreadable)


def experiment(annotation: str, training: str, *own: options.Option) -> options.Option:
    """The options of an ``Experiment``: datasets with ``annotation``, and sources to ``training`` (a verb) on.

    Those of one command alone, ``own``, stand before what is rarely given.
    """
    return options.together(
        options.sources(f"Datasets with {annotation} to {training} on."),
        options.targets(f"Datasets with {annotation} to score on; default: sources."),
        click.option(
            "--out",
            type=click.Path(dir_okay=False, path_type=Path),
            default=Path("dsim-transfer/truth.json"),
            show_default=True,
            help="File for the truth; finished work is kept beside it, in .work.",
        ),
        *own,
        click.option(
            "--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the recipe; may be repeated."
        ),
        click.option("--jobs", type=int, default=1, show_default=True, help="Trainings side by side, one thread each."),
        click.option("--name", default="", help="Name of the truth; default: the name of its file."),
        click.option(
            "--data", type=click.Path(path_type=Path), help="Folder that locations are told below; or DSIM_DATA."
        ),
        options.skip_unreadable,
        options.seed,
        options.device,
        options.offline,
        options.as_json,
    )
