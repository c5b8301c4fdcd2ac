"""``dsim completion``: the lines by which a shell learns to complete ``dsim``."""

from __future__ import annotations

import click

#: As in ``dsim.cli.shells``, which only the command itself imports: --help stays quick.
_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
def completion(shell: str) -> None:
    """Print what makes SHELL complete commands, options, and names of measures, truths and models.

    \b
    bash:  echo 'eval "$(dsim completion bash)"' >> ~/.bashrc
    zsh:   echo 'eval "$(dsim completion zsh)"' >> ~/.zshrc
    fish:  dsim completion fish > ~/.config/fish/completions/dsim.fish
    """
    from dsim.cli.main import cli
    from dsim.cli.shells import SHELLS, VARIABLE

    click.echo(SHELLS[shell](cli, {}, "dsim", VARIABLE).source(), nl=False)
