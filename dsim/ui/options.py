"""Options that several commands share, so that they look and mean the same everywhere.

``seed``, ``device``, ``as_json`` and so on are decorators; ``datasets("--sources", help=...)`` makes an option that
takes several datasets.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsim.errors import readable
from dsim.ui import completion

if TYPE_CHECKING:
    from click.parser import _OptionParser

Command = Callable[..., Any]
Option = Callable[[Command], Command]


class SeveralValues(click.Option):
    """An option that takes all values up to the next option, as in ``--sources a b c`` or ``--sources images/*``.

    ``--sources a --sources b`` and ``--sources=a`` stay possible; after ``=`` the option takes one value. The command
    receives a tuple. Raises click.BadOptionUsage where no value follows.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"metavar": "VALUE...", **kwargs, "multiple": True})

    def add_to_parser(self, parser: _OptionParser, ctx: click.Context) -> None:
        """Let the parser of the command read several values."""
        super().add_to_parser(parser, ctx)
        parse_args = parser.parse_args

        def parse_several(args: list[str]) -> Any:
            if not ctx.resilient_parsing:
                self._refuse_no_value(args, ctx)
            return parse_args(repeat_option(args, self.opts))

        vars(parser)["parse_args"] = parse_several

    def _refuse_no_value(self, args: Sequence[str], ctx: click.Context) -> None:
        """Raise BadOptionUsage for ``--sources --json``: click would take the second option for a dataset."""
        words = args[: args.index("--")] if "--" in args else args
        for position, word in enumerate(words):
            if word in self.opts and not _has_value(words, position):
                raise click.BadOptionUsage(word, f"Option {word!r} requires an argument.", ctx)


def repeat_option(arguments: Sequence[str], names: Collection[str]) -> list[str]:
    """Return the arguments with the option written before each of its values, as click reads them.

    >>> repeat_option(["--sources", "a", "b", "--json", "c", "--", "--sources", "d", "e"], ["--sources"])
    ['--sources', 'a', '--sources', 'b', '--json', 'c', '--', '--sources', 'd', 'e']
    """
    result: list[str] = []
    option = ""
    for position, argument in enumerate(arguments):
        if argument == "--":
            return [*result, *arguments[position:]]
        if argument in names:
            option = argument
            # Without a value it stays, so that click reports it.
            if _has_value(arguments, position):
                continue
        elif argument.startswith("-"):
            option = ""
        elif option:
            result.append(option)
        result.append(argument)
    return result


def _has_value(arguments: Sequence[str], position: int) -> bool:
    return position + 1 < len(arguments) and not arguments[position + 1].startswith("-")


def datasets(*names: str, help: str, **more: Any) -> Option:
    """Return an option that takes several datasets (``PATH...``); ``more`` are keywords of ``click.option``."""
    keywords = {"metavar": "PATH...", "shell_complete": completion.datasets, **more}
    return click.option(*names, cls=SeveralValues, help=help, **keywords)


def sources(help: str, **more: Any) -> Option:
    """Return the option ``--sources``; ``help`` says what the command does with these datasets."""
    return datasets("--sources", help=help, **more)


def targets(help: str, **more: Any) -> Option:
    """Return the option ``--targets``; ``help`` says what the command does with these datasets."""
    return datasets("--targets", help=help, **more)


def together(*single: Option) -> Option:
    """Return several options as one decorator, in the order in which ``--help`` lists them."""

    def decorate(command: Command) -> Command:
        for option in reversed(single):
            command = option(command)
        return command

    return decorate


def out_folder(*names: str, help: str, appears_whole: bool = False, **more: Any) -> Option:
    """Return the option ``--out`` for a folder, which the command holds until it ends.

    Before any work the folder is made and found to be writable, and another run that writes there is waited for. One
    that ``appears_whole``, by a renaming at the end, is held from outside, as a file is. ``more`` are keywords of
    ``click.option``.
    """
    hold = _hold_file if appears_whole else _hold_folder
    return _output(names, click.Path(file_okay=False, path_type=Path), hold, help, more)


def out_file(*names: str, help: str, **more: Any) -> Option:
    """Return the option ``--out`` for one file, held as ``out_folder`` holds a folder."""
    return _output(names, click.Path(dir_okay=False, path_type=Path), _hold_file, help, more)


def _output(
    names: Sequence[str], kind: click.Path, hold: Callable[..., Any], help: str, more: Mapping[str, Any]
) -> Option:
    return click.option(*(names or ("--out",)), type=kind, callback=hold, help=help, **more)


def _hold_folder(context: click.Context, parameter: click.Parameter, folder: Path | None) -> Path | None:
    from dsim.files.folder_lock import exclusive

    # Of the processes that torchrun starts the first holds the folder for all: the others would wait for it for ever.
    if folder is not None and not context.resilient_parsing and os.environ.get("RANK", "0") == "0":
        context.with_resource(exclusive(folder, _note))
    return folder


def _hold_file(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    from dsim.files.folder_lock import exclusive_file

    if path is not None and not context.resilient_parsing:
        context.with_resource(exclusive_file(path, _note))
    return path


def _note(text: str) -> None:
    click.echo(f"note: {readable(text)}", err=True)


seed = click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of all random numbers."
)
device = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps.")
offline = click.option("--offline", is_flag=True, help="Never download anything.")
#: Where the context of a command keeps whether its tables are printed in full.
WIDE = "dsim.ui.wide"


def _keep_wide(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    context.meta[WIDE] = value


wide = click.option(
    "--wide",
    is_flag=True,
    expose_value=False,
    callback=_keep_wide,
    help="Print all columns of tables, and long names in full.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _remember_max_pixels(context: click.Context, option: click.Parameter, value: str | None) -> None:
    # Where datasets are opened, it is taken from the context: no command has to hand it on.
    context.meta[MAX_PIXELS] = value


#: Key of the limit in the context of a command, as it was written.
MAX_PIXELS = "dsim.max_pixels"
max_pixels = click.option(
    "--max-pixels",
    metavar="N",
    expose_value=False,
    callback=_remember_max_pixels,
    help="Largest image that is decoded, as 81000000 or 9000x9000. [default: 8192x8192]",
)
skip_unreadable = together(
    click.option("--skip-unreadable", is_flag=True, help="Leave out images that cannot be read, and list them."),
    max_pixels,
)
#: Key of the folders of masks in the context of a command.
MASKS = "dsim.masks"


def _remember_masks(context: click.Context, option: click.Parameter, value: tuple[str, ...]) -> None:
    # Where the target is opened, they are taken from the context: no command has to hand them on.
    context.meta[MASKS] = value


masks = click.option(
    "--masks",
    cls=SeveralValues,
    metavar="FOLDER...",
    expose_value=False,
    callback=_remember_masks,
    help="Folders of masks of TARGET's images beside its own, as OUT/masks of annotate-next.",
)
foreground = click.option(
    "--foreground",
    multiple=True,
    metavar="[NAME=]VALUES",
    help="Values of masks that are foreground: 1,2 or all; NAME= for one dataset.",
)
jobs = click.option(
    "--jobs", type=int, default=1, show_default=True, help="Summaries and pairs computed in parallel; -1: all cores."
)
score = click.option(
    "--score", metavar="NAME", help="The column of a truth's CSV that holds the scores, if there are several."
)
bounds = click.option(
    "--bounds",
    nargs=2,
    type=float,
    metavar="LOW HIGH",
    help="Smallest and largest value of a score in a CSV that is not DSC, AUC or accuracy.",
)

#: How measures are judged: ``self_pairs``, ``interval`` and ``resamples``.
judging = together(
    click.option(
        "--self",
        "self_pairs",
        type=click.Choice(["exclude", "include"]),
        default="exclude",
        show_default=True,
        help="Pairs of a dataset with itself.",
    ),
    click.option(
        "--interval",
        type=click.Choice(["expanded", "percentile"]),
        default="expanded",
        show_default=True,
        help="Bootstrap over targets, widened for few of them; or the plain percentiles.",
    ),
    click.option("--resamples", type=int, default=2000, show_default=True, help="Resamples of the targets."),
)
