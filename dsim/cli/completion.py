"""``dsim completion``: makes the shell complete commands, options, and names of measures, truths and models.

click completes for bash, zsh and fish, with two gaps: an option that takes several values (``--sources A B C``); and
bash ends a word at ``:`` and ``=``, which measures and models contain (``kld-tf:preset=paper``, ``zoo:ID``).
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

from dsim.ui.completion import DATASET_NAMES, completer, files, names_beginning
from dsim.ui.options import SeveralValues, repeat_option

#: The environment variable with which a shell asks ``dsim`` for completions.
VARIABLE = "_DSIM_COMPLETE"

# click's own script passes the words that bash made; this one passes the line as it was typed, up to the cursor.
_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' completion type value
    COMPREPLY=()
    for completion in $(env COMP_WORDS="${COMP_LINE:0:COMP_POINT}" %(complete_var)s=bash_complete "$1"); do
        IFS=',' read -r type value <<< "$completion"
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("$value")
                   [[ $value == *[:=] ]] && compopt -o nospace ;;
        esac
    done
    return 0
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class _SeveralValues(ShellComplete):
    """Completion of a command that has options with several values: click looks only one word back for an option."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        options = [option for option in _command(self.cli, args).params if isinstance(option, SeveralValues)]
        names = [name for option in options for name in option.opts]
        return super().get_completions(repeat_option([*args, incomplete], names)[:-1], incomplete)


def _command(command: click.Command, words: Iterable[str]) -> click.Command:
    """Return the innermost command that the words name."""
    context = click.Context(command)
    for word in words:
        if isinstance(command, click.Group):
            command = command.get_command(context, word) or command
    return command


class _Bash(_SeveralValues, BashComplete):
    """Completion of click for bash: words end at white space; the part of a word that bash has is not repeated."""

    source_template = _BASH
    _typed = ""

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)
        self._typed = "" if line[-1:].isspace() else words.pop()
        return words[1:], self._typed

    def format_completion(self, item: CompletionItem) -> str:
        end = max(self._typed.rfind(":"), self._typed.rfind("=")) + 1
        return f"{item.type},{str(item.value).removeprefix(self._typed[:end])}"


class _Zsh(_SeveralValues, ZshComplete):
    """Completion of click for zsh, with options that take several values."""


class _Fish(_SeveralValues, FishComplete):
    """Completion of click for fish, with options that take several values."""


SHELLS: dict[str, type[ShellComplete]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}


def register() -> None:
    """Make click use the shells of this module instead of its own, and complete the names of phantoms."""
    for name, shell in SHELLS.items():
        add_completion_class(shell, name)


@click.command()
@click.argument("shell", type=click.Choice(list(SHELLS)))
def completion(shell: str) -> None:
    """Print the lines that make SHELL complete commands, options, and names of measures, truths and models.

    \b
    bash:  echo 'eval "$(dsim completion bash)"' >> ~/.bashrc
    zsh:   echo 'eval "$(dsim completion zsh)"' >> ~/.zshrc
    fish:  dsim completion fish > ~/.config/fish/completions/dsim.fish
    """
    program = click.get_current_context().find_root().command
    click.echo(SHELLS[shell](program, {}, "dsim", VARIABLE).source(), nl=False)


@completer
def truths(typed: str) -> list[CompletionItem]:
    """Complete stored truths, else files."""
    from dsim.truth import truth_names

    return names_beginning(typed, truth_names()) or files(typed)


@completer
def distances(typed: str) -> list[CompletionItem]:
    """Complete published distances, else files."""
    from dsim.truth import distance_names

    return names_beginning(typed, distance_names()) or files(typed)


@completer
def zoo_ids(typed: str) -> list[CompletionItem]:
    """Complete ids of zoo models."""
    from dsim.zoo import models

    return names_beginning(typed, [model.id for model in models()])


@completer
def segmentation_models(typed: str) -> list[CompletionItem]:
    """Complete ``zoo:ID`` of models that predict masks, else files."""
    from dsim.zoo import models

    return names_beginning(typed, [f"zoo:{model.id}" for model in models() if model.segments]) or files(typed)


@completer
def extractors(typed: str) -> list[CompletionItem]:
    """Complete kinds of extractors, and ``zoo:ID`` of models that give features."""
    from dsim.registry import default
    from dsim.zoo import models

    if not typed.startswith("zoo:"):
        return names_beginning(typed, [f"{kind}:" for kind in default().extractors])
    return names_beginning(typed, [f"zoo:{model.id}" for model in models() if not model.segments])


def _phantoms() -> Iterable[str]:
    from dsim.data.phantoms import names

    return names()


# Options of dsim.ui that take datasets complete these names too.
DATASET_NAMES["phantoms:"] = _phantoms
