"""How bash, zsh and fish complete ``dsim``: click's way, with two things that click does not know.

``--sources A B C`` gives the option several values; and in bash a word ends at ``:`` and ``=``, which measures and
models contain (``kld-tf:preset=paper``, ``zoo:ID``).
"""

from __future__ import annotations

import os

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

#: The variable by which a shell asks ``dsim`` to complete instead of to run.
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


def _spread(words: list[str], typed: str) -> tuple[list[str], str]:
    """The words before the one that is typed, as click wants them: each value of ``--sources`` with its option."""
    from dsim.cli.main import spread

    return spread([*words, typed])[:-1], typed


class Bash(BashComplete):
    """Words end at white space; what bash already has of a word is not given again."""

    source_template = _BASH
    _typed = ""

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)
        self._typed = "" if line[-1:].isspace() else words.pop()
        return _spread(words[1:], self._typed)

    def format_completion(self, item: CompletionItem) -> str:
        end = max(self._typed.rfind(":"), self._typed.rfind("=")) + 1
        return f"{item.type},{str(item.value).removeprefix(self._typed[:end])}"


class Zsh(ZshComplete):
    """click's, with options that take several values."""

    def get_completion_args(self) -> tuple[list[str], str]:
        return _spread(*super().get_completion_args())


class Fish(FishComplete):
    """click's, with options that take several values."""

    def get_completion_args(self) -> tuple[list[str], str]:
        return _spread(*super().get_completion_args())


SHELLS: dict[str, type[ShellComplete]] = {"bash": Bash, "zsh": Zsh, "fish": Fish}


def register() -> None:
    """Let click use these instead of its own."""
    for name, shell in SHELLS.items():
        add_completion_class(shell, name)
